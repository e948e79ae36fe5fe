// A `start` that calls nothing of the module: what it could have read is what it was, or there is no snapshot.
//
//     node tests/jshost/without_call.mjs JS PREINIT
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { folder, load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const preloaded = (name) => ['--preload', `env=${join(folder, `${name}.wat`)}`];
const places = module('places', ...preloaded('given'));
const imported = module('imported', ...preloaded('memory'));

async function instantiated(bytes) {
  const given = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  const { exports } = (await WebAssembly.instantiate(bytes, { env: { given } })).instance;
  return { exports, given };
}
const words = ({ memory }) => new Uint32Array(memory.buffer)[200];

/** What JavaScript may do in `start` to have a place, what it reads there, and what `run` does that is seen there. */
const READS = {
  'a memory': [({ exports }) => words(exports), ({ exports }) => exports.store(800, 9), 'memory 0'],
  'a memory by its other name': [({ exports: { heap } }) => words({ memory: heap }), ({ exports }) => exports.store(800, 9), 'memory 0'],
  'a memory, of all that is exported': [({ exports }) => words({ ...exports }), ({ exports }) => exports.store(800, 9), 'memory 0'],
  'a memory, of all values': [({ exports }) => Object.values(exports).includes(exports.sum), ({ exports }) => exports.store(800, 9), 'memory 0'],
  'a memory that `run` reads': [({ exports }) => exports.memory, ({ exports }) => void (words(exports), exports.store(800, 9)), 'memory 0'],
  'a memory that JavaScript writes to in `run`': [({ exports }) => words(exports), ({ exports }) => void new Uint8Array(exports.memory.buffer).fill(1, 0, 9), 'memory 0'],
  'a global': [({ exports }) => exports.sp.value, ({ exports }) => exports.push(64), 'global 1'],
  'a global that is imported': [({ given }) => given.value, ({ exports }) => exports.give(5), 'global 0'],
  'a table': [({ exports }) => exports.table.get(1), ({ exports }) => exports.put(), 'table 0'],
  'a table that becomes longer': [({ exports }) => exports.table.get(1), ({ exports }) => exports.grow(), 'table 0'],
  'a table of objects': [({ exports }) => exports.refs.get(0), ({ exports }) => exports.refs.set(0, 'run'), 'table 1'],
};

for (const [what, [read, change, name]] of Object.entries(READS)) {
  const start = async (bytes) => {
    const made = await instantiated(bytes);
    read(made);
    return made;
  };
  const run = (made) => void change(made);
  await test(`${what} is read, and \`run\` changes it`, async () => {
    await refused({ wasm: places, start: () => start(places), run }, new RegExp(`^JavaScript could read ${name} in \`start\`, which called nothing of the module`));
  });
  await test(`${what} is read in \`run\` only, or nothing changes, or something is called, too`, async () => {
    // A program that starts by itself.
    assert.equal((await capture({ wasm: places, run: async () => run(await start(places)) })).noop.length, 0);
    assert.equal((await capture({ wasm: places, start: () => start(places) })).runtime, 'none');
    const begin = async (bytes) => {
      const made = await instantiated(bytes);
      made.exports.sum(0);
      return [made, read(made)];
    };
    const { wasm, runtime } = await capture({ wasm: places, start: () => begin(places), run: ([made]) => run(made) });
    assert.equal(runtime, 'replay');
    const hooks = preinitialized();
    const [[{ exports }, seen], [before, expected]] = [await begin(wasm), await begin(places)];
    run(before);
    if (typeof expected !== 'object') assert.deepEqual(seen, expected);
    assert.equal(exports.sum(800), before.exports.sum(800));
    hooks.restore();
  });
}

/** What JavaScript does in `start`, and does not read what `run` changes. */
const OTHERS = {
  nothing: () => {},
  names: ({ exports }) => [Object.keys(exports), 'memory' in exports, Object.isFrozen(exports)],
  functions: ({ exports: { store, sum } }) => [store, sum],
  'another place': ({ exports }) => [exports.sp.value, exports.table.get(0), exports.fixed.value],
};

for (const [what, read] of Object.entries(OTHERS)) {
  await test(`\`start\` takes no memory, but ${what}`, async () => {
    const start = async (bytes) => {
      const made = await instantiated(bytes);
      read(made);
      return made;
    };
    const { wasm, runtime } = await capture({ wasm: places, start: () => start(places), run: ({ exports }) => void (words(exports), exports.store(800, 9)) });
    assert.equal(runtime, 'none');
    const { exports } = await start(wasm);
    assert.deepEqual([words(exports), exports.sum(800)], [9, 4105]);
  });
}

await test('a memory that only grows is as large as it became', async () => {
  const start = async () => {
    const made = await instantiated(places);
    return words(made.exports), made;
  };
  const { wasm } = await capture({ wasm: places, start, run: ({ exports }) => exports.more() });
  assert.equal((await instantiated(wasm)).exports.memory.buffer.byteLength, 2 << 16);
});

await test('a memory that is imported is there without being taken', async () => {
  const start = async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    return { memory, ...(await WebAssembly.instantiate(imported, { env: { memory } })).instance };
  };
  const run = ({ memory }) => void new Uint8Array(memory.buffer).fill(3, 800, 804);
  await refused({ wasm: imported, start, run }, /^JavaScript could read memory 0 in `start`/);
  await capture({ wasm: imported, start });
  await capture({ wasm: imported, run: async () => run(await start()) });
});
