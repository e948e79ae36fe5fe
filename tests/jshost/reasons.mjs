// Every reason for which there is no snapshot, in its words: reasons.txt. With UPDATE=1 that is written anew; what changes there has to be read.
//
//     node tests/jshost/reasons.mjs JS PREINIT
import * as early from './early.mjs';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { load, module, preinit, test } from './checks.mjs';
import { converted } from './converted.mjs';

const { capture, Refusal } = await load('index.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-reasons-'));
const golden = fileURLToPath(new URL('reasons.txt', import.meta.url));

const preloaded = join(work, 'env.wat');
writeFileSync(preloaded, '(module (memory (export "memory") 1 4) (global (export "g") (mut f64) (f64.const 1)))');

/** A module of these fields. */
function wat(fields, ...options) {
  const file = join(work, 'module.wat');
  writeFileSync(file, `(module ${fields} (func (export "preinit")))`);
  // What makes a binary of it wants to have what it imports.
  const needs = /"env" "\w+" \((memory|global)/.test(fields) ? ['--preload', `env=${preloaded}`] : [];
  return converted(preinit, file, ...needs, ...options);
}
const options = { builtins: ['js-string'], importedStringConstants: "'" };
const exportsOf = async (wasm, imports) => (await WebAssembly.instantiate(wasm, imports, options)).instance.exports;
/** A case: what is captured is that `run` does something with the exports. */
const ran = (wasm, imports, run, options) => () => ({ wasm, run: async () => void (await run(await exportsOf(wasm, imports))), ...options });
/** The same of what `start` does; `run` comes after it. */
const started = (wasm, imports, start, options) => () => ({
  wasm, start: async () => { const exports = await exportsOf(wasm, imports); await start(exports); return exports; }, ...options,
});

// By that it is known.
const EMSCRIPTEN = '(func (export "emscripten_stack_init"))';
/** A module of Emscripten that calls an import with these numbers. */
const calling = (name, numbers = [], result = '') => wat(`(import "env" "${name}" (func $f ${numbers.map(() => '(param i32)').join(' ')} ${result}))
  ${EMSCRIPTEN} (func (export "call") ${result && '(drop'} (call $f ${numbers.map((number) => `(i32.const ${number})`).join(' ')}) ${result && ')'})`);
const RESULT = '(result i32)';
const call = (exports) => exports.call();
const counter = module('counter');
const env = { log() {}, now: () => 1 };
const global = wat(`(import "env" "log" (func $log)) (memory (export "memory") 1) (global $g (export "g") (mut f64) (f64.const 1))
  (func (export "set") (param f64) (global.set $g (local.get 0))) (func (export "say") (call $log)) (func (export "nothing"))`);
const large = (calls) => wat(`(import "env" "log" (func $log)) (memory (export "memory") 2048)
  (func (export "construct") (local $i i32)
    (loop $more
      (call $log)
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${calls}))))
    (memory.fill (i32.const 100000000) (i32.const 1) (i32.const 1000)) (call $log))`, '-r', '__wasm_call_ctors=construct');
const kept = (fields) => wat(`${fields} (func (export "keep") (param externref) (table.set 0 (i32.const 0) (local.get 0)))`);
const other = new WebAssembly.Instance(new WebAssembly.Module(module('other'))).exports.three;
const neighbor = wat('(import "env" "memory" (memory 1)) (global (export "own") (mut i32) (i32.const 1))');
const stateless = wat('(import "env" "memory" (memory 1)) (func (export "get") (result i32) (i32.load (i32.const 0)))');
const functions = wat(`(table (export "table") 2 funcref) (elem (i32.const 0) func $inner) (func $inner (result i32) (i32.const 1))
  (elem $other func $other) (func $other (result i32) (i32.const 2))
  (func (export "other") (param i32) (table.init 0 $other (local.get 0) (i32.const 0) (i32.const 1)))
  (func (export "clear") (table.set (i32.const 0) (ref.null func))) (func (export "nothing"))`);

const constructed = (wasm) => ({ wasm, run: async () => void (await exportsOf(wasm, { env })).__wasm_call_ctors() });
const objects = module('origins');
const objectImports = {
  env: { other: () => null, two: () => [null, 0], see() {} },
  js_code: { 'kotlin.createJsError': (message) => new Error(message), 'kotlin.js.name_$external_prop_setter'() {} },
};

const cases = {
  'not instantiated': () => ({ wasm: counter, run() {} }),
  'instantiated in a worker': () => ({
    wasm: counter,
    run: () => new Promise((done) => {
      const text = `const { workerData } = require('node:worker_threads');
        new WebAssembly.Instance(new WebAssembly.Module(workerData), { env: { log() {}, now: () => 1 } }).exports.init();`;
      new Worker(text, { eval: true, workerData: counter }).on('exit', (code) => done(void assert.equal(code, 0)));
    }),
  }),
  'instantiated twice': ran(counter, { env }, () => exportsOf(counter, { env })),
  'instantiated once more, which failed': () => {
    // (import "env" "log" (func $log (param i32))) (func $go (call $log (i32.const 1))) (start $go)
    const wasm = Uint8Array.from(Buffer.from('0061736d0100000001080260017f00600000020b0103656e76036c6f670000030201010801010a08010600410110000b', 'hex'));
    const fail = () => { throw new Error('no more'); };
    return ran(wasm, { env }, () => assert.rejects(exportsOf(wasm, { env: { log: fail } })), { allow: ['env.log'] })();
  },
  'an import was called': ran(calling('log'), { env }, call),
  'a file for reading is open': ran(calling('__syscall_openat', [0, 0, 0, 0], RESULT), { env: { __syscall_openat: () => 5 } }, call),
  'a file for writing was opened': ran(calling('__syscall_openat', [0, 0, 65, 0], RESULT), { env: { __syscall_openat: () => 5 } }, call),
  'an exception is being handled': ran(calling('__cxa_begin_catch', [8], RESULT), { env: { __cxa_begin_catch: () => 8 } }, call),
  'an import of another module': ran(counter, { env: { ...env, now: other } }, (e) => e.init()),
  'an imported number that is not exact': ran(wat('(import "env" "g" (global (mut f64))) (func (export "call"))'), { env: { g: new WebAssembly.Global({ value: 'f64', mutable: true }, NaN) } }, call),
  'a function in a table': ran(counter, { env }, (e) => e.table.set(1, other)),
  'an object in a table': ran(kept('(table (export "t") 1 externref)'), {}, (e) => e.keep({})),
  'a function of JavaScript in a table of references': ran(kept('(table (export "t") 1 externref)'), {}, (e) => e.keep(() => {})),
  'a symbol in a table': ran(kept('(table (export "t") 1 externref)'), {}, (e) => e.keep(Symbol('s'))),
  'a value in a table that nobody can reach': ran(kept('(table 1 externref)'), {}, (e) => e.keep('text')),
  'an object in a global': ran(wat('(global $g (mut externref) (ref.null extern)) (func (export "keep") (param externref) (global.set $g (local.get 0)))'), {}, (e) => e.keep({})),
  'values by number': ran(module('handles'), { wbg: numbered() }, (e) => e.make()),
  'values by number that cannot be counted': ran(
    wat('(import "wbg" "__wbindgen_string_new" (func $f (param i32 i32) (result i32))) (func (export "__wbindgen_free")) (func (export "call") (drop (call $f (i32.const 0) (i32.const 0))))'),
    { wbg: { __wbindgen_string_new: () => 132 } }, call,
  ),
  'a timer': ran(counter, { env }, () => clearLater(setTimeout(() => {}, 1e4), clearTimeout)),
  'an interval': ran(counter, { env }, () => clearLater(setInterval(() => {}, 1e4), clearInterval)),
  'an immediate': () => ({ wasm: counter, start: async () => { await exportsOf(counter, { env }); for (let n = 0; n < 3; n++) setImmediate(() => {}); } }),
  'a timer from before': ran(counter, { env }, () => clearLater(early.setTimeout(() => {}, 1e4), clearTimeout)),
  'an immediate from before': ran(counter, { env }, () => void early.setImmediate(() => {})),
  'a timer of a signal': ran(counter, { env }, () => void AbortSignal.timeout(1e4)),
  'a message port': ran(counter, { env }, () => { const { port1 } = new MessageChannel(); port1.onmessage = () => {}; clearLater(port1, (port) => port.close()); }),
  'shared memory': () => {
    const wasm = Uint8Array.from(Buffer.from('0061736d01000000021001 03656e76 066d656d6f727902 030101'.replaceAll(' ', ''), 'hex'));
    return ran(wasm, { env: { memory: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }) } }, () => {})();
  },
  'an imported memory that has grown': () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    return ran(wat('(import "env" "memory" (memory 1 4)) (func (export "call"))'), { env: { memory } }, () => memory.grow(1))();
  },
  'another module on its memory': ran(counter, { env }, (e) => exportsOf(neighbor, { env: { memory: e.memory } })),
  'another module on the memory that both import': () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const wasm = wat('(import "env" "memory" (memory 1)) (func (export "call"))');
    return ran(wasm, { env: { memory } }, () => new WebAssembly.Instance(new WebAssembly.Module(neighbor), { env: { memory } }))();
  },
  'another module on its global': ran(global, { env }, async (e) => {
    const user = wat('(import "env" "g" (global $g (mut f64))) (global (mut i32) (i32.const 0)) (func (export "call") (global.set $g (f64.const 3)))');
    await exportsOf(user, { env: { g: e.g } });
  }),
  'the memory that another module has': async () => {
    const { memory } = await exportsOf(wat('(memory (export "memory") 1) (global (mut i32) (i32.const 1))'));
    return ran(wat('(import "env" "memory" (memory 1)) (func (export "call"))'), { env: { memory } }, () => {})();
  },
  'a memory that was there before': () => {
    const memory = new early.Memory({ initial: 1 });
    return ran(wat('(import "env" "memory" (memory 1)) (func (export "call"))'), { env: { memory } }, () => {})();
  },
  'a trap in `start`': started(wat('(func (export "call") unreachable)'), {}, (e) => { try { e.call(); } catch { /* goes on */ } }),
  'JavaScript made memory larger': started(counter, { env }, (e) => e.memory.grow(1)),
  'memory before an export that will do nothing': started(counter, { env }, (e) => { new Uint8Array(e.memory.buffer)[9] = 1; e.init(); }, { noop: ['init'] }),
  'a global before an export that will do nothing': started(global, { env }, (e) => { e.g.value = 2; e.nothing(); }, { noop: ['nothing'] }),
  'memory without a call': started(counter, { env }, (e) => { new Uint8Array(e.memory.buffer)[9] = 1; }),
  'a global without a call': started(global, { env }, (e) => { e.g.value = 2; }),
  'memory after the last call': started(module('dictionary'), { env: { ...env, register() {}, fail() {}, later() {} } }, (e) => { e.fed(); new Uint8Array(e.memory.buffer)[2000] = 1; }, { run: (e) => e.store(2000, 5) }),
  'a global after the last call': started(global, { env }, (e) => { e.nothing(); e.g.value = 2; }, { run: (e) => e.set(3) }),
  'a global that is no number at last': started(global, { env }, (e) => e.set(2), { run: (e) => e.set(NaN) }),
  'a global that becomes no number': started(global, { env }, (e) => e.set(NaN)),
  'a global of objects': started(wat('(global $g (export "g") (mut externref) (ref.null extern)) (func (export "keep") (param externref) (global.set $g (local.get 0)))'), {}, (e) => e.keep('text')),
  'a function of a table that is another one': started(module('tables'), {}, (e) => void e.at(0), { run: (e) => e.put(0, 1) }),
  'a function of a table that is gone': started(functions, {}, (e) => { e.table.get(0)(); }, { run: (e) => e.other(0) }),
  'a function that another one replaces': started(functions, {}, (e) => { e.nothing(); }, { run: (e) => e.other(0) }),
  'a table without a call': started(functions, {}, (e) => { e.table.set(1, e.table.get(0)); }),
  'a longer table without a call': started(functions, {}, (e) => { e.table.grow(1); }),
  'a table after the last call': started(functions, {}, (e) => { e.nothing(); e.table.set(1, e.table.get(0)); }, { run: (e) => e.other(1) }),
  'a longer table after the last call': started(functions, {}, (e) => { e.nothing(); e.table.grow(1); }, { run: (e) => { e.table.grow(1); } }),
  'a function in a part that was added': started(functions, {}, (e) => { e.table.grow(1); e.nothing(); }, { run: (e) => e.other(2) }),
  'a table before an export that will do nothing': started(functions, {}, (e) => { e.table.set(1, e.table.get(0)); e.clear(); }, { noop: ['clear'] }),
  'a global of objects that `run` sets': started(objects, objectImports, (e) => e.idle(), { run: (e) => { e.seen.value = 5; } }),
  'an object of the module that is handed out': started(objects, objectImports, (e) => { e.own(); e.show(); }),
  'an object that cannot be made once more': () => {
    let times = 0;
    const state = { error: new RangeError('not twice'), get isSecond() { return times++ > 0; } };
    const createJsError = (message) => { if (state.isSecond) throw state.error; return new Error(message); };
    return ran(objects, { ...objectImports, js_code: { ...objectImports.js_code, 'kotlin.createJsError': createJsError } }, (e) => e.fail(1))();
  },
  'an initializer that failed': ran(wat('(func (export "construct") unreachable)', '-r', '__wasm_call_ctors=construct'), {}, (e) => assert.throws(e.__wasm_call_ctors)),
  'an export that nobody can hear': started(module('deaf'), {}, (e) => e.go()),
  'too many calls for the memory': () => constructed(large(100_000)),
  'much memory at once': () => constructed(large(40)),
  'what `start` left pending': () => {
    let job;
    return {
      wasm: counter, allow: ['timers'],
      start: async () => { const e = await exportsOf(counter, { env }); job = new Promise((done) => setImmediate(done)).then(() => e.init()); return e; },
      run: async () => void (await job),
    };
  },
  'an import that is inherited': started(calling('log'), { env: Object.create(env) }, call),
  'an export that returns something and does nothing': ran(counter, { env }, (e) => e.init(), { noop: ['get'] }),
  'an export that is not there': ran(counter, { env }, (e) => e.init(), { noop: ['none'] }),
  'a constant of another type': ran(counter, { env }, (e) => e.init(), { constant: { get: 1.5 } }),
};

/** What each of these needs, by `allow`, and nothing else. */
const allowed = {
  'an import was called': ['env.log'],
  'a file for writing was opened': ['env.__syscall_openat'],
  'an import of another module': ['env.now'],
  'values by number': ['handles'],
  'values by number that cannot be counted': ['handles'],
  'a timer': ['timers'],
  'an interval': ['timers'],
  'an immediate': ['timers'],
  'a timer from before': ['timers'],
  'an immediate from before': ['timers'],
  'a timer of a signal': ['timers'],
  'a message port': ['timers'],
  'another module on its memory': ['modules'],
  'another module on the memory that both import': ['modules'],
  'another module on its global': ['modules'],
  'the memory that another module has': ['modules'],
  'a memory that was there before': ['modules'],
  'what `start` left pending': ['timers', 'pending'],
};

const timed = { 'too many calls for the memory': /there are too many calls|had not returned/, 'much memory at once': /was written at once/ };

/** Timers that would keep the process. */
const timers = [];
function clearLater(timer, clear) {
  timers.push(() => clear(timer));
}

/** Glue that has numbers for values. */
function numbered() {
  const heap = [...Array(128).fill(undefined), undefined, null, true, false];
  let next = heap.length;
  return {
    __wbindgen_string_new: () => {
      if (next === heap.length) heap.push(heap.length + 1);
      const handle = next;
      next = heap[handle];
      return handle;
    },
    __wbindgen_object_drop_ref: (handle) => { if (handle >= 132) [heap[handle], next] = [next, handle]; },
  };
}

const said = [];
for (const [name, given] of Object.entries(cases)) {
  await test(name, async () => {
    const options = await given();
    const error = await capture(options).then(() => null, (error) => error);
    assert(error instanceof Refusal, `expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
    // What else is said depends on how fast the machine is.
    const reasons = error.reasons.filter((reason) => timed[name]?.test(reason) ?? true);
    said.push(`== ${name}\n${reasons.join('\n')}\n`);
  });
}
for (const [name, allow] of Object.entries(allowed)) {
  await test(`${name}, allowed`, async () => {
    const { wasm } = await capture({ ...(await cases[name]()), allow });
    assert(wasm.length > 0);
    // Another name allows nothing.
    await assert.rejects(capture({ ...(await cases[name]()), allow: allow.slice(0, -1).concat('none') }), Refusal);
  });
}
await test('what was captured before may have used the memory', async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const of = (fields) => ran(wat(`(import "env" "memory" (memory 1)) ${fields}`), { env: { memory } }, () => {})();
  await capture(of(''));
  await capture(of(''));
  await assert.rejects(capture(of('(global (mut i32) (i32.const 1))')).then(() => capture(of(''))), /memory 0 is used by another module/);
});

await test('a module that has nothing of its own may use the memory', async () => {
  await capture(ran(counter, { env }, (e) => exportsOf(stateless, { env: { memory: e.memory } }))());
});
timers.forEach((clear) => clear());

const text = said.join('\n');
if (process.env.UPDATE) writeFileSync(golden, text);
assert.equal(text, readFileSync(golden, 'utf8'));

// Whoever adds a reason has to add it here: each that the sources have is said by one of these, or by a test that has its words.
const sources = resolve(process.argv[2]);
const words = [text, ...readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.mjs')).map((name) => readFileSync(new URL(name, import.meta.url), 'utf8').replaceAll('\\', ''))].join('\n');
/** Whether four words of it in a row are somewhere. */
const isSaid = (part) => {
  const all = part.split(' ');
  const first = (at) => all.slice(at, at + 4).join(' ');
  return all.some((_, at) => (at === 0 || at + 4 <= all.length) && words.includes(first(at)));
};
const missing = ['capture', 'recording', 'recorder', 'record', 'emscripten', 'made_again', 'timers', 'fixups', 'scrub', 'scrub_instances'].flatMap((name) => {
  const source = readFileSync(join(sources, `${name}.js`), 'utf8');
  const literals = [...source.matchAll(/(?:problems\.add\(|reasons\.push\(|Refusal\(\[|return \[|\) => |reason: |\? )\s*(?:\[\w+, )?(`[^`]{25,}`|'[^']{25,}'|"[^"]{25,}")/g)];
  return literals.map(([, literal]) => literal.slice(1, -1).replaceAll('\\', '').split(/\$\{[^}]*\}/).reduce((long, part) => (part.length > long.length ? part : long)).trim()).filter((part) => part.length > 12 && !isSaid(part));
});
assert.deepEqual(missing, []);
rmSync(work, { recursive: true });
