// Objects that are freed in the module when they are collected (`FinalizationRegistry`): those of `start` are made again, and so must not be freed
// in the snapshot, nor while their calls are answered.
//
//     node tests/jshost/finalizers.mjs JS PREINIT
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// As packages do that are imported before everything else.
const early = new FinalizationRegistry(({ exports, at }) => free(exports, at));
const { load, module, test } = await import('./checks.mjs');
const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const { register, unregister } = FinalizationRegistry.prototype;
const bytes = module('dictionary');
const env = { register() {}, now: () => 7, fail() {}, later() {} };

function free(exports, at) {
  exports.store(at, exports.load(at) + 1);
}

/** Collects what nobody keeps, until something has come of it. */
async function collected(isDone = () => false) {
  for (let times = 0; times < 20 && !isDone(); times++) {
    await new Promise((done) => setTimeout(done, 1));
    collect();
  }
}

/** A library whose objects are registered in one that is there, or in one of its own. */
async function library(wasm, registry = new FinalizationRegistry(({ exports, at }) => free(exports, at))) {
  const { exports } = (await WebAssembly.instantiate(wasm, { env })).instance;
  // As glue does: the object is also the token.
  const make = (at) => {
    const object = { at };
    registry.register(object, { exports, at }, object);
    return object;
  };
  return { exports, make, unmake: (object) => registry.unregister(object), freed: (...places) => places.map((at) => exports.load(at)) };
}

async function played(body) {
  const hooks = preinitialized();
  try {
    await body();
  } finally {
    hooks.restore();
  }
}

for (const [when, registry] of [['before', early], ['meanwhile', undefined]]) {
  await test(`objects that are collected while the snapshot is made, in a registry that was made ${when}`, async () => {
    let [value, kept] = [];
    const start = async (wasm) => {
      const started = await library(wasm, registry);
      started.exports.store(2900, 5);
      started.make(3000);
      kept = started.make(3008);
      assert.equal(started.unmake(started.make(3012)), true);
      return started;
    };
    const { wasm } = await capture({
      wasm: bytes,
      start: () => start(bytes),
      async run({ exports, make, unmake, freed }) {
        make(3004);
        await collected(() => exports.load(3004) === 1);
        assert.equal(unmake(kept), true);
        assert.equal(unmake(kept), false);
        value = freed(3000, 3004, 3008, 3012);
      },
    });
    assert.deepEqual(value, [0, 1, 0, 0], 'what `run` made is freed');
    assert.deepEqual([FinalizationRegistry.prototype.register, FinalizationRegistry.prototype.unregister], [register, unregister]);
    await played(async () => {
      const { exports, freed } = await start(wasm);
      assert.deepEqual(freed(3000, 3004, 3008), [0, 1, 0]);
      await collected(() => exports.load(3000) === 1);
      assert.deepEqual(freed(3000, 3004, 3008, 3012), [1, 1, 0, 0], 'what the program made is freed once');
      assert.equal(kept.at, 3008);
    });
  });

  await test(`objects that are collected while they are made again, in a registry that was made ${when}`, async () => {
    const start = async (wasm) => {
      const started = await library(wasm, registry);
      started.exports.store(2900, 5);
      started.make(3000);
      await collected();
      started.exports.store(2900, 6);
      return started;
    };
    const { wasm } = await capture({ wasm: bytes, start: () => start(bytes), run: ({ exports }) => exports.store(2904, 7) });
    await played(async () => {
      const { exports, freed } = await start(wasm);
      assert.deepEqual(freed(2900, 2904), [6, 7]);
      await collected(() => exports.load(3000) === 1);
      assert.deepEqual(freed(3000), [1]);
    });
    assert.equal(FinalizationRegistry.prototype.register, register);
  });
}

await test('what is left of objects after the capture is freed in the instance that it was made of', async () => {
  let exports;
  const start = async () => {
    const started = await library(bytes, early);
    started.make(3000);
    ({ exports } = started);
    started.exports.store(2900, 5);
  };
  await capture({ wasm: bytes, start, run: () => collected() });
  assert.equal(exports.load(3000), 0);
  await collected(() => exports.load(3000) === 1);
  assert.equal(exports.load(3000), 1);
});

await test('what a registry refuses', async () => {
  const start = async () => {
    const { exports } = await library(bytes, early);
    exports.store(2900, 5);
    const object = {};
    for (const args of [[1, 2], [object, object], [object, 1, 'token']]) assert.throws(() => early.register(...args), TypeError);
    assert.throws(() => early.unregister(1), TypeError);
    assert.throws(() => FinalizationRegistry.prototype.register.call({}, object, 1), TypeError);
    assert.equal(early.unregister({}), false);
  };
  await capture({ wasm: bytes, start });
});
