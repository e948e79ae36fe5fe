// Run time: makes again what a snapshot cannot hold. It has no dependencies and works in any engine.

const value = ([kind, text]) =>
  kind === 'global' ? globalThis : kind === 'undefined' ? undefined : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;

/**
 * To be called before the library is loaded. Snapshots that were made by `capture` are recognized when they are instantiated.
 * What it returns has the `value` that the build's `run` returned, once its snapshot is instantiated, and `restore`, which takes
 * the hooks away. `play` is for `replay.js`.
 */
export function preinitialized(play) {
  const { Instance, instantiate, instantiateStreaming } = WebAssembly;
  const { customSections } = WebAssembly.Module;
  const state = { value: undefined, instances: 0, restore };

  function made(module, imports, instance) {
    const section = (name) => customSections(module, name)[0];
    const contents = section('preinit.js');
    if (!contents) return instance;
    const { tables, value: returned, record, listening } = JSON.parse(new TextDecoder().decode(contents));
    const restoreTables = (make) => {
      for (const { export: name, import: from, runs, length } of tables) {
        const table = name === undefined ? imports[from[0]][from[1]] : instance.exports[name];
        if (length > table.length) table.grow(length - table.length);
        for (const [first, count, written] of runs) {
          for (let slot = first; slot < first + count; slot++) table.set(slot, make(written));
        }
      }
    };
    if (!record) restoreTables(value);
    else if (!play) throw new Error('preinit: this snapshot needs `preinitialized` of preinit/js/replay');
    else {
      const bytes = new Uint8Array(section('preinit.js.bytes') ?? 0);
      play({ record, listening, bytes, helper: section('preinit.js.helper'), imports, exports: instance.exports, done: restoreTables });
    }
    state.value = returned;
    state.instances += 1;
    return instance;
  }

  WebAssembly.Instance = new Proxy(Instance, {
    construct: (target, [module, imports]) => made(module, imports, new target(module, imports)),
  });
  WebAssembly.instantiate = async (source, imports, ...rest) => {
    const result = await instantiate(source, imports, ...rest);
    made(result.module ?? source, imports, result.instance ?? result);
    return result;
  };
  if (instantiateStreaming) {
    WebAssembly.instantiateStreaming = async (source, imports, ...rest) => {
      const result = await instantiateStreaming(source, imports, ...rest);
      made(result.module, imports, result.instance);
      return result;
    };
  }
  function restore() {
    Object.assign(WebAssembly, { Instance, instantiate, instantiateStreaming });
  }
  return state;
}
