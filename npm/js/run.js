// Run time: makes again what a snapshot cannot hold. It has no dependencies and works in any engine.

const value = ([kind, text]) =>
  kind === 'undefined' ? undefined : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;

/**
 * To be called before the library is loaded. Snapshots that were made by `capture` are recognized when they are instantiated.
 * What it returns has the `value` that the build's `run` returned, once its snapshot is instantiated, and `restore`, which takes
 * the hooks away.
 */
export function preinitialized() {
  const { Instance, instantiate, instantiateStreaming } = WebAssembly;
  const { customSections } = WebAssembly.Module;
  const state = { value: undefined, instances: 0, restore };

  function made(module, imports, instance) {
    const [section] = customSections(module, 'preinit.js');
    if (!section) return instance;
    const { tables, value: returned } = JSON.parse(new TextDecoder().decode(section));
    for (const { export: name, import: from, runs } of tables) {
      const table = name === undefined ? imports[from[0]][from[1]] : instance.exports[name];
      for (const [first, count, written] of runs) {
        for (let slot = first; slot < first + count; slot++) table.set(slot, value(written));
      }
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
