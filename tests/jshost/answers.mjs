// What `verify` compares: all answers of all runs, and nothing of which a part would be lost on the way.
//
//     node tests/jshost/answers.mjs JS PREINIT
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, module, test } from './checks.mjs';

const { capture, verify } = await load('index.js');
const { whyNotCompared } = await load('comparable.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-answers-'));
const original = join(work, 'original.wasm');
writeFileSync(original, module('counter'));
let scripts = 0;

/** A script whose text may use `n`, the number of earlier runs of this side. */
function script(text) {
  const file = join(work, `${(scripts += 1)}.mjs`);
  writeFileSync(file, `
    import { appendFileSync, existsSync, readFileSync } from 'node:fs';
    const env = { log() {}, now: () => 7, later() {} };
    export const run = async () => {
      globalThis.exports = (await WebAssembly.instantiate(readFileSync(${JSON.stringify(original)}), { env })).instance.exports;
    };
    export async function calls({ preinitialized }) {
      if (preinitialized) await run();
      const seen = ${JSON.stringify(file)} + preinitialized;
      const n = existsSync(seen) ? readFileSync(seen).length : 0;
      appendFileSync(seen, 'x');
      ${text}
    }`);
  return file;
}
const compared = (text, times) => verify({ original, snapshot: original, script: script(text), times });

class Hidden {
  #n = 1;
}
class Fault extends Error {}
class Pairs extends Map {}
const incomparable = {
  'private fields': [new Hidden(), /^it is an object of a class$/],
  'an object of a class in an array': [[1, [new Hidden()]], /^it\[1\]\[0\] is an object of a class$/],
  'an object of a class in a map': [new Map([['a', new Hidden()]]), /^it\(a value\) is an object of a class$/],
  'an object of a class in a set': [{ all: new Set([new Hidden()]) }, /^it\.all\(a member\) is an object of a class$/],
  'a map of a class': [new Pairs(), /class/],
  'an address': [new URL('http://localhost/'), /class/],
  'a response': [new Response('text'), /class/],
  'a blob': [new Blob(['text']), /class/],
  'a promise': [{ later: Promise.resolve(1) }, /^it\.later is an object of a class$/],
  'a function': [{ call: () => 1 }, /^it\.call is of type function$/],
  'a symbol': [[Symbol('x')], /^it\[0\] is of type symbol$/],
  'a symbol as key': [{ [Symbol('x')]: 1 }, /key is a symbol/],
  'what is hidden': [Object.defineProperty({}, 'n', { value: 1 }), /not enumerable/],
  'a date with more': [Object.assign(new Date(0), { n: 1 }), /besides/],
  'an error with a code': [Object.assign(new Error('x'), { code: 1 }), /^it is an error with a property code$/],
  'an error with a cause': [new Error('x', { cause: 1 }), /property cause/],
  'errors in an error': [new AggregateError([1], 'x'), /an error/],
  'an error of a class': [new Fault('x'), /^it is an error of a class$/],
  'an exception of a module': [new WebAssembly.RuntimeError('x'), /^it is an error of a class$/],
  'a memory': [new WebAssembly.Memory({ initial: 1 }), /class/],
  'a proxy': [new Proxy({}, {}), /proxy/],
};
for (const [name, [value, expected]] of Object.entries(incomparable)) {
  await test(`${name} is not compared`, () => assert.match(String(whyNotCompared(value)), expected));
}

const cyclic = { list: [1, , -0, NaN, undefined, 2n] };
cyclic.self = cyclic;
const data = {
  'what is in itself': cyclic,
  'plain objects': [{ a: null }, Object.assign(Object.create(null), { b: true }), { get n() { return 1; } }],
  'bytes': [new Uint8Array(3), Buffer.from('abc'), new ArrayBuffer(2), new DataView(new ArrayBuffer(1)), new Float64Array(1)],
  'a map and a set': [new Map([[{ k: 1 }, new Set(['x'])]])],
  'dates and patterns': [new Date(0), /x/g, Object('text'), Object(1)],
  'errors': [new Error('x'), new TypeError('y'), new RangeError('z')],
  'an array with more': Object.assign([1], { index: 0 }),
};
for (const [name, value] of Object.entries(data)) {
  await test(`${name}: compared`, () => assert.equal(whyNotCompared(value), undefined));
}

await test('a script whose answers cannot be compared', async () => {
  await assert.rejects(compared('return { ok: [new (class { #n = n })()] };'), /^TypeError: what `calls` returned with the original must be data .*: it\.ok\[0\] is an object of a class$/);
  await assert.rejects(compared('return preinitialized ? () => 1 : 1;'), /^TypeError: what `calls` returned with the snapshot must be data .*: it is of type function$/);
  await assert.rejects(compared('exports.get;'), /^TypeError: `calls` returned nothing/);
  assert.deepEqual(await compared('return preinitialized ? undefined : 1;').then(({ equal, answers }) => [equal, answers]), [false, { original: 1, snapshot: undefined }]);
  assert.equal((await compared('return { n: 1, bytes: new Uint8Array(2), error: new Error("x") };')).equal, true);
});

await test('a script that ends its process', async () => {
  for (const text of ['process.exit(0);', "console.log('a text that it prints'); process.exit(0);", "process.stdout.write('\\0\\0\\0\\0', () => process.exit(0)); await new Promise(() => {});"]) {
    await assert.rejects(compared(text), /the program ended its process with the original before it had answered/);
  }
});

await test('the answers of all runs are compared, not those of the fastest', async () => {
  const slow = 'await new Promise((done) => setTimeout(done, 100));';
  for (const wrong of [0, 1, 2]) {
    const { equal, answers } = await compared(`if (preinitialized && n === ${wrong}) { ${slow} return 'wrong'; } return 'right';`, 3);
    assert.deepEqual([equal, answers], [false, { original: 'right', snapshot: 'wrong' }]);
  }
  const { equal, answers } = await compared(`if (!preinitialized && n === 1) { ${slow} return 'wrong'; } return 'right';`, 2);
  assert.deepEqual([equal, answers], [false, { original: 'wrong', snapshot: 'right' }]);
  assert.equal((await compared('return n < 9;', 3)).equal, true);
});

await test('no snapshot is written with a script that says nothing, or answers otherwise once', async () => {
  const out = join(work, 'out.wasm');
  const made = (text) => capture({ wasm: original, out, script: script(text), quiet: true });
  await assert.rejects(made('exports.get;'), /returned nothing/);
  await assert.rejects(made('return new URL("http://localhost/");'), /object of a class/);
  await assert.rejects(made('return preinitialized && n === 1 ? 2 : 1;'), /answers otherwise/);
  assert.equal(existsSync(out), false);
  assert.equal((await made('return 1;')).verdict.equal, true);
});

rmSync(work, { recursive: true });
