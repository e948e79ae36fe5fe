// Modules that work with strings of JavaScript (`wasm:js-string`), initialized by the command without a browser: what the builtins answer there is
// what V8 answers, and the strings are in the snapshot.
//
//     node tests/jshost/strings.mjs JS PREINIT
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folder, load, preinit, test } from './checks.mjs';

const { capture } = await load('index.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-strings-'));
const text = readFileSync(join(folder, 'strings.wat'), 'utf8');
const options = { builtins: ['js-string'], importedStringConstants: "'" };
const instance = async (bytes) => (await WebAssembly.instantiate(bytes, {}, options)).instance.exports;

/** What the command makes of a module. */
function made(name, text, ...more) {
  const [file, out] = [join(work, `${name}.wat`), join(work, `${name}.wasm`)];
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(preinit, ['-q', file, '-o', out, ...more], { encoding: 'utf8' });
  return { status, stderr, wasm: status === 0 ? readFileSync(out) : undefined };
}

/** Everything that the module knows. */
function answers(exports) {
  const slots = Array.from({ length: exports.kept.length }, (_, slot) => exports.kept.get(slot));
  return {
    slots, numbers: [...new Int32Array(exports.memory.buffer, 0, 256)], globals: [exports.made.value, exports.constant.value],
    fields: [0, 1, 2].map((n) => exports.field(n)), elements: [0, 1, 2].map((n) => exports.element(n)),
  };
}

// The module as it is: an init function that does nothing.
const original = made('original', text.replace('(func $say', '(func (export "nothing")) (func $say'), '-f', 'nothing', '--keep-init-func').wasm;
const inV8 = await instance(original);
inV8.init();
const expected = answers(inV8);

await test('builtins answer as in V8, and strings are in the snapshot', async () => {
  const { wasm, stderr } = made('snapshot', text, '-f', 'init');
  assert(wasm, stderr);
  assert.deepEqual(answers(await instance(wasm)), expected);
  assert.equal(expected.globals[0], 'a'.repeat(1 << 16));
  assert.equal(expected.slots.filter((slot) => slot !== null).length, 15);
});

await test('capture under JavaScript gives the same', async () => {
  const { wasm, runtime } = await capture({ wasm: new Uint8Array(original), run: async () => (await instance(new Uint8Array(original))).init() });
  const hooks = runtime === 'none' ? undefined : (await load('run.js')).preinitialized();
  assert.deepEqual(answers(await instance(wasm)), expected);
  hooks?.restore();
});

await test('strings are known by the options of the instance, whatever is compiled besides', async () => {
  const bytes = new Uint8Array(original);
  const besides = [
    () => assert.rejects(WebAssembly.instantiate(bytes, {}), TypeError),
    () => WebAssembly.compile(bytes),
    () => void new WebAssembly.Module(bytes, { builtins: ['js-string'] }),
  ];
  const run = (other) => async () => {
    const exports = await instance(bytes);
    exports.init();
    await other?.();
  };
  const { wasm } = await capture({ wasm: bytes, run: run() });
  for (const other of besides) assert.deepEqual((await capture({ wasm: bytes, run: run(other) })).wasm, wasm);
});

await test('what traps in V8 ends init', async () => {
  const names = Array.from(text.matchAll(/export "([a-z][^"]* [^"]*)"/g), ([, name]) => name);
  assert.equal(names.length, 15);
  for (const name of names) {
    assert.throws(() => inV8[name](), Error, name);
    const { status, stderr } = made('trap', text, '-f', name);
    assert.notEqual(status, 0, name);
    assert.match(stderr, new RegExp(`\`?${name}\`?`), stderr);
  }
});

await test('a module that cannot make strings is refused by name', async () => {
  const without = `(module
    (import "wasm:js-string" "fromCharCode" (func $from_unit (param i32) (result (ref extern))))
    (import "'" "constant" (global $constant (ref extern)))
    (global $kept (mut externref) (ref.null extern))
    (func (export "constant") (global.set $kept (global.get $constant)))
    (func (export "made") (global.set $kept (call $from_unit (i32.const 65))))
    (func (export "get") (result externref) (global.get $kept)))`;
  // A constant is had where it comes from.
  assert.equal((await instance(made('constant', without, '-f', 'constant').wasm)).get(), 'constant');
  const { status, stderr } = made('made', without, '-f', 'made');
  assert.equal(status, 1, stderr);
  assert.match(stderr, /global 1 .*: string of JavaScript, which the module cannot make again: it does not import fromCharCodeArray of wasm:js-string/);
});

await test('strings that nobody has any more take no memory', async () => {
  const many = (count) => `(module
    (import "wasm:js-string" "concat" (func $concat (param externref externref) (result (ref extern))))
    (import "'" "0123456789abcdef" (global $text (ref extern)))
    (global $kept (mut externref) (ref.null extern))
    (func (export "init") (local $n i32) (local $half externref)
      (local.set $half (global.get $text))
      (loop $double (local.set $half (call $concat (local.get $half) (local.get $half)))
        (br_if $double (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const ${count}))))
      (local.set $n (i32.const 0))
      (loop $more (drop (call $concat (local.get $half) (local.get $half)))
        (br_if $more (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 40))))))`;
  assert.equal(made('many', many(19), '-f', 'init', '--max-memory', '300MB').status, 0);
  const { status, stderr } = made('large', many(24), '-f', 'init', '--max-memory', '300MB');
  assert.notEqual(status, 0);
  assert.match(stderr, /memory|longer than JavaScript allows/);
});

rmSync(work, { recursive: true });
