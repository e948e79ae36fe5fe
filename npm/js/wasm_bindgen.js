// What is known of the imports of wasm-bindgen's code, by the names that wasm-bindgen, js-sys, web-sys and getrandom give.

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
// What of the machine they read.
const AMBIENT = new RegExp(
  '^(now|getTime|getTimezoneOffset|getRandomValues|randomFillSync|crypto|msCrypto|process|versions|node|require|performance|global' +
    '|globalThis|self|window|static_accessor_[A-Za-z_]+|iterator|instanceof_[A-Za-z0-9]+|isArray|isSafeInteger)$',
);
const READING = new Set([
  'length', 'size', 'get', 'getindex', 'getwithrefkey', 'get_with_ref_key', 'get_unchecked', 'entries', 'keys', 'values', 'has', 'message', 'name',
  'buffer', 'byteLength', 'byteOffset', 'slice', 'subarray', 'done', 'value',
]);
const WRITING = new Set(['set', 'push', 'setindex', 'add', 'next']);
const MAKING = /^(new(|_.*|with.*|from.*)|TypeError|RangeError)$/;
// Functions of JavaScript's own whose names others use, too.
const OWN_TEXT = { parse: /\bJSON\.parse\(/, stringify: /\bJSON\.stringify\(/, String: /\bString\(/, Error: /\bError\(/ };
// In the newest versions, functions of any kind have such names; the glue says of which kind they are.
const GENERIC = /^__wbindgen_generic_[0-9a-f]{16}$/;
const isCast = (callee) => /\/\/ Cast intrinsic for /.test(Function.prototype.toString.call(callee));

// The first number that the glue gives to a value: below it are undefined (32 times in versions before 2023, 128 times, or 1024 times), and
// undefined, null, true and false, which are never freed.
const FIRST = [36, 132, 1028];

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

/** A module of wasm-bindgen. */
export class WasmBindgen {
  /** Objects that the module has made and nobody else has seen when it did; true if all in it is as new. */
  #own = new WeakMap();
  /** What imports returned below the numbers that newer glue gives to values: some may be values of older glue. */
  #low = new Set();

  constructor(imports) {
    // Where values of JavaScript are in an array of the glue's, the module has numbers for them.
    const find = (name) => imports.find((one) => one.name === name);
    this.drop = find('__wbindgen_object_drop_ref');
    this.clone = find('__wbindgen_object_clone_ref');
    this.make = find('__wbindgen_error_new') ?? find('__wbindgen_string_new');
  }

  explain({ name, args, result, callee }) {
    if (this.drop && result >= FIRST[0] && result < FIRST.at(-1)) this.#low.add(result);
    const [, action = name] = HASHED.exec(name) ?? [];
    // What they return is counted, or seen in a table, where the module keeps it.
    if (PURE.test(action) || /^_?wbg_cb_unref$/.test(action)) return this.#keep(result, true);
    if (GENERIC.test(name)) return isCast(callee) && this.#keep(result, true);
    if (action === name) return false;
    if (AMBIENT.test(action)) return true;
    if (OWN_TEXT[action]) {
      const isKnown = OWN_TEXT[action].test(Function.prototype.toString.call(callee));
      return isKnown && (this.drop !== undefined || !isObject(args[0]) || isContainer(args[0])) && this.#keep(result, true);
    }
    if (this.drop) return false;
    if (MAKING.test(action)) return isContainer(result) && this.#keep(result, args.every((one) => this.#isNew(one) || isCopied(one, result)));
    // The module's own memory is in the snapshot.
    if (action === 'buffer' && args[0] instanceof WebAssembly.Memory) return this.#keep(result, true);
    // From JavaScript's array into memory.
    if (action === 'prototypesetcall') return isContainer(args[2]);
    if (action === '__wbindgen_copy_to_typed_array') return this.#own.has(args[2]);
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
   * How many values the glue's array holds for the module; null if that cannot be known.
   *
   * A new value gets the number that was freed last, and when there is none, the next higher one. So values are made until
   * the numbers only rise: those that did not come are in use.
   */
  liveHandles(boundary) {
    if (!this.drop) return 0;
    const find = (one) => one && boundary.imported(`${one.module}.${one.name}`);
    const [drop, clone, other] = [this.drop, this.clone, this.make].map(find);
    // Number 0 is undefined.
    const make = clone ? () => clone(0) : other;
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
    const lowest = seen.reduce((lowest, handle) => Math.min(lowest, handle));
    const first = clone ? firstNumber(lowest, drop, clone) : this.#likelyFirst(lowest);
    return first === undefined ? null : seen.at(-1) + 1 - first - numbers.size;
  }

  /** The same where values cannot be copied; undefined if numbers were seen that would be values of older glue. */
  #likelyFirst(lowest) {
    const first = FIRST.findLast((first) => first <= lowest);
    return [...this.#low].some((number) => number < first) ? undefined : first;
  }

  /** In older glue each call takes a number, so that all of them have to be made again. */
  isTransparent({ name }) {
    const [, action] = HASHED.exec(name) ?? [];
    return !this.drop && action !== undefined && AMBIENT.test(action);
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

/** The first number that the glue gives to a value, if `lowest` is the lowest that is free. */
function firstNumber(lowest, drop, clone) {
  // A number that can be freed comes again; the value is put there again.
  const isFreed = (handle) => {
    const copy = clone(handle);
    drop(handle);
    const again = clone(copy);
    drop(again === handle ? copy : again);
    if (again !== handle) drop(copy);
    return again === handle;
  };
  return FIRST.filter((first) => first <= lowest).reverse().find((first) => !isFreed(first - 1));
}
