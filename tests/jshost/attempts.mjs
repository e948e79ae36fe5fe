// A program that instantiates the module more than once, which fails all but one time: nothing is forgotten of the instance that it has.
//
//     node tests/jshost/attempts.mjs JS PREINIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, module, preinit, refused, test } from './checks.mjs';
import { converted } from './converted.mjs';

const { capture } = await load('index.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-attempts-'));
const preloaded = join(work, 'env.wat');
writeFileSync(preloaded, '(module (memory (export "memory") 1 4) (func (export "log") (param i32)))');

/** A module of these fields; its own init function does nothing. */
function wat(fields) {
  const file = join(work, 'module.wat');
  writeFileSync(file, `(module ${fields} (func (export "preinit")))`);
  return converted(preinit, file, '--preload', `env=${preloaded}`);
}

const hex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const counter = module('counter');
const env = { log() {}, now: () => 1 };
const called = /^the import env\.log was called \(1 times\)/;

/** What the engine refuses, in all ways to ask for it. */
const failing = {
  'instantiate': (bytes) => WebAssembly.instantiate(bytes, {}),
  'a name less': (bytes) => WebAssembly.instantiate(bytes, { env: {} }),
  'no imports': (bytes) => WebAssembly.instantiate(bytes),
  'a module': async (bytes) => WebAssembly.instantiate(await WebAssembly.compile(bytes), {}),
  'Instance': async (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), {}),
  'instantiateStreaming': (bytes) => WebAssembly.instantiateStreaming(new Response(bytes, { headers: { 'content-type': 'application/wasm' } }), {}),
};
for (const [how, fail] of Object.entries(failing)) {
  const fails = async () => assert.rejects(async () => fail(counter), (error) => error instanceof WebAssembly.LinkError || error instanceof TypeError);
  const run = (...when) => async () => {
    if (when.includes('before')) await fails();
    const { exports } = (await WebAssembly.instantiate(counter, { env })).instance;
    if (when.includes('between')) await fails();
    exports.say();
    if (when.includes('after')) await fails();
  };
  await test(`calls are counted: ${how}`, async () => {
    await refused({ wasm: counter, run: run('before') }, called);
    await refused({ wasm: counter, run: run('between') }, called);
    await refused({ wasm: counter, run: run('after') }, called);
    await refused({ wasm: counter, run: run('before', 'between', 'after') }, called);
  });
  await test(`nothing else is refused, and the snapshot is the same: ${how}`, async () => {
    const quiet = (isTwice) => async () => {
      if (isTwice) await fails();
      const { exports } = (await WebAssembly.instantiate(counter, { env })).instance;
      exports.init();
      if (isTwice) await fails();
    };
    const [once, twice] = [await capture({ wasm: counter, run: quiet(false) }), await capture({ wasm: counter, run: quiet(true) })];
    assert.deepEqual(twice.wasm, once.wasm);
  });
}

await test('functions of other modules are refused, whatever comes after', async () => {
  const other = new WebAssembly.Instance(new WebAssembly.Module(module('other'))).exports.three;
  const run = async () => {
    await WebAssembly.instantiate(counter, { env: { ...env, now: other } });
    await assert.rejects(WebAssembly.instantiate(counter, {}), TypeError);
  };
  await refused({ wasm: counter, run }, /^the import env\.now is a function of another module/);
  // One that was never called by anybody is no matter.
  const refusedFirst = async () => {
    await assert.rejects(WebAssembly.instantiate(counter, { env: { now: other } }), WebAssembly.LinkError);
    await WebAssembly.instantiate(counter, { env });
  };
  await capture({ wasm: counter, run: refusedFirst });
});

await test('what an imported memory held at first', async () => {
  const wasm = wat('(import "env" "memory" (memory 1 4)) (import "env" "log" (func $log (param i32))) (func (export "put") (i32.store8 (i32.const 100) (i32.const 9)))');
  const memory = () => {
    const made = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    new Uint8Array(made.buffer)[50] = 1;
    return made;
  };
  const run = (fails) => async () => {
    const made = memory();
    const { exports } = (await WebAssembly.instantiate(wasm, { env: { ...env, memory: made } })).instance;
    exports.put();
    if (fails) await assert.rejects(WebAssembly.instantiate(wasm, { env: { memory: made } }), WebAssembly.LinkError);
  };
  const [once, twice] = [await capture({ wasm, run: run(false) }), await capture({ wasm, run: run(true) })];
  const made = memory();
  await WebAssembly.instantiate(twice.wasm, { env: { ...env, memory: made } });
  assert.deepEqual([50, 100].map((at) => new Uint8Array(made.buffer)[at]), [1, 9]);
  assert.deepEqual(twice.wasm, once.wasm);
});

await test('what fails while it runs is refused', async () => {
  // (import "env" "log" (func $log (param i32))) (func $go (call $log (i32.const 1))) (start $go)
  const starting = hex('0061736d0100000001080260017f00600000020b0103656e76036c6f670000030201010801010a08010600410110000b');
  const log = () => {
    throw new Error('no more');
  };
  const run = (order) => async () => {
    for (const log of order) await WebAssembly.instantiate(starting, { env: { log } }).catch(() => {});
  };
  const failed = /^an instantiation of the module failed \(no more\), perhaps when it had begun to run/;
  for (const order of [[log, env.log], [env.log, log]]) {
    await refused({ wasm: starting, run: run(order) }, failed);
    await refused({ wasm: starting, run: run(order) }, /^the import env\.log was called \(2 times\)/);
  }
  // An engine's error may be anybody's.
  const wrong = () => {
    throw new TypeError('no more');
  };
  await refused({ wasm: starting, run: run([wrong, env.log]) }, failed);
  // Also without a call: its segments may have been written.
  // (import "env" "memory" (memory 1 4)) (data (i32.const 10) "a") (data (i32.const 65536) "b")
  const writing = hex('0061736d0100000002100103656e76066d656d6f7279020101040b0f0200410a0b016100418080040b0162');
  const written = async () => {
    await assert.rejects(WebAssembly.instantiate(writing, { env: { memory: new WebAssembly.Memory({ initial: 1, maximum: 4 }) } }), WebAssembly.RuntimeError);
    await WebAssembly.instantiate(writing, { env: { memory: new WebAssembly.Memory({ initial: 2, maximum: 4 }) } });
  };
  await refused({ wasm: writing, run: written }, /^an instantiation of the module failed/);
});

await test('one that has not ended is one', async () => {
  let later;
  const run = async () => {
    await WebAssembly.instantiate(counter, { env });
    later = WebAssembly.instantiate(counter, { env });
  };
  await refused({ wasm: counter, run }, /^the module was instantiated 2 times/);
  await later;
});

await test('the first of two at once is not that of the second', async () => {
  const run = async () => {
    const first = WebAssembly.instantiate(counter, { env });
    const second = WebAssembly.instantiate(counter, {});
    await assert.rejects(second, TypeError);
    (await first).instance.exports.say();
  };
  await refused({ wasm: counter, run }, called);
});

await test('`start` and `run` with one that fails', async () => {
  const dictionary = module('dictionary');
  const pieces = (registered) => ({ ...env, register: (at) => void registered.push(at), fail() {}, later() {} });
  const start = (bytes, registered) => async () => {
    const { exports } = (await WebAssembly.instantiate(bytes, { env: pieces(registered) })).instance;
    await assert.rejects(WebAssembly.instantiate(bytes, {}), TypeError);
    exports.fed();
    return exports;
  };
  const { runtime } = await capture({ wasm: dictionary, start: start(dictionary, []), run: (exports) => void exports.store(3000, 1) });
  assert.equal(runtime, 'replay');
  const feeds = async (exports) => {
    await assert.rejects(WebAssembly.instantiate(dictionary, {}), TypeError);
    exports.feed(100, 4);
  };
  await refused({ wasm: dictionary, start: start(dictionary, []), run: feeds }, /^the import env\.register was called \(1 times\)/);
});

rmSync(work, { recursive: true });
