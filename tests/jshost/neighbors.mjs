// Memories, tables and globals that other modules use, or may use.
//
//     node tests/jshost/neighbors.mjs JS PREINIT
import * as early from './early.mjs';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, preinit, refused, test } from './checks.mjs';
import { converted } from './converted.mjs';

const { capture } = await load('index.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-neighbors-'));
const STATE = `(memory (export "memory") 1 4) (table (export "table") 2 funcref) (global (export "global") (mut i32) (i32.const 1024))
  (global (export "constant") i32 (i32.const 7))`;
const preloaded = join(work, 'env.wat');
writeFileSync(preloaded, `(module ${STATE})`);

/** A module of these fields. */
function wat(fields) {
  const file = join(work, 'module.wat');
  writeFileSync(file, `(module ${fields} (func (export "preinit")))`);
  return converted(preinit, file, ...(fields.includes('import') ? ['--preload', `env=${preloaded}`] : []));
}
const instantiated = async (wasm, env) => (await WebAssembly.instantiate(wasm, { env })).instance.exports;
// One whose `malloc` has its state in a global of its own.
const allocator = wat(`${STATE} (global $next (mut i32) (i32.const 1024))
  (func (export "malloc") (param i32) (result i32) (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0))))`);
const users = {
  memory: wat('(import "env" "memory" (memory 1)) (func (export "use") (i32.store8 (i32.const 100) (i32.const 42))) (func (export "get") (result i32) (i32.load8_u (i32.const 100)))'),
  table: wat('(import "env" "table" (table 2 funcref)) (func $f) (elem declare func $f) (func (export "use") (table.set (i32.const 1) (ref.func $f)))'),
  global: wat('(import "env" "global" (global $g (mut i32))) (func (export "use") (global.set $g (i32.const 1028)))'),
};
const makers = {
  memory: ({ Memory }) => new Memory({ initial: 1, maximum: 4 }),
  table: ({ Table }) => new Table({ element: 'anyfunc', initial: 2 }),
  global: ({ Global }) => new Global({ value: 'i32', mutable: true }, 5),
};
const unknown = (kind) => new RegExp(`^${kind} 0 is imported and was made before \`preinit/js\` was there`);
const shared = (kind) => new RegExp(`^${kind} 0 is used by another module, too`);
const using = (kind, made, before) => async () => {
  const exports = await instantiated(users[kind], { [kind]: made() });
  before?.(exports);
  exports.use();
};

/** An instance that was made by what the program has from before. */
const neighbor = () => new early.Instance(new early.Module(allocator)).exports;
const TYPES = { memory: '(memory 1)', table: '(table 2 funcref)', global: '(global (mut i32))' };
for (const [kind, wasm] of Object.entries(users)) {
  await test(`a ${kind} of a module that was there before`, async () => {
    const env = neighbor();
    const run = using(kind, () => env[kind]);
    await refused({ wasm, run }, unknown(kind));
    await capture({ wasm, run, allow: ['modules'] });
    // The reason is another one where its use was seen.
    const state = wat(`(import "env" "${kind}" ${TYPES[kind]}) (global (mut i32) (i32.const 1))`);
    await refused({ wasm, run: async () => (await run(), void await instantiated(state, env)) }, shared(kind));
  });
  await test(`a ${kind} that JavaScript has made`, async () => {
    await capture({ wasm, run: using(kind, () => makers[kind](WebAssembly)) });
    const made = makers[kind](WebAssembly);
    await capture({ wasm, run: using(kind, () => made) });
    await refused({ wasm, run: using(kind, () => makers[kind](early)) }, unknown(kind));
    // As libraries do that know an object only, or have a class of their own.
    await capture({ wasm, run: using(kind, () => makers[kind]({ Memory: made.constructor, Table: made.constructor, Global: made.constructor })) });
    const own = { Memory: class extends WebAssembly.Memory {}, Table: class extends WebAssembly.Table {}, Global: class extends WebAssembly.Global {} };
    await capture({ wasm, run: using(kind, () => makers[kind](own)) });
    assert(Object.values(own).some((one) => makers[kind](own) instanceof one));
  });
  await test(`a ${kind} that went through another module is what it was`, async () => {
    const through = wat(`(import "env" "${kind}" ${TYPES[kind]}) (export "${kind}" (${kind} 0))`);
    const run = async () => (await instantiated(wasm, await instantiated(through, neighbor()))).use();
    await refused({ wasm, run }, unknown(kind));
  });
  await test(`a ${kind} of a module that was seen`, async () => {
    const stateless = { memory: wat('(memory (export "memory") 1 4)') }[kind];
    const { [kind]: made } = await instantiated(stateless ?? allocator);
    await refused({ wasm, run: using(kind, () => made) }, shared(kind));
  });
}

await test('a block that another module gave', async () => {
  const run = async () => {
    const env = neighbor();
    const { use } = await instantiated(users.memory, env);
    env.malloc(4);
    use();
  };
  await refused({ wasm: users.memory, run }, unknown('memory'));
  const { wasm } = await capture({ wasm: users.memory, run, allow: ['modules'] });
  assert.equal((await instantiated(wasm, neighbor())).get(), 42);
});

await test('constants are no state', async () => {
  const wasm = wat('(import "env" "constant" (global $c i32)) (memory (export "memory") 1) (func (export "use") (i32.store (i32.const 4) (global.get $c)))');
  const run = (constant) => async () => (await instantiated(wasm, { constant })).use();
  await capture({ wasm, run: run(neighbor().constant) });
  await capture({ wasm, run: run(new early.Global({ value: 'i32' }, 9)) });
  await capture({ wasm, run: run(8) });
});

await test('the constructors are what they were', () => {
  for (const name of ['Memory', 'Table', 'Global']) {
    const one = makers[name.toLowerCase()](WebAssembly);
    const other = makers[name.toLowerCase()](early);
    for (const made of [one, other]) {
      assert(made instanceof WebAssembly[name] && made instanceof early[name], name);
      assert.equal(made.constructor, WebAssembly[name]);
      assert.equal(Object.getPrototypeOf(made), early[name].prototype);
      assert.equal(Object.prototype.toString.call(made), `[object WebAssembly.${name}]`);
    }
    assert.deepEqual([WebAssembly[name].name, WebAssembly[name].length], [early[name].name, early[name].length]);
    const { value, ...flags } = Object.getOwnPropertyDescriptor(WebAssembly, name);
    assert.deepEqual(flags, { writable: true, enumerable: false, configurable: true });
    assert.throws(() => WebAssembly[name](), TypeError);
    assert.throws(() => new WebAssembly[name]({ initial: -1, value: 'none' }), TypeError);
  }
});

rmSync(work, { recursive: true });
