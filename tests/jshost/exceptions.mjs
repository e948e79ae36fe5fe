// What JavaScript throws through a module whose first calls are played: it comes out where it came out, however long the module has kept it.
// And what JavaScript returns in several parts.
//
//     node tests/jshost/exceptions.mjs JS PREINIT
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { load, module, refused, test } from './checks.mjs';

setFlagsFromString('--experimental-wasm-exnref');
const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];
const rethrows = module('rethrows');

/** A program that makes these calls; it remembers what it saw. `more` are imports of its own. */
async function program(bytes, calls, more = {}) {
  const seen = [];
  const env = {
    fail: (number) => {
      seen.push(`fail ${number}`);
      throw new Error(`from ${number}`);
    },
    note: (number) => void seen.push(`note ${number}`),
    two: (number) => [number, 1n],
    ...more,
  };
  const { exports } = (await WebAssembly.instantiate(bytes, { env: Object.fromEntries(Object.entries(env).map(([name, call]) => [name, (...args) => call(...args, exports, seen)])) })).instance;
  for (const [name, ...args] of calls) {
    try {
      seen.push(`${name} ${exports[name](...args)}`);
    } catch (error) {
      // Engines have other words for theirs.
      seen.push(`caught ${error instanceof TypeError ? 'a TypeError' : error?.message}`);
    }
  }
  return { exports, seen };
}

/** Compares the program with one that is played. */
async function same(calls, more) {
  const original = await program(rethrows, calls, more?.());
  const { wasm, runtime } = await capture({ wasm: rethrows, start: () => program(rethrows, calls, more?.()), run: ({ exports }) => void exports.get() });
  assert.equal(runtime, 'replay');
  const hooks = preinitialized();
  try {
    const played = await program(wasm, calls, more?.());
    assert.deepEqual(played.seen, original.seen);
    assert.equal(played.exports.get(), original.exports.get());
    return { wasm, seen: played.seen };
  } finally {
    hooks.restore();
  }
}

await test('an exception that is thrown again when an import has been called', async () => {
  const { seen } = await same([['clean', 3]]);
  assert.deepEqual(seen, ['fail 3', 'note 3', 'caught from 3']);
});

await test('the one before the last', async () => {
  const { seen } = await same([['clean_twice', 3], ['clean', 8], ['clean_twice', 5]]);
  assert.deepEqual(seen.filter((one) => one.startsWith('caught')), ['caught from 3', 'caught from 8', 'caught from 5']);
});

await test('one of a call inside of another', async () => {
  const more = () => ({
    note: (number, exports, seen) => {
      seen.push(`note ${number}`);
      if (number > 4) return;
      try {
        exports.clean(number + 10);
      } catch (error) {
        seen.push(`inside ${error.message}`);
      }
    },
  });
  const { seen } = await same([['clean', 3], ['clean_twice', 4]], more);
  assert.deepEqual(seen.slice(0, 6), ['fail 3', 'note 3', 'fail 13', 'note 13', 'inside from 13', 'caught from 3']);
  // A call inside ends with one that the call around it never sees.
  const throws = () => ({
    note: (number, exports, seen) => {
      seen.push(`note ${number}`);
      if (number > 4) return;
      assert.throws(() => exports.clean_twice(number + 20), new Error(`from ${number + 20}`));
    },
  });
  await same([['clean', 3], ['clean', 4], ['clean', 9]], throws);
});

await test('what is thrown is that of then', async () => {
  let word = 'first';
  const fail = () => { throw new Error(word); };
  const { wasm } = await capture({ wasm: rethrows, start: () => program(rethrows, [['clean_twice', 1]], { fail }) });
  word = 'second';
  const hooks = preinitialized();
  const { seen } = await program(wasm, [['clean_twice', 1]], { fail }).finally(() => hooks.restore());
  assert.deepEqual(seen, ['caught second']);
});

await test('an exception of the module itself', async () => {
  const start = () => program(rethrows, [['clean', 1], ['raise', 2]]);
  await refused({ wasm: rethrows, start }, /the export raise did not return/);
});

await test('several results, of what can be iterated over once', async () => {
  const generator = () => ({ two: function* (number) { yield number; yield 2n; } });
  const { seen } = await same([['pair', 5], ['pair', 6]], generator);
  assert.deepEqual(seen, ['pair 7', 'pair 8']);
  assert.deepEqual((await same([['pair', 5]], () => ({ two: (number) => new Set([number, 9n]).values() }))).seen, ['pair 14']);
  // What cannot be iterated over is an error of the engine, which the module sees.
  const { seen: thrown } = await same([['pair', 5], ['clean', 1]], () => ({ two: () => 5 }));
  assert.equal(thrown[0], 'caught a TypeError');
});
