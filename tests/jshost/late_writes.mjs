// What JavaScript writes in `start` after its last call, when it has waited for something: if it stood there already, nobody saw it when the
// snapshot was made, and at run time it would go over what `run` has left. So the program is stopped.
//
//     node tests/jshost/late_writes.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const { preinitialized: required } = await load('replay.cjs');
const bytes = module('late');

const waits = {
  'a promise': async () => {},
  'many promises': async () => {
    for (let times = 0; times < 30; times++) await null;
  },
  'very many promises': async () => {
    for (let times = 0; times < 300; times++) await null;
  },
  'a timer': () => new Promise((done) => setTimeout(done, 2)),
  'an immediate': () => new Promise((done) => setImmediate(done)),
};

/** Loads the library, calls it, waits, and does something. */
const started = (bytes, wait, work) => async () => {
  const { exports } = (await WebAssembly.instantiate(bytes)).instance;
  exports.things.set(1, 'a thing');
  const at = exports.alloc(256);
  await wait();
  work(exports, at);
  return exports;
};
const run = (exports) => exports.build();

/** Plays `work` with a snapshot, and then `use`. */
async function played(wait, work, use, preinit = preinitialized) {
  const { wasm } = await capture({ wasm: bytes, start: started(bytes, wait, work), run });
  const hooks = preinit();
  try {
    return await use(await started(wasm, wait, work)());
  } finally {
    hooks.restore();
  }
}

const fill = (exports, at, value, length = 256) => new Uint8Array(exports.memory.buffer, at, length).fill(value);
const written = {
  'clears a buffer': [(exports, at) => fill(exports, at, 0), /JavaScript wrote into memory at 1024 what had stood there/],
  'clears a part': [(exports, at) => fill(exports, at + 100, 0, 1), /memory at 1124/],
  'sets a global': [({ mark }) => void (mark.value = 5), /JavaScript wrote into a global what had/],
  'sets a function': [({ functions, one }) => functions.set(0, one), /element 0 of a table/],
  'sets an object': [({ things }) => things.set(1, 'a thing'), /element 1 of a table/],
};
for (const [waiting, wait] of Object.entries(waits)) {
  for (const [writing, [work, expected]] of Object.entries(written)) {
    await test(`a program that waits for ${waiting} and ${writing}`, () =>
      played(wait, work, (exports) => assert.throws(() => exports.at(1030), expected)));
  }

  for (const [what, own] of [['a text', [1, 2, 3]], ['a text with zeros', [1, 0, 0, 2, 0, 0, 0]], ['a text further on', [], 9]]) {
    await test(`a program that waits for ${waiting}, clears a buffer and writes ${what} beside`, () => played(wait, (exports, at) => fill(exports, at, 0), (exports) => {
      new Uint8Array(exports.memory.buffer).set(own, 1024);
      assert.throws(() => exports.at(1030), /JavaScript wrote into memory at \d+ what had stood there/);
    }));
  }

  await test(`a program that waits for ${waiting} and writes nothing, or elsewhere`, async () => {
    const right = ({ at, marked, call, mark, things }) => [at(1024), at(1279), marked(), call(0), mark.value, things.get(1)];
    for (const work of [() => {}, (exports, at) => fill(exports, at + 4096, 0), (exports, at) => fill(exports, at + 4096, 9)]) {
      assert.deepEqual(await played(wait, work, right), [7, 7, 6, 2, 6, null]);
    }
    // What it writes afterwards is its own.
    const after = async (exports) => {
      await null;
      fill(exports, 1024, 3, 4);
      return [exports.at(1024), exports.at(1028)];
    };
    assert.deepEqual(await played(wait, () => {}, after), [3, 7]);
  });

  await test(`a program that waits for ${waiting} and writes something else`, () =>
    refused({ wasm: bytes, start: started(bytes, wait, (exports, at) => fill(exports, at, 1)), run }, /JavaScript wrote into memory after its last call/));
}

await test('the same where the run time is loaded by `require`', async () => {
  const [work, expected] = written['clears a buffer'];
  await played(waits['a promise'], work, (exports) => assert.throws(() => exports.at(1030), expected), required);
  assert.equal(await played(waits['a promise'], () => {}, (exports) => exports.at(1030), required), 7);
});

await test('what is cleared when `start` has ended', async () => {
  const after = async (exports) => {
    await waits['many promises']();
    fill(exports, 1024, 0, 4);
    return [exports.at(1024), exports.at(1028)];
  };
  assert.deepEqual(await played(waits['a promise'], () => {}, after), [0, 7]);
});

await test('what is written at once', async () => {
  const work = (exports, at) => fill(exports, at, 0);
  const start = (bytes) => async () => {
    const { exports } = (await WebAssembly.instantiate(bytes)).instance;
    work(exports, exports.alloc(256));
    return exports;
  };
  const { wasm } = await capture({ wasm: bytes, start: start(bytes), run });
  const hooks = preinitialized();
  const exports = await start(wasm)();
  assert.deepEqual([exports.at(1024), exports.marked()], [7, 6]);
  hooks.restore();
});
