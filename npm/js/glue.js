// What is known of the JavaScript around modules, by the names that tools give to imports and exports.

import { Emscripten } from './emscripten.js';

// Imports of wasm-bindgen that only look at a value, make one of a primitive, or throw.
const PURE = new RegExp(
  '^__wbindgen_(string_new|string_get|number_new|number_get|boolean_get|bigint_from_[a-z0-9]+|bigint_get_as_i64|debug_string' +
    '|is_[a-z0-9_]+|in|jsval_(loose_)?eq|try_into_number|error_new|throw|rethrow|memory|init_externref_table|object_drop_ref' +
    '|object_clone_ref)$',
);
const HASHED = /^__wbg_([A-Za-z0-9]+(?:_[A-Za-z0-9]+)*?)_[0-9a-f]{16}$/;
const CONTAINERS = [Object, Array, Map, Set, Error, ArrayBuffer, Uint8Array, Uint32Array, Int32Array, Float64Array, Float32Array];
const READING = ['length', 'size', 'get', 'getindex', 'entries', 'keys', 'isArray'];
const WRITING = ['set', 'push', 'setindex', 'add'];

function isContainer(value) {
  return value !== null && typeof value === 'object'
    && CONTAINERS.some((container) => Object.getPrototypeOf(value) === container.prototype);
}

/** A module of wasm-bindgen. */
class WasmBindgen {
  /** Objects that the module has made and nobody else has seen when it did. */
  #own = new WeakSet();

  constructor(imports) {
    // Older glue keeps values in an array of JavaScript's, and the module has numbers for them.
    this.drop = imports.find(({ name }) => name === '__wbindgen_object_drop_ref');
    this.make = imports.find(({ name }) => name === '__wbindgen_error_new' || name === '__wbindgen_string_new');
  }

  explain({ name, args, result }) {
    if (PURE.test(name)) {
      if (isContainer(result)) this.#own.add(result);
      // A number that stands for a value is counted by `liveHandles`.
      return true;
    }
    const [, action] = HASHED.exec(name) ?? [];
    if (action === undefined || this.drop) return false;
    if (action === 'new' || action.startsWith('new_') || action.startsWith('newwith')) {
      if (!isContainer(result)) return false;
      this.#own.add(result);
      return true;
    }
    const isOwn = args[0] !== null && typeof args[0] === 'object' && this.#own.has(args[0]);
    return isOwn && (READING.includes(action) || WRITING.includes(action));
  }

  /**
   * How many values the glue's array holds for the module; null if that cannot be known.
   *
   * A new value gets the number that was freed last, and when there is none, the next higher one. So values are made until
   * the numbers only rise: those that did not come are in use.
   */
  liveHandles(boundary) {
    if (!this.drop) return 0;
    const find = (one) => one && boundary.imported(`${one.module}.${one.name}`);
    const [make, drop] = [find(this.make), find(this.drop)];
    if (!make || !drop) return null;
    const RISES = 10_000;
    const seen = [];
    let rising = 0;
    while (rising < RISES) {
      const handle = make(0, 0);
      if (typeof handle !== 'number' || seen.length > 1e6) return null;
      rising = handle === seen.at(-1) + 1 ? rising + 1 : 0;
      seen.push(handle);
    }
    for (const handle of [...seen].reverse()) drop(handle);
    const numbers = new Set(seen);
    // The array begins with 128 times undefined, in versions before 2023 32 times, and undefined, null, true, false.
    const first = seen.some((handle) => handle < 132) ? 36 : 132;
    return seen.at(-1) + 1 - first - numbers.size;
  }

  isTransparent() {
    return false;
  }

  isFile() {
    return false;
  }

  left() {
    return [];
  }

  get initializers() {
    return ['__wbindgen_start'];
  }
}

/** What is known of a module. */
export function glueOf(module) {
  const imports = WebAssembly.Module.imports(module);
  const isOfWasmBindgen = imports.some(({ name }) => name.startsWith('__wbindgen_') || name.startsWith('__wbg_'));
  return isOfWasmBindgen ? new WasmBindgen(imports) : new Emscripten(imports);
}
