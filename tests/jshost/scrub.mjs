// Free memory that the module's own allocator zeroes when a snapshot is captured.
//
//     node tests/jshost/scrub.mjs JS PREINIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { converted } from './converted.mjs';

const js = resolve(process.argv[2]);
const { capture, verify, Refusal } = await import(pathToFileURL(join(js, 'index.js')));
const preinit = resolve(process.argv[3]);
const folder = fileURLToPath(new URL('modules', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'preinit-scrub-'));
const module = (name) => converted(preinit, join(folder, `${name}.wat`));

const imports = { env: { log() {}, now: () => 1, full() { throw new Error('there is no more'); } } };

async function scrubbed(name, init = 'fill') {
  const wasm = module(name);
  const run = async () => void (await WebAssembly.instantiate(wasm, imports)).instance.exports[init]();
  const made = (more) => capture({ wasm, run, ...more });
  return { plain: await made({}), ...(await made({ scrub: true })) };
}

async function refused(name, expected, init) {
  const error = await scrubbed(name, init).then(() => null, (error) => error);
  assert(error instanceof Refusal, `${name}: expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  assert.match(error.message, expected);
}

// One that ends in the host where nothing is left: nothing remains of that.
const heap = await scrubbed('heap');
const letters = (bytes) => bytes.filter((byte) => byte >= 65 && byte <= 90).length;
assert(heap.scrubbed.zeroed > 140_000, JSON.stringify(heap.scrubbed));
assert.equal(heap.scrubbed.allocator, 'malloc');
assert(heap.scrubbed.after.deflated < heap.scrubbed.before.deflated, JSON.stringify(heap.scrubbed));
assert.equal(heap.scrubbed.after.bytes, heap.wasm.length);
assert(letters(heap.plain.wasm) > 190_000 && letters(heap.wasm) >= 100_000 && letters(heap.wasm) < 106_000, `${letters(heap.wasm)}`);
const { exports } = (await WebAssembly.instantiate(heap.wasm, imports)).instance;
const plain = (await WebAssembly.instantiate(heap.plain.wasm, imports)).instance.exports;
assert.equal(exports.first(), plain.first());
assert.equal(exports.failures(), 0);
assert.equal(exports.memory.buffer.byteLength, 4 * 65536);
assert.notEqual(exports.malloc(50_000), 0);
// It may grow as before.
assert.equal(exports.memory.grow(1), 4);

await refused('keeps', /free memory is not zeroed: of \d+ bytes that were freed, only \d+ could be allocated again/);
await refused('asks', /free memory is not zeroed: the allocator called JavaScript/);
await refused('counter', /free memory is not zeroed: no allocator was found among the module's exports and names/, 'start');

// A program of Emscripten: what it has freed is zero, and it answers as before.
const library = fileURLToPath(new URL('../../test-programs/emscripten/library', import.meta.url));
const script = join(work, 'library.mjs');
writeFileSync(script, `
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  export const start = () => createRequire(import.meta.url)(${JSON.stringify(`${library}.cjs`)})({
    wasmBinary: readFileSync(${JSON.stringify(`${library}.wasm`)}),
  });
  export function run(library) {
    const index = new library.Index('words');
    for (let n = 0; n < 20000; n++) index.add('word number ' + n);
    index.delete();
    return library._square(2);
  }
  export function calls({ started: library, value }) {
    const index = new library.Index('more');
    for (let n = 0; n < 3000; n++) index.add('other ' + (n % 1000));
    return [value, index.size(), index.count('other 7'), index.count('word number 7')];
  }`);
const { start, run } = await import(pathToFileURL(script));
const original = `${library}.wasm`;
const snapshot = join(work, 'library.wasm');
const made = await capture({ wasm: original, out: snapshot, start, run, scrub: true });
assert(made.scrubbed.zeroed > 1e6, JSON.stringify(made.scrubbed));
assert(made.scrubbed.after.deflated < made.scrubbed.before.deflated / 2, JSON.stringify(made.scrubbed));
const verdict = await verify({ original, snapshot, script });
assert.deepEqual(verdict.answers, { original: [4, 1000, 3, 0], snapshot: [4, 1000, 3, 0] });
assert(verdict.equal);

rmSync(work, { recursive: true });
const { before, after } = made.scrubbed;
console.log(`free memory is zeroed, or that is refused; Emscripten: ${before.bytes} -> ${after.bytes}, deflated ${before.deflated} -> ${after.deflated}`);
