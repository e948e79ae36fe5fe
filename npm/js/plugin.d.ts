import type { RunOptions, ScriptOptions, StartedOptions } from './index.js';

/** What the plugin may be asked for, besides what `capture` is. */
export interface PluginOptions {
  /** The folder for the snapshot; without it, in the bundler's cache or in `node_modules/.cache`. */
  cache?: string | URL;
  /** A refusal fails the build. Otherwise it is a warning, and the module is left as it is. */
  isStrict?: boolean;
  /** Does not say what was measured, where there is a `script`. */
  isQuiet?: boolean;
}

type Options = RunOptions<unknown> | StartedOptions<unknown, any> | Omit<ScriptOptions, 'out'>;

/** A plugin of Rollup, as far as it is one of Vite, too. */
export interface PreinitPlugin {
  name: 'preinit';
  enforce: 'pre';
  [hook: string]: any;
}

/**
 * A plugin for Vite and Rollup. When a bundle is built, it makes the snapshot of `wasm` as `capture` does, and bundles it instead of
 * the module. What programs must call first (`preinitialized`) is called; the module `virtual:preinit` has what it returns.
 *
 * With a `script`, original and snapshot are measured, and the module is left as it is where there is nothing to gain.
 */
export function preinit(options: Options & PluginOptions): PreinitPlugin;
export default preinit;
