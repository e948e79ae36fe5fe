// Reads the state of an instance of a probed module, as its schema says (`preinit_core::state_file`).

const view = new DataView(new ArrayBuffer(8));
const bitsOfF32 = (value) => (view.setFloat32(0, value), view.getUint32(0));
const bitsOfF64 = (value) => (view.setFloat64(0, value), view.getBigUint64(0));
const f32OfBits = (bits) => (view.setUint32(0, bits), view.getFloat32(0));
const f64OfBits = (bits) => (view.setBigUint64(0, bits), view.getFloat64(0));

/** Numbers for functions and objects: the same exactly for the same one. */
export class Identities {
  #known = new Map();

  of(value) {
    if (!this.#known.has(value)) this.#known.set(value, this.#known.size);
    return this.#known.get(value);
  }
}

function showReference(value, kind, identities) {
  if (value === null) return 'null';
  if (kind === 'func') return { function: identities.of(value) };
  // JavaScript sees 31-bit integers as numbers.
  if (typeof value === 'number') return { [kind === 'extern' ? 'extern_i31' : 'i31']: value & 0x7fffffff };
  return { [kind === 'extern' ? 'extern_object' : 'object']: identities.of(value) };
}

/** A value that the module gave to JavaScript. */
export function show(value, kind, identities) {
  switch (kind) {
    case 'i32': return { i32: value };
    case 'i64': return { i64: String(value) };
    case 'f32': return { f32: bitsOfF32(value) };
    case 'f64': return { f64: String(bitsOfF64(value)) };
    default: return { ref: showReference(value, kind, identities) };
  }
}

/** The JavaScript value for one in this form; undefined if there is none. */
export function toJavaScript({ i32, i64, f32, f64, ref }) {
  if (i32 !== undefined) return i32;
  if (i64 !== undefined) return BigInt(i64);
  if (f32 !== undefined) return f32OfBits(f32);
  if (f64 !== undefined) return f64OfBits(BigInt(f64));
  if (ref === 'null') return null;
  const i31 = ref?.i31 ?? ref?.extern_i31;
  return i31 === undefined ? undefined : (i31 << 1) >> 1;
}

export function isNan({ f32, f64 }) {
  return Number.isNaN(f32 !== undefined ? f32OfBits(f32) : f64 !== undefined ? f64OfBits(BigInt(f64)) : 0);
}

function readGlobal(exports, { export: name, type, halves }, identities) {
  switch (type) {
    case 'v128': {
      const [low, high] = halves.map((half) => BigInt.asUintN(64, exports[half]()));
      return { v128: String((high << 64n) | low) };
    }
    // JavaScript can read neither of them.
    case 'exn': case 'cont': return { ref: 'hidden' };
    default: return show(exports[name].value, type, identities);
  }
}

function readSlots(exports, { export: name, type }, identities) {
  const table = exports[name];
  const isHidden = type === 'exn' || type === 'cont';
  const slots = [];
  // The indices of a 64-bit table are BigInts.
  for (let slot = table.length - table.length; slot < table.length; slot++) {
    slots.push(isHidden ? 'hidden' : showReference(table.get(slot), type, identities));
  }
  return slots;
}

/** Whether a segment was dropped: its probe traps exactly then. */
function isDropped(exports, name) {
  try {
    exports[name]();
    return false;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError && /out of bounds/.test(error.message)) return true;
    throw error;
  }
}

/** The identities of the functions that references can point to. */
export function readFunctions(exports, schema, identities) {
  return schema.functions.map(({ index, export: name }) => ({ index, identity: identities.of(exports[name]) }));
}

/** The state. Contents of memories go into `files`, with `writeFile`. */
export function readState(exports, schema, identities, files, writeFile) {
  // The probes of segments first: from the first reference that is read on, nothing may run.
  const dropped = (segments) => segments.filter((segment) => isDropped(exports, segment.export));
  const droppedData = dropped(schema.data);
  const droppedElements = dropped(schema.elements);
  const live = schema.elements.filter((segment) => segment.items && !droppedElements.includes(segment));
  const index = (segment) => segment.index;
  schema.memories.forEach((name, k) => writeFile(files[k], new Uint8Array(exports[name].buffer)));
  return {
    version: schema.version,
    module: schema.module,
    functions: readFunctions(exports, schema, identities),
    globals: schema.globals.map((global) => readGlobal(exports, global, identities)),
    memories: files.map((file) => ({ file })),
    tables: schema.tables.map((table) => ({ slots: readSlots(exports, table, identities) })),
    dropped_data: droppedData.map(index),
    dropped_elements: droppedElements.map(index),
    items: live.map((segment) => ({ segment: segment.index, items: readSlots(exports, segment.items, identities) })),
  };
}
