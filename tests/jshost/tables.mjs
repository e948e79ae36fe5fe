// Tables of functions that `start` uses and changes: JavaScript finds in them what it found, and at last what there was at last.
//
//     node tests/jshost/tables.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const tables = module('tables');
const instantiated = async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports;

/** What `after` gives with the snapshot is what it gives without; `start` and `run` are given the exports. */
async function same(start, run, after) {
  const exports = await instantiated(tables);
  const started = start(exports);
  run(exports, started);
  const expected = after(exports, started);
  const begin = async (bytes) => {
    const exports = await instantiated(bytes);
    return [exports, start(exports)];
  };
  const { wasm } = await capture({ wasm: tables, start: () => begin(tables), run: ([exports, started]) => void run(exports, started) });
  const hooks = preinitialized();
  try {
    const again = await begin(wasm);
    await null;
    assert.deepEqual(after(...again), expected);
  } finally {
    hooks.restore();
  }
}
const changed = (start, run) => ({
  wasm: tables,
  start: async () => {
    const exports = await instantiated(tables);
    start(exports);
    return exports;
  },
  run,
});

await test('a slot that is empty at last', async () => {
  const emptied = [({ table }) => table.set(1, null), ({ clear }) => clear(1)];
  for (const empty of emptied) {
    const after = ({ at, table }, started) => [at(0), at(1), table.get(1), typeof started === 'function' ? started() : started];
    await same(({ at, table }) => (at(0), table.get(1)), empty, after);
    await same(({ at, table }) => (at(0), table.get(1)()), empty, after);
    await same(({ at }) => at(1), empty, after);
    await same(({ at, table }) => (at(0), table.set(2, table.get(1))), empty, ({ at }) => [at(0), at(1), at(2)]);
  }
  await same(({ at, table, clear }) => (at(0), table.set(0, table.get(1)), clear(1)), () => {}, ({ at }) => [at(0), at(1)]);
});

await test('a slot that is filled at last', async () => {
  await same(({ at, table }) => (at(0), table.get(2)), ({ put }) => put(2, 1), ({ at }) => [at(0), at(1), at(2)]);
});

await test('a slot that holds another function at last', async () => {
  const after = ({ at, table }, started) => [at(0), at(1), at(2), table.get(0) === table.get(1), typeof started === 'function' ? started() : started];
  await same(({ clear }) => clear(0), ({ put }) => put(0, 0), after);
  await same(({ clear, at }) => (clear(0), at(0)), ({ put }) => put(0, 0), after);
  // The first one is in another slot.
  await same(({ clear, table }) => (table.set(2, table.get(0)), clear(0)), ({ put }) => put(0, 1), after);
  await same(({ at, table }) => (table.set(2, table.get(1)), at(0), table.get(1)), ({ put }) => put(1, 0), after);
  await same(({ at, table }) => (at(0), table.get(1)), ({ put }) => put(1, 1), after);
  // It is nowhere.
  const isNowhere = /^`run` put another function into table 0, element \d, and the one that `start` finds there is no export and in no table any more/;
  await refused(changed(({ clear }) => clear(0), ({ put }) => put(0, 1)), isNowhere);
  await refused(changed(({ at, table }) => (at(0), table.get(1)), ({ put }) => put(1, 0)), isNowhere);
});

await test('a table that changes without a call is refused', async () => {
  const expected = /^JavaScript wrote into memory, set a global or changed a table in `start`, which called nothing of the module/;
  await refused(changed(({ table }) => table.grow(1), () => {}), expected);
  await refused(changed(({ table }) => table.set(1, table.get(0)), ({ put }) => put(1, 1)), expected);
  await refused(changed(({ refs }) => refs.set(1, 'start'), ({ refs }) => refs.set(1, 'run')), expected);
  await refused(changed(({ refs }) => refs.grow(1, null), () => {}), expected);
  await same(({ table, refs }) => [table.get(0)(), refs.get(1)], ({ refs }) => refs.set(1, 'run'), ({ refs }, started) => [started, refs.get(1)]);
  await same(() => {}, ({ refs }) => refs.set(1, 'run'), ({ refs, table }) => [refs.get(1), table.length]);
});
