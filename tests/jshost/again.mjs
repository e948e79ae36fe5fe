// Imports that `run` calls and that are called again at run time (`again`): when that is, and what they do to tables.
//
//     node tests/jshost/again.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const bytes = module('again');
const again = ['env.begin'];

/** A program that calls the module at its start, or does not. */
async function started(bytes, { calls = true, puts = () => {}, wait = async () => {} } = {}) {
  const called = [];
  const env = {
    begin(slot) {
      called.push(slot);
      puts(exports, slot);
    },
  };
  const { exports } = (await WebAssembly.instantiate(bytes, { env })).instance;
  if (calls) exports.init();
  await wait();
  return { exports, called };
}

async function played(options, run, use) {
  const { wasm } = await capture({ wasm: bytes, start: () => started(bytes, options), run: ({ exports }) => void run(exports), again });
  const hooks = preinitialized();
  try {
    const program = await started(wasm, options);
    await null;
    return await use(program);
  } finally {
    hooks.restore();
  }
}

const fillings = {
  'a function': ({ functions, two }, slot) => functions.set(slot, two),
  'an object': ({ values }, slot) => values.set(slot, { large: 1 }),
  'a text': ({ values }, slot) => values.set(slot, 'text'),
  'both, in longer tables': ({ functions, values, two }, slot) => {
    if (slot >= functions.length) [functions, values].forEach((table) => table.grow(2, null));
    functions.set(slot, two);
    values.set(slot, 'text');
  },
};
for (const calls of [true, false]) {
  for (const [what, puts] of Object.entries(fillings)) {
    const slots = what.includes('longer') ? [2, 4] : [2];
    await test(`${what} that JavaScript puts into a slot, and the module takes away${calls ? '' : ', without first calls'}`, async () => {
      for (const slot of slots) {
        for (const work of [(exports) => exports.work(slot), (exports) => (exports.work(slot), exports.work(slot))]) {
          const held = await played({ calls, puts }, work, ({ exports: { functions, values } }) => [functions.get(slot), values.get(slot)]);
          assert.deepEqual(held, [null, null]);
        }
        const exchanged = await played({ calls, puts }, ({ exchange }) => exchange(2), ({ exports: { functions, values, one } }) => [functions.get(2) === one, values.get(2)]);
        assert.deepEqual(exchanged, [true, null]);
      }
    });
  }
  await test(`what JavaScript puts into a slot stays${calls ? '' : ', without first calls'}`, async () => {
    const held = await played({ calls, puts: fillings['a function'] }, ({ build }) => build(3), ({ exports: { functions, two } }) => functions.get(3) === two);
    assert.equal(held, true);
  });
}

const waits = {
  nothing: undefined,
  'a promise': async () => {},
  'some promises': async () => {
    for (let times = 0; times < 20; times++) await null;
  },
};
for (const [waiting, wait] of Object.entries(waits)) {
  await test(`a program that calls nothing at its start and waits for ${waiting} finds what was built`, async () => {
    const found = await played({ calls: false, wait }, ({ build }) => build(1), ({ exports: { memory }, called }) => [new Uint8Array(memory.buffer)[1030], called]);
    assert.deepEqual(found, [7, [1]]);
    const asked = await played({ calls: false, wait }, ({ build }) => build(1), ({ exports: { at }, called }) => [at(1030), called]);
    assert.deepEqual(asked, [7, [1]]);
  });
}
await test('a program that calls nothing at its start and waits for something else', async () => {
  const wait = () => new Promise((done) => setTimeout(done, 5));
  const options = { wasm: bytes, run: ({ exports }) => exports.build(1), again };
  await refused({ ...options, start: () => started(bytes, { calls: false, wait }) }, /^`start` calls nothing of the module, and waits for something/);
  await capture({ ...options, start: () => started(bytes, { wait }) });
});
