// Run time for snapshots that have a record of calls: the first calls of the program into the module are answered from it, and what the
// module then called in JavaScript is called again, until the record ends. From there on the module runs. It needs
// `run.js` and what that and this file import.
import { holdFinalizers } from './finalizers.js';
import { hash } from './hash.js';
import { LateWrites, OwnSlots, otherSlot } from './late_writes.js';
import { printable } from './printable.js';
import { checkRecord, isCount, isList, isText, rangeOf } from './record_form.js';
import { preinitialized as withoutRecord } from './run.js';
import { explained, need, sectionOf } from './section.js';
import { MANY, inTurns } from './turns.js';

// Before anything is hooked: the helper is no snapshot.
const { Module, Instance, Table } = WebAssembly;

const primitive = ([kind, text]) =>
  kind === 'null' ? null : kind === 'global' ? globalThis : kind === 'undefined' ? undefined : kind === 'number' ? Number(text) : kind === 'bigint' ? BigInt(text) : text;

const place = (table, slot) => (typeof table.length === 'bigint' ? BigInt(slot) : slot);

/** Whether a function is an export of WebAssembly: a table of functions takes no others. */
function isOfWasm(value) {
  try {
    new Table({ element: 'anyfunc', initial: 1 }).set(0, value);
    return typeof value === 'function';
  } catch {
    return false;
  }
}

const AsyncFunction = (async () => {}).constructor;
const Generator = (function* () {}).constructor;
const AsyncGenerator = (async function* () {}).constructor;
const EVALUATES = new Set([globalThis.eval, Function, AsyncFunction, Generator, AsyncGenerator]);
// In a page they take text, too.
const TIMERS = new Set([globalThis.setTimeout, globalThis.setInterval]);

class Replay {
  objects = [];
  genuine = new Map();
  held = [];
  numbers = new Map();
  // What imports threw.
  thrown = [];
  at = 0;
  taken = 0;
  failure = undefined;
  isOver = false;
  isEnding = false;
  isSettled = false;

  constructor({ record, listening, tables, module, restore, find }) {
    const isObject = (one) => one !== null && typeof one === 'object';
    const lists = isObject(record) ? [record.memories, record.tables, record.globals] : [null];
    need(isObject(listening) && lists.every((list) => isList(list)), 'there is no record');
    const bytes = new Uint8Array(sectionOf(module, 'preinit.js.bytes') ?? 0);
    Object.assign(this, { record, bytes, done: restore, find });
    this.memories = record.memories.map((one) => {
      const { where, ranges } = one ?? {};
      const memory = find(where, 'memory');
      const isRange = (range) => isList(range, 2) && range.every(isCount) && range[0] <= range[1] && range[1] <= memory.buffer.byteLength;
      // Each is copied.
      const isApart = ([start], at) => at === 0 || ranges[at - 1][1] <= start;
      need(isList(ranges) && ranges.every(isRange) && ranges.every(isApart), 'a range is not in its memory, or not apart from others');
      return { memory, ranges };
    });
    this.globals = record.globals.map((one) => {
      const global = find(one?.where ?? {}, 'global');
      return { global, last: global.value, now: global.value };
    });
    const sizes = this.memories.map(({ memory }) => memory.buffer.byteLength);
    const kinds = this.globals.map(({ now }) => typeof now);
    checkRecord({ record, listening, bytes, tables }, { sizes, kinds });
    this.functions = new Map(record.functions);
    this.tables = record.tables.map((where) => find(where, 'table'));
    this.restored = tables;
    this.imports = this.found();
    this.flag = find({ export: listening.global }, 'global');
    this.listeners = find({ export: listening.table }, 'table');
    need(listening.slots <= this.listeners.length, 'fewer functions listen');
    // It has what it asks for and nothing that objects inherit.
    const answers = Object.create(null);
    for (let slot = 0; slot < listening.slots; slot++) answers[slot] = (...args) => this.called(args.pop(), args);
    const helper = sectionOf(module, 'preinit.js.helper');
    need(helper !== undefined, 'there is no section preinit.js.helper');
    const made = new Instance(new Module(helper), Object.assign(Object.create(null), { '': answers }));
    for (let slot = 0; slot < listening.slots; slot++) this.listeners.set(slot, made.exports[slot]);
    for (const memory of this.memories) {
      const last = new Uint8Array(memory.memory.buffer);
      memory.last = memory.ranges.map(([start, end]) => last.slice(start, end));
    }
    // Tables have yet what the snapshot has.
    this.genuine = new Map(record.functions.map(([index, where]) => [index, this.placed(where, `function ${index}`)]));
    this.held = (record.held ?? []).map(([number, slot, first]) => this.hold(this.tables[number], slot, first));
    for (const { table, slot, first } of this.held) table.set(slot, first);
    this.patch(record.first);
    this.set(record.globals.map(({ first }, number) => [number, first]));
    this.pass();
    // Nobody need call before the state takes its place; what the program writes until then is its own.
    if (this.at === record.firsts) this.wait();
    // What is collected now, and when, was no call of the record.
    this.finalizers = holdFinalizers();
  }

  fail(why) {
    this.finalizers?.restore();
    this.failure = new Error(
      `preinit: the program does not start like the one that the snapshot was made of: ${printable(why)}. Load the original module instead, ` +
        'or make the snapshot again; `allow` is for imports that may answer otherwise.',
    );
    throw this.failure;
  }

  name(index) {
    const [name] = this.functions.get(index) ?? [];
    return typeof name === 'string' ? `the export ${name}` : `function ${index}`;
  }

  /** A function of the module, which is an export or in a table. */
  placed([where, slot], what) {
    if (isText(where)) return this.find({ export: where }, 'function');
    const table = this.tables[where];
    need(slot < table.length, 'a slot');
    const found = table.get(place(table, slot));
    need(isOfWasm(found), `${what} is none of the module`);
    return found;
  }

  /** A slot that gets back what it has now when all is played. */
  hold(table, number, first) {
    need(number < table.length, 'a slot');
    const slot = place(table, number);
    return { table, slot, last: table.get(slot), first: first && this.placed(first, `what element ${number} of a table held`) };
  }

  /** The imports that are called again, all of them functions that the program has given to the module. */
  found() {
    const all = new Map();
    for (const [kind, key, args] of this.record.steps) {
      if (kind !== 'import') continue;
      const [module, name] = key;
      const written = JSON.stringify([module, name]);
      const callee = all.get(written) ?? this.find({ import: [module, name] }, 'function');
      const isCode = EVALUATES.has(callee) || (TIMERS.has(callee) && args[0]?.[0] === 'string');
      need(typeof callee === 'function' && !isCode, `${written} would evaluate text`);
      all.set(written, callee);
    }
    return all;
  }

  value(shown) {
    return shown[0] === 'object' ? this.objects[shown[1]] : primitive(shown);
  }

  /** A value from JavaScript in the form of the record. */
  shown(value) {
    if (value === null) return ['null'];
    if (value === globalThis) return ['global'];
    const kind = typeof value;
    if (kind === 'undefined') return [kind];
    if (kind === 'object' || kind === 'function' || kind === 'symbol') {
      if (!this.numbers.has(value)) {
        this.numbers.set(value, this.objects.length);
        this.objects.push(value);
      }
      return ['object', this.numbers.get(value)];
    }
    if (kind === 'number') return [kind, Object.is(value, -0) ? '-0' : String(value)];
    return [kind, kind === 'bigint' ? String(value) : value];
  }

  areSame(values, recorded) {
    return JSON.stringify(values.map((value) => this.shown(value))) === JSON.stringify(recorded);
  }

  patch(patches) {
    for (const [number, at, length, from] of patches) {
      const { memory, ranges, last } = this.memories[number];
      const bytes = new Uint8Array(memory.buffer, at, length);
      if (from === undefined) {
        bytes.set(this.bytes.subarray(this.taken, this.taken + length));
        this.taken += length;
      } else if (from === 0) bytes.fill(0);
      else {
        const range = rangeOf(ranges, at);
        bytes.set(last[range].subarray(at - ranges[range][0], at - ranges[range][0] + length));
      }
    }
  }

  /** Globals as the module left them. */
  set(globals) {
    for (const [number, shown] of globals) {
      const one = this.globals[number];
      one.now = primitive(shown);
      one.global.value = one.now;
    }
  }

  /** Memory, globals and tables as the module left them. */
  apply(patches, slots, globals = []) {
    this.patch(patches);
    this.set(globals);
    for (const [number, slot, value] of slots) {
      const table = this.tables[number];
      // Without a value it is the length that the module gave it.
      if (value === undefined) this.lengthen(table, slot);
      else table.set(place(table, slot), this.value(value));
    }
  }

  lengthen(table, length) {
    const more = length - Number(table.length);
    if (more > 0) table.grow(place(table, more), null);
  }

  /** What JavaScript has written. */
  check(checks, what, globals = [], put = []) {
    for (const [number, shown] of globals) this.globals[number].now = primitive(shown);
    for (const { global, now } of this.globals) if (!Object.is(global.value, now)) this.fail(`${what}: a global holds ${global.value}, where it held ${now}`);
    for (const check of checks) if (!this.isSame(check)) this.fail(`${what}: other bytes stand in memory at ${check[1]}`);
    const other = otherSlot(put, this.tables, ([kind, index]) => (kind === 'function' ? this.genuine.get(index) : primitive([kind, index])));
    if (other) this.fail(`${what}: element ${other[1]} of a table holds something else`);
  }

  next(kind, what) {
    const step = this.record.steps[this.at];
    if (step?.[0] !== kind) this.fail(what);
    this.at += 1;
    return step;
  }

  /** Steps that need nobody: calls that do nothing now. Outside of calls there are none after the first calls. */
  pass() {
    while (this.record.steps[this.at]?.[0] === 'passed') {
      const [, , ...changes] = this.record.steps[this.at++];
      this.apply(...changes);
    }
  }

  /** A function of the module was called. */
  called(index, args) {
    if (this.failure) throw this.failure;
    if (this.isOver || (this.at === this.record.firsts && !this.isEnding)) {
      this.end();
      if (this.failure) throw this.failure;
      this.settle();
      explained(() => need(this.genuine.has(index), `function ${index} is none of the module`));
      return this.genuine.get(index)(...args);
    }
    // An import may have called one before.
    this.pass();
    const name = this.name(index);
    const [, expected, values, checks, ...set] = this.next('call', `${name} was called where nothing had been`);
    if (expected !== index) this.fail(`${name} was called where ${this.name(expected)} had been`);
    if (!this.areSame(args, values)) this.fail(`${name} was called with other arguments`);
    this.check(checks, `${name} was called`, ...set);
    for (;;) {
      const [kind] = this.record.steps[this.at];
      if (kind === 'import') this.import();
      else if (kind === 'passed') this.pass();
      else break;
    }
    const step = this.record.steps[this.at++];
    this.apply(...step.slice(2));
    this.pass();
    if (this.at === this.record.firsts) this.rest();
    if (step[0] === 'threw') throw this.thrown[step[1]];
    const results = step[1].map((one) => this.value(one));
    return results.length > 1 ? results : results[0];
  }

  /** Calls an import again. */
  import() {
    const step = this.record.steps[this.at++];
    const [, [module, name, count], args, ...changes] = step;
    this.apply(...changes);
    let results;
    try {
      const result = Reflect.apply(this.imports.get(JSON.stringify([module, name])), undefined, args.map((one) => this.value(one)));
      results = count > 1 ? [...result] : [result];
    } catch (error) {
      if (this.failure) throw this.failure;
      this.thrown.push(error);
    }
    const what = `the import ${module}.${name}`;
    this.pass();
    const [, expected, checks, ...set] = this.next('answer', `${what} did not call the module as it had done`);
    const thrown = this.thrown.at(-1);
    if (results && expected === null) this.fail(`${what} did not throw`);
    if (!results && expected !== null) this.fail(`${what} threw: ${thrown?.message ?? thrown}`);
    if (results && !this.areSame(results, expected)) this.fail(`${what} returned something else`);
    this.check(checks, `${what} returned`, ...set);
  }

  /** Remembers what the program finds when all is played. */
  mark() {
    for (const one of this.memories) {
      const bytes = new Uint8Array(one.memory.buffer);
      one.left = one.ranges.map(([start, end]) => bytes.slice(start, end));
    }
    for (const one of this.globals) one.left = one.global.value;
    this.put = new OwnSlots(this.slots());
  }

  /** Without first calls, the last state takes its place when what starts has ended. */
  wait() {
    this.mark();
    if (this.record.turns < MANY) inTurns(this.record.turns, () => this.end());
  }

  /** As long as `start` ran on when it was recorded, what it writes is looked at. */
  watch() {
    if (this.record.turns > 1) this.late = new LateWrites({ memories: this.memories, globals: this.globals, slots: this.slots() });
  }

  /** Slots that have something else at last. */
  slots() {
    const restored = this.restored.flatMap(([table, runs]) => runs.flatMap(([first, count]) => Array.from({ length: count }, (_, at) => [table, first + at])));
    return [...restored, ...this.held.map(({ table, slot }) => [table, Number(slot)])];
  }

  /** All is played. The program may still read what the last call left in memory; when it has, the last state takes its place. */
  rest() {
    this.patch(this.record.inputs ?? []);
    this.mark();
    this.watch();
    inTurns(1, () => this.end());
    const { turns } = this.record;
    if (turns > 1 && turns < MANY) inTurns(turns, () => this.isOver && this.isTailWritten() && this.settle());
  }

  end() {
    if (this.isOver || this.failure) return;
    const { tail, tailGlobals, steps } = this.record;
    const bytesOf = (memory) => new Uint8Array(memory.buffer);
    // What the program has written since the last call stays.
    const own = this.memories.map(({ memory, ranges }) => ranges.map(([start, end]) => bytesOf(memory).slice(start, end)));
    const ownGlobals = this.globals.map(({ global }) => global.value);
    const putAgain = this.put?.kept();
    for (const one of this.globals) one.global.value = one.left;
    this.isEnding = true;
    while (this.at < steps.length) this.import();
    this.isOver = true;
    this.memories.forEach(({ memory, ranges, last, left }, number) => {
      const bytes = bytesOf(memory);
      ranges.forEach(([start], range) => {
        const [mine, before, then] = [own[number][range], left[range], last[range]];
        bytes.set(then, start);
        for (let at = 0; at < mine.length; at++) if (mine[at] !== before[at]) bytes[start + at] = mine[at];
      });
      // What it still has to write does not come from here.
      for (const [of, at, length] of tail) {
        const range = rangeOf(ranges, at);
        const first = at - ranges[range][0];
        if (of === number) bytes.set(own[number][range].subarray(first, first + length), at);
      }
    });
    this.globals.forEach((one, number) => {
      const isOwn = !Object.is(ownGlobals[number], one.left) || tailGlobals.some(([of]) => of === number);
      one.global.value = isOwn ? ownGlobals[number] : one.last;
    });
    for (const { table, slot, last } of this.held) table.set(slot, last);
    this.done((shown) => this.value(shown));
    putAgain?.();
    if (this.late) this.late.begin();
    else if (this.isTailWritten()) this.settle();
  }

  /** Whether what JavaScript writes after its last call is there; where nothing else is called, it is not there yet. */
  isTailWritten() {
    const { tail, tailGlobals } = this.record;
    return tail.every((check) => this.isSame(check)) && tailGlobals.every(([number, shown]) => Object.is(this.globals[number].global.value, primitive(shown)));
  }

  isSame([number, at, length, expected]) {
    return hash(new Uint8Array(this.memories[number].memory.buffer), at, at + length) === expected;
  }

  /** From now on, the module runs. */
  settle() {
    if (this.isSettled) return;
    this.isSettled = true;
    // What the program has set may be what it has set since.
    const { tail, tailGlobals } = this.record;
    for (const one of this.globals) one.now = one.global.value;
    const missing = tailGlobals.filter(([number]) => Object.is(this.globals[number].now, this.globals[number].left));
    this.check(tail, 'before the module was called', missing);
    const found = this.late?.found();
    if (found) this.fail(`JavaScript wrote into ${found} what had stood there, after its last call of \`start\` and over what \`run\` had left; it has to do so before that call`);
    this.flag.value = 0;
    for (let slot = 0; slot < this.listeners.length; slot++) this.listeners.set(slot, null);
    this.finalizers?.restore();
  }
}

/** As `preinitialized` of `preinit/js/run`, also for snapshots with a record. */
export function preinitialized(options) {
  return withoutRecord(options, (given) => explained(() => new Replay(given)));
}
