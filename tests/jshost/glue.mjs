// What glue does around modules, whatever its names are: imports that JavaScript calls through a table, tables that the module enlarges,
// clocks without a name, a script that loads the library while it is imported.
//
//     node tests/jshost/glue.mjs JS PREINIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2]);
const load = (file) => import(pathToFileURL(join(folder, file)));
const [{ capture, Refusal }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const file = fileURLToPath(new URL('modules/glue.wat', import.meta.url));
const bytes = new Uint8Array(execFileSync(resolve(process.argv[3]), ['-q', file], { stdio: ['ignore', 'pipe', 'ignore'] }));

async function library(bytes, { number = () => 1 } = {}) {
  const registered = [];
  const js = {
    r: (value) => registered.push(value),
    i: (slot, value) => exports.functions.get(slot)(value),
    t: () => Date.now(),
    c: (clock, precision, at) => (new DataView(exports.memory.buffer).setBigUint64(at, BigInt(Date.now()) * 1_000_000n, true), 0),
    n: number,
  };
  const { exports } = (await WebAssembly.instantiate(bytes, { js })).instance;
  return { exports, registered };
}

async function played(body) {
  const hooks = preinitialized();
  try {
    return await body();
  } finally {
    hooks.restore();
  }
}

async function refused(options, expected) {
  const error = await capture(options).then(() => null, (error) => error);
  assert(error instanceof Refusal, `expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  assert(error.reasons.some((reason) => expected.test(reason)), error.message);
}

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// JavaScript calls an import through the module's table: it will do so again.
{
  const start = (bytes) => async () => {
    const started = await library(bytes);
    started.exports.direct();
    started.exports.count();
    return started;
  };
  const { wasm } = await capture({ wasm: bytes, start: start(bytes) });
  await played(async () => {
    const { exports, registered } = await start(wasm)();
    assert.deepEqual(registered, [42]);
    assert.equal(exports.count(), 2);
  });
  // Without a record it would be missing.
  await refused({ wasm: bytes, run: async () => void (await start(bytes)()) }, /^the import js.r was called \(1 times\)/);
  const late = { wasm: bytes, start: start(bytes), run: ({ exports }) => exports.direct() };
  await refused(late, /^the import js.r was called \(1 times\)/);
}

// The module enlarges a table that JavaScript sees, and enlarges, too.
{
  const start = (bytes, object) => async () => {
    const { exports } = await library(bytes);
    const slots = [exports.keep('text'), exports.keep(globalThis), exports.values.grow(3), exports.keep(object)];
    return { exports, lengths: [...slots, exports.values.length] };
  };
  const { wasm } = await capture({ wasm: bytes, start: start(bytes, { a: 1 }), run: ({ exports }) => void exports.keep(7) });
  await played(async () => {
    const object = { a: 2 };
    const { exports, lengths } = await start(wasm, object)();
    assert.deepEqual(lengths, [1, 3, 5, 8, 10]);
    assert.equal(exports.kept(1), 'text');
    assert.equal(exports.kept(3), globalThis);
    assert.equal(exports.kept(8), object);
    assert.equal(exports.kept(10), 7);
    assert.equal(exports.keep(null), 12);
  });
  // What came after the record is not there again.
  const run = ({ exports }) => void exports.keep({ b: 1 });
  await refused({ wasm: bytes, start: start(bytes, {}), run }, /^table \d+, element 10 holds an object \(Object\)/);
}

// A clock is known by its answer, and is not asked again.
{
  const start = (bytes) => async () => {
    const { exports } = await library(bytes);
    return { exports, times: [exports.time(), exports.clock(), exports.count()] };
  };
  const { wasm } = await capture({ wasm: bytes, start: start(bytes), run: ({ exports }) => void exports.time() });
  await wait(5);
  await played(async () => {
    const { exports, times } = await start(wasm)();
    assert.equal(times[2], 1);
    assert(times[0] < Date.now() && Number(times[1] / 1_000_000n) < Date.now());
    assert.equal(exports.count(), 2);
    const now = Date.now();
    assert(exports.time() >= now);
  });
  // Another number is none.
  await refused({ wasm: bytes, run: async () => void (await library(bytes, { number: () => 1e12 })).exports.number() }, /^the import js.n was called/);
}

// What takes its time and answers a whole number is none, and neither is what once answered something else.
{
  const waited = () => {
    const [began, result] = [performance.now(), Math.floor(performance.now() + 15)];
    while (performance.now() < began + 30);
    return result;
  };
  const start = (number) => async () => void (await library(bytes, { number })).exports.number();
  await refused({ wasm: bytes, run: start(waited) }, /^the import js.n was called \(1 times\)/);
  let calls = 0;
  const both = (bytes, first) => async () => {
    calls = 0;
    const { exports } = await library(bytes, { number: () => (calls++ === 0 ? first() : 5) });
    return [exports.number(), exports.number()];
  };
  await refused({ wasm: bytes, run: async () => void (await both(bytes, Date.now)()) }, /^the import js.n was called \(2 times\)/);
  const { wasm } = await capture({ wasm: bytes, start: both(bytes, Date.now) });
  await wait(5);
  await played(() => assert.rejects(both(wasm, Date.now), /the import js.n returned something else/));
}

// The time stands behind the pointer, but it was not the import that wrote it.
{
  const run = async () => {
    let exports;
    const c = (clock, precision, at) => {
      const end = Date.now() + 20;
      while (Date.now() < end);
      return 0;
    };
    const js = { r() {}, i() {}, t: () => 0, c, n: () => 1 };
    ({ exports } = (await WebAssembly.instantiate(bytes, { js })).instance);
    new DataView(exports.memory.buffer).setBigUint64(64, BigInt(Date.now() + 10) * 1_000_000n, true);
    exports.clock();
  };
  await refused({ wasm: bytes, run }, /^the import js.c was called \(1 times\)/);
}

// A script that loads the library while it is imported.
const work = mkdtempSync(join(tmpdir(), 'preinit-glue-'));
const [wasm, out] = ['module.wasm', 'out.wasm'].map((name) => join(work, name));
writeFileSync(wasm, bytes);
for (const phase of ['run', 'start']) {
  const script = join(work, `${phase}.mjs`);
  writeFileSync(script, `
    import { readFileSync } from 'node:fs';
    const js = { r() {}, i() {}, t() {}, c() {}, n() {} };
    const { exports } = (await WebAssembly.instantiate(readFileSync(${JSON.stringify(wasm)}), { js })).instance;
    export const ${phase} = () => exports.count();
    export const calls = () => [exports.count(), exports.count()];`);
  const { verdict } = await capture({ wasm, out, script, quiet: true });
  assert.deepEqual(verdict.answers.snapshot, [2, 3]);
}

rmSync(work, { recursive: true });
console.log('what glue does around modules is made again, or refused');
