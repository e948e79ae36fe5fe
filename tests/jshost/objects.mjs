// Objects of the garbage-collected heap under JavaScript: those of others, what JavaScript sees of them, and objects of JavaScript that are made
// again with them.
//
//     node tests/jshost/objects.mjs JS PREINIT
import assert from 'node:assert/strict';

// Compiled before anybody watches: it might have any types.
const early = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const { load, module, refused, test } = await import('./checks.mjs');
const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];

const origins = module('origins');
const options = { builtins: ['js-string'], importedStringConstants: "'" };
let another;

/** An instance; `given` are imports. */
async function library(bytes, given = {}) {
  const env = { other: () => null, two: () => [null, 0], see() {}, ...given };
  const code = {
    'kotlin.createJsError': (message, cause) => new Error(message, { cause }),
    'kotlin.js.name_$external_prop_setter': (object, value) => { object.name2 = value; },
    ...given.code,
  };
  return (await WebAssembly.instantiate(bytes, { env, js_code: code }, options)).instance.exports;
}
another = await library(origins);
const foreign = another.make(5);

/** Captures what `run` does with the library, and gives an instance of the snapshot. */
async function snapshot(run, { given, ...more } = {}) {
  const { wasm } = await capture({ wasm: origins, run: async () => void run(await library(origins, given)), ...more });
  return library(wasm, given);
}
const refusedRun = (run, expected, { given, ...more } = {}) =>
  refused({ wasm: origins, run: async () => void run(await library(origins, given)), ...more }, expected);

await test('objects of another module of the same types', async () => {
  const outside = /^the module keeps 1 objects that came from outside/;
  let exports;
  const ways = {
    keep: (e) => e.keep(foreign),
    'an import': [(e) => e.from_import(), { given: { other: () => foreign }, allow: ['env.other'] }],
    'one of two results': [(e) => e.from_two(), { given: { two: () => [foreign, 1] }, allow: ['env.two'] }],
    'a table': (e) => (e.objects.set(1, foreign), e.from_table()),
    'a global': (e) => ((e.seen.value = foreign), e.from_global()),
    'an exception': [
      (e) => ((exports = e), e.from_throw()),
      { given: { see: () => { throw new WebAssembly.Exception(exports.tag, [foreign]); } }, allow: ['env.see'] },
    ],
    'a call inside of a call': [(e) => ((exports = e), e.show()), { given: { see: () => exports.keep(foreign) }, allow: ['env.see'] }],
  };
  for (const [name, way] of Object.entries(ways)) {
    const [run, more] = [way].flat();
    await refusedRun(run, outside, more).catch((error) => assert.fail(`${name}: ${error.message}`));
  }
  // Whoever says that copies will do gets them.
  assert.equal((await snapshot((e) => e.keep(foreign), { allow: ['objects'] })).value(), 5);
  await refused(
    { wasm: origins, start: () => library(origins, { other: () => foreign }), run: (e) => e.from_import(), again: ['env.other'] },
    outside,
  );
});

await test('objects of the module itself go out and come in again', async () => {
  let exports;
  let shown;
  for (const [run, more] of [
    [(e) => e.keep(e.make(7))],
    [(e) => (e.own(), e.keep(e.get()))],
    [(e) => (e.put(7), e.keep(e.objects.get(1)))],
    [(e) => (e.put(7), e.objects.set(2, e.objects.get(1)), e.from_table())],
    [(e) => ((e.seen.value = e.make(7)), e.from_global())],
    [(e) => (e.own(), e.show(), e.from_import()), { given: { see: (object) => { shown = object; }, other: () => shown }, allow: ['env.see', 'env.other'] }],
    [
      (e) => ((exports = e), e.own(), e.from_throw()),
      { given: { see: () => { throw new WebAssembly.Exception(exports.tag, [exports.get()]); } }, allow: ['env.see'] },
    ],
  ]) {
    assert.equal((await snapshot(run, more)).value(), 7);
  }
});

await test('what JavaScript sees without a call is as it was, or that is refused', async () => {
  const start = async () => library(origins);
  const refusedStart = (work, expected, run) =>
    refused({ wasm: origins, start: async () => { const e = await start(); work(e); return e; }, run }, expected);
  await refusedStart((e) => e.put(5), /the module put an object of its own into table 0/);
  await refusedStart((e) => e.get() ?? e.make(3), /the export make returned an object of its own/);
  await refusedStart((e) => { e.seen.value = 5; }, /global 1, which JavaScript sees and which is no number, changed between calls/, (e) => e.idle());
  // It finds what it will find.
  await refusedStart((e) => e.idle(), /table 0, element 1 holds an object/, (e) => e.put(5));
  const { wasm } = await capture({
    wasm: origins,
    start: async () => {
      const e = await start();
      e.idle();
      e.objects.set(2, 7);
      e.idle();
      return e;
    },
    run: (e) => e.clear(),
  });
  const hooks = preinitialized();
  const e = await library(wasm);
  assert.equal(e.objects.get(2), null);
  e.idle();
  e.objects.set(2, 7);
  e.idle();
  assert.equal(e.objects.get(2), 7);
  e.idle();
  assert.equal(e.objects.get(2), null);
  hooks.restore();
});

await test('objects of JavaScript that the snapshot makes again', async () => {
  const made = await snapshot((e) => (e.fail(3), e.rename(e.error())));
  assert.equal(made.error().name2, 'A');
  assert.equal(made.error().cause.cause.message, 'C');
  const changed = /^an object that the import js_code\.kotlin\.createJsError made is kept and was changed by JavaScript since/;
  await refusedRun((e) => (e.fail(2), (e.error().code = 42)), changed);
  await refusedRun((e) => (e.fail(2), (e.error().cause.message += ' more')), changed);
  await refusedRun((e) => (e.fail(1), Object.setPrototypeOf(e.error(), TypeError.prototype)), changed);
  await refusedRun((e) => (e.fail(1), Object.preventExtensions(e.error())), changed);
  const same = new Error('one for all');
  await refusedRun((e) => e.fail(1), /and gave none of its own when it was called again/, { given: { code: { 'kotlin.createJsError': () => same } } });
  // It is done again where it is done to an object of the module, and to nothing else.
  const target = {};
  await refusedRun((e) => e.rename(target), /^the import js_code\.kotlin\.js\.name_\$external_prop_setter was called \(1 times\)/);
  const { wasm } = await capture({ wasm: origins, start: async () => (await library(origins)).rename(target) });
  const hooks = preinitialized();
  const other = {};
  (await library(wasm)).rename(other);
  assert.equal(other.name2, 'A');
  hooks.restore();
});

await test('many objects of JavaScript take time in proportion', async () => {
  const time = async (count) => {
    const started = performance.now();
    await snapshot((e) => e.fail(count));
    return performance.now() - started;
  };
  await time(100);
  const [few, many] = [await time(500), await time(8000)];
  // Not with the square: that would be 256 times as long.
  assert(many < few * 80, `${few} and ${many} ms`);
});

await test('values that imports hold', async () => {
  const held = module('held');
  const load = async (bytes, env) => (await WebAssembly.instantiate(bytes, { env }, options)).instance.exports;
  const run = (name, env) => ({ wasm: held, run: async () => void (await load(held, env))[name]() });
  const { wasm } = await capture(run('keep', { A: { a: 1 }, B: { b: 1 } }));
  const two = { A: { a: 2 }, B: { b: 2 } };
  assert.equal((await load(wasm, two)).get(), two.B);
  const shared = {};
  await refused(run('keep', { A: shared, B: shared }), /global \d+ \(\$kept\): value of the host that several imports hold/);
  // A string that another import happens to hold is a string.
  const said = await capture(run('say', { A: 'A', B: 'B' }));
  assert.equal((await load(said.wasm, { A: 'another', B: 'too' })).get(), 'A');
  // Elements that are never null.
  const listed = await capture(run('list', two));
  assert.deepEqual([0, 1].map((await load(listed.wasm, two)).texts.get, (await load(listed.wasm, two)).texts), ['xyz', 'A']);
  const start = async () => { const e = await load(held, two); e.say(); return e; };
  await refused({ wasm: held, start, run: (e) => e.list() }, /^table 0 takes no null, so that what/);
  const number = async () => { const e = await load(held, { A: 1.5, B: 1.5 }); e.keep(); };
  await refused({ wasm: held, run: number }, /\(\$kept\): number or other value of JavaScript that is no object/);
});

// The last: from here on, there are such modules.
await test('objects of a type below one of this module', async () => {
  const [shapes, squares] = [module('shapes'), module('squares')];
  const expected = /^another module has types of objects below others/;
  const capturing = (work) => ({ wasm: shapes, run: async () => void work((await WebAssembly.instantiate(shapes)).instance.exports) });
  await capture(capturing((e) => e.make()));
  await refused(capturing((e) => (new WebAssembly.Instance(early), e.make())), expected);
  const compiled = new WebAssembly.Module(squares);
  await refused(capturing((e) => e.keep(new WebAssembly.Instance(compiled).exports.square())), expected);
  await refused(capturing((e) => e.keep(new WebAssembly.Instance(new WebAssembly.Module(squares)).exports.square())), expected);
  const older = new WebAssembly.Instance(compiled).exports;
  await refused(capturing((e) => e.keep(older.square())), /^the module keeps 1 objects that came from outside/);
  // What it has not given away is its own.
  await capture(capturing((e) => e.make()));
  await refused({ wasm: origins, run: async () => { const e = await library(origins); e.keep(e.make(7)); } }, expected);
});
