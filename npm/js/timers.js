// Timers that are pending when a snapshot is made: what they do would be done at another time, or never.

const KINDS = [['setTimeout', 'clearTimeout'], ['setInterval', 'clearInterval'], ['setImmediate', 'clearImmediate']];
const ABORT = 'AbortSignal.timeout';
const PORT = 'MessagePort';
// What Node says that it waits for, whoever has set it.
const OTHERS = {
  Timeout: ['a timer that the global functions have not set was pending', 'what it does', 'wait for it'],
  Immediate: ['an immediate that the global function has not set was pending', 'what it does', 'wait for it'],
  [PORT]: ['a message port was open', 'what comes by it', 'close it and wait for its event `close`'],
};

/** How many of each there are. Engines other than Node do not say. */
function waitedFor() {
  let all = [];
  try {
    all = globalThis.process?.getActiveResourcesInfo?.() ?? [];
  } catch {
    // It is there and does nothing.
  }
  return new Map(Object.keys(OTHERS).map((kind) => [kind, all.filter((one) => one === kind).length]));
}

// Node's own `fetch` leaves timers for its connections behind.
const OF_FETCH = 'node:internal/deps/undici/';

/** Whether this is called by Node's `fetch`. `callee` is the function that was called. */
function isOfFetch(callee) {
  if (typeof Error.captureStackTrace !== 'function') return false;
  const { stackTraceLimit } = Error;
  const place = {};
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(place, callee);
  Error.stackTraceLimit = stackTraceLimit;
  return String(place.stack).includes(OF_FETCH);
}

class Timers {
  #pending = new Map();
  #ofFetch = new WeakSet();
  #found = new Map();
  #signals = [];
  #saved = [];
  #before = waitedFor();
  #others = new Map();
  #isOn = true;

  constructor() {
    for (const kind of KINDS) this.#watch(...kind);
    const { timeout } = globalThis.AbortSignal ?? {};
    if (typeof timeout !== 'function') return;
    this.#replace(AbortSignal, 'timeout', (...args) => {
      const signal = Reflect.apply(timeout, AbortSignal, args);
      if (this.#isOn) this.#signals.push(signal);
      return signal;
    });
  }

  #replace(holder, name, value) {
    this.#saved.push([holder, name, Object.getOwnPropertyDescriptor(holder, name)]);
    // The rest of it, such as what `util.promisify` looks for, stays.
    holder[name] = Object.defineProperties(value, Object.getOwnPropertyDescriptors(holder[name]));
  }

  #watch(set, clear) {
    const [plainSet, plainClear] = [globalThis[set], globalThis[clear]];
    if (typeof plainSet !== 'function' || typeof plainClear !== 'function') return;
    const pending = this.#pending;
    const watched = (callback, ...rest) => {
      // Whoever keeps this function has it for longer than it is needed.
      if (typeof callback !== 'function' || !this.#isOn) return plainSet(callback, ...rest);
      const timer = plainSet((...args) => {
        if (set !== 'setInterval') pending.delete(timer);
        return callback(...args);
      }, ...rest);
      pending.set(timer, set);
      if (isOfFetch(watched)) this.#ofFetch.add(timer);
      return timer;
    };
    this.#replace(globalThis, set, watched);
    this.#replace(globalThis, clear, (timer) => {
      // Node takes numbers, too.
      for (const one of pending.keys()) if (one === timer || (typeof timer === 'number' && Number(one) === timer)) pending.delete(one);
      plainClear(timer);
    });
  }

  /** Whether nothing of the program is pending there. Node's timers say that they were cleared, by whatever way. */
  #isOver(timer) {
    return Object(timer) === timer && (timer._destroyed === true || this.#ofFetch.has(timer));
  }

  /** Those that are pending now would be missing. Ports that were opened are open again where the `start` that has opened them runs again. */
  end({ isStart = false } = {}) {
    for (const [timer, set] of this.#pending) if (!this.#isOver(timer)) this.#found.set(timer, set);
    for (const signal of this.#signals) if (!signal.aborted) this.#found.set(signal, ABORT);
    for (const [kind, count] of waitedFor()) {
      if (kind === PORT && isStart) {
        this.#before.set(kind, count);
        continue;
      }
      const isKnown = ([timer, set]) => (set === 'setImmediate') === (kind === 'Immediate') && timer.hasRef?.();
      const known = kind === PORT ? 0 : [...this.#pending].filter(isKnown).length;
      const more = count - known - this.#before.get(kind);
      this.#others.set(kind, Math.max(more, this.#others.get(kind) ?? 0));
    }
  }

  /** No more are watched. */
  restore() {
    this.#isOn = false;
    for (const [holder, name, descriptor] of this.#saved) Object.defineProperty(holder, name, descriptor);
  }

  /** Why there can be no snapshot. Where others are at work in the process, such as a bundler, theirs are not told from the program's. */
  reasons({ hasCompany }) {
    const count = (name) => [...this.#found.values()].filter((set) => set === name).length;
    const own = [...KINDS.map(([set]) => set), ABORT].map((set) => [`a timer of ${set} was pending`, 'what it does', 'wait for it', count(set)]);
    const others = hasCompany ? [] : [...this.#others].map(([kind, count]) => [...OTHERS[kind], count]);
    return [...own, ...others].filter(([, , , count]) => count > 0).map(
      ([what, missing, remedy, count]) => `${what} (${count} of them), and ${missing} would be missing; ${remedy}, or use allow: ['timers'] if it is not needed`,
    );
  }
}

/** Watches the timers that JavaScript sets from now on. */
export const watchTimers = () => new Timers();
