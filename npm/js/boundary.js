// The calls from a module into JavaScript while its state is made. What such a call does on the JavaScript side is not in a
// snapshot; so each must be explained, or allowed by whoever makes the snapshot.
import { Clocks, clockSince } from './clocks.js';
import { doubtOfClock } from './effects.js';
import { isOfTable } from './entries.js';

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
  #isLoose;
  #makesObject;
  #callsBack;
  #doubt;
  // Why it is not certain that imports whose calls leave nothing behind do nothing else.
  #doubts = new Map();
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
   * made again, and `isLoose` whether it writes other things each time; `makesObject` of one whether it only `makes` an object, or `changes` one; `callsBack` of one
   * whether it must call a function of the table; `doubt` what is not certain of one. `origins`, if there are such, are told what goes
   * out and comes in.
   */
  constructor(recorder, { explain, isSkipped, isLoose, makesObject, callsBack, doubt, origins }) {
    this.#recorder = recorder;
    this.#origins = origins;
    this.#makesObject = makesObject;
    this.#explain = explain;
    this.#callsBack = callsBack;
    this.#doubt = doubt;
    this.#isSkipped = isSkipped;
    this.#isLoose = isLoose;
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
      const making = call.error === undefined ? this.#making({ module, name, callee: value, ...call }) : undefined;
      if (making === 'changes' || (making === 'makes' && Object(call.result) === call.result)) {
        // Where a function returns something and the module has no use for it, it is not there.
        const result = making === 'makes' ? call.result : undefined;
        this.made.push({ module, name, callee: value, args: call.args, result });
        if (result !== undefined) this.#objects.add(result);
        return;
      }
      if (!isMadeAgain && !isSkipped) this.later += 1;
      this.#recorder.clocks.add(key, call.isClock);
      const known = { module, name, callee: value, memory: this.#recorder.memories?.[0]?.object, ...call };
      if (this.#explain(known)) return this.#doubted(key, this.#doubt(known));
      if (call.isClock) this.#doubted(key, doubtOfClock(value, { hasArguments: call.args.length > 0 }));
      const calls = isMadeAgain ? this.#recorded : this.#unexplained;
      calls.set(key, (calls.get(key) ?? 0) + 1);
    };
    const recorder = this.#recorder;
    const isSkippedCall = (call) => this.#isSkipped(call) || this.#making(call) !== undefined;
    const origins = this.#origins;
    const calledBack = (entry, args) => entry.args !== undefined && isOfTable(entry, args, recorder);
    // When all is read, nobody listens.
    const callsBack = (call) => this.#isOn && this.#callsBack(call);
    const isLoose = (args) => this.#isLoose({ module, name, args, callee: value });
    const wrapped = function (...args) {
      const isSkipped = isSkippedCall({ module, name, args, callee: value });
      origins?.gave(args);
      const isMultiple = recorder.isMultiple([module, name]);
      const isDirect = recorder.isDirect;
      const crossing = isSkipped ? undefined : recorder.crossing([module, name], args);
      const isMadeAgain = isDirect || crossing !== undefined;
      const isTime = clockSince(args, recorder.memories?.[0]?.object.buffer);
      recorder.entries.entered(args);
      const mayCallBack = callsBack({ module, name, args, callee: value });
      const stepIn = crossing === undefined ? recorder.stepOut(mayCallBack || undefined) : undefined;
      const entry = mayCallBack ? recorder.entries.expect() : () => ({});
      let result;
      try {
        result = Reflect.apply(value, this, args);
        // The engine takes anything that can be iterated over once.
        if (isMultiple) result = [...result];
      } catch (error) {
        stepIn?.();
        origins?.came(origins.thrown(error));
        crossing?.threw(error);
        record({ args, error, hasCalledBack: calledBack(entry(), args) }, isMadeAgain, isSkipped);
        throw error;
      }
      stepIn?.();
      const hasCalledBack = calledBack(entry(), args);
      origins?.came(isMultiple ? result : [result]);
      const isClock = isTime(result, recorder.memories?.[0]?.object.buffer);
      crossing?.returned(result, isLoose(args));
      record({ args, result, isClock, hasCalledBack }, isMadeAgain, isSkipped);
      return result;
    };
    this.#functions.set(`${module}.${name}`, value);
    return wrapped;
  }

  #doubted(key, doubt) {
    if (doubt !== undefined && !this.#doubts.has(key)) this.#doubts.set(key, doubt);
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

  /** What is believed of imports and not certain. */
  warnings(allowed) {
    const { unexplained, recorded } = this;
    const isLost = (name) => !allowed.includes(name) && !unexplained.has(name) && !recorded.has(name);
    return [...this.#doubts].filter(([name]) => isLost(name)).map(
      ([name, doubt]) =>
        `the import ${name} was called, and is taken for one that only reads what the machine says, which is not called at run time; but ${doubt}: ` +
        `use allow: ['${name}'] if it does nothing else`,
    );
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
