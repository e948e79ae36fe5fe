// Free memory zeroed by the module's own allocator, in an instance of the snapshot that nobody else sees: its memory cannot grow, so the
// allocator gives away all that is free, from large blocks to small ones; these are zeroed and given back. What an attempt that failed
// has left is put back. In a second instance, whose memory may grow, the same is done without what failed: it has to come out the same.

import { scrubbing } from './core.js';
import { isSame } from './hooks.js';
import { Identities, readState } from './read_state.js';
import { NotScrubbed, growing, importsFor } from './scrub_instances.js';
import { isMutable } from './visible.js';

// Before anything is hooked.
const { instantiate } = WebAssembly;

const SMALLEST = 16;
const LARGEST = 2 ** 31;
const MOST_BLOCKS = 1 << 22;
const ROUNDS = 6;
// An allocator counts something.
const RESTLESS_WORDS = 8;
// More places than this are not collected.
const MOST_PLACES = 1 << 20;
// What stands between two blocks at most.
const SEAM = 32;
// Words outside of what is free that may change: lists and maps of what is free.
const OWN_WORDS = 512;
// Into which blocks free memory has to be divisible at the end; from which size on blocks are divided; and how much has to be left.
const CUTS = [[4096, 8192, 0.75], [64, 128, 0.75], [16, 32, 0.375]];
// Between two calls; a call that does not return is not ended.
const MOST_TIME = 60_000;
const MOST_CALLS = 2 ** 26;
// Copies are kept.
const MOST_MEMORY = 2 ** 30;
// Rust's own default.
const ALIGNMENT = 8;

class Scrubber {
  constructor(exports, { state, allocator }, { calls, twin }) {
    this.exports = exports;
    this.twin = twin;
    this.ends = Date.now() + MOST_TIME;
    this.left = MOST_CALLS;
    this.twinMemory = twin[state.memories[0]];
    this.allocator = allocator;
    this.calls = calls;
    this.memory = exports[state.memories[0]];
    const numbers = ['i32', 'i64', 'f32', 'f64'];
    this.globals = state.globals.filter(({ type }) => numbers.includes(type)).map(({ export: name }) => exports[name]);
    // Those that cannot be set are constants.
    this.globals = this.globals.filter((global) => isMutable(global));
  }

  /** Counts a call. */
  count() {
    this.left -= 1;
    if (this.left < 0 || (this.left % 1024 === 0 && Date.now() > this.ends)) this.late();
  }

  late() {
    throw new NotScrubbed(`it takes more than ${MOST_CALLS} calls or ${MOST_TIME / 1000} seconds`);
  }

  get bytes() {
    return new Uint8Array(this.memory.buffer);
  }

  word(value) {
    return this.allocator.wide ? BigInt(value) : value;
  }

  /** What is there now; `into` is one that is not needed any more. */
  checkpoint(into = new Uint8Array(this.bytes.length)) {
    into.set(this.bytes);
    return { memory: into, globals: this.globals.map(({ value }) => value) };
  }

  restore({ memory, globals }) {
    if (this.bytes.length !== memory.length) throw new NotScrubbed('memory has grown');
    this.bytes.set(memory);
    // Of a NaN the bits would be lost.
    this.globals.forEach((global, index) => Object.is(global.value, globals[index]) || (global.value = globals[index]));
  }

  /** The address of a block; 0 if there is none of this size. */
  allocate(size) {
    const before = this.calls.count;
    let address = 0;
    this.count();
    try {
      address = this.allocateIn(this.exports, size);
    } catch {
      return 0;
    }
    // It has caught what ended the call.
    if (address !== 0 && this.calls.count !== before) throw new NotScrubbed('the allocator called JavaScript');
    return address;
  }

  allocateIn(exports, size) {
    const { shape, wide, allocate } = this.allocator;
    const given = exports[allocate](this.word(size), ...(shape === 'aligned' ? [this.word(ALIGNMENT)] : []));
    return wide ? Number(BigInt.asUintN(64, given)) : given >>> 0;
  }

  free(block) {
    const before = this.calls.count;
    this.count();
    try {
      this.freeIn(this.exports, block);
    } catch (error) {
      throw new NotScrubbed(`a block could not be freed: ${error.message}`);
    }
    if (this.calls.count !== before) throw new NotScrubbed('freeing called JavaScript');
  }

  freeIn(exports, { address, size }) {
    const { shape, free } = this.allocator;
    const sizes = { plain: [], sized: [size], aligned: [size, ALIGNMENT] }[shape];
    exports[free](...[address, ...sizes].map((value) => this.word(value)));
  }

  /** The same round where memory may grow. */
  twinRound(blocks) {
    const same = (is) => {
      if (!is || this.twinMemory.buffer.byteLength !== this.bytes.length) {
        throw new NotScrubbed('the allocator wanted more memory and went on without it, and it may remember that there was none');
      }
    };
    try {
      for (const { address, size } of blocks) {
        this.count();
        same(this.allocateIn(this.twin, size) === address);
      }
      for (const { address, size } of blocks) new Uint8Array(this.twinMemory.buffer, address, size).fill(0);
      for (const block of blocks.toReversed()) this.freeIn(this.twin, block);
    } catch (error) {
      throw error instanceof NotScrubbed ? error : new NotScrubbed(`where memory may grow, the allocator fails: ${error.message}`);
    }
    same(isSame(new Uint8Array(this.twinMemory.buffer), this.bytes));
  }

  takeAll() {
    const blocks = [];
    let checkpoint = this.checkpoint(this.room);
    this.room = checkpoint.memory;
    let size = SMALLEST;
    while (size * 2 < Math.min(this.bytes.length, LARGEST)) size *= 2;
    for (; size >= SMALLEST && blocks.length < MOST_BLOCKS; size /= 2) {
      const ofLarger = blocks.length;
      this.take(size, blocks);
      // To where the last attempt had not failed yet.
      this.restore(checkpoint);
      for (const { address } of blocks.slice(ofLarger)) {
        if (this.allocate(size) !== address) {
          throw new NotScrubbed('the allocator returned something else when it was asked again in the same state');
        }
      }
      if (blocks.length > ofLarger) checkpoint = this.checkpoint(this.room);
    }
    return blocks;
  }

  /** Takes blocks of this size until there are none. */
  take(size, blocks) {
    if (Date.now() > this.ends) this.late();
    while (blocks.length < MOST_BLOCKS) {
      const address = this.allocate(size);
      if (address === 0) break;
      blocks.push({ address, size });
    }
  }

  /** How many bytes can be had in blocks of one size each. Afterwards all is as it was. */
  cuts() {
    const checkpoint = this.checkpoint();
    return CUTS.map(([size]) => {
      const blocks = [];
      this.take(size, blocks);
      this.restore(checkpoint);
      this.check(blocks);
      return sum(blocks);
    });
  }

  /** Checks that what is free, `blocks`, can be had in blocks of other sizes, too, and no less than `before`. */
  checkCuts(blocks, before) {
    const after = this.cuts();
    const fail = (free, index) => {
      throw new NotScrubbed(`of ${free} bytes that are free, only ${after[index]} can be allocated in blocks of ${CUTS[index][0]} bytes`);
    };
    CUTS.forEach(([size, from, part], index) => {
      const free = Math.min(sum(blocks.filter((block) => block.size >= from)), MOST_BLOCKS * size);
      if (after[index] < free * part) fail(free, index);
      if (after[index] + before[index] / 16 + 2 * size < before[index]) fail(before[index], index);
    });
  }

  check(blocks) {
    const fail = ({ address, size }, what) => {
      throw new NotScrubbed(`the allocator returned ${size} bytes at 0x${address.toString(16)}, where ${what}`);
    };
    const { taken } = this.allocator;
    let end = 0;
    let free = 0;
    for (const block of [...blocks].sort((left, right) => left.address - right.address)) {
      const { address, size } = block;
      if (address + size > this.bytes.length || address % 4 !== 0) fail(block, 'no block can be');
      if (taken.some(([start, to]) => start < address + size && address < to)) fail(block, 'variables are');
      if (address < end) fail(block, 'another block is');
      end = address + size;
      if (!this.firstFree) continue;
      while (free < this.firstFree.length && this.firstFree[free].end < end) free += 1;
      if (free === this.firstFree.length || this.firstFree[free].start > address) {
        throw new NotScrubbed(
          `the allocator returned ${size} bytes at 0x${address.toString(16)}, which it had not given away before: freeing frees more than a block`,
        );
      }
    }
  }

  round() {
    const blocks = this.takeAll();
    this.check(blocks);
    for (const { address, size } of blocks) this.bytes.fill(0, address, address + size);
    for (const block of blocks.toReversed()) this.free(block);
    this.twinRound(blocks);
    return blocks;
  }

  /** Takes and gives back until nothing changes; gives the number of bytes, and how much has changed. */
  run() {
    const start = this.checkpoint();
    const cuts = this.cuts();
    const first = this.round();
    this.firstFree = joined(first);
    const blocks = this.settle(first);
    this.checkCuts(blocks, cuts);
    const changedWords = this.changedElsewhere(start.memory);
    if (changedWords > OWN_WORDS) {
      throw new NotScrubbed(`allocating and freeing changed ${changedWords} words outside of what is free, more than an allocator needs`);
    }
    const zeroed = sum(blocks);
    return { zeroed, lost: Math.max(0, sum(first) - zeroed), changedWords };
  }

  /** Further rounds after the first one. The blocks of the last one. */
  settle(firstBlocks) {
    const first = sum(firstBlocks);
    const places = new Set();
    const before = new Uint8Array(this.bytes.length);
    let more = 0;
    for (let round = 0; round < ROUNDS; round++) {
      before.set(this.bytes);
      const blocks = this.round();
      const again = sum(blocks);
      // Another cut into blocks leaves a little more, or less.
      if (again + SEAM * Math.max(firstBlocks.length, blocks.length) < first) {
        throw new NotScrubbed(
          `of ${first} bytes that were freed, only ${again} could be allocated again: the allocator keeps what it is given back`,
        );
      }
      // Lists of what is free may go round, in the same places.
      more = 0;
      for (const at of changedWords(before, this.bytes)) {
        if (places.has(at)) continue;
        places.add(at);
        more += 1;
        if (places.size > MOST_PLACES) break;
      }
      if (places.size > MOST_PLACES) break;
      if (more <= RESTLESS_WORDS) return blocks;
    }
    throw new NotScrubbed(`allocating and freeing changes ${more} other words each time, so it does more than that`);
  }

  /** How many words are others than at the start, but for what is free, and the seams around it. */
  changedElsewhere(start) {
    let changed = 0;
    let free = 0;
    for (const at of changedWords(start, this.bytes)) {
      while (free < this.firstFree.length && this.firstFree[free].end + SEAM <= at * 4) free += 1;
      if (free === this.firstFree.length || at * 4 < this.firstFree[free].start - SEAM) changed += 1;
    }
    return changed;
  }
}

const sum = (blocks) => blocks.reduce((sum, { size }) => sum + size, 0);

/** Where blocks are, which do not overlap, with the seams between them. */
function joined(blocks) {
  const ranges = [];
  for (const { address, size } of [...blocks].sort((left, right) => left.address - right.address)) {
    const last = ranges.at(-1);
    if (last && address - last.end <= SEAM) last.end = address + size;
    else ranges.push({ start: address, end: address + size });
  }
  return ranges;
}

function* changedWords(before, after) {
  const words = (bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const [left, right] = [words(before), words(after)];
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) yield at;
}

/** How long the bytes are when they are deflated. */
export async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  let length = 0;
  for (const reader = stream.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return length;
    length += value.length;
  }
}

/**
 * What memory 0 of a snapshot of `original` holds when what is free in it is zero. `imports` are what the program gave the module; `state`
 * is what is in the snapshot, `captured` its memory, `listening` what listens in it, if something does. Gives the reason if that is not certain to be right.
 */
export async function scrub(snapshot, { original, imports, state, captured, listening }) {
  try {
    const { bounded, growing: unbounded, schema } = await scrubbing(snapshot, original);
    if (schema.state.memories.length === 0) throw new NotScrubbed('the module has no memory');
    const isFilled = state.imported?.memories.some(({ index, file }) => index === 0 && file !== undefined);
    if (isFilled) throw new NotScrubbed('memory 0 is imported and was not empty');
    if (schema.allocator.taken === null) {
      throw new NotScrubbed('it is not known where variables are: there is no `__heap_base`, and no data segment says all of it');
    }
    if (captured.length > MOST_MEMORY) throw new NotScrubbed(`the memory has more than ${MOST_MEMORY} bytes, of which copies are kept`);
    const calls = { count: 0 };
    const { instance } = await instantiate(bounded, importsFor(schema.state, { imports, state, calls }));
    const { exports } = instance;
    const twin = await growing(unbounded, schema.state, { imports, state, calls });
    // Nothing is played here.
    if (listening) for (const side of [exports, twin]) side[listening.global].value = 0;
    const read = () => {
      const files = new Map();
      const names = schema.state.memories.map((_, index) => `memory.${index}`);
      const { memories, ...rest } = readState(exports, schema.state, identities, names, (name, bytes) => files.set(name, bytes.slice()));
      return { rest: JSON.stringify(rest), files };
    };
    const identities = new Identities();
    const before = read();
    if (!isSame(before.files.get('memory.0'), captured)) throw new NotScrubbed('the snapshot has other memory without its program');
    const done = new Scrubber(exports, schema, { calls, twin }).run();
    const after = read();
    const others = [...before.files.keys()].slice(1);
    const areSame = others.every((name) => isSame(before.files.get(name), after.files.get(name)));
    if (before.rest !== after.rest || !areSame) throw new NotScrubbed('allocating and freeing changed something else than memory');
    return { memory: after.files.get('memory.0'), done, allocator: schema.allocator.name };
  } catch (error) {
    return { reason: `free memory is not zeroed: ${error.message}` };
  }
}
