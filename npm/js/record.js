// Makes what the run time plays of what was recorded. The snapshot's memory holds the last state. So before each step the run time
// puts into memory what stood there at that time, as far as it is something else, and at the end puts everything back.
import { WIDE, differences, union } from './differences.js';
import { hash } from './hash.js';
import { withoutEnvironment } from './environment.js';
import { written } from './fixups.js';
import { heldOf, placeOf } from './tables.js';
import { MANY } from './turns.js';
import { hasNumbers } from './visible.js';

// Fewer zeros than this are stored as they are.
const ZEROS = 64;
// How much behind a pointer is compared, at most.
const REACH = 1 << 16;
const TEXT = 256;
const MANY_SLOTS = 256;
// Numbers and options that belong together.
const BESIDE = 64;
const ELEMENT = 8;
// What long ones take together.
const LONG = 4 << 20;
// What Emscripten says of a file or a file system takes less.
const LOOSE = 160;

/** One memory while it is brought from step to step. */
class Played {
  ranges = [];

  constructor({ index, where, initial }, last) {
    Object.assign(this, { index, where, initial, last });
    this.now = last.slice();
  }

  set(at, bytes) {
    this.now.set(bytes, at);
    this.ranges.push([at, at + bytes.length]);
  }
}

class Steps {
  /** Bytes that patches take in order. */
  bytes = [];
  length = 0;
  /** Whether these are the calls of `start`, when nothing else is in memory than what is known. */
  isPlaying = false;
  #loose = [];
  #long = 0;

  constructor(recorder, memories) {
    this.recorder = recorder;
    this.memories = recorder.memories.map((memory) => new Played(memory, memories[memory.index]));
    const changes = [...recorder.events, recorder.tail ?? { globals: [] }];
    const isSet = (index) => changes.some(({ globals }) => globals.some(({ global }) => global === index));
    // The others are what they always were.
    this.globals = recorder.globals.filter(({ index, initial, last }) => isSet(index) || !Object.is(initial, last));
  }

  /** Globals that were set, as `[global, value]`. */
  setGlobals({ globals }) {
    return globals.map(({ global, value }) => [this.globals.findIndex(({ index }) => index === global), value]);
  }

  memory(index) {
    return this.memories.findIndex((memory) => memory.index === index);
  }

  /** What makes the memories what they were at first. */
  first() {
    const patches = [];
    this.memories.forEach((memory, number) => {
      for (const [start, end] of differences(memory.now.subarray(0, memory.initial.length), memory.initial, WIDE)) {
        this.#patch(patches, number, start, memory.initial.subarray(start, end));
      }
    });
    return patches;
  }

  /** Changes that the module made. */
  patches(changes) {
    const patches = [];
    for (const [start, end] of this.#loose.splice(0)) this.#patch(patches, 0, start, this.memories[0].now.slice(start, end), true);
    for (const { memory, from, to } of changes.grown) {
      const number = this.memory(memory);
      const { now } = this.memories[number];
      const zeros = new Uint8Array(to - from);
      for (const [start, end] of differences(now.subarray(from, to), zeros, 1 << 16)) {
        this.#patch(patches, number, from + start, zeros.subarray(start, end));
      }
    }
    for (const { memory, at, bytes } of changes.memories) this.#patch(patches, this.memory(memory), at, bytes);
    return patches;
  }

  /** Appends `[memory, at, length]` for bytes that are stored, and a 0 more for zeros, a 1 more for the snapshot's. */
  #patch(patches, number, at, bytes, isOther = false) {
    const memory = this.memories[number];
    const append = (start, end) => {
      const part = bytes.subarray(start, end);
      const place = at + start;
      const is = (other) => differences(other.subarray(place, place + part.length), part).length === 0;
      if (part.length === 0 || (!isOther && is(memory.now))) return;
      const isStored = !is(memory.last) && part.some((byte) => byte !== 0);
      const from = isStored ? [] : [is(memory.last) ? 1 : 0];
      if (isStored) {
        this.bytes.push(part);
        this.length += part.length;
      }
      const before = patches.at(-1);
      const continues = before?.[0] === number && before[1] + before[2] === place && before[3] === from[0];
      if (continues) before[2] += part.length;
      else patches.push([number, place, part.length, ...from]);
      memory.set(place, part);
    };
    let start = 0;
    let zeros = 0;
    for (let end = 0; end <= bytes.length; end++) {
      if (end < bytes.length && bytes[end] === 0) {
        zeros += 1;
        continue;
      }
      if (zeros >= ZEROS) {
        append(start, end - zeros);
        append(end - zeros, end);
        start = end;
      }
      zeros = 0;
    }
    append(start, bytes.length);
  }

  /** What JavaScript wrote, as `[memory, at, length, hash]`: it has to write the same again. */
  checks(changes, args, isAnswer = false) {
    const written = changes.memories.map(({ memory, at, bytes }) => [this.memory(memory), at, bytes]);
    // All of it, before any is looked at with what is beside it.
    for (const [number, at, bytes] of written) this.memories[number].set(at, bytes);
    const checks = written.map(([number, at, bytes]) => (this.isPlaying ? this.#whole(number, at, at + bytes.length) : this.#check(number, at, at + bytes.length)));
    return [...checks, ...this.#behindPointers(args ?? [], isAnswer ? () => BESIDE : (...all) => this.#reach(...all))];
  }

  #check(number, start, end) {
    return [number, start, end - start, hash(this.memories[number].now, start, end)];
  }

  /** An import writes behind its arguments what is other each time: then it becomes what it was, all of it. */
  loosen(args) {
    const size = this.memories[0]?.now.length ?? 0;
    const starts = args.map(([kind, text]) => (kind === 'number' ? Number(text) : NaN)).filter((start) => start >= 64 && start < size);
    this.#loose.push(...starts.map((start) => [start, Math.min(start + LOOSE, size)]));
  }

  /** Bytes that JavaScript wrote and that stood there already are beside others. */
  #whole(number, start, end) {
    return this.#check(number, start - (start % BESIDE), Math.min(Math.ceil(end / BESIDE) * BESIDE, this.memories[number].now.length));
  }

  /** Of arguments that may be a pointer and a length, or a pointer to a text, what they point to. */
  #behindPointers(args, reach) {
    const [memory] = this.memories;
    if (!memory) return [];
    const numbers = args.map(([kind, text]) => (kind === 'number' && /^\d+$/.test(text) ? Number(text) : NaN));
    const size = memory.now.length;
    return numbers.flatMap((start, index) => {
      if (!(start >= 64 && start < size)) return [];
      const length = numbers[index + 1];
      if (length > 0 && start + length <= size) return [this.#check(0, start, Math.min(start + reach(length, size - start), size))];
      const end = memory.now.indexOf(0, start);
      const isText = end > start && end - start < TEXT;
      return [this.#check(0, start, Math.min(Math.max(isText ? end + 1 : 0, start + BESIDE), size))];
    });
  }

  /** How much is compared of so many elements, of as many bytes as they may have; of very many, as long as that takes no time. */
  #reach(length, most) {
    const bytes = Math.min(length * ELEMENT, most);
    if (bytes <= REACH) return Math.min(Math.max(bytes, BESIDE), most);
    const found = [bytes, length].find((one) => one > REACH && this.#long + one <= LONG);
    this.#long += found ?? 0;
    return found ?? REACH;
  }
}

/** Steps as data, and the bytes they take. Functions are named as those of the listening module. */
function stepsOf(recorder, steps, { events, functions, isPlaying }) {
  steps.isPlaying = isPlaying;
  const number = (table) => recorder.tables.findIndex((one) => one.index === table);
  const tables = (changes) => changes.tables.map(({ table, length, slot, value }) => [number(table), ...(length ? [length] : [slot, value])]);
  // Of imports that have not answered.
  const asked = [];
  const found = events.map((event) => {
    const { kind, args, results } = event;
    if (kind === 'import') asked.push(args);
    const given = kind === 'answer' ? asked.pop() : [];
    if (event.isLoose) steps.loosen(given);
    // Most have none.
    const put = isPlaying ? (event.put ?? []).map((one) => [number(one.table), one.slot, ...putOf(recorder, functions, one.value)]) : [];
    const globals = [...(event.globals.length + put.length > 0 ? [steps.setGlobals(event)] : []), ...(put.length > 0 ? [put] : [])];
    switch (kind) {
      case 'call': return [kind, event.function, args, steps.checks(event, args), ...globals];
      case 'answer': return [kind, event.threw ? null : results, steps.checks(event, isPlaying && !event.isLoose ? given : [], true), ...globals];
      case 'import': return [kind, event.key, args, steps.patches(event), tables(event), ...globals];
      case 'threw': return [kind, event.thrown, steps.patches(event), tables(event), ...globals];
      // return, passed
      default: return [kind, results ?? [], steps.patches(event), tables(event), ...globals];
    }
  });
  steps.isPlaying = false;
  return found;
}

/** What JavaScript has put into a slot, as far as it can be compared: nothing of an object. */
function putOf(recorder, functions, value) {
  if (value === null) return [['null']];
  const shown = written(value);
  if (shown) return [shown];
  const index = [...functions.keys()].find((one) => recorder.exports[recorder.functions.get(one)] === value);
  return index === undefined ? [] : [['function', index]];
}

/** What globals that change hold at first and at last have to be numbers, which JavaScript can set once more. */
function checkGlobals({ tail, problems }, { globals }) {
  for (const global of globals) {
    const { index, initial, last } = global;
    if (!hasNumbers(global) || [initial, last].some(Number.isNaN)) problems.add(`global ${index}, which JavaScript sees, changed, and is no number`);
    const set = tail?.globals.findLast(({ global }) => global === index);
    if (set && written(last)?.[1] !== set.value[1]) {
      problems.add(`JavaScript set global ${index} after its last call, and \`run\` changed what it set`);
    }
  }
}

/** What JavaScript wrote after its last call, as checks: it will do so again, over the last state. */
function tailOf({ tail, problems }, steps, memories) {
  for (const { memory, at, bytes } of tail?.memories ?? []) {
    if (differences(memories[memory].subarray(at, at + bytes.length), bytes).length > 0) {
      problems.add('JavaScript wrote into memory after its last call, and `run` changed what it wrote');
    }
  }
  return tail ? steps.checks(tail) : [];
}

/**
 * The functions that have to listen when the record is played, each with where JavaScript finds it: the name of an export, or a table
 * and a slot.
 */
export function listenersOf(recorder) {
  const called = new Set(recorder.events.filter(({ kind }) => kind === 'call').map((event) => event.function));
  const found = new Map();
  // JavaScript can call what is in a table, too; where it has very many, it takes them from there for the module only.
  const slots = recorder.tables.reduce((sum, { functions = [] }) => sum + functions.length, 0);
  for (const index of recorder.listening.schema.functions) {
    const object = recorder.exports[recorder.functions.get(index)];
    const place = placeOf(recorder, object);
    const isExport = place?.length === 1;
    if (isExport || (place && (called.has(index) || slots <= MANY_SLOTS))) found.set(index, place);
    else if (called.has(index)) recorder.problems.add(`function ${index} was called, and is in no table any more`);
  }
  return found;
}

/**
 * What `replay.js` plays, and bytes for it. `memories` are the contents of all memories when the snapshot is made, by index;
 * `functions` what {@link listenersOf} gave.
 */
export function recordOf(recorder, memories, functions) {
  const steps = new Steps(recorder, memories);
  const first = steps.first();
  const firsts = withoutEnvironment(recorder.events.slice(0, recorder.firsts), recorder.clocks);
  const played = stepsOf(recorder, steps, { events: firsts, functions, isPlaying: true });
  const tail = tailOf(recorder, steps, memories);
  checkGlobals(recorder, steps);
  const again = stepsOf(recorder, steps, { events: recorder.events.slice(recorder.firsts), functions, isPlaying: false });
  if (played.length === 0 && recorder.turns >= MANY) {
    recorder.problems.add('`start` calls nothing of the module, and waits for something when it has instantiated it, so that it is not known when what is called again is to be called; let it call something then, or instantiate the module last');
  }
  const bytes = new Uint8Array(steps.length);
  let at = 0;
  for (const part of steps.bytes) {
    bytes.set(part, at);
    at += part.length;
  }
  const ranges = steps.memories.map((memory) => union(memory.ranges));
  const starting = recorder.events.slice(0, recorder.firsts);
  return {
    record: {
      functions: [...functions],
      memories: steps.memories.map(({ where }, number) => ({ where, ranges: ranges[number] })),
      inputs: steps.memories.flatMap(({ index }, number) => recorder.inputs.within(index, ranges[number], starting).map(([start, end]) => [number, start, end - start, 1])),
      tables: recorder.tables.map(({ where }) => where),
      held: heldOf(recorder),
      globals: steps.globals.map(({ where, initial }) => ({ where, first: written(initial) })),
      first,
      steps: [...played, ...again],
      firsts: played.length,
      // From the last call, or the instantiation, until all that it has to do was done.
      turns: recorder.turns > 1 || played.length === 0 ? recorder.turns : undefined,
      tail,
      tailGlobals: recorder.tail ? steps.setGlobals(recorder.tail) : [],
    },
    bytes,
  };
}
