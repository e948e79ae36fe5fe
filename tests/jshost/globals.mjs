// Globals that JavaScript sees and sets, such as the pointer of a stack: at each moment of the start they hold what they held.
//
//     node tests/jshost/globals.mjs JS PREINIT
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { folder, load, module, preinit, test } from './checks.mjs';
import { converted } from './converted.mjs';

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

await test('the bits of what is no number stay as they are', async () => {
  const nan = converted(preinit, join(folder, 'nan.wat'));
  const start = async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports;
  const bits = async (bytes, ready = () => {}) => {
    const exports = await start(bytes);
    ready(exports);
    return exports.bits();
  };
  const [before, after] = [await bits(nan), await bits(nan, (exports) => exports.change())];
  assert.deepEqual(before.slice(0, 2), [0x7ff4000000000042n, 0x7fa00001n]);
  const seen = [];
  const run = (exports) => (exports.warm(), seen.push(exports.bits()), undefined);
  const one = await capture({ wasm: nan, run: async () => run(await start(nan)) });
  const scrubbed = await capture({ wasm: nan, run: async () => run(await start(nan)), scrub: true });
  const changed = await capture({ wasm: nan, run: async () => (await start(nan)).change() });
  assert.equal(scrubbed.scrubbed.free, 32);
  const begun = async (bytes) => {
    const exports = await start(bytes);
    exports.warm();
    return exports;
  };
  const recorded = await capture({ wasm: nan, start: () => begun(nan), run });
  assert.equal(recorded.runtime, 'replay');
  assert.deepEqual([...seen, await bits(one.wasm), await bits(scrubbed.wasm), await bits(changed.wasm)], [before, before, before, before, before, after]);
  await played(async () => assert.deepEqual((await begun(recorded.wasm)).bits(), before));
  // It is a variable all the same.
  const set = ({ double }) => void (double.value = 5);
  const wasm = await capture({ wasm: nan, start: async () => { const made = await begun(nan); made.bits(); return made; }, run: set }).catch(({ reasons }) => reasons);
  assert.match(String(wasm), /global 0, which JavaScript sees, changed, and is no number/);
});
