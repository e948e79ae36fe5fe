// Run time: makes again what a snapshot cannot hold. It needs `section.js` only and works in any engine. Every program has it, so it is
// small: what only records need is in `replay.js`.
import { explained, need, sectionOf } from './section.js';

// A browser may have none.
const wasm = globalThis.WebAssembly;

const isCount = (number) => number >>> 0 === number;

/** The value that a section shows, as `written` of `fixups.js` has it. */
function value([kind, text]) {
  const made = kind === 'global' ? globalThis : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;
  need(made === text ? kind !== 'object' && typeof text === kind : kind === 'global' || text === '-0' || text === String(made), 'a value');
  return made;
}

/**
 * Finds what a module has by name: exports of its own, and imports that it declares and that the program's objects have themselves.
 * What these inherit, such as their constructors, is nothing that a section may name.
 */
const finder = (module, imports, exports) => {
  // Engines make these lists anew each time, which takes milliseconds where thousands of names are asked for.
  const [exported, imported] = [wasm.Module.exports(module), wasm.Module.imports(module)];
  return (where, kind) => {
    const [from, name] = where.import ?? [undefined, where.export];
    const isExport = from === undefined;
    const shown = `${kind} ${JSON.stringify(where)}`;
    need((isExport ? exported : imported).some((one) => one.module === from && one.name === name && one.kind === kind), `it has no ${shown}`);
    if (isExport) return exports[name];
    need(Object.hasOwn(imports, from) && Object.hasOwn(imports[from], name), `${shown} is no property of the imports themselves`);
    return imports[from][name];
  };
};

/** What the section says, and `restore`, which puts values into tables. Without a record, they are there. */
function parsed(module, find) {
  const contents = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(sectionOf(module, 'preinit.js')));
  const tables = contents.tables.map(({ runs, length = 0, ...where }) => {
    const table = find(where, 'table');
    need(isCount(length), 'a length');
    for (const [first, count] of runs) need(isCount(first) && isCount(count) && first + count <= Math.max(length, Number(table.length)), 'a slot');
    return [table, runs, length];
  });
  const restore = (make) => {
    for (const [table, runs, length] of tables) {
      // Number or BigInt, as the table has it.
      const place = table.length.constructor;
      if (length > table.length) table.grow(place(length) - table.length);
      for (const [first, count, shown] of runs) for (let slot = first; slot < first + count; slot++) table.set(place(slot), make(shown));
    }
  };
  if (contents.record === undefined) restore(value);
  return { ...contents, tables, restore, module, find };
}

/**
 * To be called before the library is loaded. Snapshots that were made by `capture` are recognized when they are instantiated.
 * What it returns has the `value` that the build's `run` returned, once its snapshot is instantiated, and `restore`, which takes
 * the hooks away. `accepts` is asked for each module that has the section, and says whether it is one of the program's own snapshots; all are
 * without it. `play` is for `replay.js`.
 */
export function preinitialized({ accepts = () => true } = {}, play) {
  // What all copies of this file know: what the sections of instances say that one of them has made, and who can play a record.
  const [known, players] = (wasm[Symbol.for('preinit')] ??= [new WeakMap(), []]);
  const hooks = [];
  let isOver = false;
  if (play) players.push(play);

  function makeAgain(module, imports, instance) {
    const contents = explained(() => parsed(module, finder(module, imports, instance.exports)));
    if (contents.record !== undefined) {
      if (!players.length) throw new Error('preinit: this snapshot needs `preinitialized` of preinit/js/replay');
      players[0](contents);
    }
    known.set(instance, contents);
  }

  /** What is there again in an instance. Each is made once, however often this was called. */
  function made(module, imports, instance) {
    // Whoever has made it again, each says whether it is one of its own.
    if (isOver || !wasm.Module.customSections(module, 'preinit.js').length || !accepts(module)) return;
    if (!known.has(instance)) makeAgain(module, imports, instance);
    state.value = known.get(instance).value;
    state.instances += 1;
  }

  function hook(name, hooked) {
    const before = wasm[name];
    if (before) hooks.push([name, before, (wasm[name] = hooked(before))]);
  }

  const state = {
    value: undefined,
    instances: 0,
    restore() {
      if (play && !isOver) players.splice(players.indexOf(play), 1);
      isOver = true;
      // Others may have replaced these since.
      for (const [name, before, mine] of hooks) if (wasm[name] === mine) wasm[name] = before;
    },
  };
  hook('Instance', (before) => new Proxy(before, {
    construct(target, [module, imports]) {
      const instance = new target(module, imports);
      made(module, imports, instance);
      return instance;
    },
  }));
  for (const name of ['instantiate', 'instantiateStreaming']) {
    hook(name, (before) => async (source, imports, ...rest) => {
      const result = await before(source, imports, ...rest);
      made(result.module ?? source, imports, result.instance ?? result);
      return result;
    });
  }
  return state;
}
