// What a program does to have an instance. The engine may refuse, and the program tries again, before or after there is one: what is known of the
// instance that there is stays as it is, and what others called is counted, too.
import { hasSection } from './fixups.js';

const START = 8;

function sum(maps) {
  const all = new Map();
  for (const map of maps) for (const [name, count] of map) all.set(name, (all.get(name) ?? 0) + count);
  return all;
}

export class Attempts {
  // By what is handed to the engine, which is another object each time.
  #all = new Map();
  #mayRun;

  /** `original` is the module. */
  constructor(original) {
    this.#mayRun = hasSection(original, [START]);
  }

  /** One begins. `attempt` is what is known of it: its `imports`, which the engine is given, and its `boundary`. */
  begin(attempt) {
    this.#all.set(attempt.imports, attempt);
  }

  /** Gives what is known of the one that has become this instance. */
  succeeded(imports, instance) {
    return Object.assign(this.#all.get(imports), { instance });
  }

  failed(imports, error) {
    this.#all.get(imports).error = Object(error) === error ? error : new Error(String(error));
  }

  #each(part) {
    return [...this.#all.values()].map(({ boundary }) => boundary[part]);
  }

  /** Calls of imports that are not explained: names and how often. */
  get unexplained() {
    return sum(this.#each('unexplained'));
  }

  /** The same of calls that are recorded. */
  get recorded() {
    return sum(this.#each('recorded'));
  }

  /** The same of all. */
  get called() {
    return sum([this.unexplained, this.recorded]);
  }

  /** How many calls there were that are not recorded. */
  get later() {
    return this.#each('later').reduce((left, right) => left + right, 0);
  }

  /** How many instances there are or will be. */
  get count() {
    return [...this.#all.values()].filter(({ error }) => error === undefined).length;
  }

  /** Nothing is counted any more. */
  end() {
    for (const { boundary } of this.#all.values()) boundary.end();
  }

  /** Why a snapshot, which has its state without being run, would not do what one of them did. */
  reasons() {
    // So an engine says that the imports do not fit or that there is no memory. A start function may throw all but the first.
    const isEarly = ({ error }) => error instanceof WebAssembly.LinkError || (!this.#mayRun && (error instanceof TypeError || error instanceof RangeError));
    return [...this.#all.values()].filter((one) => one.error && !isEarly(one)).map(
      ({ error }) => `an instantiation of the module failed (${error.message}), perhaps when it had begun to run, and one of the snapshot would not; let it be instantiated once`,
    );
  }

  /** What imports are believed and not certain to do. */
  warnings(allowed) {
    return [...new Set([...this.#all.values()].flatMap(({ boundary }) => boundary.warnings(allowed)))];
  }
}
