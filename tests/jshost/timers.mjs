// What is pending when a snapshot is made, whoever has set it.
//
//     node tests/jshost/timers.mjs JS PREINIT
import * as early from './early.mjs';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate, setInterval, setTimeout } from 'node:timers';
import * as promises from 'node:timers/promises';
import { promisify } from 'node:util';
import { load, module, refused, test } from './checks.mjs';

const { capture } = await load('index.js');
const counter = module('counter');
const instantiated = async () => (await WebAssembly.instantiate(counter, { env: { log() {}, now: () => 1 } })).instance.exports;

/** Message ports that call it once. */
function posted(callback) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => port1.close();
  port1.on('close', callback);
  port2.postMessage(1);
}
const repeated = (set) => (callback) => {
  const timer = set(() => {
    clearInterval(timer);
    callback();
  }, 20);
};
async function ticked(callback) {
  for await (const _ of promises.setInterval(20)) return callback();
}
const by = (kind) => new RegExp(`^${kind} \\(1 of them\\), and what .* would be missing; (?:wait for it|close it .*), or use allow: \\['timers'\\]`);
const TIMER = by('a timer that the global functions have not set was pending');
const IMMEDIATE = by('an immediate that the global function has not set was pending');
const PORT = by('a message port was open');
/** Ways to have something called later, and what is said of them. */
const ways = {
  'setTimeout': [(callback) => void globalThis.setTimeout(callback, 20), by('a timer of setTimeout was pending')],
  'a timer that keeps no process': [(callback) => void globalThis.setTimeout(callback, 20).unref(), by('a timer of setTimeout was pending')],
  'setInterval': [repeated((...args) => globalThis.setInterval(...args)), by('a timer of setInterval was pending')],
  'setImmediate': [(callback) => void globalThis.setImmediate(callback), by('a timer of setImmediate was pending')],
  'node:timers, setTimeout': [(callback) => void setTimeout(callback, 20), TIMER],
  'node:timers, setInterval': [repeated(setInterval), TIMER],
  'node:timers, setImmediate': [(callback) => void setImmediate(callback), IMMEDIATE],
  'node:timers/promises, setTimeout': [(callback) => void promises.setTimeout(20).then(callback), TIMER],
  'node:timers/promises, setImmediate': [(callback) => void promises.setImmediate().then(callback), IMMEDIATE],
  'node:timers/promises, setInterval': [(callback) => void ticked(callback), TIMER],
  'node:timers/promises, scheduler': [(callback) => void promises.scheduler.wait(20).then(callback), TIMER],
  'promisify': [(callback) => void promisify(globalThis.setTimeout)(20).then(callback), TIMER],
  'setTimeout from before': [(callback) => void early.setTimeout(callback, 20), TIMER],
  'setInterval from before': [repeated(early.setInterval), TIMER],
  'setImmediate from before': [(callback) => void early.setImmediate(callback), IMMEDIATE],
  'AbortSignal.timeout': [(callback) => void (AbortSignal.timeout(20).onabort = callback), by('a timer of AbortSignal.timeout was pending')],
  'MessageChannel': [posted, PORT],
};
// What is left of one test is nothing to the next one: something of this process is waited for all the time.
const kept = early.setInterval(() => {}, 1e6);
for (const [name, [later, expected]] of Object.entries(ways)) {
  let called = Promise.resolve();
  const left = async (exports) => void (called = new Promise((done) => later(() => done(exports.init()))));
  const waited = async (exports) => (await left(exports), called);
  await test(`${name}, left by \`run\``, async () => {
    await refused({ wasm: counter, run: async () => left(await instantiated()) }, expected);
    await called;
    await refused({ wasm: counter, start: instantiated, run: left }, expected);
    await called;
    await capture({ wasm: counter, run: async () => left(await instantiated()), allow: ['timers'] });
    await called;
  });
  await test(`${name}, waited for`, async () => {
    await capture({ wasm: counter, run: async () => waited(await instantiated()) });
    const start = async () => {
      const exports = await instantiated();
      await waited(exports);
      return exports;
    };
    await capture({ wasm: counter, start, run: waited });
    assert.equal((await WebAssembly.instantiate((await capture({ wasm: counter, run: async () => waited(await instantiated()) })).wasm, { env: { log() {}, now: () => 1 } })).instance.exports.get(), 42);
  });
  await test(`${name}, left by \`start\``, async () => {
    const start = async () => {
      const exports = await instantiated();
      later(() => {});
      return exports;
    };
    // A port is opened again where `start` runs again.
    if (expected === PORT) await capture({ wasm: counter, start });
    else await refused({ wasm: counter, start }, expected);
    await promises.setTimeout(40);
  });
}

await test('what others wait for is no matter', async () => {
  const others = [globalThis.setInterval(() => {}, 1e6), early.setTimeout(() => {}, 1e6)];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {};
  await capture({ wasm: counter, run: async () => void (await instantiated()).init() });
  const several = async () => {
    await instantiated();
    for (const set of [setTimeout, early.setTimeout, globalThis.setTimeout]) others.push(set(() => {}, 1e6));
  };
  const error = await capture({ wasm: counter, run: several }).catch((error) => error);
  port2.close();
  for (const timer of others) clearTimeout(timer);
  assert.deepEqual(error.reasons.map((reason) => reason.split(',')[0]), [
    'a timer of setTimeout was pending (1 of them)', 'a timer that the global functions have not set was pending (2 of them)',
  ]);
});

await test('one that keeps no process does not hide one that does', async () => {
  const set = [];
  const run = async () => {
    await instantiated();
    set.push(globalThis.setTimeout(() => {}, 1e6).unref(), early.setTimeout(() => {}, 1e6));
  };
  await refused({ wasm: counter, run }, TIMER);
  for (const timer of set) clearTimeout(timer);
});

const ends = {
  clearTimeout: (timer) => clearTimeout(timer),
  'clearTimeout, by its number': (timer) => globalThis.clearTimeout(Number(timer)),
  'clearTimeout, by its number as text': (timer) => globalThis.clearTimeout(`${Number(timer)}`),
  close: (timer) => timer.close(),
  dispose: (timer) => timer[Symbol.dispose](),
};
for (const [name, end] of Object.entries(ends)) {
  await test(`one that was ended, by ${name}`, async () => {
    for (const set of ['setTimeout', 'setInterval']) {
      await capture({ wasm: counter, run: async () => (await instantiated(), end(globalThis[set](() => {}, 1e6))) && undefined });
    }
  });
}

await test('`fetch` over HTTP, waited for', async () => {
  // What a server of this process waits for would be seen, too.
  const text = `require('node:http').createServer((_, response) => {
    response.setHeader('content-type', 'application/wasm');
    response.end(Buffer.from('${Buffer.from(counter).toString('base64')}', 'base64'));
  }).listen(0, '127.0.0.1', function () { process.send(this.address().port); });`;
  const server = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const left = [];
  try {
    const [port] = await once(server, 'message');
    const fetched = () => fetch(`http://127.0.0.1:${port}/counter.wasm`);
    const load = async () => (await WebAssembly.instantiateStreaming(fetched(), { env: { log() {}, now: () => 1 } })).instance.exports;
    await capture({ wasm: counter, run: async () => void (await load()).init() });
    await capture({ wasm: counter, start: load, run: async (exports) => (await (await fetched()).arrayBuffer(), exports.init()) });
    const run = async () => (await load(), void left.push(globalThis.setTimeout(() => {}, 1e6).unref()));
    await refused({ wasm: counter, run }, by('a timer of setTimeout was pending'));
  } finally {
    for (const timer of left) clearTimeout(timer);
    server.kill();
  }
});

await test('functions are what they were, and those that were kept work', async () => {
  const before = [globalThis.setTimeout, globalThis.clearTimeout, globalThis.setImmediate, AbortSignal.timeout];
  let during;
  const run = async () => {
    during = [globalThis.setTimeout, AbortSignal.timeout];
    assert.deepEqual(during.map(({ name, length }) => [name, length]), [before[0], before[3]].map(({ name, length }) => [name, length]));
    assert(AbortSignal.timeout(0) instanceof AbortSignal);
    assert.throws(() => AbortSignal.timeout(-1), RangeError);
    await instantiated();
  };
  await capture({ wasm: counter, run, allow: ['timers'] });
  assert.deepEqual([globalThis.setTimeout, globalThis.clearTimeout, globalThis.setImmediate, AbortSignal.timeout], before);
  await new Promise((done) => during[0](done, 1));
  await new Promise((done) => (during[1](1).onabort = done));
});

clearInterval(kept);
