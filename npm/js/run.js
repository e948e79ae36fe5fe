// Run time: makes again what a snapshot cannot hold. It has no dependencies and works in any engine.

const value = ([kind, text]) =>
  kind === 'global' ? globalThis : kind === 'undefined' ? undefined : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;

/** What all copies of this file know: instances that one of them has made, with what `run` had returned, and who can play a record. */
function shared() {
  const key = Symbol.for('preinit');
  if (!WebAssembly[key]) Object.defineProperty(WebAssembly, key, { value: { instances: new WeakMap(), players: [] } });
  return WebAssembly[key];
}

/**
 * To be called before the library is loaded. Snapshots that were made by `capture` are recognized when they are instantiated.
 * What it returns has the `value` that the build's `run` returned, once its snapshot is instantiated, and `restore`, which takes
 * the hooks away. `play` is for `replay.js`.
 */
export function preinitialized(play) {
  const { Instance, instantiate, instantiateStreaming } = WebAssembly;
  const { customSections } = WebAssembly.Module;
  const { instances, players } = shared();
  const state = { value: undefined, instances: 0, restore };
  let isOver = false;
  if (play) players.push(play);

  /** What is there again in an instance. Each is made once, however often this was called. */
  function made(module, imports, instance) {
    if (isOver) return instance;
    if (!instances.has(instance)) makeAgain(module, imports, instance);
    if (instances.has(instance)) {
      state.value = instances.get(instance);
      state.instances += 1;
    }
    return instance;
  }

  function makeAgain(module, imports, instance) {
    const section = (name) => customSections(module, name)[0];
    const contents = section('preinit.js');
    if (!contents) return;
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
    else if (players.length === 0) throw new Error('preinit: this snapshot needs `preinitialized` of preinit/js/replay');
    else {
      const bytes = new Uint8Array(section('preinit.js.bytes') ?? 0);
      players[0]({ record, listening, bytes, helper: section('preinit.js.helper'), imports, exports: instance.exports, done: restoreTables });
    }
    instances.set(instance, returned);
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
  const hooks = { Instance: WebAssembly.Instance, instantiate: WebAssembly.instantiate, instantiateStreaming: WebAssembly.instantiateStreaming };
  function restore() {
    if (isOver) return;
    isOver = true;
    if (play) players.splice(players.indexOf(play), 1);
    // Others may have replaced these since.
    for (const [name, before] of Object.entries({ Instance, instantiate, instantiateStreaming })) {
      if (before && WebAssembly[name] === hooks[name]) WebAssembly[name] = before;
    }
  }
  return state;
}
