// A program that tells the module something else in `start` than it was told when the snapshot was made is stopped, also where that stood there already.
//
//     node tests/jshost/options.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const { preinitialized: required } = await load('replay.cjs');
const original = module('options');

async function instantiate(bytes, { zone = 0, file = [] } = {}) {
  const view = () => new DataView(exports.memory.buffer);
  const env = { _tzset_js: (at) => view().setInt32(at, zone, true), read: (at, length) => (new Uint8Array(exports.memory.buffer, at, length).set(file), file.length) };
  const { exports } = (await WebAssembly.instantiate(bytes, { env })).instance;
  return exports;
}

/** What each way of telling is done with, and what it may be told. */
const WAYS = {
  'a struct': [(exports, [width, flags]) => {
    const view = new DataView(exports.memory.buffer);
    view.setInt32(2048, width, true);
    view.setInt32(2052, flags, true);
    return exports.struct(2048);
  }, [[0, 0], [800, 0], [0, 1], [800, 1], [800, 2]]],
  'what an import writes': [(exports) => exports.asks(), [{ zone: 0 }, { zone: 3600 }, { zone: -19800, file: [1] }, { file: [1, 0, 0, 9] }, { file: [1, 0, 0, 0, 0, 0, 0, 0, 7] }]],
  'elements of eight bytes': [(exports, list) => (new Float64Array(exports.memory.buffer, 8192, list.length).set(list), exports.sum(8192, list.length)), [[1, 0, 0, 0], [1, 0, 0, 5], [0, 0, 0, 0], [0, 1, 2, 3], Array(100).fill(0), [...Array(99).fill(0), 5]]],
  'beyond what the memory was at first': [(exports, list) => {
    const at = exports.grow();
    new Uint8Array(exports.memory.buffer, at, list.length).set(list);
    return exports.sum(at, list.length >> 3);
  }, [Array(16).fill(0), [...Array(15).fill(0), 64], Array(100_000).fill(0), [...Array(99_999).fill(0), 64]]],
  'a value in a slot': [(exports, value) => (exports.values.set(3, value), exports.isNull(3)), [null, 'en', 'de', '', 0, -0, 1n, undefined, true, {}]],
  'a function in a slot': [(exports, name) => (exports.functions.set(3, exports[name]), exports.call(3)), ['one', 'two', 'work2']],
};
for (const [way, [tell, all]] of Object.entries(WAYS)) {
  for (const [number, built] of all.entries()) {
    await test(`${way}: ${number}`, async () => {
      const start = async (bytes, what) => {
        const exports = await instantiate(bytes, what ?? {});
        return { exports, result: tell(exports, what) };
      };
      const { wasm } = await capture({ wasm: original, start: () => start(original, built), run: ({ exports }) => exports.work() });
      for (const [other, what] of all.entries()) {
        for (const preinit of [preinitialized, required]) {
          const state = preinit();
          try {
            if (other === number) assert.equal((await start(wasm, what)).result, (await start(original, what)).result);
            else await assert.rejects(start(wasm, what), /the program does not start like the one/, JSON.stringify([number, other]));
          } finally {
            state.restore();
          }
        }
      }
    });
  }
}
