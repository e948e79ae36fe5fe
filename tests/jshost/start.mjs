// `start`: first calls that are answered from a record. What is refused when it is made, and what is stopped when it is played.
//
//     node tests/jshost/start.mjs JS PREINIT
import assert from 'node:assert/strict';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }, plain] = [await load('index.js'), await load('replay.js'), await load('run.js')];

/** Runs `body` while snapshots are recognized. */
async function played(body) {
  const hooks = preinitialized();
  try {
    return await body(hooks);
  } finally {
    hooks.restore();
  }
}

const dictionary = module('dictionary');

/** A library that feeds its module in pieces. */
async function library(bytes, pieces, options = {}) {
  const registered = new Map();
  const env = {
    register: (number, at, length) => registered.set(number, new TextDecoder().decode(new Uint8Array(exports.memory.buffer, at, length))),
    now: options.now ?? (() => 7),
    fail: () => { throw options.error ?? new RangeError('thrown by JavaScript'); },
    later: () => options.later?.(),
  };
  const { exports } = (await WebAssembly.instantiate(bytes, { env })).instance;
  const texts = pieces.map((piece) => {
    const bytes = new TextEncoder().encode(piece);
    const at = exports.alloc(bytes.length);
    new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
    return exports.feed(at, bytes.length);
  });
  const find = (text) => {
    const bytes = new TextEncoder().encode(text);
    const at = exports.alloc(bytes.length);
    new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
    return exports.count(at, bytes.length);
  };
  return { exports, registered, texts, find };
}

const pieces = ['one two three ', 'two three ', 'three and more than that'];

await test('a library that is fed in pieces', async () => {
  const start = () => library(dictionary, pieces);
  const { wasm, runtime, noop } = await capture({ wasm: dictionary, start, run: ({ find }) => find('warm up') });
  assert.deepEqual([runtime, noop], ['replay', []]);
  const original = await start();
  original.find('warm up');
  await played(async () => {
    const { registered, texts, find, exports } = await library(wasm, pieces);
    assert.deepEqual([registered, texts], [original.registered, original.texts]);
    assert.equal(registered.size, 3);
    for (const text of ['e', 'tw', 'that', 'warm']) assert.equal(find(text), original.find(text), text);
    assert.equal(exports.fed(), original.exports.fed());
  });
});

await test('exports are genuine while the record is played', async () => {
  const { wasm } = await capture({ wasm: dictionary, start: () => library(dictionary, pieces) });
  await played(async () => {
    const { instance } = await WebAssembly.instantiate(wasm, { env: { register() {}, now: () => 7, fail() {}, later() {} } });
    const { alloc, table } = instance.exports;
    table.set(0, alloc);
    assert.equal(table.get(0), alloc);
    assert.equal(alloc.length, 1);
  });
});

await test('a program that starts otherwise is stopped', async () => {
  const { wasm } = await capture({ wasm: dictionary, start: () => library(dictionary, pieces) });
  for (const [other, expected] of [
    [['one two three ', 'twO three '], /other bytes stand in memory/],
    [['one two three '.repeat(2)], /the export alloc was called with other arguments/],
    [null, /the export fed was called where the export alloc had been/],
  ]) {
    await played(async () => {
      await assert.rejects(async () => (await library(wasm, other ?? [])).exports.fed(), expected);
    });
  }
  await played(async () => {
    const { exports } = await library(wasm, pieces);
    assert.throws(() => exports.feed(1e6, 1e6), WebAssembly.RuntimeError, 'that is its own error');
  });
});

await test('it stays stopped', async () => {
  const { wasm } = await capture({ wasm: dictionary, start: () => library(dictionary, pieces) });
  await played(async () => {
    const { instance } = await WebAssembly.instantiate(wasm, { env: { register() {}, now: () => 7, fail() {}, later() {} } });
    for (let times = 0; times < 2; times++) assert.throws(() => instance.exports.fed(), /does not start like the one/);
  });
});

await test('an import that answers otherwise stops it, unless it may', async () => {
  const start = (bytes, now) => async () => {
    const { exports } = await library(bytes, [], { now: () => now });
    return exports.time();
  };
  const { wasm } = await capture({ wasm: dictionary, start: start(dictionary, 1) });
  await played(async () => {
    assert.equal(await start(wasm, 1)(), 1);
    await assert.rejects(start(wasm, 2), /the import env.now returned something else/);
  });
  const { wasm: allowed } = await capture({ wasm: dictionary, start: start(dictionary, 1), allow: ['env.now'] });
  await played(async () => assert.equal(await start(allowed, 2)(), 1));
});

await test('an error of JavaScript goes through the module again', async () => {
  const start = (bytes, error) => async () => {
    const { exports } = await library(bytes, [], { error });
    assert.throws(() => exports.fails(), error);
    return exports;
  };
  const { wasm } = await capture({ wasm: dictionary, start: start(dictionary, new RangeError('first')) });
  await played(async () => {
    const exports = await start(wasm, new RangeError('second'))();
    assert.equal(exports.fed(), 0);
  });
  const traps = async () => assert.throws((await library(dictionary, [])).exports.traps, WebAssembly.RuntimeError);
  await refused({ wasm: dictionary, start: traps }, /the export traps did not return: unreachable/);
});

await test('functions that JavaScript puts into a table are left to it', async () => {
  const start = (bytes) => async () => {
    const { exports } = await library(bytes, []);
    const other = new WebAssembly.Instance(new WebAssembly.Module(module('other'))).exports.three;
    const slot = exports.table.grow(1);
    exports.table.set(slot, other);
    return { other, slot, answer: exports.indirect(slot), exports };
  };
  const { wasm } = await capture({ wasm: dictionary, start: start(dictionary) });
  await played(async () => {
    const { other, slot, answer, exports } = await start(wasm)();
    assert.deepEqual([slot, answer, exports.table.length], [2, 3, 3]);
    assert.equal(exports.table.get(slot), other);
    assert.equal(exports.indirect(slot), 3);
  });
  const late = ({ exports, other }) => exports.table.set(0, other);
  await refused({ wasm: dictionary, start: start(dictionary), run: late }, /table 0, element 0 holds a function of JavaScript/);
});

await test('what `run` does in JavaScript is refused as without `start`', async () => {
  const start = () => library(dictionary, pieces);
  const run = ({ exports }) => exports.feed(1024, 3);
  await refused({ wasm: dictionary, start, run }, /^the import env.register was called \(1 times\)/);
});

await test('what JavaScript writes after its last call, and `run` changes', async () => {
  const start = async () => {
    const { exports } = await library(dictionary, []);
    exports.fed();
    new Uint8Array(exports.memory.buffer)[2000] = 1;
    return exports;
  };
  await capture({ wasm: dictionary, start });
  const run = (exports) => void exports.store(2000, 5);
  await refused({ wasm: dictionary, start, run }, /JavaScript wrote into memory after its last call/);
});

await test('a memory that JavaScript makes larger', async () => {
  const start = async () => void (await library(dictionary, [])).exports.memory.grow(1);
  await refused({ wasm: dictionary, start }, /JavaScript made memory 0 larger/);
});

await test('an export whose calls cannot be seen', async () => {
  const bytes = module('deaf');
  const start = async () => void (await WebAssembly.instantiate(bytes)).instance.exports.go();
  await refused({ wasm: bytes, start }, /calls of the export take cannot be seen, because of its types/);
  await capture({ wasm: bytes, run: start });
});

await test('timers that are pending are refused', async () => {
  let timer;
  const waits = (set, clear) => async () => {
    await library(dictionary, []);
    timer = set();
    clear?.();
  };
  await refused({ wasm: dictionary, run: waits(() => setTimeout(() => {}, 1e4)) }, /^a timer of setTimeout was pending \(1 of them\)/);
  clearTimeout(timer);
  await refused({ wasm: dictionary, start: waits(() => setInterval(() => {}, 1e4)) }, /^a timer of setInterval was pending/);
  clearInterval(timer);
  await capture({ wasm: dictionary, run: waits(() => setTimeout(() => {}, 1e4), () => clearTimeout(timer)) });
  await capture({ wasm: dictionary, run: async () => (await library(dictionary, []), await new Promise((done) => setTimeout(done, 1)), undefined) });
  await capture({ wasm: dictionary, run: waits(() => setTimeout(() => {}, 1e4)), allow: ['timers'] });
  clearTimeout(timer);
});

await test('the small run time says that it is too small', async () => {
  const { wasm } = await capture({ wasm: dictionary, start: () => library(dictionary, pieces) });
  const hooks = plain.preinitialized();
  await assert.rejects(library(wasm, pieces), /preinit\/js\/replay/);
  hooks.restore();
  await assert.rejects(library(wasm, pieces), WebAssembly.RuntimeError, 'without any, it traps');
});

await test('a constructor that registers with JavaScript needs no `start`', async () => {
  const run = (bytes) => async () => {
    const { exports, registered } = await library(bytes, []);
    exports.__wasm_call_ctors();
    return { exports, registered };
  };
  const { wasm, noop, runtime } = await capture({
    wasm: dictionary,
    run: async () => {
      const { exports } = await run(dictionary)();
      exports.store(3000, 9);
    },
  });
  assert.deepEqual([noop, runtime], [[], 'replay']);
  await played(async () => {
    const { exports, registered } = await run(wasm)();
    assert.deepEqual([...registered], [[99, 'constructed']]);
    assert.equal(exports.load(3000), 9);
  });
});

await test('what wasm-bindgen reads of the machine', async () => {
  const bytes = module('ambient');
  const library = async (bytes, log) => {
    const wbg = {
      __wbg_now_0123456789abcdef: () => performance.now(),
      __wbg_static_accessor_GLOBAL_THIS_0123456789abcdef: () => {
        const ret = typeof globalThis === 'undefined' ? undefined : globalThis;
        return ret;
      },
      __wbg_crypto_0123456789abcdef: (arg0) => arg0.crypto,
      __wbg_log_0123456789abcdef: log,
    };
    const { exports } = (await WebAssembly.instantiate(bytes, { wbg })).instance;
    return exports;
  };
  const start = (bytes) => async () => {
    const logged = [];
    const exports = await library(bytes, (number) => logged.push(number));
    exports.seed();
    exports.say();
    return { exports, logged };
  };
  // Each start has another time, and only what is said is said again.
  const { wasm, runtime } = await capture({ wasm: bytes, start: start(bytes), run: ({ exports }) => exports.tick() });
  assert.equal(runtime, 'replay');
  await played(async () => {
    const { exports, logged } = await start(wasm)();
    assert.deepEqual(logged, [5]);
    assert.equal(exports.ticks(), 2);
  });
  const run = (kept) => async () => (await library(bytes, () => {}))[kept]();
  await capture({ wasm: bytes, run: run('tick') });
  await refused({ wasm: bytes, run: run('say') }, /^the import wbg.__wbg_log_0123456789abcdef was called/);
  await refused({ wasm: bytes, run: run('keep_crypto') }, /^table 0, element 0 holds an object/);
  // Every program has this one.
  const kept = await capture({ wasm: bytes, run: run('keep') });
  await played(async () => assert.equal((await library(kept.wasm, () => {})).objects.get(0), globalThis));
});

await test('hooks that are there more than once make it once', async () => {
  const start = (bytes) => library(bytes, pieces);
  const { wasm } = await capture({ wasm: dictionary, start: () => start(dictionary), run: ({ exports }) => (exports.store(3000, 9), 'returned') });
  for (const both of [[preinitialized, preinitialized], [preinitialized, plain.preinitialized], [plain.preinitialized, preinitialized]]) {
    for (const order of [[0, 1], [1, 0]]) {
      const { instantiate } = WebAssembly;
      const states = both.map((one) => one());
      const { registered, exports } = await start(wasm);
      assert.deepEqual([registered.size, exports.load(3000), exports.fed()], [3, 9, 3]);
      assert.deepEqual(states.map(({ value, instances }) => [value, instances]), [['returned', 1], ['returned', 1]]);
      // Whichever goes first, the other one is there until it goes.
      states[order[0]].restore();
      if (both[0] === both[1]) assert.equal((await start(wasm)).exports.load(3000), 9);
      states[order[1]].restore();
      await assert.rejects(start(wasm), WebAssembly.RuntimeError);
      WebAssembly.instantiate = instantiate;
    }
  }
});

await test('each is asked whether a snapshot is its own, whoever has made it again', async () => {
  const make = (value) => capture({ wasm: dictionary, run: async () => (await library(dictionary, pieces), value), allow: ['env.register'] });
  const [mine, theirs] = await Promise.all(['mine', 'theirs'].map(make));
  const own = await WebAssembly.compile(mine.wasm);
  const kinds = { all: () => preinitialized(), own: () => preinitialized({ accepts: (module) => module === own }), none: () => plain.preinitialized({ accepts: () => false }) };
  for (const order of [['all', 'own', 'none'], ['own', 'all', 'none'], ['none', 'own', 'all'], ['none', 'all', 'own']]) {
    const states = Object.fromEntries(order.map((name) => [name, kinds[name]()]));
    const imports = { env: { ...pieces, register() {}, now: () => 1, fail() {}, later() {} } };
    const seen = () => ['all', 'own', 'none'].map((name) => [states[name].value, states[name].instances]);
    await WebAssembly.instantiate(own, imports);
    assert.deepEqual(seen(), [['mine', 1], ['mine', 1], [undefined, 0]]);
    await WebAssembly.instantiate(theirs.wasm, imports);
    assert.deepEqual(seen(), [['theirs', 2], ['mine', 1], [undefined, 0]]);
    new WebAssembly.Instance(new WebAssembly.Module(theirs.wasm), imports);
    assert.deepEqual(seen(), [['theirs', 3], ['mine', 1], [undefined, 0]]);
    for (const name of order.toReversed()) states[name].restore();
  }
});

await test('what `start` left pending, and `run` saw', async () => {
  let job;
  const start = async () => {
    const started = await library(dictionary, pieces);
    job = new Promise((done) => setImmediate(done)).then(() => started.exports.store(3000, started.exports.load(3000) + 1));
    return started;
  };
  const run = async ({ exports }) => (await job, exports.fed());
  const expected = /^the export store was called during `run` by what `start` had begun/;
  await refused({ wasm: dictionary, start, run, allow: ['timers'] }, expected);
  await capture({ wasm: dictionary, start, run, allow: ['timers', 'pending'] });
  // What `run` begins itself is its own, also by what `start` has made.
  const own = async () => Object.assign(await library(dictionary, pieces), { ready: Promise.resolve() });
  const calls = async ({ exports, ready }) => {
    await ready.then(() => exports.store(3000, 1));
    await new Promise((done) => setTimeout(() => done(exports.store(3000, 2)), 1));
  };
  const { wasm } = await capture({ wasm: dictionary, start: own, run: calls });
  await played(async () => assert.equal((await library(wasm, pieces)).exports.load(3000), 2));
});

await test('values that `run` gives to the module by number', async () => {
  const bytes = module('numbers');
  const load = async (bytes) => {
    const heap = [...Array(1024).fill(undefined), undefined, null, true, false];
    let next = heap.length;
    const add = (value) => {
      if (next === heap.length) heap.push(heap.length + 1);
      const handle = next;
      next = heap[handle];
      heap[handle] = value;
      return handle;
    };
    const drop = (handle) => handle >= 1028 && ([heap[handle], next] = [next, handle]);
    const wbg = { __wbindgen_object_drop_ref: (handle) => void drop(handle), __wbindgen_object_clone_ref: (handle) => add(heap[handle]) };
    const { exports } = (await WebAssembly.instantiate(bytes, { wbg })).instance;
    exports.init();
    return { exports, keep: (value) => exports.keep(add(value)), kept: () => heap[exports.kept()], take: () => drop(exports.taken()) };
  };
  const keeps = (bytes) => async () => {
    const started = await load(bytes);
    started.keep('of start');
    return started;
  };
  const expected = /^what the module holds of JavaScript by number is not what it held after `start`/;
  await refused({ wasm: bytes, start: () => load(bytes), run: ({ keep }) => keep({ a: 1 }) }, expected);
  await refused({ wasm: bytes, start: keeps(bytes), run: ({ keep }) => keep('of run') }, expected);
  await refused({ wasm: bytes, start: keeps(bytes), run: ({ exports, keep }) => (exports.release(), keep('of run')) }, /holds 1 values of JavaScript by number/);
  // Another value in the place of the one that JavaScript took.
  const replaced = ({ take, keep }) => (take(), keep('of run'));
  await refused({ wasm: bytes, start: keeps(bytes), run: replaced }, expected);
  await capture({ wasm: bytes, start: keeps(bytes), run: ({ exports }) => assert.equal(exports.get(), 7) });
  await capture({ wasm: bytes, start: () => load(bytes), run: ({ keep }) => keep({ a: 1 }), allow: ['handles'] });
  const { wasm } = await capture({ wasm: bytes, start: keeps(bytes), run: ({ exports }) => exports.init() });
  await played(async () => {
    const { exports, kept } = await keeps(wasm)();
    assert.deepEqual([exports.get(), kept()], [14, 'of start']);
  });
});
