// What is asked of an adapter, which knows the JavaScript around modules of one tool; and the answers where it has nothing to say.

export class Adapter {
  /** Whether a call of an import leaves nothing behind. */
  explain(call) {
    return this.isTransparent(call);
  }

  /** Whether a call is one that needs not be made again. */
  isTransparent() {
    return false;
  }

  /** Whether that is so in `start`, too, and it need not be asked whether it would answer the same. */
  isUnasked(call) {
    return this.isTransparent(call);
  }

  /** Whether what it writes is another thing each time, and only what it returns is the same. */
  isLoose() {
    return false;
  }

  /**
   * Whether a call is one that the snapshot makes again by itself where the object is still there: it `makes` one, and nothing else, or
   * `changes` one, and returns nothing.
   */
  makesObject() {
    return undefined;
  }

  /** Whether a call is one that leaves nothing behind only if it calls a function of the module's table; then it is asked whether it does. */
  callsBack() {
    return false;
  }

  /** What is not certain of a call that leaves nothing behind. */
  doubt() {
    return undefined;
  }

  /** Whether an import is one that works on files. */
  isFile() {
    return false;
  }

  /** What is left of calls that were explained. */
  left() {
    return [];
  }

  /** The program has started; that has returned this. */
  started() {}

  /** What JavaScript has done to files since. */
  leftFiles() {
    return [];
  }

  /** What is not certain of that. */
  warnings() {
    return [];
  }

  /** How many values of JavaScript the module holds by number; null if that is not known. */
  liveHandles() {
    return 0;
  }

  /** What is recorded has ended. */
  mark() {}

  /** A function of the module has returned this. */
  returned() {}

  /** Whether the module holds what it held at the end of the record; null if that is not known. */
  areHandlesSame() {
    return true;
  }

  /** Exports that every program calls at its start. */
  get initializers() {
    return [];
  }
}
