// Objects of other modules. A cast tells of an object that it is of a type or below it, so one of a type that another module has put below one of
// these cannot be told from those of this one. So it is known of every module of this process that is compiled from now on whether it may have
// such types.
import { installHooks } from './hooks.js';
import { hash } from './record.js';

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

// Modules that captures have made, which have the types of what they were made of.
const made = new Set();
const key = (bytes) => `${bytes.length} ${hash(bytes, 0, bytes.length)}`;
const known = new WeakMap();
let capturing;
let areThere = false;

function seen() {
  areThere = true;
  if (capturing) capturing.hasForeignTypes = true;
}

/** These bytes are of the module that is captured, or made of it. */
export function isMade(bytes) {
  if (mayHaveSubtypes(bytes)) made.add(key(bytes));
}

/**
 * Begins: `capture.hasForeignTypes` will be true if a module with types below others is compiled or instantiated until {@link end}. Returns
 * whether there may have been such a module before.
 */
export function begin(capture, original) {
  isMade(original);
  capturing = capture;
  return areThere;
}

export function end() {
  capturing = undefined;
}

/** Begins, for the life of the process: another module may be there long before something is captured. */
export function watchTypes() {
  installHooks({
    other(bytes, module) {
      const has = mayHaveSubtypes(bytes) && !made.has(key(bytes));
      if (module) known.set(module, has);
      if (has) seen();
    },
    // What was compiled before may have them.
    linked: (module) => known.get(module) !== false && seen(),
  });
}
