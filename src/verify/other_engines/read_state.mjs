// Reads the state of an instance of a probed module, as its schema says (`preinit_core::state_file`).

const view = new DataView(new ArrayBuffer(8));
const bitsOfF32 = (value) => (view.setFloat32(0, value), view.getUint32(0));
const bitsOfF64 = (value) => (view.setFloat64(0, value), view.getBigUint64(0));
const f32OfBits = (bits) => (view.setUint32(0, bits), view.getFloat32(0));
const f64OfBits = (bits) => (view.setBigUint64(0, bits), view.getFloat64(0));

/** Numbers for functions and objects: the same exactly for the same one. */
export class Identities {
  #known = new Map();
  /** What reads objects, where that is possible. */
  heap;

  of(value) {
    if (!this.#known.has(value)) this.#known.set(value, this.#known.size);
    return this.#known.get(value);
  }
}

function isI31(value) {
  return Number.isInteger(value) && value >= -(2 ** 30) && value < 2 ** 30 && !Object.is(value, -0);
}

function showReference(value, kind, identities) {
  if (value === null) return 'null';
  if (kind === 'func') return { function: identities.of(value) };
  // JavaScript sees 31-bit integers as numbers, and may have put other numbers there itself.
  if (isI31(value)) return { [kind === 'extern' ? 'extern_i31' : 'i31']: value & 0x7fffffff };
  const identity = identities.heap?.find(value) ?? identities.of(value);
  return { [kind === 'extern' ? 'extern_object' : 'object']: identity };
}

/** Objects of the garbage-collected heap, which functions of the probed module write to a memory and to tables; and strings. */
class Heap {
  #found = new Set();
  #waiting = [];
  #texts = [];
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  #objects = [];
  #values = [];
  // Objects of the host that were not looked for in calls yet.
  #ofHost = [];
  /** The structs and arrays that were read. */
  read = [];
  /** The calls that are made again. */
  calls = [];

  constructor(exports, schema, identities) {
    this.exports = exports;
    this.schema = schema;
    this.identities = identities;
    this.types = new Map(schema.types.map((type) => [type.index, type]));
  }

  /** Whether something leads to a value. */
  isFound(value) {
    return this.#found.has(this.identities.of(value));
  }

  /** The identity of a value, which is looked into later. */
  find(value) {
    const identity = this.identities.of(value);
    if (this.#found.has(identity)) return identity;
    this.#found.add(identity);
    if (typeof value === 'string') this.#texts.push({ identity, value });
    // Another one of the same contents may come from anywhere.
    else if (Object(value) !== value) this.#values.push(identity);
    else {
      const type = this.types.get(this.exports[this.schema.type_of](value));
      if (type) this.#waiting.push({ identity, value, type });
      else this.#ofHost.push(value);
    }
    return identity;
  }

  /**
   * Everything that was found, and what that leads to; what it holds goes into a file. `calls` are those to imports that can be made again:
   * those are that returned something of it, or were given something that the host has.
   */
  readAll(file, writeFile, calls) {
    const uses = new Map();
    for (const call of calls) {
      for (const value of [call.result, ...call.args]) {
        if (Object(value) !== value) continue;
        if (!uses.has(value)) uses.set(value, []);
        uses.get(value).push(call);
      }
    }
    const kept = new Map();
    for (;;) {
      const object = this.#waiting.pop();
      if (object) {
        this.#readObject(object);
        continue;
      }
      if (this.#ofHost.length === 0) break;
      for (const call of uses.get(this.#ofHost.pop()) ?? []) if (!kept.has(call)) kept.set(call, this.#call(call));
    }
    this.calls = calls.filter((call) => kept.has(call));
    const strings = this.#texts.map(({ identity, value }) => ({ identity, length: value.length }));
    for (const { value } of this.#texts) {
      const units = Uint8Array.from({ length: 2 * value.length }, (_, at) => value.charCodeAt(at >> 1) >> (at & 1 ? 8 : 0));
      this.#append(units);
    }
    writeFile(file, this.#bytes.slice(0, this.#length));
    const returned = new Set();
    const made = this.calls.map((call) => {
      // Where the same is returned again, it is there already.
      const isNew = call.result !== undefined && !returned.has(call.result);
      returned.add(call.result);
      return { identity: this.identities.of(isNew ? call.result : call), ...kept.get(call) };
    });
    return { file, objects: this.#objects, strings, calls: made, values: this.#values };
  }

  #call({ function: index, params, args }) {
    return { function: index, arguments: params.map((kind, at) => show(args[at], kind, this.identities)) };
  }

  #readObject({ identity, value, type }) {
    const { index, export: name, array, scalars, references } = type;
    const object = { identity, type: index, references: [] };
    this.#objects.push(object);
    this.read.push(value);
    if (!array) {
      this.exports[name](value);
      this.#take(object, scalars, references);
      return;
    }
    object.length = this.exports[this.schema.length](value);
    for (let first = 0; first < object.length; first += this.schema.most) {
      const count = Math.min(this.schema.most, object.length - first);
      this.exports[name](value, first, count);
      this.#take(object, count * scalars, Array(count * references.length).fill(references[0]));
    }
  }

  /** What a function has written. */
  #take(object, scalars, references) {
    this.#append(new Uint8Array(this.exports[this.schema.memory].buffer, 0, scalars));
    const slots = { func: 0, extern: 0, any: 0 };
    for (const kind of references) {
      // JavaScript can hold neither exceptions nor continuations.
      const table = this.exports[this.schema.tables[kind]];
      object.references.push(table ? showReference(table.get(slots[kind]++), kind, this.identities) : 'hidden');
    }
  }

  #append(bytes) {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const longer = new Uint8Array(2 * length);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }
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

function readGlobal(exports, { export: name, type, halves, bits }, identities) {
  switch (type) {
    // JavaScript does not keep the bits of a NaN.
    case 'f32': return { f32: exports[bits]() >>> 0 };
    case 'f64': return { f64: String(BigInt.asUintN(64, exports[bits]())) };
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
  return slotsOf(exports[name], type, identities);
}

function slotsOf(table, type, identities) {
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
    if (error instanceof WebAssembly.RuntimeError && /out of bounds/i.test(error.message)) return true;
    throw error;
  }
}

/** The identities of the functions that references can point to. */
export function readFunctions(exports, schema, identities) {
  return schema.functions.map(({ index, export: name }) => ({ index, identity: identities.of(exports[name]) }));
}

/** The bytes of a memory, or null if all of them are zero. */
function copyUnlessZero(memory) {
  const bytes = new Uint8Array(memory.buffer);
  const words = new BigUint64Array(memory.buffer, 0, bytes.length >> 3);
  const isZero = words.every((word) => word === 0n) && bytes.subarray(words.byteLength).every((byte) => byte === 0);
  return isZero ? null : bytes.slice();
}

/** The imports that hold state; of `imports` nothing is read that the module does not declare. */
function stateOf(imports, schema) {
  return schema.imports.map((declared) => ({ ...declared, value: imports[declared.module]?.[declared.name] }));
}

/**
 * What imports hold that are about to be handed over. Contents of memories that are not zeros go into files of the names that
 * `nameFile` gives for a memory index, with `writeFile`.
 */
export function readImports(imports, schema, identities, nameFile, writeFile) {
  const found = stateOf(imports, schema);
  const of = (kind) => found.filter((one) => one.kind === kind);
  const memories = of('memory').map(({ index, value }) => {
    const size = value.buffer.byteLength;
    const bytes = copyUnlessZero(value);
    if (bytes === null) return { index, size };
    const file = nameFile(index);
    writeFile(file, bytes);
    return { index, size, file };
  });
  const tables = of('table').map(({ index, value }) => ({
    index,
    slots: slotsOf(value, schema.tables[index].type, identities),
  }));
  const globals = of('global').map(({ index, value }) => {
    const { type } = schema.globals[index];
    // So nobody would know whether it changed.
    const isUnreadable = type === 'v128' || type === 'exn' || Number.isNaN(value.value);
    if (isUnreadable) throw new Error(`imported global ${index} is of type ${type}, which JavaScript cannot read exactly`);
    return { index, value: show(value.value, type, identities) };
  });
  // A reference to a function of another module is that function; JavaScript's own functions are in no table.
  const functions = of('function').map(({ index, value }) => ({ index, identity: identities.of(value) }));
  const aliases = [];
  found.filter(({ kind }) => kind !== 'function').forEach(({ kind, index, value }, at) => {
    const first = found.slice(0, at).find((other) => other.kind === kind && other.value === value);
    if (first) aliases.push({ kind, index, first: first.index });
  });
  return { imported: { memories, tables, globals, functions }, aliases };
}

/**
 * The state. Contents of memories go into `files`, with `writeFile`; `before` is what `readImports` gave before the module was
 * instantiated. `calls` are those to imports that may be made again: `{ function, params, args, result }`.
 */
export function readState(exports, schema, identities, files, writeFile, before = {}, calls = []) {
  // The probes of segments first: from the first reference that is read on, nothing may run.
  const dropped = (segments) => segments.filter((segment) => isDropped(exports, segment.export));
  const droppedData = dropped(schema.data);
  const droppedElements = dropped(schema.elements);
  const live = schema.elements.filter((segment) => segment.items && !droppedElements.includes(segment));
  const index = (segment) => segment.index;
  if (schema.heap) identities.heap = new Heap(exports, schema.heap, identities);
  schema.memories.forEach((name, k) => writeFile(files[k], new Uint8Array(exports[name].buffer)));
  const state = {
    version: schema.version,
    module: schema.module,
    functions: readFunctions(exports, schema, identities),
    globals: schema.globals.map((global) => readGlobal(exports, global, identities)),
    memories: files.map((file) => ({ file })),
    tables: schema.tables.map((table) => ({ slots: readSlots(exports, table, identities) })),
    dropped_data: droppedData.map(index),
    dropped_elements: droppedElements.map(index),
    ...before,
    items: live.map((segment) => ({ segment: segment.index, items: readSlots(exports, segment.items, identities) })),
  };
  if (schema.heap) state.heap = identities.heap.readAll('heap', writeFile, calls);
  return state;
}
