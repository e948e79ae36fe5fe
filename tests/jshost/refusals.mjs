// What JavaScript's side of a program would lose is refused, by name; and the hooks change nothing else.
//
//     node tests/jshost/refusals.mjs JS PREINIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folder, load, module, refused, test } from './checks.mjs';

const { capture, Refusal, verify } = await load('index.js');
const { preinitialized } = await load('run.js');

// Under its own name the conversion would call it.
const counter = module('counter', '-r', '_initialize=start');
const imports = { env: { log() {}, now: () => 1 } };
const use = (change) => async () => {
  const { instance } = await WebAssembly.instantiate(counter, change?.imports ?? imports);
  change?.after?.(instance);
  instance.exports.init();
};

/** A module that its toolchain has marked as one for dynamic linking. */
const dynamic = (wasm) => {
  const name = new TextEncoder().encode('dylink.0');
  const section = [0, name.length + 7, name.length, ...name, 1, 4, 0, 0, 0, 0];
  return new Uint8Array([...wasm.subarray(0, 8), ...section, ...wasm.subarray(8)]);
};

await test('main modules of dynamic libraries are captured, side modules refused', async () => {
  const main = dynamic(counter);
  const { wasm } = await capture({ wasm: main, run: async () => void (await WebAssembly.instantiate(main, imports)).instance.exports.init() });
  assert.equal((await WebAssembly.instantiate(wasm, imports)).instance.exports.get(), 42);
  const side = dynamic(module('imported', '--preload', `env=${join(folder, 'memory.wat')}`));
  await assert.rejects(capture({ wasm: side, run() {} }), /the input is a side module .* its state is part of its main module's/);
});

for (const [how, load] of Object.entries({
  'new Instance': (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports),
  'a buffer': async (bytes) => (await WebAssembly.instantiate(bytes.slice().buffer, imports)).instance,
  'a view': async (bytes) => {
    const larger = new Uint8Array(bytes.length + 16);
    larger.set(bytes, 8);
    return (await WebAssembly.instantiate(larger.subarray(8, 8 + bytes.length), imports)).instance;
  },
  'compile': async (bytes) => WebAssembly.instantiate(await WebAssembly.compile(bytes), imports),
  'instantiateStreaming': async (bytes) => {
    const response = new Response(bytes, { headers: { 'content-type': 'application/wasm' } });
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  },
  'compileStreaming': async (bytes) => {
    const response = Promise.resolve(new Response(bytes, { headers: { 'content-type': 'application/wasm' } }));
    return WebAssembly.instantiate(await WebAssembly.compileStreaming(response), imports);
  },
})) {
  await test(`by ${how}`, async () => {
    const { wasm } = await capture({
      wasm: counter,
      run: async () => {
        const instance = await load(counter);
        assert(instance instanceof WebAssembly.Instance);
        assert.deepEqual(Object.keys(instance.exports).sort(), ['_initialize', 'get', 'init', 'memory', 'say', 'table']);
        assert(Object.isFrozen(instance.exports));
        instance.exports._initialize();
        instance.exports.init();
      },
    });
    const exports = (await load(wasm)).exports;
    assert.equal(exports.get(), 42);
    exports._initialize();
    assert.equal(exports.get(), 42, 'it does nothing any more');
  });
}

await test('nothing stays hooked', async () => {
  const before = Object.getOwnPropertyDescriptors(WebAssembly);
  await capture({ wasm: counter, run: use() });
  await capture({ wasm: counter, run: () => {} }).catch(() => {});
  await capture({ wasm: counter, run: () => { throw new Error('x'); } }).catch(() => {});
  for (const [name, { value }] of Object.entries(before)) assert.equal(WebAssembly[name], value, name);
});

await test('a module shows its own exports only', async () => {
  await capture({
    wasm: counter,
    run: async () => {
      const names = WebAssembly.Module.exports(new WebAssembly.Module(counter)).map(({ name }) => name);
      assert.deepEqual(names.sort(), ['_initialize', 'get', 'init', 'memory', 'say', 'table']);
      await use()();
    },
  });
});

await test('an initializer that was not called still works', async () => {
  const { wasm, noop } = await capture({ wasm: counter, run: use() });
  assert.deepEqual(noop, []);
  const { instance } = await WebAssembly.instantiate(wasm, imports);
  assert.equal(instance.exports.get(), 42);
  instance.exports._initialize();
  assert.equal(instance.exports.get(), 7);
});

await test('only declared imports are read', async () => {
  const read = [];
  const env = new Proxy({ ...imports.env, other() {} }, { get: (target, key) => (read.push(key), target[key]) });
  await capture({ wasm: counter, run: use({ imports: { env } }) });
  assert.deepEqual([...new Set(read)].sort(), ['log', 'now']);
});

await test('exports are genuine', async () => {
  await capture({
    wasm: counter,
    run: use({ after: ({ exports }) => exports.table.set(0, exports.get) }),
  });
});

await test('other modules pass', async () => {
  const other = module('other');
  await capture({
    wasm: counter,
    run: async () => {
      await use()();
      const { instance, module } = await WebAssembly.instantiate(other, {});
      assert.equal(instance.exports.three(), 3);
      assert(module instanceof WebAssembly.Module);
      assert.deepEqual(WebAssembly.Module.exports(module), [{ name: 'three', kind: 'function' }]);
      await assert.rejects(WebAssembly.instantiate(new Uint8Array(8)), WebAssembly.CompileError);
      assert.throws(() => new WebAssembly.Module(new Uint8Array(8)), WebAssembly.CompileError);
      const types = ['text/plain', 'application/wasm; a=b'];
      for (const bytes of [other, counter]) {
        await assert.rejects(WebAssembly.instantiateStreaming(new Response(bytes)), TypeError);
        for (const type of types) {
          const response = () => new Response(bytes, { headers: { 'content-type': type } });
          await assert.rejects(WebAssembly.instantiateStreaming(response(), imports), TypeError);
          await assert.rejects(WebAssembly.compileStreaming(response()), TypeError);
        }
      }
    },
  });
});

await test('errors of the engine stay what they are', async () => {
  await capture({
    wasm: counter,
    run: async () => {
      await assert.rejects(WebAssembly.instantiate(counter), TypeError);
      await assert.rejects(WebAssembly.instantiate(counter, { env: {} }), WebAssembly.LinkError);
      await use()();
    },
  });
});

await test('what is returned is part of the snapshot', async () => {
  const { wasm, value, needsRuntime } = await capture({ wasm: counter, run: async () => (await use()(), { pointer: [1, 'ü'] }) });
  assert.deepEqual([value, needsRuntime], [{ pointer: [1, 'ü'] }, true]);
  const { Instance, instantiate } = WebAssembly;
  const state = preinitialized();
  assert.notEqual(WebAssembly.instantiate, instantiate);
  await WebAssembly.instantiate(wasm, imports);
  state.restore();
  assert.deepEqual([WebAssembly.Instance, WebAssembly.instantiate], [Instance, instantiate]);
  assert.deepEqual([state.value, state.instances], [{ pointer: [1, 'ü'] }, 1]);
  await assert.rejects(capture({ wasm: counter, run: async () => (await use()(), new Map([[1, 2]])) }), TypeError);
});

await test('what is returned and JSON has not all of', async () => {
  const { copied } = await load('data.js');
  const part = { a: 1 };
  const ring = { list: [1] };
  ring.list.push(ring);
  class List extends Array {}
  for (const [value, expected] of [
    [-0, /it is -0$/], [{ a: [NaN] }, /it\.a\[0\] is NaN$/], [[1n], /it\[0\] is of type bigint$/], [{ a: undefined }, /it\.a is of type undefined$/], [() => {}, /it is of type function$/],
    [Object.assign([1], { length: 2 }), /it is an array with holes/], [[, 1], /it is an array with holes/], [Object.assign([1], { extra: 5 }), /or further properties$/],
    [Object.assign([1], { toJSON: () => 2 }), /it has a method toJSON$/], [{ toJSON: () => 2 }, /it has a method toJSON$/], [List.from([1]), /it is an object of a class$/],
    [{ a: new Map() }, /it\.a is an object of a class$/], [{ [Symbol('x')]: 1 }, /it has a property whose key is a symbol$/], [Object.assign([], { [Symbol('x')]: 1 }), /it has a property whose key is a symbol$/],
    [Object.defineProperty({}, 'z', { value: 3 }), /it has a property that is not enumerable$/], [{ get x() { return 1; } }, /it has a property with a getter or setter$/],
    [[part, part], /it\[1\] is an object that is in it twice, or in itself$/], [ring, /it\.list\[1\] is an object that is in it twice, or in itself$/],
    [{ 'a\u202e': 1n }, /it\.a\\u\{202e\} is of type bigint$/],
  ]) {
    assert.throws(() => copied(value), (error) => error instanceof TypeError && /^what `run` returns must be data that JSON has/.test(error.message) && expected.test(error.message), String(expected));
  }
  for (const value of [undefined, null, 0, '\ud800', [], [[], {}], { a: { b: [1, 'c', true, null] } }, Array.from({ length: 200_000 }, (_, index) => index), JSON.parse('{"__proto__": {"x": 1}}')]) {
    assert.deepEqual(copied(value), value);
  }
  assert.deepEqual(copied(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  // Nobody changes what was looked at.
  assert.notEqual(copied(part), part);
  await assert.rejects(capture({ wasm: counter, run: async () => (await use()(), ring) }), /what `run` returns must be data that JSON has/);
});

await test('values in tables of externref are put there again', async () => {
  const bytes = module('externs');
  const values = [undefined, null, true, false, 'text \ud800', 1.5, -0, NaN, 10n ** 30n];
  const { wasm } = await capture({
    wasm: bytes,
    run: async () => {
      const { instance } = await WebAssembly.instantiate(bytes);
      instance.exports.refs.grow(values.length, undefined);
      values.forEach((value, slot) => instance.exports.refs.set(slot + 2, value));
    },
  });
  const state = preinitialized();
  const { instance } = await WebAssembly.instantiate(wasm);
  state.restore();
  const { refs } = instance.exports;
  assert.equal(refs.length, values.length + 2);
  values.forEach((value, slot) => assert(Object.is(refs.get(slot + 2), value), `slot ${slot}`));
  assert.equal(refs.get(0), null);
});

await test('objects and functions of JavaScript are refused', async () => {
  const bytes = module('externs');
  const set = (value) => async () => (await WebAssembly.instantiate(bytes)).instance.exports.refs.set(1, value);
  await refused({ wasm: bytes, run: set({}) }, /^table 0, element 1 holds an object \(Object\) of JavaScript/);
  await refused({ wasm: bytes, run: set(() => {}) }, /^table 0, element 1 holds a function/);
  await refused({ wasm: bytes, run: set(Symbol()) }, /^table 0, element 1 holds a symbol/);
  const keep = async () => (await WebAssembly.instantiate(bytes)).instance.exports.keep({});
  await refused({ wasm: bytes, run: keep }, /global 0.*object that the host cannot read/s);
});

await test('functions of other modules in tables are refused', async () => {
  const other = new WebAssembly.Instance(new WebAssembly.Module(module('other')));
  const run = use({ after: ({ exports }) => exports.table.set(1, other.exports.three) });
  await refused({ wasm: counter, run }, /table 0.*element 1: function of another module/s);
});

await test('imports that were called are refused unless they are allowed', async () => {
  const run = use({ after: ({ exports }) => exports.say() });
  await refused({ wasm: counter, run }, /^the import env\.log was called \(1 times\)/);
  await capture({ wasm: counter, run, allow: ['env.log'] });
});

await test('functions of other modules are refused unless they are allowed', async () => {
  const other = new WebAssembly.Instance(new WebAssembly.Module(module('other')));
  const run = use({ imports: { env: { log() {}, now: other.exports.three } } });
  await refused({ wasm: counter, run }, /^the import env\.now is a function of another module/);
  await capture({ wasm: counter, run, allow: ['env.now'] });
});

await test('what has no state to capture is refused', async () => {
  await refused({ wasm: counter, run: () => {} }, /was not instantiated/);
  await refused({ wasm: counter, run: async () => (await use()(), await use()()) }, /instantiated 2 times/);
});

await test('imported memories', async () => {
  const bytes = module('imported', '--preload', `env=${join(folder, 'memory.wat')}`);
  const run = (grow) => async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
    instance.exports.write();
    if (grow) memory.grow(1);
  };
  const { wasm } = await capture({ wasm: bytes, run: run(false) });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  await WebAssembly.instantiate(wasm, { env: { memory } });
  assert.equal(new Uint8Array(memory.buffer)[100], 9);
  await refused({ wasm: bytes, run: run(true) }, /is imported and has grown/);
  // (module (import "env" "memory" (memory 1 1 shared)))
  const shared = Uint8Array.from(Buffer.from('0061736d01000000021001 03656e76 066d656d6f727902 030101'.replaceAll(' ', ''), 'hex'));
  const threads = async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    await WebAssembly.instantiate(shared, { env: { memory } });
  };
  await refused({ wasm: shared, run: threads }, /memory 0 is shared: threads are not supported/);
});

await test('exports that return constants', async () => {
  const { wasm } = await capture({ wasm: counter, run: use(), noop: ['init'], constant: { get: -5 } });
  const { instance } = await WebAssembly.instantiate(wasm, imports);
  assert.deepEqual([instance.exports.init(), instance.exports.get()], [undefined, -5]);
  await refused({ wasm: counter, run: use(), noop: ['get'] }, /`get` returns i32/);
});

await test('values that older glue of wasm-bindgen keeps are counted', async () => {
  const bytes = module('handles');
  const glue = () => {
    const heap = new Array(128).fill(undefined);
    heap.push(undefined, null, true, false);
    let next = heap.length;
    const add = (value) => {
      if (next === heap.length) heap.push(heap.length + 1);
      const index = next;
      next = heap[index];
      heap[index] = value;
      return index;
    };
    const drop = (index) => {
      if (index < 132) return;
      heap[index] = next;
      next = index;
    };
    return { __wbindgen_string_new: () => add('text'), __wbindgen_object_drop_ref: drop };
  };
  const run = (make, dropped) => async () => {
    const { instance } = await WebAssembly.instantiate(bytes, { wbg: glue() });
    const handles = Array.from({ length: make }, () => instance.exports.make());
    for (const at of dropped) instance.exports.drop(handles[at]);
  };
  await capture({ wasm: bytes, run: run(0, []) });
  await capture({ wasm: bytes, run: run(3, [1, 0, 2]) });
  await capture({ wasm: bytes, run: run(5, [4, 0, 3, 2, 1]) });
  await refused({ wasm: bytes, run: run(1, []) }, /holds 1 values of JavaScript by number/);
  await refused({ wasm: bytes, run: run(5, [0, 3, 2]) }, /holds 2 values of JavaScript by number/);
  await refused({ wasm: bytes, run: run(4, [1, 0, 2]) }, /holds 1 values of JavaScript by number/);
  await capture({ wasm: bytes, run: run(1, []), allow: ['handles'] });
});

await test('captures wait for each other', async () => {
  const before = Object.getOwnPropertyDescriptors(WebAssembly);
  const timers = [setTimeout, clearTimeout, setInterval, setImmediate, fetch];
  const slow = async () => {
    await new Promise((done) => setTimeout(done, 20));
    await use()();
  };
  const made = [slow, use(), () => { throw new Error('x'); }, slow].map((run) => capture({ wasm: counter, run }));
  const results = await Promise.allSettled(made);
  assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  assert.deepEqual(results[0].value.wasm, results[1].value.wasm);
  for (const [name, { value }] of Object.entries(before)) assert.equal(WebAssembly[name], value, name);
  assert.deepEqual([setTimeout, clearTimeout, setInterval, setImmediate, fetch], timers);
  const inner = async () => void (await capture({ wasm: counter, run: use() }));
  await assert.rejects(capture({ wasm: counter, run: inner }), /was called by what another `capture` runs/);
  await capture({ wasm: counter, run: use() });
});

await test('an import whose module has the name of something else', async () => {
  const bytes = module('proto');
  const imports = Object.defineProperty({}, '__proto__', { value: { polluted() {} }, enumerable: true });
  await capture({ wasm: bytes, run: async () => void (await WebAssembly.instantiate(bytes, imports)) }).catch(() => {});
  assert.equal({}.polluted, undefined);
});

await test('verify tells a right snapshot from a wrong one', async () => {
  const work = mkdtempSync(join(tmpdir(), 'preinit-jshost-'));
  const file = (name, contents) => (writeFileSync(join(work, name), contents), join(work, name));
  const original = file('original.wasm', counter);
  const script = file('script.mjs', `
    import { readFileSync } from 'node:fs';
    let exports;
    const load = async () => {
      const bytes = readFileSync(${JSON.stringify(original)});
      ({ exports } = (await WebAssembly.instantiate(bytes, { env: { log() {}, now: () => 1 } })).instance);
    };
    export async function run() {
      await load();
      exports.init();
      return 'returned';
    }
    export async function calls({ preinitialized, value }) {
      console.log('printed');
      if (preinitialized) await load();
      return [exports.get(), value, NaN, undefined];
    }`);
  const right = join(work, 'new/right.wasm');
  await capture({ wasm: original, out: right, run: async () => (await use()(), 'returned') });
  const verdict = await verify({ original, snapshot: right, script });
  assert.equal(verdict.equal, true);
  assert.deepEqual(verdict.answers.snapshot, [42, 'returned', NaN, undefined]);
  const wrong = join(work, 'wrong.wasm');
  await capture({ wasm: original, out: wrong, run: async () => (await WebAssembly.instantiate(counter, imports), 'returned') });
  assert.equal((await verify({ original, snapshot: wrong, script })).equal, false);
  const idle = file('idle.mjs', 'export const calls = () => 1; export const run = calls;');
  await assert.rejects(verify({ original, snapshot: right, script: idle }), /0 times/);
  await assert.rejects(verify({ original, snapshot: right, script: file('bad.mjs', 'throw new Error("bad")') }), /bad/);
  rmSync(work, { recursive: true });
});

await test('objects of other modules are not taken for ones of this', async () => {
  const [shapes, squares] = [module('shapes'), module('squares')];
  const load = async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports;
  const { wasm } = await capture({ wasm: shapes, run: async () => void (await load(shapes)).make() });
  assert.equal((await load(wasm)).area(), 7);
  const keep = async () => {
    const { square } = await load(squares);
    (await load(shapes)).keep(square());
  };
  await refused({ wasm: shapes, run: keep }, /^another module has types of objects below others/);
  // Modules without objects are no matter.
  await capture({ wasm: shapes, run: async () => (await load(module('deaf')), (await load(shapes)).make()) });
});
