// Where objects of the garbage-collected heap come from. One that another module has made looks like one of this module, but a snapshot would
// have a copy of it. So what comes in from JavaScript must have gone out before.

import { slotsOf } from './visible.js';

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

export class Origins {
  #known = new WeakSet();
  #foreign = new WeakSet();
  // What JavaScript sees of the module without a call, and what was there when it was last looked.
  #places = [];
  #tags = [];

  /** The module is instantiated: what it holds now is its own, unless it came in. */
  attach(tables, globals, tags) {
    this.#places = [...tables.map(({ object }) => () => slotsOf(object)), ...globals.map(({ object }) => () => [object.value])];
    this.#tags.push(...tags);
    this.gave([]);
  }

  /** The module has given these to JavaScript, or what is in its tables and globals. */
  gave(values) {
    for (const value of [...values, ...this.#visible()]) {
      if (isObject(value) && !this.#foreign.has(value)) this.#known.add(value);
    }
  }

  /** JavaScript has given these to the module, or put them into its tables and globals. */
  came(values) {
    for (const value of [...values, ...this.#visible()]) {
      if (isObject(value) && !this.#known.has(value)) this.#foreign.add(value);
    }
  }

  /** An import is about to be handed over. */
  imported(value) {
    if (value instanceof WebAssembly.Tag) this.#tags.push(value);
    try {
      if (value instanceof WebAssembly.Table) this.came(slotsOf(value));
      else this.came([value instanceof WebAssembly.Global ? value.value : value]);
    } catch {
      // JavaScript does not see what it holds.
    }
  }

  /** What is in an exception that went out or comes in. */
  thrown(error) {
    const values = [error];
    if (!(error instanceof WebAssembly.Exception)) return values;
    for (const tag of this.#tags) {
      if (!error.is(tag)) continue;
      try {
        for (let at = 0; ; at++) values.push(error.getArg(tag, at));
      } catch {
        // There are no more, or this one is nothing that JavaScript sees.
      }
    }
    return values;
  }

  /** Whether another module has made an object. */
  isForeign(value) {
    return this.#foreign.has(value);
  }

  /** Whether JavaScript has had an object. */
  isKnown(value) {
    return this.#known.has(value);
  }

  #visible() {
    return this.#places.flatMap((values) => values());
  }
}
