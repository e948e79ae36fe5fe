// Objects of other modules. A cast tells of an object that it is of a type or below it, so one of a type that another module has put below one of
// these cannot be told from those of this one.

const TYPES = 1;
const SUB = [0x4f, 0x50];

/** Whether a module may have types below others. */
export function mayHaveSubtypes(wasm) {
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
