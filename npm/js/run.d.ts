/** What a program can ask for once it is preinitialized. */
export interface Preinitialized<Value = unknown> {
  /** What `run` returned when the snapshot was made, of several that of the last one; undefined until the snapshot is instantiated. */
  readonly value: Value;
  /** How many snapshots were instantiated. */
  readonly instances: number;
  /** Takes the hooks of `WebAssembly` away. */
  restore(): void;
}

/** What `preinitialized` may be told. */
export interface PreinitializedOptions {
  /**
   * Says of a module that has state in JavaScript whether it is one of the program's own snapshots. Without it, all are: a section then
   * may still name only what its module declares.
   */
  accepts?: (module: WebAssembly.Module) => boolean;
}

/** To be called before the library is loaded. Once is enough; where it is called more than once, each instance is made once. */
export function preinitialized<Value = unknown>(options?: PreinitializedOptions): Preinitialized<Value>;
