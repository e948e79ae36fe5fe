// The calls from a module into JavaScript while its state is made. What such a call does on the JavaScript side is not in a
// snapshot; so each must be explained, or allowed by whoever makes the snapshot.
import { Clocks, clockSince } from './clocks.js';

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
  #recorder;
  #origins;
  #explain;
  #isSkipped;
  #makesObject;
  #unexplained = new Map();
  #recorded = new Map();
  /** How many calls there were that are not recorded. */
  later = 0;
  #functions = new Map();
  /** Calls that made objects, in order. */
  made = [];
  // What these gave.
  #objects = new WeakSet();
  #unseen = new Set();
  #isOn = true;
  #probe = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });

  /**
   * `explain` says of a call whether it leaves nothing behind in JavaScript; `isSkipped` of one whether it needs not be
   * made again; `makesObject` of one whether it only `makes` an object, or `changes` one. `origins`, if there are such, are told what goes
   * out and comes in.
   */
  constructor(recorder, { explain, isSkipped, makesObject, origins }) {
    this.#recorder = recorder;
    this.#origins = origins;
    this.#makesObject = makesObject;
    this.#explain = explain;
    this.#isSkipped = isSkipped;
  }

  /** What is passed on instead of an imported function: it does the same, and the call is recorded. */
  wrap(value, { module, name, kind }) {
    if (kind !== 'function') return value;
    // A wrapped function of WebAssembly would be another one where a table shows it; one that suspends is no function.
    if (typeof value !== 'function' || isOfWasm(value, this.#probe)) {
      this.#unseen.add(`${module}.${name}`);
      return value;
    }
    const key = `${module}.${name}`;
    const record = (call, isMadeAgain, isSkipped) => {
      if (!this.#isOn) return;
      const making = call.error === undefined ? this.#making({ module, name, ...call }) : undefined;
      if (making === 'changes' || (making === 'makes' && Object(call.result) === call.result)) {
        // Where a function returns something and the module has no use for it, it is not there.
        const result = making === 'makes' ? call.result : undefined;
        this.made.push({ module, name, callee: value, args: call.args, result });
        if (result !== undefined) this.#objects.add(result);
        return;
      }
      if (!isMadeAgain && !isSkipped) this.later += 1;
      this.#recorder.clocks.add(key, call.isClock);
      if (this.#explain({ module, name, callee: value, ...call })) return;
      const calls = isMadeAgain ? this.#recorded : this.#unexplained;
      calls.set(key, (calls.get(key) ?? 0) + 1);
    };
    const recorder = this.#recorder;
    const isSkippedCall = (call) => this.#isSkipped(call) || this.#making(call) !== undefined;
    const origins = this.#origins;
    const wrapped = function (...args) {
      const isSkipped = isSkippedCall({ module, name, args, callee: value });
      origins?.gave(args);
      const isDirect = recorder.isDirect;
      const crossing = isSkipped ? undefined : recorder.crossing([module, name], args);
      const isMadeAgain = isDirect || crossing !== undefined;
      const isTime = clockSince(args, recorder.memories?.[0]?.object.buffer);
      const stepIn = crossing === undefined ? recorder.stepOut() : undefined;
      let result;
      try {
        result = Reflect.apply(value, this, args);
      } catch (error) {
        stepIn?.();
        origins?.came(origins.thrown(error));
        crossing?.threw(error);
        record({ args, error }, isMadeAgain, isSkipped);
        throw error;
      }
      stepIn?.();
      // The engine takes anything that can be iterated over once.
      if (origins && recorder.isMultiple([module, name])) result = [...result];
      origins?.came(recorder.isMultiple([module, name]) ? result : [result]);
      const isClock = isTime(result, recorder.memories?.[0]?.object.buffer);
      crossing?.returned(result);
      record({ args, result, isClock }, isMadeAgain, isSkipped);
      return result;
    };
    this.#functions.set(`${module}.${name}`, value);
    return wrapped;
  }

  /** What a call does to objects that the module keeps, if it does nothing else: `changes` only to one that was made here. */
  #making(call) {
    const making = this.#makesObject(call);
    return making === 'changes' && !this.#objects.has(call.args[0]) ? undefined : making;
  }

  /** Calls that are not explained, also as clocks: names and how often. */
  get unexplained() {
    return this.#withoutClocks(this.#unexplained);
  }

  /** The same of calls that are recorded. */
  get recorded() {
    return this.#withoutClocks(this.#recorded);
  }

  #withoutClocks(calls) {
    return new Map([...calls].filter(([name]) => !this.#recorder.clocks.has(name)));
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
}
