// What an import is called says nothing of what it does: a program that is of no tool, and has imports with the names of one, is told what it would
// lose. The same imports in programs of that tool are captured.
//
//     node tests/jshost/names.mjs JS PREINIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, preinit, refused, test } from './checks.mjs';
import { converted } from './converted.mjs';

const { capture } = await load('index.js');
const { preinitialized } = await load('replay.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-names-'));
const EMSCRIPTEN = '(func (export "emscripten_stack_init"))';

/** A module that calls an import of this type once, with these constants; `fields` and what `more` it imports say of which tool it is. */
function calling(module, name, type = '', constants = '', fields = '', more = '') {
  const file = join(work, 'module.wat');
  const drop = type.includes('result') ? '(drop)' : '';
  writeFileSync(file, `(module (import "${module}" "${name}" (func $f ${type})) ${more} (memory (export "memory") 1)
    (table (export "table") 3 funcref) (elem (i32.const 1) func $inner $other) (func $other (param i32)) (global $called (mut i32) (i32.const 0))
    (func $inner (param i32) (global.set $called (local.get 0))) (func (export "called") (result i32) (global.get $called)) ${fields}
    (func (export "preinit")) (func (export "call") ${constants} (call $f) ${drop}))`);
  return converted(preinit, file);
}

let exports;
const program = (imports) => async (bytes) => {
  ({ exports } = (await WebAssembly.instantiate(bytes, imports)).instance);
  exports.call();
};
/** Captures a program that calls the import in `run`. */
const captured = (wasm, imports, more) => capture({ wasm, run: () => program(imports)(wasm), ...more });
const lost = (wasm, imports, name) => refused({ wasm, run: () => program(imports)(wasm) }, new RegExp(`^the import ${name.replaceAll('.', '\\.')} was called \\(1 times\\)`));

const calls = [];
const keeps = (...args) => void calls.push(args);
const back = (place, ...args) => exports.table.get(place)(...args);
const ONE = ['(param i32 i32)', '(i32.const 1) (i32.const 7)'];

await test('names of Emscripten in other programs', async () => {
  const numbers = (count) => '(i32.const 1)'.repeat(count);
  const cases = [
    ['invoke_js', '(param i32)', 1], ['invoke_callback', '(param i32) (result i32)', 1], ['invoke_handler', '', 0], ['invoke_v', '(param i32)', 1],
    ['invoke_vi', '(param i32 i32)', 2], ['setTempRet0', '(param i32)', 1], ['__syscall_getpid', '(result i32)', 0], ['emscripten_random', '(result f32)', 0],
    ['getentropy', '(param i32 i32) (result i32)', 2], ['__cxa_allocate_exception', '(param i32) (result i32)', 1], ['clock_res_get', '(param i32 i32) (result i32)', 2],
    ['_emscripten_get_now_is_monotonic', '(result i32)', 0], ['__syscall_openat', '(param i32 i32 i32 i32) (result i32)', 4],
  ];
  for (const [name, type, count] of cases) {
    const answer = (...args) => (calls.push(args), 0);
    const wasm = calling('env', name, type, numbers(count));
    await lost(wasm, { env: { [name]: answer } }, `env.${name}`);
    // In `start`, it is called again.
    const { wasm: snapshot } = await capture({ wasm, start: () => program({ env: { [name]: answer } })(wasm) });
    calls.length = 0;
    const hooks = preinitialized();
    await program({ env: { [name]: answer } })(snapshot);
    hooks.restore();
    assert.equal(calls.length, 1, name);
  }
  const wasm = calling('module', 'emscripten_memcpy_js', '(param i32 i32 i32)', numbers(3));
  await lost(wasm, { module: { emscripten_memcpy_js() {} } }, 'module.emscripten_memcpy_js');
});

await test('invoke_ has the type of its name, and calls the table', async () => {
  const wasm = calling('env', 'invoke_vi', ...ONE, EMSCRIPTEN);
  const right = await captured(wasm, { env: { invoke_vi: back } });
  assert.deepEqual([right.runtime, right.warnings], ['none', []]);
  assert.equal((await WebAssembly.instantiate(right.wasm, { env: { invoke_vi: back } })).instance.exports.called(), 7);
  const wrong = {
    nothing: keeps, 'another function': (place, number) => exports.called(number), 'other arguments': (place, number) => back(place, number + 1),
    'another place': (place, number) => back(place + 1, number),
    'something before it': (place, number) => (exports.called(), back(place, number)),
  };
  for (const [what, invoke_vi] of Object.entries(wrong)) await lost(wasm, { env: { invoke_vi } }, 'env.invoke_vi').catch((error) => assert.fail(`${what}: ${error.message}`));
  for (const name of ['invoke_v', 'invoke_vii', 'invoke_ii', 'invoke_vj', 'invoke_vd', 'invoke_js', 'invoke_iv']) {
    await lost(calling('env', name, ...ONE, EMSCRIPTEN), { env: { [name]: back } }, `env.${name}`);
  }
  for (const name of ['invoke_vp']) await captured(calling('env', name, ...ONE, EMSCRIPTEN), { env: { [name]: back } });
  // A function that the program has in its C code.
  const own = `${EMSCRIPTEN} (global (export "__em_js__invoke_vi") i32 (i32.const 0))`;
  await lost(calling('env', 'invoke_vi', ...ONE, own), { env: { invoke_vi: back } }, 'env.invoke_vi');
  const other = `${EMSCRIPTEN} (global (export "__em_js__setTempRet0") i32 (i32.const 0))`;
  await lost(calling('env', 'setTempRet0', '(param i32)', '(i32.const 1)', other), { env: { setTempRet0: keeps } }, 'env.setTempRet0');
  // In older versions.
  const older = '(func (export "dynCall_vi") (param i32 i32) (call $inner (local.get 1)))';
  await captured(calling('env', 'invoke_vi', ...ONE, EMSCRIPTEN + older), { env: { invoke_vi: (place, number) => exports.dynCall_vi(place, number) } });
  // What it calls may throw.
  const throwing = '(elem (i32.const 0) func $trap) (func $trap (param i32) unreachable)';
  const zero = ['(param i32 i32)', '(i32.const 0) (i32.const 7)', EMSCRIPTEN + throwing];
  const caught = (place, number) => { try { back(place, number); } catch { return undefined; } };
  await captured(calling('env', 'invoke_vi', ...zero), { env: { invoke_vi: caught } });
  await lost(calling('env', 'invoke_vi', ...zero), { env: { invoke_vi: () => {} } }, 'env.invoke_vi');
});

await test('the text of invoke_ is enough', async () => {
  const [stackSave, getWasmTableEntry, stackRestore, _setThrew] = [() => 0, () => () => {}, () => {}, () => {}];
  function invoke_vi(index, a1) {
    var sp = stackSave();
    try {
      getWasmTableEntry(index)(a1);
    } catch (e) {
      stackRestore(sp);
      if (e !== e + 0) throw e;
      _setThrew(1, 0);
    }
  }
  const wasm = calling('env', 'invoke_vi', ...ONE, EMSCRIPTEN);
  await captured(wasm, { env: { invoke_vi } });
  await lost(wasm, { env: { invoke_vi: eval(`(${String(invoke_vi).replace('var sp', 'calls.push(index); var sp')})`) } }, 'env.invoke_vi');
});

await test('names of WASI', async () => {
  const random_get = (...args) => (calls.push(args), 0);
  const imports = { wasi_snapshot_preview1: { random_get } };
  const of = (type, constants, fields) => calling('wasi_snapshot_preview1', 'random_get', type, constants, fields);
  const two = ['(param i32 i32) (result i32)', '(i32.const 8) (i32.const 4)'];
  const { warnings } = await captured(of(...two), imports);
  assert.match(warnings.join(), /^the import wasi_snapshot_preview1\.random_get was called, and is taken for .* a name and a type of WASI's/);
  assert.deepEqual((await captured(of(...two), imports, { allow: ['wasi_snapshot_preview1.random_get'] })).warnings, []);
  assert.deepEqual((await captured(of(...two, EMSCRIPTEN), imports)).warnings, []);
  for (const type of ['(param i32 i32)', '(param i32 f32) (result i32)']) {
    const constants = type.includes('f32') ? '(i32.const 8) (f32.const 4)' : two[1];
    await lost(of(type, constants), imports, 'wasi_snapshot_preview1.random_get');
  }
});

await test('constructors are Emscripten\'s, unless all is exported', async () => {
  const constructors = '(func (export "__wasm_call_ctors"))';
  const imports = { env: { setTempRet0() {} } };
  await captured(calling('env', 'setTempRet0', '(param i32)', '(i32.const 1)', constructors), imports);
  const all = `${constructors} (global (export "__global_base") i32 (i32.const 1024))`;
  await lost(calling('env', 'setTempRet0', '(param i32)', '(i32.const 1)', all), imports, 'env.setTempRet0');
});

await test('names of wasm-bindgen', async () => {
  const of = (fields) => calling('wbg', '__wbindgen_is_undefined', '(param i32) (result i32)', '(i32.const 1)', fields);
  const imports = { wbg: { __wbindgen_is_undefined: (...args) => (calls.push(args), 0) } };
  await lost(of(), imports, 'wbg.__wbindgen_is_undefined');
  for (const name of ['__wbindgen_free', '__externref_table_dealloc']) await captured(of(`(func (export "${name}"))`), imports);
  // One field, processed-by, with one value.
  const producers = [...Buffer.from('\tproducers\x01\x0cprocessed-by\x01\x0cwasm-bindgen\x010', 'latin1')];
  await captured(new Uint8Array([...of(), 0, producers.length, ...producers]), imports);
});

await test('names of Kotlin, TeaVM and Go', async () => {
  let count = 0;
  const one = ['(param externref) (result i32)', '(ref.null extern)'];
  const nullish = calling('js_code', 'kotlin.wasm.internal.isNullish', ...one);
  await captured(nullish, { js_code: { 'kotlin.wasm.internal.isNullish': (ref) => ref == null } });
  const counting = { js_code: { 'kotlin.wasm.internal.isNullish': (ref) => (count++, ref == null) } };
  await lost(nullish, counting, 'js_code.kotlin.wasm.internal.isNullish');
  let 计数 = 0;
  await lost(nullish, { js_code: { 'kotlin.wasm.internal.isNullish': (ref) => (计数++, ref == null) } }, 'js_code.kotlin.wasm.internal.isNullish');
  const hash = calling('js_code', 'kotlin.wasm.internal.externrefHashCode', ...one);
  await lost(hash, { js_code: { 'kotlin.wasm.internal.externrefHashCode': () => count++ } }, 'js_code.kotlin.wasm.internal.externrefHashCode');
  const java = (fields) => calling('teavmJso', 'isUndefined', ...one, fields);
  const isUndefined = { teavmJso: { isUndefined: () => count++ } };
  await lost(java(), isUndefined, 'teavmJso.isUndefined');
  await captured(java('(func (export "teavm.javaException"))'), isUndefined);
  const go = calling('gojs', 'runtime.nanotime1', '(param i32)', '(i32.const 8)', '', '(import "gojs" "syscall/js.finalizeRef" (func))');
  const set = () => {};
  const of = (nanotime) => ({ gojs: { 'runtime.nanotime1': nanotime, 'syscall/js.finalizeRef'() {} } });
  await captured(go, of((sp) => { sp >>>= 0; set(sp + 8, performance.now() * 1000000); }));
  await lost(go, of((sp) => set(sp)), 'gojs.runtime.nanotime1');
  await lost(go, of((sp) => { count = performance.now(); set(sp); }), 'gojs.runtime.nanotime1');
});

await test('clocks that may do more than answer are named', async () => {
  let started = 0;
  const other = { at: 0, list: [], now: () => Date.now() };
  const wasm = calling('env', 'start_timer', '(result f64)');
  const begin = () => void (started += 1);
  let 计数 = 0;
  const 记录 = () => void (计数 += 1);
  const counting = { *[Symbol.iterator]() { started += 1; }, get next() { return (started += 1) * 0; }, valueOf: () => (started += 1) * 0, now: () => Date.now() };
  Object.defineProperty(globalThis, 'preinitTest', { get: () => (started += 1) * 0, configurable: true });
  const doubted = [
    [() => { 计数++; return Date.now(); }, 'its text assigns to 计数'], [() => { 计数 = 1; return Date.now(); }, 'its text assigns to 计数'], [() => { 记录(); return Date.now(); }, 'its text calls 记录'],
    [() => { \u8ba1\u6570++; return Date.now(); }, 'its text is not understood'], [() => { for (const _ of counting); return Date.now(); }, 'its text reads counting'],
    [() => [...counting].length + Date.now(), 'its text reads counting'], [() => { const [a] = counting; return Date.now() + (a ?? 0); }, 'its text reads counting'],
    [() => Date.now() + counting.next, 'its text reads counting'], [() => Date.now() + counting, 'its text reads counting'], [() => Date.now() + globalThis.preinitTest, 'its text reads globalThis'],
    [() => { const all = globalThis; return Date.now() + all.preinitTest; }, 'its text reads globalThis'], [function () { return Date.now() + (this ?? counting).next; }, 'its text reads this'],
    [() => (started = performance.now()), 'its text assigns to started'], [() => { started++; return Date.now(); }, 'its text assigns to started'],
    [() => { other.at = 1; return Date.now(); }, 'its text assigns to other.at'], [() => { begin(); return Date.now(); }, 'its text calls begin'],
    [() => { other.list.push(1); return Date.now(); }, 'its text calls other.list.push'], [() => other.now(), 'its text calls other.now'],
    [performance.now.bind(performance), 'its text is not visible'], [new Proxy(Date.now, {}), 'its text is not visible'],
    [(now = started++) => now * 0 + Date.now(), 'its text is not understood'], [() => `${started++}` * 0 + Date.now(), 'its text is not understood'],
  ];
  for (const [start_timer, why] of doubted) {
    const imports = { env: { start_timer } };
    for (const phase of ['run', 'start']) {
      const { warnings } = await capture({ wasm, [phase]: () => program(imports)(wasm) });
      assert.equal(warnings.length, 1, `${phase}: ${start_timer}`);
      assert(warnings[0].startsWith('the import env.start_timer was called') && warnings[0].includes(`but ${why}:`), warnings[0]);
    }
    assert.deepEqual((await captured(wasm, imports, { allow: ['env.start_timer'] })).warnings, []);
  }
  const plain = [
    Date.now, () => Date.now(), () => performance.now(), function () { return Date.now(); }, () => Math.floor(Date.now() / 1000), () => new Date().getTime(),
    () => { const now = Date.now(); let other = now; other += 0; return other; }, // started = 1
    () => globalThis.performance.now(), { now() { return Date.now(); } }.now, () => { const 时间 = Date.now(); return 时间; },
    () => { const t = [performance.now()]; return t[0] + 0 / 1_000e3; },
  ];
  for (const start_timer of plain) assert.deepEqual((await captured(wasm, { env: { start_timer } })).warnings, [], String(start_timer));
  await lost(wasm, { env: { start_timer: () => (started = 5) } }, 'env.start_timer');
  delete globalThis.preinitTest;
  // Their answers are not always the time by the other clock.
  const { doubtOfClock } = await load('effects.js');
  for (const tells of [() => performance.timeOrigin + performance.now(), () => globalThis?.performance.timeOrigin + globalThis . performance.now(), () => { const t = process.hrtime(); return t[0] * 1e3 + t[1] / 1e6; }]) {
    assert.equal(doubtOfClock(tells, { hasArguments: false }), undefined, String(tells));
  }
});

await test('clocks that answer behind a pointer, and may do more, are named', async () => {
  const handlers = new Map();
  const list = [];
  let [memory, views, HEAP64, HEAPU32, count, nowIsMonotonic] = [null, [], null, null, 0, true];
  const [checkWasiClock, bigintToI53Checked] = [(clock) => clock >= 0 && clock <= 3, Number];
  const wasm = calling('a', 'c', '(param i32 i32 i32) (result i32)', '(i32.const 0) (i32.const 7) (i32.const 64)');
  const plain = [
    (clock, precision, at) => (new DataView(memory.buffer).setBigUint64(at, BigInt(Date.now()) * 1_000_000n, true), 0),
    (clock, precision, at) => { HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; },
    (clock, precision, at) => { new BigUint64Array(memory.buffer)[(at) >>> 3] = BigInt(Date.now()) * 1000000n; return 0; },
    function (clk_id, ignored_precision, ptime) {
      ignored_precision = bigintToI53Checked(ignored_precision);
      if (!checkWasiClock(clk_id)) { return 28; }
      var now;
      if (clk_id === 0) { now = Date.now(); } else if (nowIsMonotonic) { now = performance.now(); } else { return 52; }
      var nsec = Math.round(now * 1e3 * 1e3);
      HEAP64[((ptime) >> 3)] = BigInt(nsec);
      return 0;
    },
    (a, b, $c) => { if (!(0 <= a && 3 >= a)) return 28; if (0 === a) a = Date.now(); else if (nowIsMonotonic) a = performance.now(); else return 52; a = Math.round(1E6 * a); HEAPU32[$c >> 2] = a >>> 0; HEAPU32[($c + 4) >> 2] = a / 4294967296 >>> 0; return 0; },
  ];
  const doubted = [
    [(event, handler, at) => { handlers.set(event, handler); HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text calls handlers.set'],
    [(event, handler, at) => { list[handler] = event; HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text assigns to list[handler]'],
    [(event, handler, at) => { count++; HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text assigns to count'],
    [(event, handler, at) => { list[event >> 3] = 1; HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text assigns to '],
    [(event, handler, at) => { checkWasiClock(event); HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text calls checkWasiClock'],
    [(event, handler, at) => { for (const _ of views); HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text reads views'],
    [(event, handler, at) => { new Uint8Array(memory.buffer).set([1], 200); HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text calls '],
    [(event, handler, at) => { if (event === 28 || event === 52) return Math.round(at * 1e6); handlers.set(event, handler); HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }, 'its text calls handlers.set'],
    [((event, handler, at) => { HEAP64[at >> 3] = BigInt(Date.now()) * 1000000n; return 0; }).bind(null), 'its text is not visible'],
  ];
  const begun = (c) => async (bytes) => {
    const { exports } = (await WebAssembly.instantiate(bytes, { a: { c } })).instance;
    ({ memory } = exports);
    [HEAP64, HEAPU32] = [new BigInt64Array(memory.buffer), new Uint32Array(memory.buffer)];
    exports.call();
    return exports;
  };
  for (const phase of ['run', 'start']) {
    for (const c of plain) assert.deepEqual((await capture({ wasm, [phase]: async () => void (await begun(c)(wasm)) })).warnings, [], `${phase}: ${c}`);
    for (const [c, why] of doubted) {
      const { warnings } = await capture({ wasm, [phase]: async () => void (await begun(c)(wasm)) });
      assert.equal(warnings.length, 1, `${phase}: ${c}`);
      assert(warnings[0].startsWith('the import a.c was called') && warnings[0].includes(`but ${why}`), warnings[0]);
      assert.deepEqual((await capture({ wasm, [phase]: async () => void (await begun(c)(wasm)), allow: ['a.c'] })).warnings, []);
    }
  }
});

rmSync(work, { recursive: true });
