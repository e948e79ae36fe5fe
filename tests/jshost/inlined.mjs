// Modules that are text in JavaScript: they are recognized by the bytes that come of it, and given as such.
//
//     node tests/jshost/inlined.mjs JS PREINIT
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { load, module, test } from './checks.mjs';

const { capture, modulesOf } = await load('index.js');
const counter = module('counter');
const other = module('other');
const env = { log() {}, now: () => 1 };
// What a tool compiles for a function of JavaScript that is to be in a table.
const helper = Uint8Array.from(Buffer.from('0061736d0100000001050160017f0002070101650166000007050101660000', 'hex'));

const base64 = Buffer.from(counter).toString('base64');
const latin1 = Buffer.from(counter).toString('latin1');
const packed = gzipSync(counter).toString('base64');
const forms = {
  base64: async () => (await WebAssembly.instantiate(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)), { env })).instance,
  'a string': async () => new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(latin1, (character) => character.charCodeAt(0))), { env }),
  'a data URL': async () => (await WebAssembly.instantiateStreaming(fetch(`data:application/wasm;base64,${base64}`), { env })).instance,
  packed: async () => {
    const stream = new Blob([Buffer.from(packed, 'base64')]).stream().pipeThrough(new DecompressionStream('gzip'));
    return (await WebAssembly.instantiate(await new Response(stream).arrayBuffer(), { env })).instance;
  },
};

for (const [form, make] of Object.entries(forms)) {
  await test(`from ${form}`, async () => {
    const program = async () => {
      new WebAssembly.Module(helper);
      new WebAssembly.Module(other);
      await assert.rejects(WebAssembly.compile(new Uint8Array(1000)), WebAssembly.CompileError);
      (await make()).exports.init();
      new WebAssembly.Module(helper);
    };
    const found = await modulesOf(program);
    assert.deepEqual(found, [counter, other, helper].sort((left, right) => right.length - left.length));
    const { wasm } = await capture({ wasm: found[0], run: program });
    assert.equal((await WebAssembly.instantiate(wasm, { env })).instance.exports.get(), 42);
  });
}

await test('what is found stays as it was', async () => {
  const bytes = counter.slice();
  const [found] = await modulesOf(async () => {
    await WebAssembly.compile(bytes);
    bytes.fill(0);
  });
  assert.deepEqual(found, counter);
});

await test('nothing stays hooked, and what fails says so', async () => {
  const before = Object.getOwnPropertyDescriptors(WebAssembly);
  assert.deepEqual(await modulesOf(() => {}), []);
  await assert.rejects(modulesOf(() => { throw new RangeError('of the program'); }), /of the program/);
  await assert.rejects(modulesOf(() => modulesOf(() => {})), /was called by what another `capture` runs/);
  for (const [name, { value }] of Object.entries(before)) assert.equal(WebAssembly[name], value, name);
});
