// The calls from a module into JavaScript while its state is made. What such a call does on the JavaScript side is not in a
// snapshot; so each must be explained, or allowed by whoever makes the snapshot.

/** Whether a function is one of WebAssembly's: only those can be in a table. They are passed on as they are. */
function isOfWasm(callable, table) {
  try {
    table.set(0, callable);
    return true;
  } catch {
    return false;
  }
}

export class Boundary {
  #explain;
  #calls = new Map();
  #functions = new Map();
  #unseen = new Set();
  #isOn = true;
  #probe = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });

  /** `explain` says of a call whether it leaves nothing behind in JavaScript. */
  constructor(explain) {
    this.#explain = explain;
  }

  /** What is passed on instead of an imported function: it does the same, and the call is recorded. */
  wrap(value, { module, name, kind }) {
    if (kind !== 'function') return value;
    // A wrapped function of WebAssembly would be another one where a table shows it; one that suspends is no function.
    if (typeof value !== 'function' || isOfWasm(value, this.#probe)) {
      this.#unseen.add(`${module}.${name}`);
      return value;
    }
    const record = (call) => {
      if (this.#isOn && !this.#explain({ module, name, ...call })) {
        const key = `${module}.${name}`;
        this.#calls.set(key, (this.#calls.get(key) ?? 0) + 1);
      }
    };
    const wrapped = function (...args) {
      let result;
      try {
        result = Reflect.apply(value, this, args);
      } catch (error) {
        record({ args, error });
        throw error;
      }
      record({ args, result });
      return result;
    };
    this.#functions.set(`${module}.${name}`, value);
    return wrapped;
  }

  /** The program's own function for an import. */
  imported(name) {
    return this.#functions.get(name);
  }

  /** Nothing is recorded any more. */
  end() {
    this.#isOn = false;
  }

  /** Imports whose calls are not seen: functions of other modules, and such that suspend the module. */
  get unseen() {
    return this.#unseen;
  }

  /** The calls that are not explained: names and how often. */
  get unexplained() {
    return this.#calls;
  }
}
