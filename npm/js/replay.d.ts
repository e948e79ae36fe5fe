export type { Preinitialized, PreinitializedOptions } from './run.js';
import type { Preinitialized, PreinitializedOptions } from './run.js';

/**
 * As `preinitialized` of `preinit/js/run`, also for snapshots whose first calls are answered from a record (`runtime` of what
 * `capture` returns is `'replay'`). A program that does not make these calls gets an error that says which was expected.
 */
export function preinitialized<Value = unknown>(options?: PreinitializedOptions): Preinitialized<Value>;
