// Objects of other modules. A cast tells of an object that it is of a type or below it, so one of a type that another module has put below one of
// these cannot be told from those of this one. So it is known of every module of this process that is compiled from now on whether it may have
// such types.
import { installHooks } from './hooks.js';
import { hash } from './hash.js';

const TYPES = 1;
const SUB = [0x4f, 0x50];

/** Whether a module may have types below others. */
function mayHaveSubtypes(wasm) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 0x7f) * 2 ** shift;
      // Also where the bytes end too early.
      if (!(byte >= 0x80)) return value;
    }
  };
  while (at < wasm.length) {
    const id = wasm[at++];
    const end = number() + at;
    // Numbers look like this, too: there are few such modules.
    if (id === TYPES) return wasm.subarray(at, end).some((byte) => SUB.includes(byte));
    at = end;
  }
  return false;
}

// Modules are known by what they are made of; those that captures have made have the types of what they were made of.
const made = new Set();
const seen = new Set();
const UNKNOWN = 'compiled before';
// What modules are that were compiled; null for those without such types.
const known = new WeakMap();
let capturing;

const keyOf = (bytes) => (mayHaveSubtypes(bytes) ? `${bytes.length} ${hash(bytes, 0, bytes.length)}` : null);

function see(key) {
  if (key === null) return;
  seen.add(key);
  if (capturing && !made.has(key)) capturing.hasForeignTypes = true;
}

/** These bytes are of the module that is captured, or made of it. */
export function isMade(bytes) {
  const key = keyOf(bytes);
  if (key !== null) made.add(key);
}

/**
 * Begins: `capture.hasForeignTypes` will be true if a module with types below others is compiled or instantiated until {@link end}. Returns
 * whether there may have been such a module before.
 */
export function begin(capture, original) {
  isMade(original);
  capturing = capture;
  return [...seen].some((key) => !made.has(key));
}

export function end() {
  capturing = undefined;
}

/** Begins, for the life of the process: another module may be there long before something is captured. */
export function watchTypes() {
  installHooks({
    other(bytes, module) {
      const key = keyOf(bytes);
      if (module) known.set(module, key);
      see(key);
    },
    // What was compiled before may have them.
    linked: (module) => see(known.has(module) ? known.get(module) : UNKNOWN),
  });
}
