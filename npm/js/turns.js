// How long JavaScript goes on after a call into the module: in turns of the queue of microtasks, which are the same each time.

/** As many, or more: it has waited for something else, which takes its time. */
export const MANY = 100;

/** Does something in so many turns from now. What it throws, whoever calls next is told. */
export function inTurns(turns, body) {
  Promise.resolve().then(() => (turns > 1 ? inTurns(turns - 1, body) : body())).catch(() => {});
}

export class Turns {
  #now = { passed: 0 };

  /** Counts from here. */
  begin() {
    const now = (this.#now = { passed: 0 });
    const next = () => {
      // A queue that never ends would let nothing else run.
      if (this.#now !== now || now.passed === MANY) return;
      now.passed += 1;
      Promise.resolve().then(next);
    };
    Promise.resolve().then(next);
  }

  /** Ends, and gives how many have passed. */
  end() {
    const { passed } = this.#now;
    this.#now = { passed };
    return passed;
  }
}
