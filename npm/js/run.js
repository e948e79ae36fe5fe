// Run time: makes again what a snapshot cannot hold. It needs `printable.js` only and works in any engine.
import { printable } from './printable.js';

const value = ([kind, text]) =>
  kind === 'global' ? globalThis : kind === 'undefined' ? undefined : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;

/** Ends with an error if what a section says is not what `capture` writes. */
function need(isRight, what) {
  if (!isRight) throw new Error(`preinit: the section preinit.js of this module is not one that \`capture\` has written: ${printable(what)}`);
}

const isCount = (number) => Number.isSafeInteger(number) && number >= 0;
const isOwn = (object, name) => Object.prototype.hasOwnProperty.call(object, name);

/** Whether something is a value as `capture` writes it. Only a record has objects, by number, and null. */
function isValue(shown, isOfRecord) {
  if (!Array.isArray(shown)) return false;
  const [kind, content] = shown;
  if (kind === 'global' || kind === 'undefined') return shown.length === 1;
  if (kind === 'null') return isOfRecord && shown.length === 1;
  if (shown.length !== 2) return false;
  if (kind === 'object') return isOfRecord && isCount(content);
  if (kind === 'boolean' || kind === 'string') return typeof content === kind;
  if (typeof content !== 'string') return false;
  if (kind === 'bigint') return /^-?\d+$/.test(content);
  return kind === 'number' && (content === 'NaN' || (content.trim() !== '' && !Number.isNaN(Number(content))));
}

/**
 * Finds what a module has by name: exports of its own, and imports that it declares and that the program's objects have themselves.
 * What these inherit, such as their constructors, is nothing that a section may name.
 */
function finder(module, imports, exports) {
  const lists = { import: WebAssembly.Module.imports(module), export: WebAssembly.Module.exports(module) };
  return (where, kind) => {
    const { export: name, import: from } = where ?? {};
    if (from === undefined) {
      need(lists.export.some((one) => one.name === name && one.kind === kind), `it exports no ${kind} ${JSON.stringify(name)}`);
      return exports[name];
    }
    need(Array.isArray(from) && from.length === 2 && from.every((one) => typeof one === 'string'), 'an import has two names');
    const isDeclared = lists.import.some((one) => one.module === from[0] && one.name === from[1] && one.kind === kind);
    need(isDeclared, `it imports no ${kind} ${JSON.stringify(from)}`);
    need(isOwn(imports, from[0]) && isOwn(imports[from[0]], from[1]), `${JSON.stringify(from)} is no property of the imports themselves`);
    return imports[from[0]][from[1]];
  };
}

/** What the section says, if it has the form. */
function parsed(contents) {
  let all;
  try {
    all = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(contents));
  } catch (error) {
    need(false, `it is no JSON (${error.message})`);
  }
  need(all !== null && typeof all === 'object' && Array.isArray(all.tables), 'there is no list of tables');
  const hasRecord = all.record !== undefined;
  const isRun = (run) => Array.isArray(run) && run.length === 3 && isCount(run[0]) && isCount(run[1]) && isValue(run[2], hasRecord);
  for (const table of all.tables) {
    need(Array.isArray(table?.runs) && table.runs.every(isRun), 'what a table holds is `[first, count, value]`');
    need(table.length === undefined || isCount(table.length), 'the length of a table is a number');
  }
  return all;
}

/** What all copies of this file know: instances that one of them has made, with what `run` had returned, and who can play a record. */
function shared() {
  const key = Symbol.for('preinit');
  if (!WebAssembly[key]) Object.defineProperty(WebAssembly, key, { value: { instances: new WeakMap(), players: [] } });
  return WebAssembly[key];
}

/**
 * To be called before the library is loaded. Snapshots that were made by `capture` are recognized when they are instantiated.
 * What it returns has the `value` that the build's `run` returned, once its snapshot is instantiated, and `restore`, which takes
 * the hooks away. `accepts` is asked for each module that has the section, and says whether it is one of the program's own snapshots; all are
 * without it. `play` is for `replay.js`.
 */
export function preinitialized({ accepts = () => true } = {}, play = undefined) {
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
    const section = (name) => {
      const all = customSections(module, name);
      need(all.length < 2, `there are ${all.length} sections ${name}`);
      return all[0];
    };
    if (customSections(module, 'preinit.js').length === 0 || !accepts(module)) return;
    const { tables, value: returned, record, listening } = parsed(section('preinit.js'));
    const find = finder(module, imports, instance.exports);
    const found = tables.map((one) => ({ ...one, table: find(one, 'table') }));
    const restoreTables = (make) => {
      for (const { table, runs, length } of found) {
        const place = (slot) => (typeof table.length === 'bigint' ? BigInt(slot) : slot);
        if (length > table.length) table.grow(place(length - Number(table.length)));
        for (const [first, count, written] of runs) {
          need(first + count <= table.length, 'a table has fewer elements');
          for (let slot = first; slot < first + count; slot++) table.set(place(slot), make(written));
        }
      }
    };
    if (record === undefined) restoreTables(value);
    else if (players.length === 0) throw new Error('preinit: this snapshot needs `preinitialized` of preinit/js/replay');
    else {
      const bytes = new Uint8Array(section('preinit.js.bytes') ?? 0);
      players[0]({ record, listening, bytes, helper: section('preinit.js.helper'), find, need, isValue, done: restoreTables });
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
