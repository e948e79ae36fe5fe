/** What `capture` is asked for. */
export interface CaptureOptions<Value> {
  /** The module that the library loads: its file or its bytes, by which it is recognized. */
  wasm: string | URL | Uint8Array | ArrayBuffer;
  /** Where the snapshot is written. */
  out?: string | URL;
  /**
   * Loads the library and brings it to the state that programs should start with. What it returns is data that a program
   * needs to use that state, a pointer for example; it becomes part of the snapshot.
   */
  run: () => Value | Promise<Value>;
  /**
   * Exports that do nothing in the snapshot, besides those that are known: `__wbindgen_start`, `__wasm_call_ctors` and
   * `_initialize`, if they were called.
   */
  noop?: string[];
  /** Exports that do nothing in the snapshot but return a number. */
  constant?: Record<string, number | bigint>;
  /**
   * What may be missing in the snapshot, as the refusal names it: imports whose effects in JavaScript nobody needs
   * (`env.log`), or `handles`.
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
  /** Whether programs must call `preinitialized` of `preinit/js/run` before they load the library. */
  needsRuntime: boolean;
  warnings: string[];
}

/** Makes a snapshot of the module that `run` loads. Rejects with a {@link Refusal} if something would be lost. */
export function capture<Value = undefined>(options: CaptureOptions<Value>): Promise<Captured<Value>>;

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
  /** The same as for `capture`. It is called with the original only. */
  run(): unknown;
  /** Uses the library, and returns what has to be the same. */
  calls(context: { preinitialized: boolean; value: unknown }): unknown;
}

export interface Verdict {
  equal: boolean;
  answers: { original: unknown; snapshot: unknown };
  /** From the start of the script to its last answer. */
  milliseconds: { original: number; snapshot: number };
}

/** Runs a program with the original and with the snapshot, in processes of their own, and compares the answers. */
export function verify(options: VerifyOptions): Promise<Verdict>;
