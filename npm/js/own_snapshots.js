// Run time of a bundle: tells its own snapshots from modules of others by what would be acted upon. The digest is SHA-256, so that nobody
// can make another section that passes. It is written out here: the engine's own is not there in every page, and hooks of instances cannot
// wait for it.

/** The custom sections that only snapshots with state in JavaScript have, and that the run time acts upon. */
export const SECTIONS = ['preinit.js', 'preinit.js.bytes', 'preinit.js.helper'];

// The first 32 bits behind the point, of the cube roots of the first 64 primes, and of the square roots of the first eight.
const words = (text) => Int32Array.from(text.match(/.{8}/g), (word) => parseInt(word, 16));
const ROUNDS = words(
  '428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5d807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174' +
  'e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967' +
  '27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070' +
  '19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2');
const START = words('6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19');

const turned = (word, by) => (word >>> by) | (word << (32 - by));

/** Mixes the block of `view` at `at` into `state`. */
function mix(state, schedule, view, at) {
  for (let k = 0; k < 16; k++) schedule[k] = view.getInt32(at + 4 * k);
  for (let k = 16; k < 64; k++) {
    const [early, late] = [schedule[k - 15], schedule[k - 2]];
    const small = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    schedule[k] = schedule[k - 16] + small + schedule[k - 7] + (turned(late, 17) ^ turned(late, 19) ^ (late >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let k = 0; k < 64; k++) {
    const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[k] + schedule[k]) | 0;
    const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export function sha256(bytes) {
  const whole = bytes.length - (bytes.length % 64);
  // What is left, a one, zeros, and the number of bits.
  const rest = new Uint8Array(bytes.length % 64 < 56 ? 64 : 128);
  rest.set(bytes.subarray(whole));
  rest[bytes.length - whole] = 0x80;
  const end = new DataView(rest.buffer);
  end.setUint32(rest.length - 8, Math.floor(bytes.length / 2 ** 29));
  end.setUint32(rest.length - 4, (bytes.length << 3) >>> 0);
  const [state, schedule] = [Int32Array.from(START), new Int32Array(64)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, whole);
  for (let at = 0; at < whole; at += 64) mix(state, schedule, view, at);
  for (let at = 0; at < rest.length; at += 64) mix(state, schedule, end, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** What a snapshot is known by; `sectionsOf` gives the contents of its sections of a name. */
export function markOf(sectionsOf) {
  return SECTIONS.flatMap((name) => sectionsOf(name).map((contents) => `${name} ${sha256(new Uint8Array(contents))}`)).join();
}

/** Whether a module has one of these marks. */
export function isOneOf(marks, module) {
  return marks.includes(markOf((name) => WebAssembly.Module.customSections(module, name)));
}
