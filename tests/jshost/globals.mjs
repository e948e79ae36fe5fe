// Globals that JavaScript sees and sets, such as the pointer of a stack: at each moment of the start they hold what they held.
//
//     node tests/jshost/globals.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const stack = module('stack');

/** A library that puts two bytes on the stack itself, as glue does, and looks at the pointer whenever it runs. */
async function library(bytes, { room = 32, back = true } = {}) {
  const seen = [];
  const { exports } = (await WebAssembly.instantiate(bytes, { env: { see: () => seen.push(exports.__stack_pointer.value) } })).instance;
  const { __stack_pointer: pointer, memory } = exports;
  const look = () => seen.push(pointer.value);
  look();
  exports.work(5);
  look();
  const before = pointer.value;
  pointer.value = before - room;
  new Uint8Array(memory.buffer, 4000, 2).set([3, 4]);
  seen.push(exports.sum(4000));
  look();
  if (back) pointer.value = before;
  return { seen, exports, pointer };
}

async function played(body) {
  const hooks = preinitialized();
  try {
    return await body();
  } finally {
    hooks.restore();
  }
}
const SEEN = [4096, 4080, 4096, 7, 4064];

await test('the pointer is what it was at each moment', async () => {
  const { wasm, runtime } = await capture({ wasm: stack, start: () => library(stack), run: ({ exports }) => void exports.sum(9) });
  assert.equal(runtime, 'replay');
  await played(async () => {
    const { seen, exports, pointer } = await library(wasm);
    assert.deepEqual([seen, pointer.value], [SEEN, 4096]);
    pointer.value -= 32;
    assert.deepEqual([exports.at(), exports.work(1), pointer.value], [4064, 1, 4064]);
    assert.deepEqual(seen.at(-1), 4048);
  });
});

await test('what `run` leaves there is there at the end, and not before', async () => {
  const { wasm } = await capture({ wasm: stack, start: async () => { const made = await library(stack); made.exports.at(); return made; }, run: ({ exports }) => exports.move(2048) });
  await played(async () => {
    const { seen, exports, pointer } = await library(wasm);
    assert.deepEqual([seen, exports.at(), pointer.value], [SEEN, 4096, 4096]);
    await null;
    assert.deepEqual([pointer.value, exports.at()], [2048, 2048]);
  });
});

await test('a program that sets something else is stopped', async () => {
  const { wasm } = await capture({ wasm: stack, start: () => library(stack) });
  await played(() => assert.rejects(library(wasm, { room: 48 }), /the export sum was called: a global holds 4048, where it held 4064/));
  // It did not set it back.
  await played(async () => {
    const { exports } = await library(wasm, { back: false });
    assert.throws(() => exports.at(), /before the module was called: a global holds 4064, where it held 4096/);
  });
});

await test('what a program writes before it calls anything is kept', async () => {
  const start = async (bytes) => (await WebAssembly.instantiate(bytes, { env: { see() {} } })).instance.exports;
  const { wasm, runtime } = await capture({ wasm: stack, run: async () => void (await start(stack)).work(5), again: ['env.see'] });
  assert.equal(runtime, 'replay');
  await played(async () => {
    const exports = await start(wasm);
    new Uint8Array(exports.memory.buffer)[4082] = 9;
    exports.__stack_pointer.value = 1024;
    assert.deepEqual([exports.at(), [...new Uint8Array(exports.memory.buffer, 4080, 4)]], [1024, [5, 0, 9, 0]]);
  });
});

await test('what is set by a call that does nothing any more, which an import had made', async () => {
  const start = async (bytes) => {
    const seen = [];
    const env = { see: () => (exports.move(2048), exports.sum(0)) };
    const { exports } = (await WebAssembly.instantiate(bytes, { env })).instance;
    exports.work(5);
    seen.push(exports.__stack_pointer.value, exports.at());
    exports.work(6);
    return [...seen, exports.__stack_pointer.value, exports.at()];
  };
  const { wasm } = await capture({ wasm: stack, start: () => start(stack), noop: ['move'] });
  await played(async () => assert.deepEqual(await start(wasm), await start(stack)));
  assert.deepEqual(await start(stack), [2064, 2064, 2064, 2064]);
});
