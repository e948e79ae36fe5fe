// Exports by which programs initialize the module. In the snapshot that is done, so those that JavaScript has called do nothing there. One that was
// only read, as by a library that takes all exports and initializes at the first use, still does what it does.

export class Initializers {
  #names;
  // The indices of their functions, by their names.
  #functions = new Map();
  #read = new Set();
  // By index, `returned` if a call has, or else `threw` or `entered` of the last one.
  #calls = new Map();
  // The indices of those that are imports themselves, which nobody hears of: JavaScript calls JavaScript.
  #imported = new Set();
  // Of these, those that were called while calls were recorded: what they do is done again then.
  #again = new Set();
  #isOver = false;

  /** `names` are those that programs call at their start. */
  constructor(names) {
    this.#names = names;
  }

  /** Begins: `functions` are those whose calls can be seen, each with its index; `imported` gives the index of an export that is an import. */
  attach(exports, functions, imported = () => undefined) {
    const indices = new Map(functions);
    for (const name of this.#names) {
      if (indices.has(exports[name])) this.#functions.set(name, indices.get(exports[name]));
      else if (imported(name) !== undefined) {
        this.#functions.set(name, imported(name));
        this.#imported.add(imported(name));
      }
    }
  }

  /**
   * The property by which the program sees an export. `awaited` is called when calls of it are to be seen from now on; `aside` calls one that is an
   * import, and says whether calls are recorded.
   */
  property(name, genuine, awaited, aside = (call) => (call(), false)) {
    if (!this.#functions.has(name)) return { value: genuine };
    const value = this.#imported.has(this.#functions.get(name)) ? this.#noting(this.#functions.get(name), genuine, aside) : genuine;
    const get = () => {
      if (!this.#read.has(name)) {
        this.#read.add(name);
        if (this.areAwaited) awaited();
      }
      return value;
    };
    return { get };
  }

  #noting(index, genuine, aside) {
    return (...args) => {
      let result;
      this.note(index, 'entered');
      try {
        if (aside(() => (result = genuine(...args)))) this.#again.add(index);
      } catch (error) {
        this.note(index, 'threw');
        throw error;
      }
      this.note(index, 'returned');
      return result;
    };
  }

  /** Whether one is done again when the record is played, as an import that JavaScript has called. */
  isAgain(index) {
    return this.#again.has(index);
  }

  /** Whether one was read and has still to be called: whoever does that, it has to be seen. */
  get areAwaited() {
    return this.#isAny((name) => this.#read.has(name));
  }

  /** Whether one has still to be called, which an import may read and call. */
  get areLeft() {
    return this.#isAny(() => true);
  }

  #isAny(condition) {
    if (this.#isOver) return false;
    // One that has failed may be called again.
    const isLeft = (index) => [undefined, 'threw'].includes(this.#calls.get(index));
    for (const [name, index] of this.#functions) if (isLeft(index) && condition(name)) return true;
    return false;
  }

  /** What becomes of a call by JavaScript of a function of the module: `entered`, and then `returned` or `threw`. */
  note(index, what) {
    if (this.#calls.get(index) !== 'returned') this.#calls.set(index, what);
  }

  /** What is read or called from now on is of no matter. */
  end() {
    this.#isOver = true;
  }

  /** Those that were read and called, and whether a call of each has returned. */
  get called() {
    const called = [...this.#functions].filter(([name, index]) => this.#read.has(name) && this.#calls.has(index));
    return called.map(([name, index]) => ({ name, index, hasReturned: this.#calls.get(index) === 'returned' }));
  }
}
