// Random numbers that programs of wasm-bindgen ask for in `start`: they are not asked for again, by whatever way they come into memory.
//
//     node tests/jshost/random.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const bytes = module('random');
let filled = 0;
globalThis.source = {
  getRandomValues(array) {
    filled += 1;
    return crypto.getRandomValues(array);
  },
};

// As wasm-bindgen writes them.
let wasm;
let fill = 0;
const getArrayU8FromWasm0 = (at, length) => new Uint8Array(wasm.memory.buffer).subarray(at, at + length);
const wbg = {
  __wbg_crypto_86f2631e91b51511: function() { const ret = globalThis.crypto; return globalThis.source ?? ret; },
  __wbg_newwithlength_a381634e90c276d4: function(arg0) { const ret = new Uint8Array(arg0 >>> 0); return fill ? ret.fill(fill) : ret; },
  __wbg_subarray_aa9065fa9dc5df96: function(arg0, arg1, arg2) { const ret = arg0.subarray(arg1 >>> 0, arg2 >>> 0); return ret; },
  __wbg_getRandomValues_b3f15fcbfabb0f8b: function(arg0, arg1) { arg0.getRandomValues(arg1); },
  __wbg_getRandomValues_1c61fac11405ffdc: function(arg0, arg1) { globalThis.crypto.getRandomValues(getArrayU8FromWasm0(arg0, arg1)); },
  __wbg_prototypesetcall_bdcdcc5842e4d77d: function(arg0, arg1, arg2) { Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2); },
  __wbg_getindex_0123456789abcdef: function(arg0, arg1) { const ret = arg0[arg1 >>> 0]; return ret; },
};
async function started(bytes, name) {
  wasm = (await WebAssembly.instantiate(bytes, { wbg })).instance.exports;
  wasm[name]();
  return wasm;
}
async function played(name, change = () => {}) {
  const { wasm: snapshot, value } = await capture({ wasm: bytes, start: () => started(bytes, name), run: ({ at }) => [at(1024), at(1028)] });
  const hooks = preinitialized();
  try {
    change();
    filled = 0;
    const { at } = await started(snapshot, name);
    return [[at(1024), at(1028)], value];
  } finally {
    hooks.restore();
    fill = 0;
  }
}

for (const name of ['copied', 'read', 'direct']) {
  await test(`random numbers: ${name}`, async () => {
    for (let times = 0; times < 5; times++) {
      const [now, then] = await played(name);
      assert.deepEqual(now, then);
      assert.equal(filled, 0);
    }
  });
}
await test('an array without random numbers is compared', async () => {
  fill = 1;
  const [now, then] = await played('plain');
  assert.deepEqual(now, then);
  fill = 1;
  await assert.rejects(played('plain', () => (fill = 3)), /prototypesetcall_bdcdcc5842e4d77d returned/);
});
