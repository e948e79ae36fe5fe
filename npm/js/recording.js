import { Attempts } from './attempts.js';
import { Boundary } from './boundary.js';
import { begin, end, isMade } from './foreign_types.js';
import { glueOf } from './glue.js';
import { declaredImports, installHooks } from './hooks.js';
import { Initializers } from './initializers.js';
import { whyNotMadeAgain } from './made_again.js';
import { isCaptured, isShared, isUnseen } from './neighbors.js';
import { Origins } from './origins.js';
import { Identities, readImports, readState } from './read_state.js';
import { Recorder } from './recorder.js';
import { plain, tableOf } from './tables.js';
import { at, takesNull, visible, whereIs } from './visible.js';
import { Taken } from './without_call.js';

// What comparing memories may take in milliseconds: where it was asked for, and where it may be of use.
const PATIENCE = 120_000;
const SHORT_PATIENCE = 5_000;

/** The probed module while the program runs. */
export class Recording {
  instances = [];
  hasForeignTypes = false;

  /**
   * `module` is the original, compiled. `probed` shows the state of `listening`, which is the module with functions that say when they are called. `passed` are exports
   * that will do nothing. Calls are recorded up to the end of what `start` does, or else the first ones, of initializers.
   */
  constructor(original, { module, probed, listening, passed, allow, again, hasStart, isInStart }) {
    const { wasm, schema } = probed;
    this.schema = schema;
    this.original = original;
    this.listening = listening;
    this.attempts = new Attempts(original);
    this.module = module;
    this.names = WebAssembly.Module.exports(this.module).map(({ name }) => name);
    this.glue = glueOf(this.module, original);
    this.initializers = new Initializers(this.glue.initializers);
    this.allow = allow;
    this.again = again;
    this.hasStart = hasStart;
    this.origins = schema.heap ? new Origins() : undefined;
    this.hadForeignTypes = begin(this, original);
    isMade(wasm);
    const isPassed = (index) => passed.some((name) => this.isExport(name, index));
    this.recorder = new Recorder({
      schema,
      listening,
      names: this.names,
      again: (key) => this.isAgain(key),
      isPassed,
      isEnd: (index, callee, position) => !hasStart && !isPassed(index) && !this.isInitializer(index, callee, position),
      patience: hasStart ? PATIENCE : SHORT_PATIENCE,
      ended: () => this.ended(),
      isLate: hasStart ? isInStart : undefined,
      returned: (result) => this.glue.returned(result),
      origins: this.origins,
      initializers: this.initializers,
    });
    this.taken = new Taken(schema, () => hasStart && this.recorder.isOn);
    const uninstall = installHooks({
      original,
      replacement: wasm,
      exports: this.names,
      before: (imports, options) => this.before(imports, options),
      after: (instance, imports) => this.after(instance, imports),
      failed: (imports, error) => this.attempts.failed(imports, error),
    });
    this.uninstall = () => {
      uninstall();
      end();
    };
  }

  before(given, options) {
    const boundary = new Boundary(this.recorder, {
      explain: (call) => this.glue.explain(call),
      isSkipped: (call) => this.isSkipped(call),
      isLoose: (call) => this.glue.isLoose(call),
      makesObject: (call) => this.makesObject(call),
      callsBack: (call) => this.glue.callsBack(call),
      doubt: (call) => this.glue.doubt(call),
      origins: this.origins,
    });
    const imports = declaredImports(this.module, given, (value, declared) => {
      if (declared.kind !== 'function') this.origins?.imported(value);
      return boundary.wrap(value, declared);
    });
    const attempt = { boundary, given, imports, identities: new Identities(), files: new Map(), stringConstants: options?.importedStringConstants };
    this.attempts.begin(attempt);
    const write = (file, bytes) => attempt.files.set(file, bytes);
    try {
      attempt.imported = readImports(imports, this.schema, attempt.identities, (index) => `before.${index}`, write);
    } catch (error) {
      // Whatever it is, the engine may accept it.
      attempt.unreadable = error.message;
    }
    return imports;
  }

  /** What is recorded has ended. */
  ended() {
    this.glue.mark(this.boundary);
    if (!this.hasStart) this.glue.started();
  }

  /** What is believed and not certain. */
  warnings() {
    return [...this.attempts.warnings(this.allow), ...(this.allow.includes('files') ? [] : this.glue.warnings())];
  }

  /** Whether an import is called again at run time where it was called outside of `start`. */
  isAgain(key) {
    return this.again.includes(key) || this.again.includes('files') && this.glue.isFile(key);
  }

  /** Whether a call of an import is not made when the record is played. */
  isSkipped(call) {
    if (this.isAgain(`${call.module}.${call.name}`)) return false;
    return this.allow.includes(`${call.module}.${call.name}`) || this.glue.isUnasked(call);
  }

  makesObject(call) {
    if (!this.schema.heap || !this.isOne(call) || this.isAgain(`${call.module}.${call.name}`)) return undefined;
    return this.glue.makesObject(call);
  }

  /** Whether every program calls this at its start, be it what it may. `position` is the number of calls that came before. */
  isInitializer(index, callee, position) {
    const { initializers, hasShortNames } = this.glue;
    return initializers.some((name) => this.isExport(name, index)) || hasShortNames && position === 0 && callee.length === 0;
  }

  isExport(name, index) {
    const { exports } = this.instances[0];
    return exports[name] === exports[this.recorder.functions.get(index)];
  }

  /** What the program gets: the module's own exports, which are the genuine ones. */
  after(instance, imports) {
    this.instances.push(instance);
    isCaptured(instance, this.original);
    const attempt = this.attempts.succeeded(imports, instance);
    if (this.instances.length === 1) {
      const { boundary, given, identities, files, stringConstants, imported, unreadable } = attempt;
      Object.assign(this, { boundary, given, imports, identities, files, stringConstants, imported, unreadable });
      this.recorder.attach(instance);
    }
    const view = Object.create(null);
    for (const name of this.names) {
      const value = instance.exports[name];
      const seen = this.taken.property(name, value) ?? this.initializers.property(name, value, () => this.recorder.listen(), (call) => this.taken.aside(this.recorder, call));
      Object.defineProperty(view, name, { ...seen, enumerable: true });
    }
    Object.freeze(view);
    return Object.create(WebAssembly.Instance.prototype, { exports: { value: view, enumerable: true } });
  }

  /** Whether there is something to play at run time, and it can be played. */
  get hasRecord() {
    const { events, problems } = this.recorder;
    return this.isRecordWanted && events.length > 0 && problems.size === 0;
  }

  get isRecordWanted() {
    return this.hasStart || this.again.length > 0 || [...this.attempts.recorded.keys()].some((name) => !this.allow.includes(name));
  }

  /** Why this cannot be captured, as far as it shows before the state is read. */
  reasons() {
    if (this.instances.length === 0) {
      return ['the module was not instantiated: what runs loads other bytes, does not wait until it has, or loads it in a worker, where nobody watches'];
    }
    const { count, unexplained, called } = this.attempts;
    if (count > 1) return [`the module was instantiated ${count} times, and a snapshot has one state`];
    const reasons = this.attempts.reasons();
    if (this.unreadable) reasons.push(this.unreadable);
    const missing = this.hasStart || this.hasRecord ? unexplained : called;
    for (const [name, count] of missing) {
      if (this.allow.includes(name)) continue;
      reasons.push(
        `the import ${name} was called (${count} times), and what it did in JavaScript would be missing; do less in \`run\`, ` +
          `let it be called in \`start\`, use again: ['${this.glue.isFile(name) ? 'files' : name}'] if it is to be called at run time, ` +
          `or allow: ['${name}'] if nothing of it is needed`,
      );
    }
    for (const name of this.boundary.unseen) {
      if (this.allow.includes(name)) continue;
      reasons.push(
        `the import ${name} is a function of another module or suspends this one, and what it may have done would be missing; ` +
          `use allow: ['${name}'] if nothing of it is needed`,
      );
    }
    if (this.hasStart) reasons.push(...this.taken.reasons(this.recorder));
    if (this.isRecordWanted) {
      for (const problem of this.recorder.problems) reasons.push(`the first calls cannot be made again: ${problem}`);
    }
    for (const name of this.allow.includes('pending') ? [] : this.recorder.late) {
      reasons.push(
        `${name} was called during \`run\` by what \`start\` had begun, which would do it once more at run time; ` +
          "wait for it in `start`, or use allow: ['pending'] if it may be done twice",
      );
    }
    const ofFiles = this.allow.includes('files') ? [] : this.glue.leftFiles();
    return [...reasons, ...this.neighbors(), ...this.glue.left(), ...ofFiles, ...this.handles()];
  }

  /** What the module has in common with others, of which nothing is in the snapshot. */
  neighbors() {
    if (this.allow.includes('modules')) return [];
    const [instance] = this.instances;
    const { memories, tables } = this.schema;
    const importOf = (from, name) => this.imports[from][name];
    const own = [
      ...memories.map((name, index) => [`memory ${index}`, instance.exports[name]]),
      ...tables.slice(0, -1).map(({ export: name }, index) => [`table ${index}`, instance.exports[name]]),
      ...visible('global', { schema: this.schema, names: this.names, exports: instance.exports }).map(({ index, where }) => [
        `global ${index}`, where.export === undefined ? importOf(...where.import) : instance.exports[where.export],
      ]),
    ];
    const shared = own.filter(([, object]) => isShared(object, instance)).map(([name]) => name);
    const imported = this.schema.imports.filter(({ kind }) => kind !== 'function').map(({ kind, index, module, name }) => [`${kind} ${index}`, importOf(module, name)]);
    const unseen = imported.filter(([name, object]) => !shared.includes(name) && isUnseen(object)).map(([name]) => name);
    return [
      ...shared.map((name) => `${name} is used by another module, too, whose own state would be missing; use allow: ['modules'] if nothing of it is needed`),
      ...unseen.map(
        (name) => `${name} is imported and was made before \`preinit/js\` was there, so it is not known whether another module uses it, whose own state ` +
          "would be missing; import `preinit/js` first, or use allow: ['modules'] if nothing of it is needed",
      ),
    ];
  }

  /** Values that the module holds by number, in older versions of wasm-bindgen. */
  handles() {
    if (this.allow.includes('handles')) return [];
    const unknown = ["it is not known whether the module holds values of JavaScript by number; use allow: ['handles'] if it does not"];
    // What is recorded is numbered again.
    if (this.hasRecord && this.attempts.later === 0) {
      const areSame = this.glue.areHandlesSame(this.boundary);
      if (areSame === null) return unknown;
      return areSame ? [] : ["what the module holds of JavaScript by number is not what it held after `start` (allow: ['handles'])"];
    }
    const live = this.glue.liveHandles(this.boundary);
    if (live === null) return unknown;
    return live > 0 ? [`the module holds ${live} values of JavaScript by number, which would be missing (allow: ['handles'])`] : [];
  }

  /** Whether a function is imported once: under one name may be several of different types. */
  isOne({ module, name }) {
    return this.schema.imports.filter((one) => one.kind === 'function' && one.module === module && one.name === name).length === 1;
  }

  /** Calls that the snapshot can make again. */
  made() {
    return this.boundary.made.map((call) => {
      const isCalled = (one) => one.kind === 'function' && one.module === call.module && one.name === call.name;
      const { index, params = [] } = this.schema.imports.find(isCalled);
      return { function: index, params, ...call };
    });
  }

  /** The state of the listening module. */
  state() {
    this.recorder.detach(this.hasRecord);
    const files = this.schema.memories.map((_, index) => `memory.${index}`);
    const { exports } = this.instances[0];
    // A copy: what the program does later is not in it.
    const write = (file, bytes) => this.files.set(file, bytes.slice());
    const state = readState(exports, this.schema, this.identities, files, write, this.imported, this.made());
    if (state.heap) state.heap.constants = this.constants();
    // The program may go on, if only because an object is collected.
    this.recorder.release();
    return state;
  }

  /** The modules that string constants are imported from: the engine makes these, or an object that answers to each name with it. */
  constants() {
    const declared = WebAssembly.Module.imports(this.module);
    const modules = new Set(declared.map(({ module }) => module));
    return [...modules].filter((module) => {
      if (module === this.stringConstants) return true;
      const names = declared.filter((one) => one.module === module);
      if (names.some(({ name, kind }) => kind !== 'global' || this.imports[module]?.[name] !== name)) return false;
      const unknown = `preinit ${Math.random()}`;
      return this.given[module][unknown] === unknown;
    });
  }

  /** Why objects cannot be captured. */
  objects(state) {
    const { heap } = this.identities;
    if (!heap) return [];
    const reasons = whyNotMadeAgain(heap.calls, (value) => heap.isFound(value));
    if (heap.read.length === 0 || this.allow.includes('objects')) return reasons;
    const foreign = heap.read.filter((value) => this.origins.isForeign(value)).length;
    if (foreign > 0) {
      reasons.push(
        `the module keeps ${foreign} objects that came from outside, and the snapshot would have copies of them: others would not see what it ` +
          "changes; let it make its own, or use allow: ['objects'] if copies will do",
      );
    }
    const [unseen] = this.boundary.unseen;
    if (unseen) {
      reasons.push(
        `the import ${unseen} is a function of another module or suspends this one, and whether objects that the module keeps came from there ` +
          "is not seen; use allow: ['objects'] if none did",
      );
    }
    if (this.hasForeignTypes || (this.hadForeignTypes && heap.read.some((value) => this.origins.isKnown(value)))) {
      reasons.push(
        "another module has types of objects below others, and whether this one has objects of these cannot be told; use allow: ['objects'] if it has none",
      );
    }
    return reasons;
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

  /** Why what `run.js` and `replay.js` use of the imports is nothing that they would find: they look for properties of the objects themselves. */
  inherited({ tables, record }) {
    const places = [...tables, ...(record?.tables ?? []), ...[...(record?.memories ?? []), ...(record?.globals ?? [])].map(({ where }) => where)].map((one) => one.import);
    const calls = (record?.steps ?? []).filter(([kind]) => kind === 'import').map(([, [module, name]]) => [module, name]);
    const isOwn = ([module, name]) => Object.hasOwn(this.given, module) && Object.hasOwn(this.given[module], name);
    const missing = [...places.filter(Boolean), ...calls].filter((one) => !isOwn(one)).map(([module, name]) => `${module}.${name}`);
    return [...new Set(missing)].map(
      (name) => `the import ${name} is inherited by the object that it is taken from, and at run time only what an object has itself is used; copy it there`,
    );
  }

  /** Takes values out of tables that JavaScript can put there again. Gives these, and what it cannot. */
  fixups(state) {
    const { exports } = this.instances[0];
    const own = new Set(this.schema.functions.map(({ export: name }) => exports[name]));
    const tables = [];
    const reasons = [];
    this.schema.tables.slice(0, -1).forEach(({ export: probe, type }, index) => {
      if (!['extern', 'func', 'any'].includes(type)) return;
      const table = exports[probe];
      const slots = state.tables[index].slots.map((shown, slot) => ({ value: shown === 'null' ? null : table.get(at(table, slot)) }));
      const seen = this.hasRecord && this.recorder.tables.find((one) => one.index === index);
      const plan = seen ? tableOf(this.recorder, seen, slots, (value) => own.has(value)) : plain(type, slots, takesNull(table));
      if (plan.isLate) reasons.push(`JavaScript changed table ${index} after its last call, and \`run\` changed it, too`);
      for (const [slot, value] of plan.reasons) {
        const what = own.has(value) ? 'a function of the module in an element that `start` added' : `${describe(value)} of JavaScript`;
        reasons.push(`table ${index}, element ${slot} holds ${what}, which would be missing`);
      }
      for (const [slot, value] of plan.before) {
        state.tables[index].slots[slot] = this.slot(value);
      }
      if (plan.before.size > 0 && !takesNull(table)) {
        reasons.push(`table ${index} takes no null, so that what JavaScript puts there again cannot be left out; what is in it must not change`);
      }
      if (plan.length !== undefined) state.tables[index].slots.length = plan.kept;
      if (plan.runs.length === 0 && plan.length === undefined) return;
      const where = whereIs('table', index, this);
      if (where === undefined) {
        reasons.push(`table ${index} holds values of JavaScript and is not exported, so that they cannot be put there again`);
        return;
      }
      tables.push({ ...where, runs: plan.runs, length: plan.length });
    });
    return { tables, reasons };
  }

  /** What JavaScript found in a table at first, as far as it is put there again. */
  slot(value) {
    if (typeof value === 'function') return { function: this.identities.of(value) };
    return typeof value === 'number' ? { i31: value & 0x7fffffff } : 'null';
  }
}

function describe(value) {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (value === undefined || Object(value) !== value) return `a value (${String(value)})`;
  const name = value.constructor?.name;
  return name ? `an object (${name})` : 'an object';
}
