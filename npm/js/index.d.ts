/** What every `capture` may be asked for. */
export interface CaptureOptions {
  /** The module that the library loads: its file or its bytes, by which it is recognized. A snapshot with state in JavaScript is refused. */
  wasm: string | URL | Uint8Array | ArrayBuffer;
  /** Where the snapshot is written. */
  out?: string | URL;
  /**
   * Exports that do nothing in the snapshot, besides those that are known: `__wbindgen_start`, `__wasm_call_ctors` and
   * `_initialize`, if they were called.
   */
  noop?: string[];
  /** Exports that do nothing in the snapshot but return a number. */
  constant?: Record<string, number | bigint>;
  /**
   * What may be missing in the snapshot, as the refusal names it: imports whose effects in JavaScript nobody needs
   * (`env.log`), `handles`, or `timers`; `objects`, copies of those of other modules; `modules`, what other modules have that use the same
   * memory, or may use an imported one; `files`, what JavaScript itself has done to Emscripten's files; and `pending`, what may be done twice.
   */
  allow?: string[];
  /**
   * Imports whose calls outside of `start` are made again at run time, with the memory as it was: such as open and write files.
   * `files` stands for all of Emscripten's that work on files.
   */
  again?: string[];
  /**
   * Zeroes the memory that is free, by the module's own allocator, if that makes the snapshot smaller. It is done in an instance of the
   * snapshot of its own. Rejects if there is no allocator that is known by its name, and where it is not certain to be safe.
   */
  scrub?: boolean;
}

/** A program whose first calls are recorded. */
export interface StartedOptions<Value, Started> extends CaptureOptions {
  /**
   * Loads the library as every program does. The calls into the module that this makes are recorded: a program that makes the same
   * ones first gets the same answers at once, and what the module then called in JavaScript is called again. A program that does
   * something else gets an error.
   */
  start: () => Started | Promise<Started>;
  /**
   * Brings the library to the state that programs should start with: what is done once, when the snapshot is made. What it returns
   * is data that a program needs to use that state, a pointer for example; it becomes part of the snapshot. JSON must have all of
   * it: objects of classes, one object in two places, properties with symbols as keys and the like are refused with a `TypeError`.
   */
  run?: (started: Started) => Value | Promise<Value>;
}

/** A program of which nothing is recorded but constructors. */
export interface RunOptions<Value> extends CaptureOptions {
  start?: undefined;
  /** As in {@link StartedOptions}; it loads the library, too. */
  run: () => Value | Promise<Value>;
}

/** A program that is a script of its own. */
export interface ScriptOptions extends CaptureOptions {
  /**
   * A script with `start`, `run` and `calls`, as for `verify`. Original and snapshot are started in processes of their own at the end;
   * what takes how long is printed, and a snapshot with other answers is not written.
   */
  script: string | URL;
  wasm: string | URL;
  out: string | URL;
  /** Prints nothing. */
  quiet?: boolean;
}

/** A snapshot. */
export interface Captured<Value> {
  wasm: Uint8Array;
  /** What `run` returned. */
  value: Value;
  /** The exports that do nothing in it. */
  noop: string[];
  /**
   * What programs must call before they load the library: `preinitialized` of `preinit/js/run` or of `preinit/js/replay`, which does
   * what the other does, too.
   */
  runtime: 'none' | 'run' | 'replay';
  /** Whether `runtime` is one of the two. */
  needsRuntime: boolean;
  warnings: string[];
  /** What `scrub` has gained. */
  scrubbed?: Scrubbed;
  /** What the comparison said, if there was a `script`. */
  verdict?: Verdict;
}

/** Snapshots before and after free memory was zeroed. They are the same if that gains nothing. */
export interface Scrubbed {
  /** The function that allocates. */
  allocator: string;
  /** Bytes that the allocator gave away. */
  free: number;
  /** Bytes that were free and are zero now. */
  zeroed: number;
  /** How many bytes fewer can be allocated than before: a few for each block. */
  lost: number;
  /** Words that have changed outside of what is free: the allocator's own variables. */
  changedWords: number;
  before: Sizes;
  after: Sizes;
}

/** Sizes of a snapshot, as it is and deflated. */
export interface Sizes {
  bytes: number;
  deflated: number;
}

/** Makes a snapshot of the module that a program loads. Rejects with a {@link Refusal} if something would be lost. */
export function capture<Value = undefined, Started = undefined>(options: StartedOptions<Value, Started>): Promise<Captured<Value>>;
export function capture<Value = undefined>(options: RunOptions<Value>): Promise<Captured<Value>>;
export function capture(options: ScriptOptions): Promise<Captured<unknown>>;

/**
 * The bytes of the modules that a program compiles, the largest first: also of those that are inside of its JavaScript, for which there is no
 * file yet.
 */
export function modulesOf(run: () => unknown): Promise<Uint8Array[]>;

/** Why there is no snapshot. */
export class Refusal extends Error {
  constructor(reasons: string[]);
  /** One line each. */
  reasons: string[];
}

/** What `verify` is asked for. */
export interface VerifyOptions {
  /** The module that the snapshot was made from. */
  original: string | URL;
  snapshot: string | URL;
  /** A script that exports the functions of {@link VerifyScript}. It loads the library as it is; the module is exchanged. */
  script: string | URL;
  /** How often each side is run. The answers of all runs must be the same; of the times, those of the fastest run count. */
  times?: number;
}

/** The functions of the script. */
export interface VerifyScript {
  /** The same as for `capture`. It is called with both. */
  start?(): unknown;
  /** The same as for `capture`. It is called with the original only. */
  run?(started: unknown): unknown;
  /**
   * Uses the library, and returns what has to be the same: data. Objects of classes, functions, symbols, and errors with properties of their own
   * are an error, since not all of them would be compared; so is nothing.
   */
  calls(context: { preinitialized: boolean; value: unknown; started: unknown }): unknown;
}

export interface Verdict {
  /** Whether all runs of both sides answered the same. */
  equal: boolean;
  /** What a run of each side answered; if not all are the same, two that are not. */
  answers: { original: unknown; snapshot: unknown };
  /** How many pages of 4 KiB of the memories that JavaScript can see differ in the end. What was freed may. */
  differentPages: number;
  /** From the start of the script to its last answer. */
  milliseconds: { original: number; snapshot: number };
  /** What of it took how long; `read` comes before. */
  phases: { original: Phases; snapshot: Phases };
  /** Whether the snapshot is faster, reading the file included: in its best run and in the one in the middle. */
  gains: boolean;
}

/** In milliseconds. Compiling and instantiating are not counted in the others. */
export interface Phases {
  read: number;
  compile: number;
  instantiate: number;
  import: number;
  start: number;
  run: number;
  calls: number;
}

/** What was measured, as a table for people. */
export function table(verdict: Verdict): string;

/** Runs a program with the original and with the snapshot, in processes of their own, and compares the answers. */
export function verify(options: VerifyOptions): Promise<Verdict>;
