// For TypeScript, where the plugin is used: /// <reference types="preinit/js/client" />

declare module 'virtual:preinit' {
  /** What the snapshot's `preinitialized` returned. Without a snapshot, `value` is undefined and `instances` is 0. */
  const state: import('./run.js').Preinitialized<any>;
  export default state;
}
