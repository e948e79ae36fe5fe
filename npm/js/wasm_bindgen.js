// What is known of the imports of wasm-bindgen's code, by the names that wasm-bindgen, js-sys, web-sys and getrandom give.
import { Adapter } from './adapter.js';
import { hasNumbers, isAmbient, isCast, isMaking, isOfFirst, isOwn, isPrototypeSet } from './glue_text.js';

// They only look at a value, make one that is new, or throw. Newer versions give them a hash, too.
const PURE = new RegExp(
  '^__wbindgen_(string_new|string_get|string_from_utf8_lossy|number_new|number_get|boolean_get|bigint_from_[a-z0-9]+|bigint_get_as_i64|debug_string' +
    '|is_[a-z0-9_]+|in|typeof|jsval_(loose_)?eq|try_into_number|as_number|not|neg|bit_[a-z]+|shl|shr|unsigned_shr|add|sub|div|checked_div|mul|rem|pow|lt|le|ge|gt' +
    '|error_new|panic_error|throw|rethrow|memory|init_externref_table|object_drop_ref|object_clone_ref|externref_heap_live_count' +
    '|cast_[0-9a-f]{16}|closure_wrapper\\d+|cb_drop)$',
);
const HASHED = /^__wbg_(_*[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*?)_[0-9a-f]{16}$/;
const CONTAINERS = [
  Object, Array, Map, Set, Date, Error, TypeError, RangeError, ArrayBuffer, DataView, Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array,
  Int16Array, Uint32Array, Int32Array, BigUint64Array, BigInt64Array, Float64Array, Float32Array,
];
const ITERATORS = [[], new Map(), new Set()].map((one) => Object.getPrototypeOf(one[Symbol.iterator]()));
const READING = new Set([
  'length', 'size', 'get', 'getindex', 'getwithrefkey', 'get_with_ref_key', 'get_unchecked', 'entries', 'keys', 'values', 'has', 'message', 'name',
  'buffer', 'byteLength', 'byteOffset', 'slice', 'subarray', 'done', 'value',
]);
const WRITING = new Set(['set', 'push', 'setindex', 'add', 'next']);
const MAKING = /^(new(|_.*|with.*|from.*)|TypeError|RangeError)$/;
// In the newest versions, functions of any kind have such names; the glue says of which kind they are.
const GENERIC = /^__wbindgen_generic_[0-9a-f]{16}$/;
// The first number that the glue gives to a value: below it are undefined (32 times in versions before 2023, 128 times, or 1024 times), and
// undefined, null, true and false, which are never freed.
const FIRST = [36, 132, 1028];

// So many numbers in a row are new ones, and so many are tried.
const RISES = 1e6;
const LIMIT = 4e6;
const DROP = '__wbindgen_object_drop_ref';

const isObject = (value) => value !== null && (typeof value === 'object' || typeof value === 'function');

/** Whether a value is one of JavaScript's own kinds, whose reading does nothing else. */
function isContainer(value) {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return CONTAINERS.some((container) => prototype === container.prototype) || ITERATORS.includes(prototype);
}

/** Whether an array of numbers has copies of what another has. On a buffer it would be a view. */
function isCopied(from, array) {
  const isBuffer = from instanceof ArrayBuffer || typeof SharedArrayBuffer !== 'undefined' && from instanceof SharedArrayBuffer;
  return ArrayBuffer.isView(array) && !(array instanceof DataView) && !isBuffer;
}

/** A module whose imports have wasm-bindgen's names; whether it is one of wasm-bindgen says what else it has. */
export class WasmBindgen extends Adapter {
  /** Objects that the module has made and nobody else has seen when it did; true if all in it is as new. */
  #own = new WeakMap();
  /** What {@link mark} found. */
  #held = undefined;
  #first = 0;
  #isChanged = false;
  // Buffers that were filled with random numbers.
  #random = new WeakSet();

  constructor(imports, isGenuine) {
    super();
    this.isGenuine = isGenuine;
    // Where values of JavaScript are in an array of the glue's, the module has numbers for them.
    const find = (name) => imports.find((one) => one.name === name);
    this.drop = find(DROP);
    this.clone = find('__wbindgen_object_clone_ref');
    this.make = find('__wbindgen_error_new') ?? find('__wbindgen_string_new');
    this.isByNumber = Boolean(this.drop ?? this.clone);
  }

  explain({ name, args, result, callee }) {
    if (name === DROP) this.returned(args[0]);
    const [, action = name] = HASHED.exec(name) ?? [];
    this.isByNumber ||= typeof result === 'number' && /^__wbindgen_(string|error)_new$/.test(action) || hasNumbers(callee);
    const isKept = (isNew) => this.#keep(result, isNew && !args.includes(result));
    // What they return is counted, or seen in a table, where the module keeps it.
    if (PURE.test(action) || /^_?wbg_cb_unref$/.test(action)) return this.isGenuine && isKept(true);
    if (GENERIC.test(name)) return isCast(callee) && isKept(true);
    if (action === name) return false;
    if (isAmbient(callee, action)) return true;
    const isKnown = isOwn(callee, action);
    if (isKnown !== undefined) return isKnown && (this.isByNumber || !isObject(args[0]) || isContainer(args[0])) && isKept(true);
    if (this.isByNumber) return false;
    if (MAKING.test(action)) {
      const isNew = args.every((one) => this.#isNew(one) || isCopied(one, result));
      return isMaking(callee) && isContainer(result) && this.#keep(result, isNew);
    }
    // The module's own memory is in the snapshot.
    if (action === 'buffer' && args[0] instanceof WebAssembly.Memory) return isOfFirst(callee, action) && this.#keep(result, true);
    // From JavaScript's array into memory.
    if (action === 'prototypesetcall') return isPrototypeSet(callee) && isContainer(args[2]);
    if (action === '__wbindgen_copy_to_typed_array') return this.#own.has(args[2]);
    return isOfFirst(callee, action) && this.#explainOf(action, args, result);
  }

  /** What is done with a value of JavaScript's own kinds. */
  #explainOf(action, args, result) {
    const [target] = args;
    if (!isContainer(target) || Object.hasOwn(target, action) && typeof target[action] === 'function') return false;
    if (READING.has(action)) return this.#keep(result, this.#own.get(target) ?? false);
    if (!WRITING.has(action) || !this.#own.has(target)) return false;
    const isNew = args.slice(1).every((one) => this.#isNew(one));
    if (!isNew) this.#own.set(target, false);
    return this.#keep(result, this.#own.get(target));
  }

  #isNew(value) {
    return !isObject(value) || this.#own.get(value) === true;
  }

  /** Remembers what came of an object that is as new. */
  #keep(result, isNew) {
    if (isNew && isContainer(result) && !this.#own.has(result)) this.#own.set(result, true);
    return true;
  }

  /**
   * The numbers that are in use, and the lowest that is free; null if that cannot be known.
   *
   * A new value gets the number that was freed last, and when there is none, the next higher one. So values are made until
   * the numbers only rise: those that did not come are in use.
   */
  #numbers({ drop, make }) {
    if (!make || !drop) return null;
    const seen = [];
    let rising = 0;
    while (rising < RISES) {
      const handle = make(0, 0);
      if (typeof handle !== 'number' || seen.length > LIMIT) return null;
      rising = handle === seen.at(-1) + 1 ? rising + 1 : 0;
      seen.push(handle);
    }
    for (let at = seen.length - 1; at >= 0; at--) drop(seen[at]);
    const isFree = new Uint8Array(seen.at(-1) + 1);
    for (const handle of seen) isFree[handle] = 1;
    const used = new Set();
    isFree.forEach((free, handle) => free || used.add(handle));
    return { used, lowest: isFree.indexOf(1) };
  }

  #functions(boundary) {
    const find = (one) => one && boundary.imported(`${one.module}.${one.name}`);
    const [drop, clone, other] = [this.drop, this.clone, this.make].map(find);
    // Number 0 is undefined.
    return { drop, clone, make: clone ? () => clone(0) : other };
  }

  /** How many values the glue's array holds for the module; null if that cannot be known. */
  liveHandles(boundary) {
    if (!this.isByNumber) return 0;
    const functions = this.#functions(boundary);
    const found = this.#numbers(functions);
    const first = found && firstNumber(found.lowest, functions);
    return first === undefined || first === null ? null : [...found.used].filter((number) => number >= first).length;
  }

  /** Remembers which numbers are in use, for {@link areHandlesSame}. */
  mark(boundary) {
    this.#isChanged = false;
    const functions = this.#functions(boundary);
    const found = this.isByNumber ? this.#numbers(functions) : null;
    this.#held = found?.used;
    // Nothing may be lost here, so that the first number is guessed where values cannot be copied.
    if (found) this.#first = (functions.clone && firstNumber(found.lowest, functions)) ?? FIRST.findLast((first) => first <= found.lowest);
  }

  /** The module has given something away since {@link mark}. If that is a value that it held, it holds it no more; other numbers may look like one. */
  returned(result) {
    for (const one of Array.isArray(result) ? result : [result]) if (one >= this.#first && this.#held?.has(one)) this.#isChanged = true;
  }

  /** Whether the module holds the same values by number as it did then; null if that cannot be known. */
  areHandlesSame(boundary) {
    if (!this.isByNumber) return true;
    const used = this.#numbers(this.#functions(boundary))?.used;
    if (!used || !this.#held) return null;
    return !this.#isChanged && used.size === this.#held.size && [...used].every((number) => this.#held.has(number));
  }

  /** Clocks and random numbers. In older glue most calls take a number, so that these have to be made again. */
  isTransparent({ name, callee }) {
    const [, action = ''] = HASHED.exec(name) ?? [];
    const names = this.isByNumber ? /^(now|getTime)$/ : /^(now|getTime|getRandomValues|randomFillSync)$/;
    return names.test(action) && isAmbient(callee, action);
  }

  /** What is copied out of an array of random numbers is as random: nobody fills the array again. */
  isUnasked(call) {
    const { name, args, callee } = call;
    const isRandom = (array) => ArrayBuffer.isView(array) && this.#random.has(array.buffer);
    const [, action = ''] = HASHED.exec(name) ?? [];
    if (/^(getRandomValues|randomFillSync)$/.test(action) && this.isTransparent(call)) {
      if (ArrayBuffer.isView(args[1])) this.#random.add(args[1].buffer);
      return true;
    }
    if (action === 'prototypesetcall') return isRandom(args[2]) && isPrototypeSet(callee);
    if (action === 'set') return isRandom(args[1]) && isOfFirst(callee, action);
    if (/^get_?index$/.test(action)) return isRandom(args[0]) && isOfFirst(callee, action);
    return this.isTransparent(call);
  }

  get initializers() {
    return ['__wbindgen_start'];
  }
}

/** The first number that the glue gives to a value, if `lowest` is the lowest that is free. */
function firstNumber(lowest, { drop, clone, make }) {
  // A number that can be freed comes again. Its value is put there again, if it can be copied; if not, it is lost, and there is no snapshot.
  const isFreed = (handle) => {
    const copy = clone?.(handle);
    drop(handle);
    const again = clone ? clone(copy) : make(0, 0);
    if (again !== handle) drop(again);
    if (clone) drop(copy);
    return again === handle;
  };
  return FIRST.filter((first) => first <= lowest).reverse().find((first) => !isFreed(first - 1));
}
