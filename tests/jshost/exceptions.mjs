// Exceptions of JavaScript that go through a module whose start is recorded.
//
//     node tests/jshost/exceptions.mjs JS PREINIT
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { load, module, test } from './checks.mjs';

const [{ capture }, { preinitialized }] = [await load('index.js'), await load('replay.js')];

await test('an exception of JavaScript that goes on when others were called', async () => {
  // As an engine has it, if not by itself.
  setFlagsFromString('--experimental-wasm-exnref');
  const bytes = module('rethrows');
  const start = (bytes) => async () => {
    const log = [];
    const tell = (name) => (number) => {
      log.push(`${name} ${number}`);
      if (name === 'fail') throw new Error(`failed ${number}`);
    };
    const { exports } = (await WebAssembly.instantiate(bytes, { env: { fail: tell('fail'), clean: tell('clean') } })).instance;
    for (const call of [() => exports.once(3), () => exports.twice(4), () => exports.once(5)]) {
      try {
        call();
      } catch (error) {
        log.push(error?.message ?? error);
      }
    }
    return { exports, log };
  };
  const { log } = await start(bytes)();
  assert.deepEqual(log, ['fail 3', 'clean 1', 'failed 3', 'fail 4', 'clean 1', 'clean 2', 'failed 4', 'fail 5', 'clean 1', 'failed 5']);
  const { wasm } = await capture({ wasm: bytes, start: start(bytes), run: ({ exports }) => exports.idle() });
  const hooks = preinitialized();
  try {
    assert.deepEqual((await start(wasm)()).log, log);
  } finally {
    hooks.restore();
  }
});
