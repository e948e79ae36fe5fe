// Records what crosses the boundary between a module and JavaScript: calls in both directions, their arguments and results, and what
// either side wrote into memory meanwhile. Functions of the module tell it when they are called (`preinit_core::listening`).
import { Clocks } from './clocks.js';
import { WIDE, differences, topOf } from './differences.js';
import { Entries } from './entries.js';
import { written } from './fixups.js';
import { Inputs } from './inputs.js';
import { namedBy, tableChanges } from './tables.js';
import { Turns } from './turns.js';
import { hasNumbers, importedAs, isMutable, slotsOf, visible } from './visible.js';

// Before anything is hooked.
const { Module, Instance } = WebAssembly;

// From this part of the patience on, not all of memory is compared.
const HURRY = 0.05;
// How far above all that is not zero the module may write between two calls that are inside of another.
const MARGIN = 8 << 20;

export class Recorder {
  /** Calls and what is between them, in order. */
  events = [];
  /** Why the record cannot be used. */
  problems = new Set();
  clocks = new Clocks();
  entries = new Entries();
  inputs = new Inputs();
  #turns = new Turns();
  /** Functions that were called when it had ended by what it was made of. */
  late = new Set();
  isOn = false;
  #objects = new Map();
  #spent = 0;
  // Whether what runs is JavaScript that will run again when the record is played.
  #isOutside = true;

  #multiple;
  #isInPassed = false;
  #isEnding = false;
  #isLater = false;
  #isWatching = false;
  // Whether what runs was called by a call that is not recorded.
  #isAside = false;
  #wasInside = false;
  #depth = 0;
  // Calls from outside.
  #count = 0;
  // What imports threw.
  #thrown = [];

  /**
   * `names` are the module's own exports. `isEnd` says of a function that the record ends where JavaScript calls it; `isPassed` of
   * one that its calls are not recorded, because it will do nothing. `again` are imports whose later calls are recorded, too: they are
   * made again when the record has been played. `patience` are the milliseconds that comparing memories
   * may take. `ended` is called when the record has ended. `isLate` says, when JavaScript calls the module after that, whether what calls was
   * begun before; without it, nobody asks. `returned` is told what such calls return; `origins`, if there are such, what goes out and comes in
   * by all calls. `initializers` are told of calls, and say whether there are more that they want to know of.
   */
  constructor({ schema, listening, names, again, isEnd, isPassed, patience, ended, isLate, returned, origins, initializers }) {
    Object.assign(this, { schema, listening, names, again, isEnd, isPassed, patience, ended, isLate, returned, origins, initializers });
    const { multiple } = listening.schema;
    const imported = schema.imports.filter(({ kind, index }) => kind === 'function' && multiple.includes(index));
    this.#multiple = new Set(imported.map(({ module, name }) => `${module}.${name}`));
    this.functions = new Map(schema.functions.map(({ index, export: name }) => [index, name]));
  }

  /** Begins: the module is instantiated and nobody has called it. */
  attach(instance) {
    const { exports } = instance;
    this.exports = exports;
    const listeners = exports[this.listening.schema.table];
    const imports = {};
    for (let slot = 0; slot < this.listening.schema.slots; slot++) imports[slot] = (...args) => this.#called(args);
    const helper = new Instance(new Module(this.listening.helper), { '': imports });
    for (let slot = 0; slot < this.listening.schema.slots; slot++) listeners.set(slot, helper.exports[slot]);
    this.memories = visible('memory', this);
    this.tables = visible('table', this);
    const globals = visible('global', this);
    this.globals = globals.filter(({ object }) => isMutable(object));
    this.origins?.attach(this.tables.filter(({ type }) => type !== 'func'), globals, this.names.map((name) => exports[name]).filter((one) => one instanceof WebAssembly.Tag));
    for (const memory of this.memories) {
      memory.initial = new Uint8Array(memory.object.buffer).slice();
      memory.shadow = memory.initial.slice();
      memory.top = topOf(memory.initial);
    }
    for (const table of this.tables) {
      table.initial = slotsOf(table.object);
      table.shadow = table.initial.slice();
      // What JavaScript has put into slots.
      table.given = new Map();
    }
    for (const global of this.globals) global.initial = global.shadow = global.object.value;
    for (const index of this.listening.schema.deaf) {
      const name = this.names.find((name) => exports[name] === exports[this.functions.get(index)]);
      if (name !== undefined) this.problems.add(`calls of the export ${name} cannot be seen, because of its types`);
    }
    this.initializers.attach(exports, this.listening.schema.functions.map((index) => [exports[this.functions.get(index)], index]), (name) => importedAs(this.schema, name));
    this.isOn = true;
    this.#turns.begin();
    this.listen();
  }

  /** Functions ask while JavaScript runs and somebody wants to know. */
  listen() {
    const isAsked = this.isOn || this.#isWatching || this.#isAside || this.initializers.areAwaited;
    this.exports[this.listening.schema.global].value = this.#isOutside && isAsked ? 1 : 0;
  }

  /** Ends: what comes now is not in the record. */
  end() {
    if (!this.isOn) return;
    // What JavaScript does after its last call it will do again, over the state that is made meanwhile.
    this.tail = this.#isEnding ? undefined : this.#lastChanges();
    this.isOn = false;
    this.firsts = this.events.length;
    this.turns = this.#turns.end();
    this.#isLater = true;
    for (const table of this.tables) table.ended = slotsOf(table.object);
    if (this.#depth > 0) this.problems.add('a call into the module had not returned');
    else this.ended?.();
    if (this.isLate) this.inputs.begin(this.memories);
    this.#isWatching = this.origins !== undefined || (this.isLate !== undefined && this.#depth === 0);
    this.listen();
  }

  /** What is called now is of no matter. */
  unwatch() {
    this.#isWatching = false;
    this.initializers.end();
    if (this.exports) this.listen();
  }

  /** A call that is not recorded. */
  #calledLate(index, callee, args) {
    if (!this.#isAside && this.isLate?.()) this.late.add(this.name(index));
    const isTop = !this.#isAside;
    return this.#inside(() => {
      const result = isTop ? this.inputs.during(() => callee(...args)) : callee(...args);
      if (isTop) this.returned?.(result);
      return result;
    });
  }

  #inside(call) {
    const before = [this.#isOutside, this.#isAside];
    [this.#isOutside, this.#isAside] = [false, false];
    this.listen();
    try {
      return call();
    } finally {
      [this.#isOutside, this.#isAside] = before;
      this.listen();
    }
  }

  /**
   * The module has called JavaScript, and that is not recorded; returns what to do when it returns. What it calls meanwhile is not recorded
   * either, but seen.
   */
  stepOut(isAsked = this.origins !== undefined || this.initializers.areLeft) {
    if (!isAsked || this.#isOutside || !this.exports) return undefined;
    const isAside = this.#isAside;
    [this.#isOutside, this.#isAside] = [true, true];
    this.listen();
    return () => {
      [this.#isOutside, this.#isAside] = [false, isAside];
      this.listen();
    };
  }

  #lastChanges() {
    this.#isEnding = true;
    return this.#changes(false);
  }

  /** Leaves the module as it was, so that its state can be read. What starts from that listens. */
  detach(listens) {
    const listeners = this.exports[this.listening.schema.table];
    for (let slot = 0; slot < this.listening.schema.slots; slot++) listeners.set(slot, null);
    for (const global of this.globals) global.last = global.object.value;
    this.exports[this.listening.schema.global].value = listens ? 1 : 0;
  }

  /** Lets the module run as if nobody listened. */
  release() {
    this.exports[this.listening.schema.global].value = 0;
  }

  /** What changed since the last time, by whoever had been running. */
  #changes(isByModule, isReturn = false) {
    const started = performance.now();
    const memories = [];
    const grown = [];
    for (const memory of this.memories) {
      const bytes = new Uint8Array(memory.object.buffer);
      if (bytes.length > memory.shadow.length) {
        grown.push({ memory: memory.index, from: memory.shadow.length, to: bytes.length });
        if (!isByModule) this.problems.add(`JavaScript made memory ${memory.index} larger`);
        const larger = new Uint8Array(bytes.length);
        larger.set(memory.shadow);
        memory.shadow = larger;
      }
      // Most of a large memory is not used yet; so inside of a call with many others, that is not looked at.
      const isInside = this.#depth > 1 || (this.#depth > 0 && !isReturn);
      const isPartial = isInside && this.#spent > this.patience * HURRY;
      const top = isPartial ? Math.min(memory.top + MARGIN, bytes.length) : bytes.length;
      if (isInside) memory.limit = isPartial ? top : Infinity;
      for (const [start, end] of differences(memory.shadow.subarray(0, top), bytes, isByModule ? WIDE : undefined)) {
        if (end > memory.top) {
          if (this.#wasInside && end > memory.limit) this.problems.add(`much of memory ${memory.index} was written at once`);
          memory.top = end;
        }
        const changed = bytes.slice(start, end);
        memory.shadow.set(changed, start);
        memories.push({ memory: memory.index, at: start, bytes: changed });
      }
    }
    this.#wasInside = this.#depth > 0 && !isReturn;
    const { tables, put } = tableChanges(this.tables, isByModule, (value, table) => {
      const what = typeof value === 'function' ? 'a function' : 'an object';
      return this.#outgoing(value, () => `the module put ${what} of its own into table ${table}`);
    });
    const globals = this.#globalChanges();
    this.#spent += performance.now() - started;
    if (this.#spent > this.patience) {
      this.problems.add('there are too many calls for so large a memory');
      this.end();
      this.isOn = false;
    }
    return { memories, grown, tables, put, globals };
  }

  #globalChanges() {
    const changes = [];
    for (const global of this.globals) {
      const { value } = global.object;
      if (Object.is(value, global.shadow)) continue;
      // JavaScript does not keep the bits of a NaN.
      const isNumber = hasNumbers(global) && ![value, global.shadow].some(Number.isNaN);
      global.shadow = value;
      if (isNumber) changes.push({ global: global.index, value: written(value) });
      else this.problems.add(`global ${global.index}, which JavaScript sees and which is no number, changed between calls`);
    }
    return changes;
  }

  /** A value that JavaScript gives to the module. Objects get numbers. */
  #incoming(value) {
    if (value === null) return ['null'];
    const shown = written(value);
    if (shown) return shown;
    if (!this.#objects.has(value)) this.#objects.set(value, this.#objects.size);
    return ['object', this.#objects.get(value)];
  }

  /** A value that the module gives to JavaScript. */
  #outgoing(value, problem) {
    if (value === null) return ['null'];
    const shown = written(value);
    if (shown) return shown;
    if (this.#objects.has(value)) return ['object', this.#objects.get(value)];
    this.problems.add(problem());
    return ['undefined'];
  }

  /** The number of an object that has crossed the boundary while this was on. */
  numberOf(value) {
    return this.#objects.get(value);
  }

  /** JavaScript has called a function of the module. */
  #called(args) {
    const index = args.pop();
    const callee = this.exports[this.functions.get(index)];
    this.entries.entered(args, callee);
    if (this.isOn && !this.#isAside && !this.#isLater && this.#depth === 0 && this.isEnd(index, callee, this.#count)) this.end();
    this.origins?.came(args);
    this.initializers.note(index, 'entered');
    try {
      const result = this.#answer(index, callee, args);
      this.initializers.note(index, 'returned');
      this.origins?.gave(this.listening.schema.multiple.includes(index) ? [...result] : [result]);
      return result;
    } catch (error) {
      this.initializers.note(index, 'threw');
      this.listen();
      this.origins?.gave(this.origins.thrown(error));
      throw error;
    }
  }

  #answer(index, callee, args) {
    if (!this.isOn || this.#isAside) return this.#calledLate(index, callee, args);
    if (this.isPassed(index)) return this.#pass(callee, args);
    const changes = this.#changes(false);
    changes.put.push(...namedBy(args, this.tables));
    this.events.push({ kind: 'call', function: index, args: args.map((one) => this.#incoming(one)), ...changes });
    this.#enter();
    this.#count += 1;
    this.#depth += 1;
    try {
      const result = callee(...args);
      if (this.isOn) {
        const show = (one) => this.#outgoing(one, () => `${this.name(index)} returned an object of its own`);
        this.events.push({ kind: 'return', results: (this.listening.schema.multiple.includes(index) ? result : [result]).map(show), ...this.#changes(true, true) });
      }
      return result;
    } catch (error) {
      // It may be one that the module has kept, while it called others.
      const thrown = this.#thrown.lastIndexOf(error);
      if (thrown < 0) this.problems.add(`${this.name(index)} did not return: ${error?.message ?? error}`);
      if (this.isOn) this.events.push({ kind: 'threw', thrown, ...this.#changes(true, true) });
      throw error;
    } finally {
      this.#depth -= 1;
      this.#leave();
      if (this.isOn && this.#depth === 0) this.#turns.begin();
    }
  }

  /** A call that will do nothing when the record is played; what it did is there before it then. */
  #pass(callee, args) {
    const { memories, globals, put } = this.#changes(false);
    if (memories.length > 0) this.problems.add('JavaScript wrote into memory before it called an export that will do nothing');
    if (globals.length > 0) this.problems.add('JavaScript set a global before it called an export that will do nothing');
    this.#enter();
    this.#isInPassed = true;
    try {
      return callee(...args);
    } finally {
      this.#isInPassed = false;
      this.#leave();
      if (this.isOn) this.#passed(put);
    }
  }

  #passed(put) {
    const changes = this.#changes(true);
    const isPut = ({ table }) => put.some((one) => one.table === table);
    if (changes.tables.some(isPut)) this.problems.add('JavaScript changed a table before it called an export that will do nothing, and that changed it, too');
    this.events.push({ kind: 'passed', ...changes });
  }

  #enter() {
    this.#isOutside = false;
    this.listen();
  }

  #leave() {
    this.#isOutside = true;
    this.listen();
  }

  /** Whether an import returns several values. */
  isMultiple([module, name]) {
    return this.#multiple.has(`${module}.${name}`);
  }

  /**
   * Whether JavaScript calls an import through a function of WebAssembly, such as a slot of a table. It will do so again when
   * the record is played.
   */
  get isDirect() {
    return this.isOn && this.#isOutside && !this.#isAside;
  }

  /** The module has called JavaScript; returns what to do when that returns, or undefined if it is not recorded. */
  crossing([module, name], args) {
    const isAgain = this.#isLater && !this.isOn && this.again(`${module}.${name}`);
    if (isAgain) this.isOn = true;
    else if (!this.isOn || this.isDirect || this.#isInPassed) return undefined;
    const before = [this.#isOutside, this.#isAside];
    this.#isAside = false;
    const show = (one) => this.#outgoing(one, () => `the import ${module}.${name} was given an object that the module made`);
    const count = this.isMultiple([module, name]) ? 2 : 1;
    this.events.push({ kind: 'import', key: [module, name, count], args: args.map(show), ...this.#changes(true) });
    this.#leave();
    const answered = (answer) => {
      this.#enter();
      if (this.isOn) this.events.push({ kind: 'answer', ...answer(), ...this.#changes(false) });
      if (isAgain) this.isOn = false;
      [this.#isOutside, this.#isAside] = before;
      this.listen();
    };
    return {
      returned: (result, isLoose) => answered(() => ({ isLoose, results: (count > 1 ? result : [result]).map((one) => this.#incoming(one)) })),
      threw: (error) => answered(() => ({ threw: this.#thrown.push(error) > 0 })),
    };
  }

  /** A function in words. */
  name(index) {
    const object = this.exports[this.functions.get(index)];
    const name = this.names.find((name) => this.exports[name] === object);
    return name === undefined ? `function ${index}` : `the export ${name}`;
  }
}
