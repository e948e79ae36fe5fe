// Tables that JavaScript sees: in `start` it finds in them what it had found, and afterwards what `run` left there.
//
//     node tests/jshost/slots.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const tables = module('slots');
const library = async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports;

/** What a slot of functions answers: -1 if it is empty. */
const answer = (exports, slot) => exports.functions.get(slot)?.() ?? -1;

/**
 * What `start` and `after` see with the original and with the snapshot, which has to be the same. `after` gets what `start` returned. With
 * `isAtOnce` nothing is waited for between them.
 */
async function same(start, run, after, { isAtOnce = false } = {}) {
  const original = await library(tables);
  const begun = await start(original);
  run(original);
  const expected = [begun.seen, after(original, begun)];
  const { wasm, runtime } = await capture({
    wasm: tables,
    start: async () => { const exports = await library(tables); await start(exports); return exports; },
    run: (exports) => void run(exports),
  });
  assert.equal(runtime, 'replay');
  const hooks = preinitialized();
  try {
    const exports = await library(wasm);
    const made = isAtOnce ? start(exports) : await start(exports);
    if (!isAtOnce) await null;
    assert.deepEqual([made.seen, after(exports, made)], expected);
  } finally {
    hooks.restore();
  }
}

await test('a function that the module takes out of a table and `run` puts back', async () => {
  const start = (e) => { const seen = answer(e, 0); e.clear(0); return { seen: [seen, e.call(0), e.functions.get(0)] }; };
  await same(start, (e) => e.set(0, 0), (e) => [e.call(0), answer(e, 0), e.call(1)]);
  // The other one has to be somewhere, so that it is there at first.
  for (const last of [1, 2]) await same((e) => { e.functions.set(3, e.functions.get(0)); return start(e); }, (e) => e.set(0, last), (e) => [e.call(0), answer(e, 0), e.call(3)]);
});

await test('a slot that is empty until `run`', async () => {
  await same((e) => ({ seen: [e.call(1), e.functions.get(2)] }), (e) => e.set(2, 0), (e) => [e.call(2), e.functions.get(2) === e.functions.get(0)]);
});

await test('a slot that `run` empties', async () => {
  await same((e) => ({ seen: [e.call(0), answer(e, 1)], found: e.functions.get(1) }), (e) => e.clear(1), (e, { found }) => [e.functions.get(1), e.call(1), found()]);
  await same((e) => { const seen = [e.calls(), answer(e, 0)]; e.clear(0); return { seen: [...seen, e.functions.get(0)] }; }, () => {}, (e) => [e.functions.get(0), e.call(0)]);
});

await test('another function in the place of an export, or of one that another slot has', async () => {
  const start = (e) => { e.calls(); return { seen: e.functions.get(1) === e.one, found: e.functions.get(1) }; };
  await same(start, (e) => e.set(1, 0), (e, { found }) => [found(), e.call(1), e.functions.get(1) === e.functions.get(0)]);
  const both = (e) => { e.functions.set(3, e.functions.get(0)); return { seen: e.call(3), found: e.functions.get(0) }; };
  await same(both, (e) => e.set(0, 2), (e, { found }) => [found(), e.call(0), e.call(3), found === e.functions.get(3)]);
  // What JavaScript has put there.
  await same(both, (e) => e.set(3, 2), (e, { found }) => [found(), e.call(0), e.call(3)]);
});

await test('a function that JavaScript has called goes on being it', async () => {
  const start = (e) => { e.functions.set(3, e.functions.get(0)); const found = e.functions.get(0); return { seen: [found(), e.calls()], found }; };
  for (const isAtOnce of [false, true]) {
    await same(start, (e) => e.set(0, 2), (e, { found }) => [found(), e.calls(), e.call(0)], { isAtOnce });
    await same(start, (e) => e.copy(3, 1), (e, { found }) => [found(), e.calls(), e.call(3)], { isAtOnce });
  }
  const gone = (e) => { const found = e.functions.get(0); const seen = found(); e.functions.set(0, null); return { seen, found }; };
  await same(gone, () => {}, (e, { found }) => [found(), e.calls(), e.functions.get(0)]);
});

await test('values that the module takes away and `run` puts back', async () => {
  const start = (e) => { e.values.set(1, 'first'); e.keep(1, null); return { seen: e.values.get(1) }; };
  await same(start, (e) => e.keep(1, 'second'), (e) => e.values.get(1));
  await same((e) => { e.keep(1, 'first'); return { seen: e.values.get(1) }; }, (e) => e.keep(1, null), (e) => e.values.get(1));
});

await test('a table that JavaScript changes after its last call', async () => {
  // Whether it does so at once or after what it waits for.
  for (const wait of [() => {}, async () => { for (let times = 0; times < 9; times++) await null; }]) {
    const start = async (e) => {
      e.functions.grow(1);
      e.calls();
      await wait();
      const slot = e.functions.grow(1);
      e.functions.set(slot, e.one);
      return { seen: slot, slot };
    };
    await same(start, (e) => e.keep(0, 'text'), (e, { slot }) => [e.functions.length, e.call(slot), e.functions.get(4), e.values.get(0)]);
    const sets = async (e) => { e.calls(); await wait(); const seen = e.functions.get(3); e.functions.set(3, e.one); return { seen }; };
    await same(sets, () => {}, (e) => e.call(3));
  }
});
