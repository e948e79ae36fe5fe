// The record of first calls: generated programs, whose calls cross the boundary in both directions, start from it as they would have
// started from nothing, or are stopped; never anything else.
//
//     node tests/jshost/record.mjs JS PREINIT [PROGRAMS]
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const js = resolve(process.argv[2]);
const { capture, Refusal } = await import(pathToFileURL(join(js, 'index.js')));
const { preinitialized } = await import(pathToFileURL(join(js, 'replay.js')));
const programs = Number(process.argv[4] ?? 100);
const wat = fileURLToPath(new URL('modules/boundary.wat', import.meta.url));
const original = new Uint8Array(execFileSync(resolve(process.argv[3]), ['-q', wat], { maxBuffer: 1 << 24 }));

/** Numbers that look random, the same ones for the same seed. */
function chance(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A program with JavaScript of its own, which remembers what it saw. */
class Program {
  seen = [];
  objects = [];
  written = 0;
  pages = 2;

  /** `change` is what it does otherwise than others of its seed. */
  constructor(change) {
    this.change = change;
  }

  /** Whether this is the moment to do something else. */
  changes(kind) {
    return this.change?.kind === kind && this.change.after-- === 0;
  }

  async load(bytes) {
    const env = {
      note: (number) => this.seen.push(['note', number, this.globals]),
      sum: (start, length) => {
        const sum = this.bytes(start, length).reduce((sum, byte) => (sum * 33 + byte) | 0, this.seen.length);
        return this.changes('result') ? sum ^ 1 : sum;
      },
      write: (start, length) => {
        if (this.changes('write')) this.written += 1;
        this.bytes(start, length).fill(7 + this.written++);
      },
      back: (number, big, zero) => {
        this.seen.push(['back', number, big, Object.is(zero, -0)]);
        const { mix, functions, stack } = this.exports;
        if (this.changes('back')) return 5;
        // As glue does that has something to put on the stack.
        stack.value -= 64;
        this.bytes(stack.value, 2).fill(number);
        if (number & 2) stack.value += 64;
        return number & 1 ? mix(number << 6, 20) : functions.get(0)(number << 8);
      },
      make: () => {
        this.objects.push({ used: 0, number: this.objects.length });
        return this.objects.at(-1);
      },
      use: (object, number) => {
        if (object?.number !== undefined) object.used += number;
        this.seen.push(['use', object?.number ?? null, number]);
      },
    };
    this.exports = (await WebAssembly.instantiate(bytes, { env })).instance.exports;
  }

  /** Somewhere in the memory that it knows of, with room behind it: a snapshot's is as large as it became, from the beginning. */
  somewhere(random) {
    return random((this.pages << 16) - 300);
  }

  /** What globals hold that JavaScript sees. */
  get globals() {
    const { stack, ticks, share } = this.exports;
    return [stack, ticks, share].map(({ value }) => String(value));
  }

  bytes(start, length) {
    return new Uint8Array(this.exports.memory.buffer, start, length);
  }

  /** One thing that a program may do. */
  act(random, kinds) {
    const { exports } = this;
    if (this.changes('call')) return exports.get(0);
    if (this.changes('skip')) return 0;
    const kind = kinds[random(kinds.length)];
    const length = 1 + random(300);
    switch (kind) {
      case 'step': return exports.step(1 + random(12));
      case 'mix': return exports.mix(this.somewhere(random), length);
      case 'inner': return exports.functions.get(0)(random(1 << 16));
      case 'two': return exports.two(BigInt(random(1e9) + this.changes('argument')) << 20n, random(100) / 4);
      case 'keep': return exports.keep([undefined, null, 'text', this.objects[0]][random(4)]);
      case 'poke': return this.bytes(this.somewhere(random), 3).fill(random(256))[0];
      case 'read': return exports.get(this.somewhere(random));
      case 'feed': {
        const at = exports.alloc(length);
        this.bytes(at, length).forEach((_, index, bytes) => (bytes[index] = random(256)));
        if (this.changes('bytes')) this.bytes(at, length)[length >> 1] ^= 1;
        return exports.mix(at, length);
      }
      case 'stack': {
        const before = exports.stack.value;
        const size = 48 + 16 * random(500);
        exports.stack.value = before - size - 16 * this.changes('global');
        this.bytes(before - size, 40).fill(length);
        const mixed = exports.mix(before - size, 40);
        exports.stack.value = before;
        return mixed;
      }
      case 'set': return [exports.ticks.value, (exports.ticks.value = BigInt(length)), (exports.share.value = -0)].map(String);
      case 'table': return exports.functions.set(1, [exports.mix, null, exports.functions.get(0)][random(3)]);
      case 'grow': return this.pages < 8 && (this.pages = exports.grow() + 1);
      case 'enlarge': return this.pages < 8 && (this.pages = exports.memory.grow(1) + 1);
    }
  }

  /** Does things, and looks at memory in between. */
  do(count, random, kinds) {
    for (let number = 0; number < count; number++) {
      this.seen.push(this.act(random, kinds));
      for (let times = 0; times < 4; times++) this.seen.push([...this.bytes(this.somewhere(random), 300)].reduce((sum, byte) => (sum * 3 + byte) | 0));
      const { objects, functions } = this.exports;
      this.seen.push([0, 1, 2, 3].map((slot) => objects.get(slot)?.number ?? typeof objects.get(slot)));
      this.seen.push(functions.get(1) === this.exports.mix, this.globals);
    }
  }

  /** All that it can ever see again. */
  get state() {
    const { memory, objects } = this.exports;
    const slots = [0, 1, 2, 3].map((slot) => this.objects.indexOf(objects.get(slot)));
    return [this.seen, this.objects, this.written, slots, this.globals, [...new Uint8Array(memory.buffer)].reduce((sum, byte) => (sum * 31 + byte) | 0, 0)];
  }
}

const STARTS = ['step', 'step', 'mix', 'inner', 'two', 'keep', 'poke', 'read', 'feed', 'feed', 'grow', 'stack', 'set'];
const WARMS = ['mix', 'read', 'feed', 'two', 'stack', 'set'];
const ALL = [...STARTS, 'table', 'enlarge'];

/** A program from its seed: what it does at every start, what is done once, and what it does then. */
function generated(seed) {
  const random = chance(seed);
  const [starts, warms] = [random(8), random(3) === 0 ? 0 : random(6)];
  const kinds = random(4) === 0 ? ALL : STARTS;
  return {
    start: async (bytes, change) => {
      const program = new Program(change);
      await program.load(bytes);
      program.do(starts, chance(seed + 1), kinds);
      return program;
    },
    warm: (program) => {
      const { seen, change } = program;
      Object.assign(program, { seen: [], change: undefined });
      program.do(warms, chance(seed + 2), WARMS);
      Object.assign(program, { seen, change });
    },
    go: (program) => {
      program.do(10, chance(seed + 3), ALL);
      return program.state;
    },
  };
}

const CHANGES = ['result', 'write', 'back', 'call', 'skip', 'argument', 'bytes', 'global'];

/** What becomes of a program that starts from a snapshot; null if it is stopped. */
async function played(wasm, start, go) {
  const hooks = preinitialized();
  try {
    return go(await start(wasm));
  } catch (error) {
    assert.match(error.message, /does not start like the one/, error.stack);
    return null;
  } finally {
    hooks.restore();
  }
}

const counts = { equal: 0, refused: 0, stopped: 0, unchanged: 0 };
const reasons = new Set();
for (let seed = 1; seed <= programs; seed++) {
  const { start, warm, go } = generated(seed * 7919);
  const fromNothing = async (change) => {
    const program = await start(original, change);
    warm(program);
    return go(program);
  };
  let made;
  try {
    made = await capture({ wasm: original, start: () => start(original), run: warm });
  } catch (error) {
    assert(error instanceof Refusal, error.stack);
    error.reasons.forEach((reason) => reasons.add(reason.replace(/[0-9]+/g, 'N')));
    counts.refused += 1;
    continue;
  }
  assert.deepEqual(await played(made.wasm, start, go), await fromNothing(), `program ${seed}`);
  counts.equal += 1;
  if (made.runtime !== 'replay') continue;
  // One that does something else is stopped, unless it only had not come so far.
  for (const kind of CHANGES) {
    const change = () => ({ kind, after: seed % 3 });
    const outcome = await played(made.wasm, (bytes) => start(bytes, change()), go);
    if (outcome !== null) assert.deepEqual(outcome, await fromNothing(change()), `program ${seed}, ${kind}`);
    counts[outcome === null ? 'stopped' : 'unchanged'] += 1;
  }
}
if (process.env.VERBOSE) console.log([...reasons].join('\n'));
console.log(`${counts.equal} programs started from a record as from nothing, ${counts.refused} were refused, ${counts.stopped} others stopped`);
assert(counts.equal > programs / 2 && counts.refused > 0 && counts.stopped > programs, JSON.stringify(counts));
