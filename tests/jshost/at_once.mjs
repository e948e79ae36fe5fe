// What a program does at once after what `start` does, before anything else is called: it is done to the last state, as later.
//
//     node tests/jshost/at_once.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const { preinitialized: required } = await load('replay.cjs');
const original = module('at_once');
const WARM = [1, 2, 3, 4, 5, 6, 7, 8];

function sync(bytes) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  exports.init();
  return exports;
}
async function awaited(bytes) {
  const { exports } = (await WebAssembly.instantiate(bytes)).instance;
  exports.init();
  return exports;
}
const written = (exports, bytes, at = 4096) => new Uint8Array(exports.memory.buffer).set(bytes, at);
const sum = (exports, bytes) => (written(exports, bytes), exports.sum(Math.max(bytes.length, 1)));

/** `use` gives the same with the snapshot, at once and later, as without. */
async function same(run, use) {
  for (const start of [sync, awaited]) {
    const plain = await start(original);
    run(plain);
    const expected = use(plain);
    const { wasm, runtime } = await capture({ wasm: original, start: () => start(original), run: (exports) => void run(exports) });
    assert.equal(runtime, 'replay');
    for (const preinit of [preinitialized, required]) {
      for (const waits of [() => undefined, () => Promise.resolve(), () => new Promise((done) => setTimeout(done, 3))]) {
        const state = preinit();
        const started = start(wasm);
        const exports = started instanceof Promise ? await started : started;
        const waited = waits();
        if (waited) await waited;
        assert.deepEqual(use(exports), expected);
        state.restore();
      }
    }
  }
}

const warm = (exports) => sum(exports, WARM);
const inputs = {
  'with zeros': [9, 0, 0, 9, 0, 9, 0, 0], 'of zeros': [0, 0, 0, 0, 0, 0, 0, 0], 'as in `run`': WARM, shorter: [9, 0], longer: [0, 9, ...WARM, 0, 0, 7], none: [], 'with one zero': [1, 2, 0, 4],
};
for (const [what, bytes] of Object.entries(inputs)) {
  await test(`input ${what}`, () => same(warm, (exports) => [sum(exports, bytes), exports.counted()]));
  await test(`input ${what}, where \`run\` has several`, () => same((exports) => {
    exports.counted();
    sum(exports, [5, 5, 5]);
    sum(exports, WARM);
  }, (exports) => [sum(exports, bytes), exports.sum(12), exports.counted()]));
  await test(`input ${what}, where the last call of \`run\` is before`, () => same((exports) => {
    sum(exports, [5, 5, 5]);
    written(exports, WARM);
  }, (exports) => [sum(exports, bytes), exports.sum(12)]));
}
await test('what the last call has left can be read', async () => {
  const start = (bytes) => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const at = exports.init();
    return { exports, text: String.fromCharCode(...new Uint8Array(exports.memory.buffer, at, 4)) };
  };
  const { wasm } = await capture({ wasm: original, start: () => start(original), run: ({ exports }) => (written(exports, WARM, 2048), void sum(exports, WARM)) });
  const state = preinitialized();
  assert.equal(start(wasm).text, 'a\0c\0');
  state.restore();
});

for (const [what, run, use] of [
  ['an object in a slot', (exports) => exports.put(3, 'of run'), (exports) => (exports.objects.set(3, 'mine'), exports.get(3))],
  ['an object in an empty slot', (exports) => exports.put(3, 'of run'), (exports) => (exports.objects.set(4, 'mine'), [exports.get(3), exports.get(4)])],
  ['a function in a slot', (exports) => exports.warm(), (exports) => (exports.functions.set(3, exports.two), exports.call(3))],
  ['a function in a slot that had one', (exports) => exports.warm(), (exports) => (exports.functions.set(0, exports.two), [exports.call(0), exports.call(3)])],
  ['a global', (exports) => exports.warm(), (exports) => ((exports.mode.value = 7), exports.modeIs())],
  ['a function of the table', warm, (exports) => [exports.functions.get(1)(), exports.counted()]],
  ['a function of the table, and input', warm, (exports) => (written(exports, [0, 0]), [exports.functions.get(1)(), exports.sum(8)])],
]) await test(what, () => same(run, use));
