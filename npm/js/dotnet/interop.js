// How .NET's runtime passes values between managed code and JavaScript (.NET 9 and 10): an argument is a block of 32 bytes, the first
// is for an exception, the second for the result; a signature tells the types.

export const SLOT = 32;
const VERSION = 2;
const TYPE_AT = 12;
const HANDLE_AT = 4;

/** The types of arguments that are asked for here (`MarshalerType` of System.Runtime.InteropServices.JavaScript). */
export const TYPE = { none: 0, int32: 7, intPtr: 12, jsObject: 13, object: 14, string: 15, task: 20, taskPreCreated: 30 };

/** An instance of the runtime's module: its memory, and calls of its exports with texts. */
export class Runtime {
  constructor(exports, imports) {
    this.exports = exports;
    this.imports = imports;
  }

  get view() {
    return new DataView(this.exports.memory.buffer);
  }

  bytes(at, length) {
    return new Uint8Array(this.exports.memory.buffer, at, length);
  }

  utf16(at, length) {
    let text = '';
    const { view } = this;
    for (let index = 0; index < length; index++) text += String.fromCharCode(view.getUint16(at + 2 * index, true));
    return text;
  }

  /** Gives `use` the address of a copy of bytes, which is free afterwards. */
  lend(bytes, use) {
    const at = this.exports.malloc(bytes.length || 1) >>> 0;
    if (at === 0) throw new Error('the memory of .NET is full');
    this.bytes(at, bytes.length).set(bytes);
    try {
      return use(at);
    } finally {
      this.exports.free(at);
    }
  }

  /** Gives `use` the addresses of texts that end with a zero. */
  lendTexts(texts, use) {
    const parts = texts.map((text) => new TextEncoder().encode(`${text}\0`));
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    const starts = [];
    let end = 0;
    for (const part of parts) {
      joined.set(part, end);
      starts.push(end);
      end += part.length;
    }
    return this.lend(joined, (at) => use(...starts.map((start) => at + start)));
  }

  slot(block, index) {
    const at = block + SLOT * index;
    const { view } = this;
    return {
      at,
      type: view.getUint8(at + TYPE_AT),
      int: view.getInt32(at, true),
      pointer: view.getUint32(at, true),
      handle: view.getInt32(at + HANDLE_AT, true),
    };
  }

  /** The text of an argument; null if it has none. */
  textOf(block, index) {
    const { type, pointer } = this.slot(block, index);
    if (type !== TYPE.string || pointer === 0) return null;
    // A string of Mono: two words, the length, the characters.
    return this.utf16(pointer + 12, this.view.getInt32(pointer + 8, true));
  }

  /** Which function of JavaScript a signature names, by which number managed code calls it, and its bytes. */
  signature(at) {
    const { view } = this;
    const word = (offset) => view.getInt32(at + offset, true);
    if (word(0) !== VERSION) throw new Error(`signatures of version ${word(0)} are not known`);
    const [name, nameLength, module, moduleLength] = [16, 20, 24, 28].map(word);
    const length = Math.max(SLOT * (word(4) + 3), name + nameLength, module + moduleLength);
    return {
      handle: word(8),
      count: word(4),
      name: name === 0 ? '' : this.utf16(at + name, nameLength / 2),
      module: module === 0 ? null : this.utf16(at + module, moduleLength / 2),
      bytes: this.bytes(at, length).slice(),
    };
  }

  /** The address of a class; 0 if it is not there. */
  classOf(assembly, namespace, className) {
    const { mono_wasm_assembly_load: load, mono_wasm_assembly_find_class: find } = this.exports;
    return this.lendTexts([assembly, namespace, className], (a, n, c) => {
      const image = load(a);
      return image ? find(image, n, c) : 0;
    });
  }

  /**
   * A static method without parameters, or with one that is a number; undefined if it is not there, because the linker took it away
   * for example.
   */
  staticMethod(assembly, namespace, className, name, parameters = 0) {
    const found = this.classOf(assembly, namespace, className);
    if (!found) return undefined;
    const method = this.lendTexts([name], (at) => this.exports.mono_wasm_assembly_find_method(found, at, parameters));
    if (!method) return undefined;
    // It is called as an exported one, whose one parameter is a pointer.
    return (number = 0) => {
      const block = new Uint8Array(3 * SLOT);
      new DataView(block.buffer).setInt32(0, number, true);
      this.lend(block, (at) => this.exports.mono_wasm_invoke_jsexport(method, at));
    };
  }
}

/**
 * The numbers by which managed code holds objects of JavaScript. The runtime gives and takes them; it is reached through a function
 * of our own that it calls as it calls imported ones. `internal` is `INTERNAL` of the runtime's interface.
 */
export class Handles {
  #runtime;
  #internal;
  #give = null;
  #seen;

  constructor(runtime, internal) {
    this.#runtime = runtime;
    this.#internal = internal;
    const name = 'INTERNAL.preinitHandles';
    internal.preinitHandles = (object) => ((this.#seen = object), this.#give);
    const signature = new Uint8Array(4 * SLOT + 2 * name.length);
    const view = new DataView(signature.buffer);
    // One argument, any object; the result is an object of JavaScript. No function of managed code has the number 0.
    [VERSION, 1, 0].forEach((word, index) => view.setInt32(4 * index, word, true));
    view.setInt32(16, 4 * SLOT, true);
    view.setInt32(20, 2 * name.length, true);
    view.setUint8(2 * SLOT, TYPE.jsObject);
    view.setUint8(3 * SLOT, TYPE.object);
    [...name].forEach((letter, index) => view.setUint16(4 * SLOT + 2 * index, letter.charCodeAt(0), true));
    const failed = runtime.lend(signature, (at) => runtime.imports.mono_wasm_bind_js_import_ST(at));
    if (failed) throw new Error('.NET did not accept a function of JavaScript');
  }

  #call(give, handle) {
    this.#give = give;
    this.#seen = undefined;
    const block = new Uint8Array(3 * SLOT);
    const view = new DataView(block.buffer);
    view.setUint8(2 * SLOT + TYPE_AT, handle === 0 ? TYPE.none : TYPE.jsObject);
    view.setInt32(2 * SLOT + HANDLE_AT, handle, true);
    return this.#runtime.lend(block, (at) => {
      this.#runtime.imports.mono_wasm_invoke_jsimport_ST(0, at);
      if (this.#runtime.slot(at, 0).type !== TYPE.none) throw new Error('.NET refused an object of JavaScript');
      return this.#runtime.slot(at, 1).handle;
    });
  }

  /** A number for an object. */
  take(object) {
    return this.#call(object, 0);
  }

  /** What a number stands for; undefined if nothing. */
  get(handle) {
    this.#call(null, handle);
    return this.#seen ?? undefined;
  }

  free(handle) {
    this.#runtime.imports.mono_wasm_release_cs_owned_object(handle);
  }

  /** All numbers in use, with what they stand for. */
  live() {
    const RISES = 64;
    // The last one that was freed comes first; when there is none, the next higher one.
    const taken = [];
    for (let rising = 0; rising < RISES;) {
      const handle = this.take({});
      rising = handle === taken.at(-1) + 1 ? rising + 1 : 0;
      taken.push(handle);
    }
    const free = new Set(taken);
    const numbers = Array.from({ length: Math.max(...taken) }, (_, index) => index + 1).filter((number) => !free.has(number));
    // Managed code gives negative ones to what it passes on.
    const PASSED = 4096;
    for (let number = -2; number > -PASSED; number--) numbers.push(number);
    const found = numbers.map((number) => [number, this.get(number)]).filter(([, object]) => object !== undefined);
    for (const handle of taken.reverse()) this.free(handle);
    return found;
  }

  /** Gives objects the numbers that they had; the runtime has given none yet. */
  restore(objects) {
    if (objects.length === 0) return;
    const wanted = new Map(objects);
    const last = Math.max(...wanted.keys());
    const unused = [];
    for (let number = 1; number <= last; number++) {
      const handle = this.take(wanted.get(number) ?? {});
      if (handle !== number) throw new Error(`.NET gave an object the number ${handle}, where ${number} was expected`);
      if (!wanted.has(number)) unused.push(number);
    }
    for (const handle of unused) this.free(handle);
  }

  end() {
    delete this.#internal.preinitHandles;
  }
}
