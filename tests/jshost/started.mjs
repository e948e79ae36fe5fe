// Initializing exports that are imports: JavaScript calls JavaScript, and in the snapshot what that did is there.
//
//     node tests/jshost/started.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const started = module('started');
const START = ['__wbindgen_start'];

async function instantiate(bytes, fails = 0) {
  let exports;
  let left = fails;
  const init = () => {
    if (left-- > 0) throw new Error('not yet');
    const table = exports.__wbindgen_externrefs;
    const at = table.grow(4);
    [undefined, null, true, false].forEach((value, index) => table.set(at + index, value));
  };
  ({ exports } = (await WebAssembly.instantiate(bytes, { wbg: { __wbindgen_init_externref_table: init } })).instance);
  return exports;
}
async function begun(bytes) {
  const exports = await instantiate(bytes);
  exports.__wbindgen_start();
  return exports;
}

/** As many values as make the table larger more than once; all of them are there. */
function use(exports, expected) {
  assert.equal(exports.count(), expected);
  for (let number = 0; number < 20; number++) assert.equal(exports.get(exports.keep(`value ${number}`)), `value ${number}`);
  assert.equal(exports.get(2), undefined);
  assert.equal(exports.get(4), true);
}

/** What is made of it, and what `begin` finds in it. */
async function goesOn(options, { noop, runtime, begin = begun, count = 1 }) {
  const made = await capture({ wasm: started, ...options });
  assert.deepEqual([made.noop, made.runtime], [noop, runtime]);
  for (const isLater of [false, true]) {
    const state = preinitialized();
    const exports = await begin(made.wasm);
    if (isLater) await new Promise((done) => setTimeout(done, 5));
    use(exports, count);
    state.restore();
  }
}
const keep = (exports) => void exports.keep('of run');

await test('called in `run`', () => goesOn({ run: async () => keep(await begun(started)) }, { noop: START, runtime: 'run' }));
await test('called twice', () => goesOn({
  run: async () => {
    const exports = await begun(started);
    exports.__wbindgen_start();
    keep(exports);
  },
}, { noop: START, runtime: 'run' }));
await test('taken by another name', () => goesOn({
  run: async () => {
    const { __wbindgen_start: boot, ...exports } = await instantiate(started);
    Reflect.apply(boot, undefined, []);
    keep(exports);
  },
}, { noop: START, runtime: 'run' }));
await test('called in `start`, which calls nothing else', () => goesOn({ start: () => begun(started), run: keep }, { noop: START, runtime: 'run' }));
await test('called in `start`, which calls something', () => goesOn({
  start: async () => {
    const exports = await begun(started);
    exports.count();
    return exports;
  },
  run: keep,
}, {
  noop: [],
  runtime: 'replay',
  begin: async (bytes) => {
    const exports = await begun(bytes);
    assert.equal(exports.count(), 0);
    return exports;
  },
}));
await test('called in `run`, where `start` calls something', () => goesOn({
  start: async () => {
    const exports = await instantiate(started);
    exports.count();
    return exports;
  },
  run: (exports) => {
    exports.__wbindgen_start();
    keep(exports);
  },
}, {
  noop: START,
  runtime: 'replay',
  begin: async (bytes) => {
    const exports = await instantiate(bytes);
    exports.count();
    return exports;
  },
}));

await test('read and not called', async () => {
  const run = async () => {
    const { __wbindgen_start: boot, keep } = await instantiate(started);
    assert.equal(typeof boot, 'function');
    keep('of run');
  };
  assert.deepEqual((await capture({ wasm: started, run })).noop, []);
});

await test('one that did not return', async () => {
  const run = (times) => async () => {
    const exports = await instantiate(started, 1);
    assert.throws(() => exports.__wbindgen_start(), /not yet/);
    for (let time = 1; time < times; time++) exports.__wbindgen_start();
    keep(exports);
  };
  await refused({ wasm: started, run: run(1), allow: ['wbg.__wbindgen_init_externref_table'] }, /^the export __wbindgen_start was called and did not return/);
  await goesOn({ run: run(2), allow: ['wbg.__wbindgen_init_externref_table'] }, { noop: START, runtime: 'run' });
});

// What else JavaScript does to the table in `start`, it does again.
for (const [what, change] of [['before', (exports) => (exports.__wbindgen_externrefs.set(0, 'own'), exports.__wbindgen_start())], ['after', (exports) => (exports.__wbindgen_start(), exports.__wbindgen_externrefs.set(0, 'own'))]]) {
  await test(`a table that JavaScript changed ${what}`, () => refused({
    wasm: started,
    start: async () => {
      const exports = await instantiate(started);
      change(exports);
      return exports;
    },
    run: keep,
  }, /changed a table in `start`|could read table 0 in `start`/));
}
