// Exports that initialize a module: those that JavaScript has called do nothing in the snapshot, those that it has only read do what they did.
//
//     node tests/jshost/initializers.mjs JS PREINIT
import assert from 'node:assert/strict';
import { WASI } from 'node:wasi';
import { load, module, refused, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
// Under their own names the conversion would call them.
const lazy = module('lazy', '-r', '_initialize=begin', '-r', '__wasm_call_ctors=constructors');
const INITIALIZE = ['_initialize'];

async function instantiate(bytes, back = () => {}, note = () => {}) {
  const env = { back: () => back(exports), note: () => note(exports) };
  const { exports } = (await WebAssembly.instantiate(bytes, { env })).instance;
  return exports;
}

/** The program goes on with the snapshot as it does with the original. */
async function same({ first, then, noop, back, ...options }) {
  const begin = async (bytes) => first(await instantiate(bytes, back));
  const expected = then(await begin(lazy));
  const made = await capture({ wasm: lazy, run: async () => void (await begin(lazy)), ...options });
  assert.deepEqual(made.noop, noop);
  return { wasm: made.wasm, expected };
}

/** How a library may take its exports. */
const WAYS = {
  destructured: ({ _initialize, warm, get }) => ({ _initialize, warm, get }),
  spread: (exports) => ({ ...exports }),
  entries: (exports) => Object.fromEntries(Object.entries(exports)),
  values: (exports) => (Object.values(exports), exports),
  assigned: (exports) => Object.assign({}, exports),
  'asked for its type': (exports) => (assert.equal(typeof exports._initialize, 'function'), exports),
  'in a list': (exports) => ({ ...exports, list: [exports._initialize] }),
  'another name': (exports) => ({ ...exports, boot: exports._initialize }),
  bound: (exports) => ({ ...exports, boot: exports._initialize.bind(null) }),
};

for (const [way, take] of Object.entries(WAYS)) {
  await test(`read and not called: ${way}`, async () => {
    const first = (exports) => {
      const library = take(exports);
      library.warm();
      return library;
    };
    const then = ({ _initialize, get }) => (_initialize(), get());
    const { wasm, expected } = await same({ first, then, noop: [] });
    assert.equal(expected, 105);
    assert.equal(then(take(await instantiate(wasm))), expected);
  });
}

/** How what was read may be called later. */
const CALLS = {
  'at once': (_initialize) => _initialize(),
  twice: (_initialize) => [_initialize(), _initialize()],
  'with `call`': (_initialize) => _initialize.call({}),
  'with `apply`': (_initialize) => _initialize.apply(undefined, [1]),
  'with `Reflect.apply`': (_initialize) => Reflect.apply(_initialize, undefined, []),
  bound: (_initialize) => _initialize.bind(null)(),
  'as a callback': (_initialize) => [1].forEach(_initialize),
  'from a proxy': (_initialize) => new Proxy(_initialize, {})(),
  'in a promise': (_initialize) => Promise.resolve().then(_initialize),
  'in a timer': (_initialize) => new Promise((done) => setTimeout(() => done(_initialize()))),
  'through a table': (_initialize, { table }) => table.get(0)(),
  'through another table': (_initialize) => {
    const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
    table.set(0, _initialize);
    table.get(0)();
  },
};

for (const [way, call] of Object.entries(CALLS)) {
  for (const when of ['before', 'after']) {
    await test(`read and called ${way}, ${when} others`, async () => {
      const { noop, wasm } = await capture({
        wasm: lazy,
        run: async () => {
          const { _initialize, warm, ...rest } = await instantiate(lazy);
          if (when === 'after') for (let times = 0; times < 3; times++) warm();
          await call(_initialize, rest);
          if (when === 'before') for (let times = 0; times < 3; times++) warm();
        },
      });
      assert.deepEqual(noop, INITIALIZE);
      const { _initialize, get } = await instantiate(wasm);
      _initialize();
      assert.equal(get(), way === 'twice' ? 310 : 305);
    });
  }
}

await test('called by another module', async () => {
  const other = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, // (module
    1, 4, 1, 96, 0, 0, // (type (func))
    2, 16, 1, 0, 11, ...new TextEncoder().encode('_initialize'), 0, 0, // (import "" "_initialize" (func))
    3, 2, 1, 0, 7, 5, 1, 1, 103, 0, 1, // (func (export "g")
    10, 6, 1, 4, 0, 16, 0, 11, // (call 0)))
  ]);
  const link = async (exports) => (await WebAssembly.instantiate(other, { '': exports })).instance.exports.g;
  const run = (calls) => async () => {
    const exports = await instantiate(lazy);
    const g = await link(exports);
    exports.warm();
    if (calls) g();
  };
  assert.deepEqual((await capture({ wasm: lazy, run: run(false) })).noop, []);
  assert.deepEqual((await capture({ wasm: lazy, run: run(true) })).noop, INITIALIZE);
});

await test('called by WASI of Node', async () => {
  // Whoever has no memory is none of it.
  const begin = async (bytes) => {
    const exports = await instantiate(bytes);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { _initialize, get } = exports;
    new WASI({ version: 'preview1' }).initialize({ exports: { memory, _initialize } });
    return get();
  };
  const { wasm, noop } = await capture({ wasm: lazy, run: async () => void (await begin(lazy)) });
  assert.deepEqual([noop, await begin(wasm)], [INITIALIZE, 5]);
});

await test('called by the module itself, which JavaScript may do once more', async () => {
  const first = (exports) => {
    const { _initialize, inside, get } = exports;
    inside();
    return { _initialize, get };
  };
  const then = ({ _initialize, get }) => (_initialize(), get());
  const { wasm, expected } = await same({ first, then, noop: [] });
  const { _initialize, get } = await instantiate(wasm);
  assert.deepEqual([expected, then({ _initialize, get })], [10, 10]);
});

for (const isReadBefore of [true, false]) {
  const when = isReadBefore ? 'before' : 'there';
  const boot = (exports) => exports._initialize();
  await test(`called by an import, read ${when}`, async () => {
    const run = (bytes) => async () => {
      const exports = await instantiate(bytes, boot);
      if (isReadBefore) assert(exports._initialize);
      exports.warm();
      exports.calls_back();
      return exports;
    };
    const { wasm, noop } = await capture({ wasm: lazy, run: async () => void (await run(lazy)()), allow: ['env.back'] });
    assert.deepEqual(noop, INITIALIZE);
    assert.equal((await instantiate(wasm)).get(), 105);
    const { noop: inStart } = await capture({ wasm: lazy, start: run(lazy), allow: ['env.back', 'pending'] });
    assert.deepEqual(inStart, INITIALIZE);
    // Where the import is called again, that is recorded.
    const { noop: recorded, wasm: played } = await capture({ wasm: lazy, start: run(lazy), run: ({ warm }) => warm() });
    assert.deepEqual(recorded, []);
    const hooks = preinitialized();
    assert.equal((await run(played)()).get(), 205);
    hooks.restore();
  });
}

/** What an import calls of the module, one of which does nothing in the snapshot. */
const INSIDE = {
  'alone': ({ _initialize }) => _initialize(),
  'twice': ({ _initialize }) => (_initialize(), _initialize()),
  'before another': ({ _initialize, warm }) => (_initialize(), warm()),
  'after another': ({ _initialize, warm }) => (warm(), _initialize()),
  'between others': ({ _initialize, warm, get }) => (warm(), _initialize(), get()),
};

for (const [where, back] of Object.entries(INSIDE)) {
  await test(`called by an import, and given as \`noop\`: ${where}`, async () => {
    const begin = async (bytes) => {
      const exports = await instantiate(bytes, back);
      exports.calls_back();
      return exports;
    };
    const expected = (await begin(lazy)).get();
    // Calls that come after the first ones are made again, too.
    const load = () => instantiate(lazy, back);
    const run = (exports) => exports.calls_back();
    const states = [
      [{ start: () => begin(lazy) }, begin],
      [{ start: load, run, again: ['env.back'] }, (bytes) => instantiate(bytes, back)],
      [{ start: () => begin(lazy), run, again: ['env.back'] }, begin, 2],
    ];
    for (const [options, again, times = 1] of states) {
      const { wasm, runtime } = await capture({ wasm: lazy, ...options, noop: INITIALIZE });
      assert.equal(runtime, 'replay');
      const hooks = preinitialized();
      assert.equal((await again(wasm)).get(), expected * times);
      hooks.restore();
    }
  });
}

await test('an import that does not call it', async () => {
  const run = async () => {
    const { _initialize, calls_back: callsBack, inside } = await instantiate(lazy, ({ warm }) => warm());
    callsBack();
    inside();
    return { _initialize };
  };
  const { noop, wasm } = await capture({ wasm: lazy, run: async () => void (await run()), allow: ['env.back'] });
  assert.deepEqual(noop, []);
  const { _initialize, get } = await instantiate(wasm);
  _initialize();
  assert.equal(get(), 110);
});

await test('imports that an import calls through a table', async () => {
  const start = (bytes) => async () => {
    let notes = 0;
    const exports = await instantiate(bytes, ({ table }) => table.get(1)(), ({ warm }) => (warm(), (notes += 1)));
    exports.calls_back();
    return { exports, notes };
  };
  const { wasm, runtime } = await capture({ wasm: lazy, start: start(lazy), allow: ['env.back', 'pending'] });
  assert.equal(runtime, 'replay');
  const hooks = preinitialized();
  const { exports, notes } = await start(wasm)();
  assert.deepEqual([exports.get(), notes], [100, 1]);
  hooks.restore();
});

await test('read in `start` and called in `run`, or not', async () => {
  const start = (bytes) => async () => {
    const { _initialize, warm, get } = await instantiate(bytes);
    warm();
    return { _initialize, warm, get };
  };
  for (const [run, noop] of [[({ _initialize }) => _initialize(), INITIALIZE], [({ warm }) => warm(), []], [undefined, []]]) {
    const { wasm, noop: found } = await capture({ wasm: lazy, start: start(lazy), run });
    assert.deepEqual(found, noop);
    const before = await start(lazy)();
    run?.(before);
    if (noop.length === 0) before._initialize();
    const hooks = preinitialized();
    const { _initialize, get } = await start(wasm)();
    _initialize();
    assert.equal(get(), before.get());
    hooks.restore();
  }
});

await test('called by another name of the same function', async () => {
  const run = async () => void (await instantiate(lazy)).again();
  const { wasm, noop } = await capture({ wasm: lazy, run });
  assert.deepEqual(noop, []);
  const { _initialize, get } = await instantiate(wasm);
  _initialize();
  assert.equal(get(), 10);
});

await test('each of several for itself', async () => {
  const run = async () => {
    const { _initialize, __wasm_call_ctors: constructors, warm } = await instantiate(lazy);
    warm();
    constructors();
    warm();
    return _initialize;
  };
  const { wasm, noop } = await capture({ wasm: lazy, run: async () => void (await run()), allow: ['env.back'] });
  assert.deepEqual(noop, ['__wasm_call_ctors']);
  const { _initialize, __wasm_call_ctors: constructors, get } = await instantiate(wasm);
  constructors();
  _initialize();
  assert.equal(get(), 1205);
});

await test('one that did not return', async () => {
  const run = (times) => async () => {
    let left = 1;
    const { __wasm_call_ctors: constructors, warm } = await instantiate(lazy, () => {
      if (left-- > 0) throw new Error('not yet');
    });
    warm();
    assert.throws(constructors, /not yet/);
    for (let time = 1; time < times; time++) constructors();
  };
  const allow = ['env.back'];
  await refused({ wasm: lazy, run: run(1), allow }, /^the export __wasm_call_ctors was called and did not return/);
  const NOOP = ['__wasm_call_ctors'];
  assert.deepEqual((await capture({ wasm: lazy, run: run(2), allow })).noop, NOOP);
  // As often as it is called in the record, it is called again.
  assert.deepEqual((await capture({ wasm: lazy, start: run(2) })).noop, []);
  assert.deepEqual((await capture({ wasm: lazy, run: run(1), allow, noop: NOOP })).noop, NOOP);
});

await test('what the program does afterwards is of no matter', async () => {
  let left;
  const { noop } = await capture({ wasm: lazy, run: async () => ((left = await instantiate(lazy)).warm(), undefined) });
  assert.deepEqual(noop, []);
  left._initialize();
  assert.equal(left.get(), 105);
});
