// The section `preinit.js` of modules that nobody has said to trust: it names only what the module itself has, or it is refused.
//
//     node tests/jshost/sections.mjs JS PREINIT
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { load, module, test } from './checks.mjs';

const { capture, Refusal, verify } = await load('index.js');
const { sectionsIn, withSection } = await load('fixups.js');
const { SECTIONS } = await load('own_snapshots.js');
const [{ preinitialized }, plain] = [await load('replay.js'), await load('run.js')];
const [SECTION, BYTES, HELPER] = SECTIONS;

/** Instantiates while snapshots are recognized. */
async function played(wasm, imports, options, of = preinitialized) {
  const hooks = of(options);
  try {
    return { instance: (await WebAssembly.instantiate(wasm, imports)).instance, hooks };
  } finally {
    hooks.restore();
  }
}

const refusedAs = (wasm, imports, expected) => assert.rejects(played(wasm, imports), expected);

// Modules by hand.
const leb = (number) => (number < 128 ? [number] : [(number & 127) | 128, ...leb(number >> 7)]);
const vec = (bytes) => [...leb(bytes.length), ...bytes];
const text = (string) => vec([...new TextEncoder().encode(string)]);
const section = (id, bytes) => [id, ...vec(bytes)];
const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const listOf = (items) => [items.length, ...items.flat()];
/** Calls the import `from` with 7 when it is called. */
const helperOf = (...from) => new Uint8Array([
  ...HEAD, ...section(1, [2, 0x60, 1, 0x7f, 0, 0x60, 0, 0]), ...section(2, listOf([[...from.flatMap(text), 0, 0]])), ...section(3, [1, 1]),
  ...section(7, listOf([[...text('0'), 0, 1]])), ...section(8, [1]), ...section(10, [1, ...vec([0, 0x41, 7, 0x10, 0, 0x0b])]),
]);
const json = (data) => new TextEncoder().encode(JSON.stringify(data));
/** A module with these imports, a table `t` of externref, one `l` of functions, and a global `g`. */
function moduleOf(imports, js, helper = helperOf('', '0')) {
  const wasm = new Uint8Array([
    ...HEAD, ...section(1, [1, 0x60, 0, 0]), ...section(2, listOf(imports.map((names) => [...names.flatMap(text), 0, 0]))), ...section(4, [2, 0x6f, 0, 1, 0x70, 0, 1]),
    ...section(6, [1, 0x7f, 1, 0x41, 0, 0x0b]), ...section(7, listOf([[...text('t'), 1, 0], [...text('l'), 1, 1], [...text('g'), 3, 0]])),
  ]);
  return withSection(withSection(wasm, SECTION, json(js)), HELPER, helper);
}
/** Calls an import with text, puts what it returns into `t`, and lets the helper call it. */
const evil = (key, code) => ({
  tables: [], value: null, listening: { global: 'g', table: 'l', slots: 1 },
  record: {
    functions: [[7, [0, 0]]], memories: [], tables: [{ export: 't' }], globals: [], first: [], firsts: 0, tail: [], tailGlobals: [],
    steps: [['import', [...key, 1], [['string', code]], [], []], ['answer', [['object', 0]], []], ['import', [...key, 1], [['string', '']], [], [[0, 0, ['object', 0]]]], ['answer', [['object', 1]], []]],
  },
});
const CODE = 'globalThis.owned = true';

await test('what objects inherit is no import', async () => {
  const inherits = { env: Object.create({ evaluate: (code) => (globalThis.owned = code) }) };
  await refusedAs(moduleOf([], evil(['constructor', 'constructor'], CODE)), {}, /it has no function \{"import":\["constructor","constructor"\]\}/);
  await refusedAs(moduleOf([['constructor', 'constructor']], evil(['constructor', 'constructor'], CODE)), {}, /function \{"import":\["constructor","constructor"\]\} is no property of the imports/);
  await refusedAs(moduleOf([['env', 'evaluate']], evil(['env', 'evaluate'], CODE)), inherits, /function \{"import":\["env","evaluate"\]\} is no property of the imports/);
  await refusedAs(moduleOf([['env', 'toString']], evil(['env', 'toString'], CODE)), { env: {} }, /is no property of the imports/);
  assert.equal(globalThis.owned, undefined);
});

await test('no import evaluates text, and no function of JavaScript passes for one of the module', async () => {
  for (const one of [eval, Function, (async () => {}).constructor, setTimeout]) {
    await refusedAs(moduleOf([['env', 'f']], evil(['env', 'f'], CODE)), { env: { f: one } }, /\["env","f"\] would evaluate text/);
  }
  let given = 0;
  const foreign = { env: { f: () => () => (given += 1) } };
  const { instance } = await played(moduleOf([['env', 'f']], evil(['env', 'f'], CODE)), foreign).catch((error) => (assert.match(error.message, /function 7 is none of the module/), {}));
  assert.equal(instance, undefined);
  assert.equal(given, 0);
});

await test('the helper has no other imports', async () => {
  const js = evil(['env', 'f'], CODE);
  await refusedAs(moduleOf([['env', 'f']], js, helperOf('constructor', 'constructor')), { env: { f() {} } }, /Import #0/);
  await refusedAs(moduleOf([['env', 'f']], js, helperOf('', 'constructor')), { env: { f() {} } }, /Import #0/);
});

const dictionary = module('dictionary');
const env = { register() {}, now: () => 7, fail() {}, later() {} };
async function fed(bytes, given = { env }) {
  const { exports } = (await WebAssembly.instantiate(bytes, given)).instance;
  const at = exports.alloc(4);
  new Uint8Array(exports.memory.buffer, at, 4).set([97, 32, 98, 32]);
  exports.feed(at, 4);
  return exports;
}
const snapshot = await capture({ wasm: dictionary, start: () => fed(dictionary), run: () => ({ a: 1 }) });
assert.equal(snapshot.runtime, 'replay');
const parts = new Map(sectionsIn(snapshot.wasm).filter(([name]) => SECTIONS.includes(name)));
const head = snapshot.wasm.slice(0, snapshot.wasm.length - [...parts].reduce((sum, [name, bytes]) => sum + withSection(new Uint8Array(), name, bytes).length, 0));
/** The snapshot with another section. */
function changed(change, others = [...parts].slice(1)) {
  const contents = JSON.parse(new TextDecoder().decode(parts.get(SECTION)));
  const after = change(contents) ?? contents;
  const bytes = after instanceof Uint8Array ? after : json(after);
  return [[SECTION, bytes], ...others].reduce((wasm, [name, part]) => withSection(wasm, name, part), head);
}

await test('a section that is not as it is written is refused by name', async () => {
  await played(changed(() => {}), { env });
  const first = (kind) => ({ record }) => record.steps.find(([one]) => one === kind);
  const step = (kind, change) => (all) => void change(first(kind)(all), all);
  const changes = {
    'no JSON': () => new Uint8Array([123]),
    'no text': () => new Uint8Array([34, 255, 34]),
    nothing: () => json(null),
    'no tables': (all) => void delete all.tables,
    'a table that is not there': (all) => void (all.tables = [{ export: 'constructor', runs: [] }]),
    'an import that is not there': (all) => void (all.tables = [{ import: ['constructor', 'prototype'], runs: [] }]),
    'one that is no table': (all) => void (all.tables = [{ import: ['env', 'register'], runs: [] }]),
    'a value of no kind': (all) => void (all.tables = [{ export: 'table', runs: [[0, 1, ['code', 'x']]] }]),
    'a value of another type': (all) => void (all.tables = [{ export: 'table', runs: [[0, 1, ['number', 'x']]] }]),
    'a global that is not there': (all) => void (all.record.globals = [{ where: { export: 'constructor' }, first: ['number', '1'] }]),
    'globals that are no list': (all) => void (all.record.globals = 1),
    'a global that no step may set': step('call', (one) => one.push([[0, ['number', '1']]])),
    'what globals hold at last': (all) => void delete all.record.tailGlobals,
    'a slot beyond the end': (all) => void (all.tables = [{ export: 'table', runs: [[0, 2 ** 32, ['null']]] }]),
    'a length of another type': (all) => void (all.tables = [{ export: 'table', runs: [], length: '9' }]),
    'no record': (all) => void (all.record = 1),
    'a record of nothing': (all) => void (all.record = null),
    'no memories': (all) => void delete all.record.memories,
    'a range outside': (all) => void (all.record.memories[0].ranges = [[0, 2 ** 40]]),
    'ranges that overlap': (all) => void (all.record.memories[0].ranges = [[0, 65536], [0, 65536]]),
    'ranges in another order': (all) => void all.record.memories[0].ranges.push([0, 0]),
    'how long it goes on': (all) => void (all.record.turns = 'long'),
    'a patch outside': (all) => void all.record.first.push([0, 2 ** 33, 1, 0]),
    'a patch of no memory': (all) => void all.record.first.push([9, 0, 1, 0]),
    'a patch with a name': (all) => void all.record.first.push(['constructor', 0, 1, 0]),
    'more bytes': (all) => void all.record.first.push([0, 0, 1]),
    'a check without end': (all) => void all.record.tail.push([0, 0, 2 ** 50, 1]),
    'an unknown function': step('call', (one) => (one[1] = 99_999)),
    'an object by name': step('call', (one) => (one[2] = [['object', 'constructor']])),
    'a step of no kind': step('call', (one) => (one[0] = 'toString')),
    'a call without end': (all) => void all.record.steps.push(['call', all.record.functions[0][0], [], []]),
    'an end without a call': (all) => void all.record.steps.unshift(['return', [], [], []]),
    'an exception that nothing has thrown': (all) => void all.record.steps.push(['call', all.record.functions[0][0], [], []], ['threw', 0, [], []]),
    'an exception before the first': (all) => void all.record.steps.push(['call', all.record.functions[0][0], [], []], ['threw', -1, [], []]),
    'a call that does nothing after all': (all) => void all.record.steps.push(['passed', [], [], []]),
    'more first calls than steps': (all) => void (all.record.firsts = 1e9),
    'an export that is no function': (all) => void (all.record.functions[0][1] = ['memory']),
    'something held that is no list': (all) => void (all.record.held = [1]),
    'something held in no table': (all) => void (all.record.held = [[5, 0, null]]),
    'something held beyond the end': (all) => void (all.record.held = [[0, 2 ** 32, null]]),
    'something held for no function': (all) => void (all.record.held = [[0, 0, [0, 1]]]),
    'something held for a name': (all) => void (all.record.held = [[0, 0, ['constructor']]]),
    'a table of functions that is not there': (all) => void (all.record.functions[0][1] = [5, 0]),
    'a global that is not there': (all) => void (all.listening.global = 'constructor'),
    'more that listen': (all) => void (all.listening.slots = 2 ** 31),
    'an import by another name': (all) => void all.record.steps.push(['import', ['env', '__proto__', 1], [], [], []], ['answer', [], []]),
  };
  for (const [name, change] of Object.entries(changes)) {
    await assert.rejects(played(changed(change), { env }), /^Error: preinit: the section preinit\.js of this module is not one/, name);
  }
  await refusedAs(changed(() => {}, [[BYTES, parts.get(BYTES)]]), { env }, /there is no section preinit\.js\.helper/);
  const more = new Uint8Array(parts.get(BYTES).length + 1);
  await refusedAs(changed(() => {}, [[BYTES, more], [HELPER, parts.get(HELPER)]]), { env }, /it has \d+ bytes for \d+$/);
});

await test('of several sections none is taken', async () => {
  for (const [name, bytes] of parts) {
    for (const wasm of [withSection(snapshot.wasm, name, bytes), withSection(snapshot.wasm, name, json({ tables: [] }))]) {
      await refusedAs(wasm, { env }, new RegExp(`there are 2 sections ${name.replaceAll('.', '\\.')}$`));
    }
  }
  const once = withSection(module('other'), SECTION, json({ tables: [], value: 1 }));
  assert.equal((await played(once, {}, undefined, plain.preinitialized)).hooks.value, 1);
  await assert.rejects(played(withSection(once, SECTION, json({ tables: [], value: 2 })), {}, undefined, plain.preinitialized), /there are 2 sections preinit\.js$/);
});

await test('a program says which modules are its snapshots', async () => {
  const wasm = withSection(module('other'), SECTION, json({ tables: [], value: 1 }));
  const asked = [];
  for (const of of [preinitialized, plain.preinitialized]) {
    for (const is of [true, false]) {
      const { hooks } = await played(wasm, {}, { accepts: (module) => (asked.push(module), is) }, of);
      assert.deepEqual([hooks.value, hooks.instances], is ? [1, 1] : [undefined, 0]);
    }
  }
  assert(asked.length === 4 && asked.every((module) => module instanceof WebAssembly.Module));
  await played(module('other'), {}, { accepts: () => assert.fail('it has no section') });
  const compiled = await WebAssembly.compile(wasm);
  const { value } = (await played(compiled, {}, { accepts: (module) => module === compiled }).then(({ hooks }) => hooks));
  assert.equal(value, 1);
});

await test('a snapshot with state in JavaScript is no original', async () => {
  const expected = /^the module has a section preinit\.js: it is a snapshot with state in JavaScript, which another one would lose/;
  const refused = async (wasm) => {
    const error = await capture({ wasm, run: () => assert.fail('it was run') }).then(() => null, (error) => error);
    assert(error instanceof Refusal && expected.test(error.reasons[0]), String(error));
  };
  await refused(snapshot.wasm);
  await refused(moduleOf([], evil(['constructor', 'constructor'], CODE)));
  const helperOnly = withSection(dictionary, HELPER, helperOf('', '0'));
  await assert.rejects(capture({ wasm: helperOnly, run() {} }), /has a section preinit\.js\.helper/);
});

await test('an import that is inherited is refused when the snapshot is made', async () => {
  const inherits = { env: Object.create(env) };
  const start = () => fed(dictionary, inherits);
  await assert.rejects(capture({ wasm: dictionary, start }), /the import env\.register is inherited by the object/);
});

await test('`verify` and scripts run nothing of an original', async () => {
  const work = mkdtempSync(join(tmpdir(), 'preinit-test-'));
  const owned = join(work, 'owned');
  const at = (name, contents) => (writeFileSync(join(work, name), contents), join(work, name));
  const code = `process.getBuiltinModule('fs').writeFileSync(${JSON.stringify(owned)}, '')`;
  const evilFile = at('evil.wasm', moduleOf([['env', 'run']], evil(['env', 'run'], code)));
  const plainFile = at('plain.wasm', module('other'));
  const script = (file, and = '') => at('script.mjs', `
    import { readFileSync } from 'node:fs';
    export const run = () => {};
    export const calls = async () => {
      const imports = { env: { run: (code) => (0, eval)(code) } };
      ${and}
      const { instance } = await WebAssembly.instantiate(readFileSync(${JSON.stringify(file)}), imports);
      return Object.keys(instance.exports);
    };`);
  try {
    await assert.rejects(verify({ original: evilFile, snapshot: evilFile, script: script(evilFile) }), /^Error: original: the module has a section preinit\.js/);
    const options = { wasm: evilFile, out: join(work, 'out.wasm'), script: script(evilFile), quiet: true };
    await assert.rejects(capture(options), (error) => error instanceof Refusal && /has a section preinit\.js/.test(error.message));
    // Nor of other modules that the script loads.
    const loads = `await WebAssembly.instantiate(readFileSync(${JSON.stringify(evilFile)}), imports);`;
    const { equal } = await verify({ original: plainFile, snapshot: plainFile, script: script(plainFile, loads) });
    assert.deepEqual([equal, existsSync(owned)], [true, false]);
    // What is a snapshot is still played.
    const value = at('value.wasm', withSection(module('other'), SECTION, json({ tables: [], value: 1 })));
    assert.equal((await verify({ original: plainFile, snapshot: value, script: script(plainFile) })).equal, true);
    await assert.rejects(verify({ original: plainFile, snapshot: at('two.wasm', withSection(withSection(module('other'), SECTION, json(1)), SECTION, json(2))), script: script(plainFile) }), /there are 2 sections/);
  } finally {
    rmSync(work, { recursive: true });
  }
});

await test('the module itself is no place for the snapshot', async () => {
  const work = mkdtempSync(join(tmpdir(), 'preinit-test-'));
  try {
    const [wasm, link] = [join(work, 'module.wasm'), join(work, 'link.wasm')];
    writeFileSync(wasm, dictionary);
    symlinkSync('module.wasm', link);
    for (const out of [wasm, link, pathToFileURL(wasm), join(work, '.', 'module.wasm')]) {
      await assert.rejects(capture({ wasm, out, run: () => fed(dictionary) }), /out is the module itself/);
      assert.deepEqual(new Uint8Array(readFileSync(wasm)), dictionary);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
});

await test('nor is its script, nor a link to what is not there', async () => {
  const work = mkdtempSync(join(tmpdir(), 'preinit-test-'));
  const at = (name) => join(work, name);
  try {
    const text = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(at('ran'))}, '');\nexport const run = () => {};\nexport const calls = () => [];`;
    writeFileSync(at('module.wasm'), dictionary);
    writeFileSync(at('check.mjs'), text);
    symlinkSync('check.mjs', at('link.mjs'));
    linkSync(at('check.mjs'), at('other.mjs'));
    for (const script of [at('check.mjs'), pathToFileURL(at('check.mjs'))]) {
      for (const out of [at('check.mjs'), at('link.mjs'), at('other.mjs'), pathToFileURL(at('check.mjs'))]) {
        await assert.rejects(capture({ wasm: at('module.wasm'), out, script, quiet: true }), (error) => error instanceof Refusal && /out is the script/.test(error.message));
      }
    }
    assert.deepEqual([readFileSync(at('check.mjs'), 'utf8'), existsSync(at('ran'))], [text, false]);
    let runs = 0;
    const run = () => void (runs += 1);
    for (const [name, target] of [['nowhere.wasm', 'gone.wasm'], ['far.wasm', 'gone/gone.wasm'], ['itself.wasm', 'itself.wasm'], ['second.wasm', 'nowhere.wasm']]) {
      symlinkSync(target, at(name));
      for (const out of [at(name), pathToFileURL(at(name))]) {
        await assert.rejects(capture({ wasm: dictionary, out, run }), (error) => error instanceof Refusal && /out is a link to what is not there/.test(error.message));
      }
      assert.equal(readlinkSync(at(name)), target);
    }
    assert.deepEqual([runs, existsSync(at('gone.wasm')), existsSync(at('gone'))], [0, false, false]);
    // Once it is there, it is written through the link.
    writeFileSync(at('gone.wasm'), '');
    await capture({ wasm: dictionary, out: at('second.wasm'), start: () => fed(dictionary) });
    assert.equal(readlinkSync(at('second.wasm')), 'nowhere.wasm');
    assert((await WebAssembly.compile(readFileSync(at('gone.wasm')))) instanceof WebAssembly.Module);
  } finally {
    rmSync(work, { recursive: true });
  }
});

await test('names that are longer than their sections', async () => {
  // Each says that its name has 1,048,575 bytes.
  const one = [0, 3, 0xff, 0xff, 0x3f];
  const bytes = new Uint8Array([...HEAD, ...Array(60_000).fill(one).flat()]);
  const started = performance.now();
  assert.deepEqual(sectionsIn(bytes), []);
  await assert.rejects(capture({ wasm: bytes, run() {} }), /string size out of bounds|custom section/);
  assert(performance.now() - started < 10_000, 'it takes long');
  const named = new Uint8Array([...HEAD, ...section(0, [...text('a'), 1, 2]), ...one, ...section(0, text('b'))]);
  assert.deepEqual(sectionsIn(named).map(([name, contents]) => [name, ...contents]), [['a', 1, 2], ['b']]);
});
