/** What `capture` is asked for. */
export interface CaptureOptions<Value, Started = undefined> {
  /** The module that the library loads: its file or its bytes, by which it is recognized. */
  wasm: string | URL | Uint8Array | ArrayBuffer;
  /** Where the snapshot is written. */
  out?: string | URL;
  /**
   * Loads the library as every program does. The calls into the module that this makes are recorded: a program that makes the same
   * ones first gets the same answers at once, and what the module then called in JavaScript is called again. A program that does
   * something else gets an error.
   */
  start?: () => Started | Promise<Started>;
  /**
   * Brings the library to the state that programs should start with: what is done once, when the snapshot is made. Without
   * `start`, it loads the library, too. What it returns is data that a program needs to use that state, a pointer for example; it
   * becomes part of the snapshot. It is given what `start` returned.
   */
  run?: (started: Started) => Value | Promise<Value>;
  /**
   * Exports that do nothing in the snapshot, besides those that are known: `__wbindgen_start`, `__wasm_call_ctors` and
   * `_initialize`, if they were called.
   */
  noop?: string[];
  /** Exports that do nothing in the snapshot but return a number. */
  constant?: Record<string, number | bigint>;
  /**
   * What may be missing in the snapshot, as the refusal names it: imports whose effects in JavaScript nobody needs
   * (`env.log`), `handles`, or `timers`.
   */
  allow?: string[];
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
}

/** Makes a snapshot of the module that `start` or `run` loads. Rejects with a {@link Refusal} if something would be lost. */
export function capture<Value = undefined, Started = undefined>(options: CaptureOptions<Value, Started>): Promise<Captured<Value>>;

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
}

/** The functions of the script. */
export interface VerifyScript {
  /** The same as for `capture`. It is called with both. */
  start?(): unknown;
  /** The same as for `capture`. It is called with the original only. */
  run?(started: unknown): unknown;
  /** Uses the library, and returns what has to be the same. */
  calls(context: { preinitialized: boolean; value: unknown; started: unknown }): unknown;
}

export interface Verdict {
  equal: boolean;
  answers: { original: unknown; snapshot: unknown };
  /** From the start of the script to its last answer. */
  milliseconds: { original: number; snapshot: number };
}

/** Runs a program with the original and with the snapshot, in processes of their own, and compares the answers. */
export function verify(options: VerifyOptions): Promise<Verdict>;
