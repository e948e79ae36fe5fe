import { Boundary } from './boundary.js';
import { encode, probe } from './core.js';
import { runs, withSection, written } from './fixups.js';
import { glueOf } from './glue.js';
import { declaredImports, installHooks } from './hooks.js';
import { Identities, readImports, readState } from './read_state.js';

/** Why there is no snapshot: what it would lose, or what cannot be in one. */
export class Refusal extends Error {
  constructor(reasons) {
    super(`no snapshot was made:${reasons.map((reason) => `\n  ${reason}`).join('')}`);
    this.name = 'Refusal';
    this.reasons = reasons;
  }
}

/** The probed module while the program runs. */
class Recording {
  instances = [];
  read = new Set();
  files = new Map();

  constructor(original, { wasm, schema }) {
    this.schema = schema;
    this.original = original;
    this.module = new WebAssembly.Module(original);
    this.glue = glueOf(this.module);
    this.uninstall = installHooks({
      original,
      replacement: wasm,
      exports: schema.exports,
      before: (imports) => this.before(imports),
      after: (instance) => this.after(instance),
    });
  }

  write = (file, bytes) => this.files.set(file, bytes);

  before(imports) {
    // One that the engine refused before is no instance.
    this.boundary?.end();
    this.boundary = new Boundary((call) => this.glue.explain(call));
    this.imports = declaredImports(this.module, imports, (value, declared) => this.boundary.wrap(value, declared));
    this.identities = new Identities();
    this.unreadable = undefined;
    try {
      this.imported = readImports(this.imports, this.schema, this.identities, (index) => `before.${index}`, this.write);
    } catch (error) {
      // Whatever it is, the engine may accept it.
      this.unreadable = error.message;
    }
    return this.imports;
  }

  /** What the program gets: the module's own exports, which are the genuine ones. */
  after(instance) {
    this.instances.push(instance);
    const view = Object.create(null);
    for (const name of this.schema.exports) {
      const value = instance.exports[name];
      // Whoever reads one of these calls it.
      const seen = this.glue.initializers.includes(name) ? { get: () => (this.read.add(name), value) } : { value };
      Object.defineProperty(view, name, { ...seen, enumerable: true });
    }
    Object.freeze(view);
    return Object.create(WebAssembly.Instance.prototype, { exports: { value: view, enumerable: true } });
  }

  /** Why this cannot be captured, as far as it shows before the state is read. */
  reasons(allow) {
    if (this.instances.length === 0) {
      return ['the module was not instantiated: `run` loads other bytes, or does not wait until it has'];
    }
    if (this.instances.length > 1) return [`the module was instantiated ${this.instances.length} times, and a snapshot has one state`];
    const reasons = [];
    if (this.unreadable) reasons.push(this.unreadable);
    for (const [name, count] of this.boundary.unexplained) {
      if (allow.includes(name)) continue;
      reasons.push(
        `the import ${name} was called (${count} times), and what it did in JavaScript would be missing; do less in \`run\`, ` +
          `or use allow: ['${name}'] if nothing of it is needed`,
      );
    }
    for (const name of this.boundary.unseen) {
      if (allow.includes(name)) continue;
      reasons.push(
        `the import ${name} is a function of another module or suspends this one, and what it may have done would be missing; ` +
          `use allow: ['${name}'] if nothing of it is needed`,
      );
    }
    const live = this.glue.liveHandles(this.boundary);
    if (live === null && !allow.includes('handles')) {
      reasons.push("it is not known whether the module holds values of JavaScript by number; use allow: ['handles'] if it does not");
    } else if (live > 0 && !allow.includes('handles')) {
      reasons.push(`the module holds ${live} values of JavaScript by number, which would be missing (allow: ['handles'])`);
    }
    return reasons;
  }

  state() {
    const files = this.schema.memories.map((_, index) => `memory.${index}`);
    const { exports } = this.instances[0];
    // A copy: what the program does later is not in it.
    const write = (file, bytes) => this.write(file, bytes.slice());
    return readState(exports, this.schema, this.identities, files, write, this.imported);
  }

  /** Reasons why memories cannot be captured, and whether imported ones were fresh. */
  memories(state) {
    const reasons = [];
    const { exports } = this.instances[0];
    this.schema.memories.forEach((name, index) => {
      const { buffer } = exports[name];
      const before = state.imported?.memories.find((memory) => memory.index === index);
      if (!(buffer instanceof ArrayBuffer)) reasons.push(`memory ${index} is shared: threads are not supported`);
      else if (before && before.size !== buffer.byteLength) {
        reasons.push(`memory ${index} is imported and has grown, which JavaScript would not see; let it be larger from the beginning`);
      }
    });
    const imported = state.imported?.memories ?? [];
    return { reasons, areFresh: imported.length > 0 && imported.every((memory) => memory.file === undefined) };
  }

  /** Takes values out of tables that JavaScript can put there again. Gives these, and what it cannot. */
  fixups(state) {
    const { exports } = this.instances[0];
    const tables = [];
    const reasons = [];
    this.schema.tables.forEach(({ export: probe, type }, index) => {
      if (type !== 'extern') return;
      const table = exports[probe];
      const slots = [];
      state.tables[index].slots.forEach((shown, slot) => {
        if (shown === 'null') return;
        const value = table.get(typeof table.length === 'bigint' ? BigInt(slot) : slot);
        const again = written(value);
        if (again === undefined) {
          reasons.push(`table ${index}, element ${slot} holds ${describe(value)} of JavaScript, which would be missing`);
          return;
        }
        slots.push([slot, again]);
        state.tables[index].slots[slot] = 'null';
      });
      if (slots.length === 0) return;
      const name = this.schema.exports.find((name) => exports[name] === table);
      const from = this.schema.imports.find((one) => one.kind === 'table' && one.index === index);
      if (name === undefined && from === undefined) {
        reasons.push(`table ${index} holds values of JavaScript and is not exported, so that they cannot be put there again`);
        return;
      }
      tables.push({ ...(name === undefined ? { import: [from.module, from.name] } : { export: name }), runs: runs(slots) });
    });
    return { tables, reasons };
  }
}

function describe(value) {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  const name = value?.constructor?.name;
  return name ? `an object (${name})` : 'an object';
}

/** Whether JSON has all of a value. */
function isData(value) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return Array.from(value).every(isData);
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return isPlain && typeof value.toJSON !== 'function' && Object.values(value).every(isData);
}

function copied(value) {
  if (value === undefined) return undefined;
  if (!isData(value)) throw new TypeError('what `run` returns must be data that JSON has: it becomes part of the snapshot');
  return JSON.parse(JSON.stringify(value));
}

async function bytesFrom(source, what) {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source !== 'string' && !(source instanceof URL)) throw new TypeError(`${what} must be a path, a URL or bytes`);
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(source));
}

/** The snapshot of the module that `run` loads. See index.d.ts. */
export async function capture({ wasm, out, run, noop = [], constant = {}, allow = [] }) {
  if (typeof run !== 'function') throw new TypeError('run must be a function that loads the module');
  const original = await bytesFrom(wasm, 'wasm');
  const recording = new Recording(original, await probe(original));
  let value;
  try {
    value = copied(await run());
  } finally {
    recording.uninstall();
    recording.boundary?.end();
  }
  let reasons = recording.reasons(allow);
  if (reasons.length > 0) throw new Refusal(reasons);
  const state = recording.state();
  const { reasons: ofMemories, areFresh } = recording.memories(state);
  const { reasons: ofTables, tables } = recording.fixups(state);
  reasons = [...ofMemories, ...ofTables];
  if (reasons.length > 0) throw new Refusal(reasons);
  const isGiven = (name) => noop.includes(name) || Object.hasOwn(constant, name);
  const called = [...recording.read].filter((name) => !isGiven(name));
  const constants = Object.entries(constant).map(([name, number]) => [name, String(number)]);
  const options = {
    noop_exports: [...noop, ...called],
    constant_exports: Object.fromEntries(constants),
    fresh_imports: areFresh,
  };
  let snapshot;
  try {
    snapshot = await encode(original, state, recording.files, options);
  } catch (error) {
    throw new Refusal([error.message]);
  }
  const bytes = tables.length > 0 || value !== undefined ? withSection(snapshot.wasm, { tables, value }) : snapshot.wasm;
  if (out !== undefined) {
    const { mkdir, writeFile } = await import('node:fs/promises');
    const { dirname } = await import('node:path');
    const { fileURLToPath } = await import('node:url');
    const path = out instanceof URL ? fileURLToPath(out) : out;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return {
    wasm: bytes,
    value,
    noop: options.noop_exports,
    needsRuntime: tables.length > 0 || value !== undefined,
    warnings: snapshot.warnings,
  };
}
