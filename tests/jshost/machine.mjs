// What functions of Emscripten tell the module in `start` about the machine, the program and its files: at run time they are asked again, and a
// program that they tell something else is stopped. Of the time, random numbers and the environment that Emscripten makes up it keeps what it has.
//
//     node tests/jshost/machine.mjs JS PREINIT
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const bytes = module('machine');
const told = { offset: -34200, zone: 5, stat: 0, mtime: 11, cwd: '/', cores: 2, random: 3, args: 1, environ: 4 };

async function started(bytes, machine, calls = ({ init }) => init()) {
  const store = (at, value) => new DataView(exports.memory.buffer).setInt32(at, value, true);
  const text = (at, text) => new Uint8Array(exports.memory.buffer).set(new TextEncoder().encode(`${text}\0`), at);
  const env = {
    _localtime_js: (_, at) => store(at + 36, machine.offset),
    _tzset_js: (at) => store(at, machine.zone),
    __syscall_stat64: (_, at) => (machine.stat === 0 && (store(at + 24, 100), store(at + 56, machine.mtime)), machine.stat),
    __syscall_getcwd: (at) => (text(at, machine.cwd), machine.cwd.length + 1),
    emscripten_num_logical_cores: () => machine.cores,
    getentropy: (at) => (store(at, machine.random), 0),
  };
  const wasi_snapshot_preview1 = {
    args_sizes_get: (at) => (store(at, machine.args), 0),
    environ_sizes_get: (at) => (store(at, machine.environ), 0),
  };
  const { exports } = (await WebAssembly.instantiate(bytes, { env, wasi_snapshot_preview1 })).instance;
  calls(exports);
  return exports;
}
const look = ({ at }) => [at(100), at(128), at(160), at(280), at(312), at(400), at(168), at(192), at(200), at(208)];

async function played(bytes, machine, { start = (bytes, machine) => started(bytes, machine), allow = [] } = {}) {
  const { wasm, warnings } = await capture({ wasm: bytes, start: () => start(bytes, told), run: ({ at }) => at(0), allow });
  assert.deepEqual(warnings, []);
  const hooks = preinitialized();
  try {
    return look(await start(wasm, { ...told, ...machine }));
  } finally {
    hooks.restore();
  }
}

const expected = look(await started(bytes, told));
await test('the same machine', async () => assert.deepEqual(await played(bytes, {}), expected));
for (const other of [{ random: 99 }, { environ: 9 }, { random: 1, environ: 1 }]) {
  await test(`${Object.keys(other)}: not asked`, async () => assert.deepEqual(await played(bytes, other), expected));
}
// The time of a file is another one each time.
await test('the time of a file: not compared', async () => assert.deepEqual((await played(bytes, { mtime: 2 ** 30 + 12345 })).with(4, 0), expected.with(4, 0)));
const others = {
  'the time zone, as asked for a time': [{ offset: 32400 }, 'env._localtime_js'],
  'the time zone': [{ zone: 9 }, 'env._tzset_js'],
  'a file that is not there': [{ stat: -44 }, 'env.__syscall_stat64'],
  'the current directory': [{ cwd: '/x' }, 'env.__syscall_getcwd'],
  'the number of cores': [{ cores: 8 }, 'env.emscripten_num_logical_cores'],
  'the arguments': [{ args: 3 }, 'wasi_snapshot_preview1.args_sizes_get'],
};
for (const [name, [other, key]] of Object.entries(others)) {
  await test(`another machine: ${name}`, async () => {
    await assert.rejects(played(bytes, other), new RegExp(`the import ${key} returned`));
    assert.deepEqual(await played(bytes, other, { allow: [key] }), expected);
  });
}
// In `run` nobody asks: the snapshot has what was so then.
await test('what `run` asks', async () => {
  const start = (bytes, machine) => started(bytes, machine, ({ at }) => at(0));
  const { wasm } = await capture({ wasm: bytes, start: () => start(bytes, told), run: ({ init }) => init() });
  const hooks = preinitialized();
  assert.deepEqual(look(await start(wasm, { ...told, offset: 1, stat: -44, cores: 9 })), expected);
  hooks.restore();
});

const library = fileURLToPath(new URL('../../test-programs/emscripten/library', import.meta.url));
const begin = createRequire(import.meta.url)(`${library}.cjs`);
/** A program that reads settings in its first calls. */
async function settled(wasm, text, reads = (index) => index.load('/settings.txt')) {
  process.setMaxListeners(0);
  const library = await begin({ wasmBinary: wasm });
  if (text !== undefined) library.FS.writeFile('/settings.txt', text);
  const index = new library.Index('settings');
  reads(index, library);
  return { library, index };
}
await test('files that the module reads in `start`', async () => {
  const wasm = readFileSync(`${library}.wasm`);
  const run = ({ index }) => index.add('x');
  const { wasm: snapshot, warnings } = await capture({ wasm, start: () => settled(wasm, 'alice 1\n'), run });
  assert.deepEqual(warnings, []);
  const hooks = preinitialized();
  try {
    const { index, library } = await settled(snapshot, 'alice 1\n');
    assert.deepEqual([index.count('alice'), index.count('x'), index.load('/settings.txt'), library.FS.streams.filter(Boolean).length], [1, 1, 1, 3]);
    for (const other of ['bob 5\n', 'alice 2\n', 'alice 1\nbob 2\n', '', undefined]) {
      await assert.rejects(settled(snapshot, other), /preinit: the program does not start like/, other);
    }
  } finally {
    hooks.restore();
  }
});
