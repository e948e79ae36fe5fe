// Timers that are pending when a snapshot is made: what they do would be done at another time, or never.

const KINDS = [['setTimeout', 'clearTimeout'], ['setInterval', 'clearInterval'], ['setImmediate', 'clearImmediate']];

/** Watches the timers that JavaScript sets from now on. */
export function watchTimers() {
  const pending = new Map();
  const found = new Map();
  const saved = [];
  const replace = (name, value) => {
    saved.push([name, Object.getOwnPropertyDescriptor(globalThis, name)]);
    // The rest of it, such as what `util.promisify` looks for, stays.
    globalThis[name] = Object.defineProperties(value, Object.getOwnPropertyDescriptors(globalThis[name]));
  };
  for (const [set, clear] of KINDS) {
    const [plainSet, plainClear] = [globalThis[set], globalThis[clear]];
    if (typeof plainSet !== 'function' || typeof plainClear !== 'function') continue;
    replace(set, (callback, ...rest) => {
      if (typeof callback !== 'function') return plainSet(callback, ...rest);
      const timer = plainSet((...args) => {
        if (set !== 'setInterval') pending.delete(timer);
        return callback(...args);
      }, ...rest);
      pending.set(timer, set);
      return timer;
    });
    replace(clear, (timer) => {
      // Node takes numbers, too.
      for (const one of pending.keys()) if (one === timer || (typeof timer === 'number' && Number(one) === timer)) pending.delete(one);
      plainClear(timer);
    });
  }
  return {
    /** Those that are pending now would be missing. */
    end() {
      for (const [timer, set] of pending) found.set(timer, set);
    },
    /** No more are watched. */
    restore() {
      for (const [name, descriptor] of saved) Object.defineProperty(globalThis, name, descriptor);
    },
    reasons() {
      const count = (name) => [...found.values()].filter((set) => set === name).length;
      return KINDS.map(([set]) => set).filter((set) => count(set) > 0).map(
        (set) => `a timer of ${set} was pending (${count(set)} of them), and what it does would be missing; wait for it, ` +
          "or use allow: ['timers'] if it is not needed",
      );
    },
  };
}
