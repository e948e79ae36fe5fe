// What is known of wasm-bindgen's imports, call by call, and how its glue's numbers of values are counted, of all versions.
//
//     node tests/jshost/bindings.mjs JS
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const { WasmBindgen } = await import(pathToFileURL(join(resolve(process.argv[2]), 'wasm_bindgen.js')));
const HASH = '0123456789abcdef';
const glue = (...names) => new WasmBindgen(names.map((name) => ({ module: 'wbg', name })), true);

// What the glue has in its functions.
const TEXTS = {
  new: 'const ret = new Object(); return ret;', newwithbyteoffsetandlength: 'const ret = new Uint8Array(arg0, arg1 >>> 0, arg2 >>> 0); return ret;',
  get: 'const ret = Reflect.get(arg0, arg1); return ret;', set: 'const ret = Reflect.set(arg0, arg1, arg2); return ret;',
  prototypesetcall: 'Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2);', call: 'const ret = arg0.call(arg1); return ret;',
  buffer: 'const ret = arg0.buffer; return ret;', log: 'console.log(getStringFromWasm0(arg0, arg1));',
};
const written = (text) => new Function('arg0', 'arg1', 'arg2', text);
const textOf = (action) => written(TEXTS[action] ?? `const ret = arg0.${action}(arg1); return ret;`);

/** Calls, in order: [is explained, name, arguments, result, and text of the function]. */
function follows(of, calls) {
  for (const [expected, action, args = [], result = undefined, callee = textOf(action)] of calls) {
    // The functions of wasm-bindgen itself have a hash in newer versions.
    const hashed = action.includes(HASH) ? action : `__wbg_${action}_${HASH}`;
    const names = action.startsWith('__wbindgen') ? [action, hashed] : [hashed];
    for (const name of names) assert.equal(of.explain({ name, args, result, callee }), expected, `${name}(${args.map(String)})`);
  }
}

const [own, foreign, inner] = [{ own: 1 }, { foreign: 1 }, {}];
const map = new Map();
const buffer = new ArrayBuffer(8);
const memory = new WebAssembly.Memory({ initial: 1 });
const list = [1, 2];
const iterator = list[Symbol.iterator]();
class Service {
  get() {}
}
follows(glue(), [
  [true, '__wbindgen_string_get', ['a']],
  [true, '__wbindgen_is_function', [1]],
  [true, `__wbindgen_cast_${HASH}`, [1, 2], 'text'],
  [true, `__wbindgen_generic_${HASH}`, [1, 2], 'text', function () { /*
    */ // Cast intrinsic for `Ref(String) -> Externref`.
  }],
  [false, `__wbindgen_generic_${HASH}`, [1, 2], 'text'],
  [true, '_wbg_cb_unref', [() => {}]],
  // Only what the module has made is written to.
  [true, 'new', [], own],
  [true, 'set', [own, 'a', 1]],
  [false, 'set', [foreign, 'a', 1]],
  [true, 'get', [foreign, 'a'], 1],
  // What comes out of it is as new, unless something else was put into it.
  [true, 'get', [own, 'inner'], inner],
  [true, 'set', [inner, 'b', 1]],
  [true, 'new', [], map],
  [true, 'set', [map, 'a', foreign], map],
  [true, 'get', [map, 'a'], foreign],
  [false, 'set', [foreign, 'b', 1]],
  [false, 'set', [new Map(), 'a', 1]],
  // Not JavaScript's own kinds.
  [false, 'get', [new Service(), 'a'], 1],
  [false, 'get', [{ get() {} }, 'a'], 1],
  [false, 'new', [], new Service()],
  [false, 'call', [() => {}, null]],
  [false, 'log', ['text']],
  // A view of a buffer writes to that buffer; a copy does not.
  [true, 'new', [buffer], new Uint8Array(buffer)],
  [false, 'set', [new Uint8Array(buffer), list, 0]],
  [true, 'buffer', [memory], memory.buffer],
  [true, 'newwithbyteoffsetandlength', [memory.buffer, 0, 8], list],
  [true, 'push', [list, 3], 3],
  [true, 'values', [list], iterator],
  [true, 'next', [iterator], { done: true, value: undefined }],
  [true, 'prototypesetcall', [0, 8, new Uint8Array(8)]],
  [false, '__wbindgen_copy_to_typed_array', [0, 8, new Uint8Array(8)]],
  // By their text, since others may have these names.
  [true, 'parse', ['{}'], {}, (text) => JSON.parse(text)],
  [false, 'parse', ['{}'], {}, (text) => other.JSON.parse(text)],
  [false, 'parse', ['{}'], {}, (text) => Service.parse(text)],
  [true, 'stringify', [own], '{}', (value) => JSON.stringify(value)],
  [false, 'stringify', [new Service()], '{}', (value) => JSON.stringify(value)],
]);
// A program's own functions have the same names; so has what they make.
const shared = {};
const FOREIGN = [
  ['process', [7], undefined, 'process(arg0);'], ['Error', [1, 2], undefined, 'logger.Error(getStringFromWasm0(arg0, arg1));'],
  ['Error', [1, 2], undefined, 'const ret = Error$1(arg0);'], ['crypto', [own], {}, 'const ret = arg0.crypto(arg1); return ret;'],
  ['now', [], 1, 'const ret = now(); return ret;'], ['now', [], 1, 'const ret = log.now(); return ret;'],
  ['getRandomValues', [own], 1, 'getRandomValues(arg0);'], ['iterator', [], 1, 'const ret = iterator(); return ret;'],
  ['isArray', [own], true, 'const ret = registry.isArray(arg0); return ret;'], ['instanceof_Thing', [own], true, 'const ret = check(arg0); return ret;'],
  ['static_accessor_LOG', [], own, 'const ret = begin(); return ret;'],
  ['new_session', [], shared, 'const ret = new_session(); return ret;'], ['new', [], shared, 'const ret = new Session(); return ret;'],
  ['set', [shared, 'a', 1], undefined], ['add', [own], undefined, 'registry.add(arg0);'], ['keys', [own], [], 'const ret = api.keys(arg0); return ret;'],
  ['push', [list, 1], 1, 'const ret = all.push(arg0, arg1); return ret;'], ['prototypesetcall', [0, 8, list], undefined, 'prototypesetcall(arg0, arg1, arg2);'],
  ['get', [own, 'a'], 1, 'const ret = get(arg0, arg1); return ret;'], ['buffer', [memory], memory.buffer, 'const ret = buffer(arg0); return ret;'],
];
for (const imports of [[], ['__wbindgen_object_drop_ref']]) {
  const of = glue(...imports);
  of.explain({ name: `__wbg_new_${HASH}`, args: [], result: own, callee: textOf('new') });
  follows(of, FOREIGN.map(([action, args, result, text]) => [false, action, args, result, text && written(text)]));
}
// Of the machine, only clocks and random numbers are not asked again.
const AMBIENT = [
  [true, 'now', 'const ret = Date.now(); return ret;'], [true, 'now', 'const ret = arg0.now(); return ret;'], [false, 'now', 'const ret = now(); return ret;'],
  [true, 'getTime', 'const ret = arg0.getTime(); return ret;'], [true, 'getRandomValues', 'arg0.getRandomValues(arg1);'],
  [true, 'getRandomValues', 'globalThis.crypto.getRandomValues(getArrayU8FromWasm0(arg0, arg1));'],
  [false, 'instanceof_Window', 'let result; result = arg0 instanceof Window;'], [false, 'crypto', 'const ret = arg0.crypto; return ret;'],
  [false, 'static_accessor_WINDOW', "const ret = typeof window === 'undefined' ? undefined : window;"], [false, 'isArray', 'const ret = Array.isArray(arg0); return ret;'],
  [false, 'getTimezoneOffset', 'const ret = arg0.getTimezoneOffset(); return ret;'],
];
for (const [expected, action, text] of AMBIENT) {
  const name = `__wbg_${action}_${HASH}`;
  assert.equal(glue().isTransparent({ name, args: [], callee: written(text) }), expected, text);
  const isRead = glue().explain({ name, args: [], result: 1, callee: written(text) });
  assert.equal(isRead, text !== 'const ret = now(); return ret;', text);
  const isClock = expected && /^(now|getTime)$/.test(action);
  assert.equal(glue('__wbindgen_object_drop_ref').isTransparent({ name, args: [], callee: written(text) }), isClock, text);
}
// What a conversion gives back is not new.
follows(glue(), [[true, `__wbindgen_cast_${HASH}`, [shared], shared], [false, 'set', [shared, 'a', 1]]]);
const view = new Uint8Array(buffer);
follows(glue(), [[true, 'new', [buffer], view], [false, 'set', [view, list, 0]]]);
const copy = new Uint8Array([1]);
follows(glue(), [[true, 'new', [[1]], copy], [true, 'set', [copy, [2], 0]]]);

/** The glue's array of values, as wasm-bindgen has it. */
function heap(reserved) {
  const values = [...Array(reserved).fill(undefined), undefined, null, true, false];
  let next = values.length;
  const add = (value) => {
    if (next === values.length) values.push(values.length + 1);
    const handle = next;
    next = values[handle];
    values[handle] = value;
    return handle;
  };
  const drop = (handle) => {
    if (handle < reserved + 4) return;
    values[handle] = next;
    next = handle;
  };
  return { values, add, drop, clone: (handle) => add(values[handle]) };
}

const CLONE = '__wbindgen_object_clone_ref';
const DROP = '__wbindgen_object_drop_ref';
const STRING = '__wbindgen_string_new';
for (const reserved of [32, 128, 1024]) {
  for (const [live, freed] of [[0, 0], [0, 5], [1, 0], [3, 2], [96, 0], [100, 50], [896, 0], [1000, 10]]) {
    for (const has of [[CLONE], [STRING]]) {
      const { values, add, drop, clone } = heap(reserved);
      const handles = Array.from({ length: live + freed }, (_, number) => add({ number }));
      handles.splice(0, freed).forEach(drop);
      const before = handles.map((handle) => values[handle]);
      const of = glue(DROP, ...has);
      for (const handle of handles) of.explain({ name: `__wbg_new_${HASH}`, args: [], result: handle });
      const functions = { [CLONE]: clone, [DROP]: drop, [STRING]: () => add('') };
      const found = of.liveHandles({ imported: (name) => functions[name.slice(4)] });
      assert.equal(found, live, `${reserved} reserved, ${live} live, ${freed} freed, ${has}: found ${found}`);
      if (found > 0 && has[0] === STRING) continue;
      assert.deepEqual(handles.map((handle) => values[handle]), before, 'the values are where they were');
    }
  }
}
assert.equal(glue(DROP).liveHandles({ imported: () => () => {} }), null);
assert.equal(glue(DROP, STRING).liveHandles({ imported: (name) => (name.endsWith(STRING) ? () => Math.random() : () => {}) }), null);

// Above many numbers that were freed from the highest one down, there may be others; and values that came as arguments were never seen.
for (const has of [[CLONE], [STRING]]) {
  for (const [reserved, live, freed] of [[1024, 1, 20_000], [128, 896, 0], [128, 897, 0]]) {
    const { add, drop, clone } = heap(reserved);
    const all = Array.from({ length: freed }, () => add('freed'));
    for (let number = 0; number < live; number++) add('held');
    while (all.length > 0) drop(all.pop());
    const functions = { [CLONE]: clone, [DROP]: drop, [STRING]: () => add('') };
    assert.equal(glue(DROP, ...has).liveHandles({ imported: (name) => functions[name.slice(4)] }), live, `${has}: ${live} and ${freed}`);
  }
}

// A module may never free one.
const never = glue(STRING);
assert.equal(never.liveHandles({}), 0);
never.explain({ name: STRING, args: [0, 1], result: 132, callee: () => {} });
assert.equal(never.liveHandles({ imported: () => undefined }), null);
const seen = glue();
seen.explain({ name: `__wbg_log_${HASH}`, args: [132], callee: written('console.log(getObject(arg0));') });
assert.equal(seen.liveHandles({ imported: () => undefined }), null);
assert.equal(glue(CLONE).liveHandles({ imported: () => undefined }), null);

// What is held after \`run\`, and was not after \`start\`.
{
  const { add, drop, clone } = heap(1024);
  const functions = { [CLONE]: clone, [DROP]: drop };
  const boundary = { imported: (name) => functions[name.slice(4)] };
  const of = glue(DROP, CLONE);
  const first = add('first');
  of.mark(boundary);
  assert.equal(of.areHandlesSame(boundary), true);
  const second = add('second');
  assert.equal(of.areHandlesSame(boundary), false);
  drop(first);
  assert.equal(of.areHandlesSame(boundary), false, 'as many, but others');
  drop(second);
  assert.equal(add('again'), second);
  assert.equal(add('first'), first);
  drop(second);
  assert.equal(of.areHandlesSame(boundary), true);
  for (const other of [0, 7, 1027, second, undefined, 'text']) of.returned(other);
  assert.equal(of.areHandlesSame(boundary), true, 'none of its own');
  of.returned([5, first]);
  assert.equal(of.areHandlesSame(boundary), false, 'it gave one to JavaScript');
  of.mark(boundary);
  assert.equal(of.areHandlesSame(boundary), true);
  of.explain({ name: DROP, args: [first], callee: () => {} });
  assert.equal(of.areHandlesSame(boundary), false, 'the module let one go');
}
console.log('what imports of wasm-bindgen leave behind is known');
