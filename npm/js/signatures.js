// The types that a module declares for the functions that it imports, which the engine does not tell.

const LETTERS = { 0x7f: 'i', 0x7e: 'j', 0x7d: 'f', 0x7c: 'd', 0x7b: 'V', 0x70: 'F', 0x6f: 'e' };
const [TYPES, IMPORTS, CUSTOM] = [1, 2, 0];
const FUNCTION = 0x60;
const utf8 = new TextDecoder();

class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    Object.assign(this, { bytes, at, end });
  }

  byte() {
    if (this.at >= this.end) throw new RangeError('the end');
    return this.bytes[this.at++];
  }

  number() {
    let [number, scale, byte] = [0, 1];
    do {
      byte = this.byte();
      number += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte & 0x80);
    return number;
  }

  name() {
    const length = this.number();
    return utf8.decode(this.bytes.subarray(this.at, (this.at += length)));
  }

  list(read) {
    return Array.from({ length: this.number() }, read);
  }
}

/** Letters of value types; throws at others. */
function letters(reader) {
  return reader.list(() => LETTERS[reader.byte()] ?? unknown()).join('');
}

function unknown() {
  throw new RangeError('a type that is not known here');
}

function importOf(reader) {
  const key = `${reader.name()}.${reader.name()}`;
  const kind = reader.byte();
  if (kind === 0) return [key, reader.number()];
  const limits = () => {
    const flags = reader.byte();
    // The smallest size, the largest, and the size of a page.
    for (let left = 1 + (flags & 1) + ((flags >> 3) & 1); left > 0; left--) reader.number();
  };
  if (kind === 1 || kind === 3) LETTERS[reader.byte()] ?? unknown();
  if (kind === 3) reader.byte();
  else if (kind === 1 || kind === 2) limits();
  else if (kind === 4) (reader.byte(), reader.number());
  else unknown();
  return undefined;
}

/**
 * Of each imported function, by module and name: the letters of its parameters and of its results. What is imported twice with different types has
 * none, and neither has anything in a module with types that C does not have.
 */
export function signaturesOf(bytes) {
  const found = new Map();
  try {
    let types = [];
    const file = new Reader(bytes, 8);
    while (file.at < file.end) {
      const kind = file.byte();
      const length = file.number();
      const section = new Reader(bytes, file.at, (file.at += length));
      if (kind === TYPES) types = section.list(() => (section.byte() === FUNCTION ? [letters(section), letters(section)] : unknown()));
      if (kind === IMPORTS) {
        for (const one of section.list(() => importOf(section))) if (one) add(found, one[0], types[one[1]]);
        break;
      }
      if (kind !== CUSTOM && kind > IMPORTS) break;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new Map();
  }
  return found;
}

function add(found, key, [params, results]) {
  const before = found.get(key);
  found.set(key, before && (before.params !== params || before.results !== results) ? {} : { params, results });
}
