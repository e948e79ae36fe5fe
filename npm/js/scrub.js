// Free memory zeroed by the module's own allocator, in an instance of the snapshot that nobody else sees: its memory cannot grow, so the
// allocator gives away all that is free, from large blocks to small ones; these are zeroed and given back. What an attempt that failed
// has left is put back.

import { scrubbing } from './core.js';
import { isSame } from './hooks.js';
import { Identities, readState } from './read_state.js';

// Before anything is hooked.
const { instantiate, Memory, Table, Global } = WebAssembly;

const SMALLEST = 16;
const LARGEST = 2 ** 31;
const MOST_BLOCKS = 1 << 22;
const ROUNDS = 6;
// An allocator counts something.
const RESTLESS_WORDS = 8;
// Rust's own default.
const ALIGNMENT = 8;

class NotScrubbed extends Error {}

/** What the snapshot imports, and does not get: functions that end what calls them. */
function importsFor(schema, { imports, state, calls }) {
  const found = Object.create(null);
  const put = (module, name, value) => ((found[module] ??= Object.create(null))[name] = value);
  for (const [module, names] of Object.entries(imports)) {
    for (const [name, value] of Object.entries(names)) put(module, name, value);
  }
  const refuse = () => {
    calls.count += 1;
    throw new NotScrubbed('JavaScript was called');
  };
  for (const { module, name, kind, index } of schema.imports) {
    if (kind === 'function') put(module, name, refuse);
    if (kind === 'table') {
      const element = schema.tables[index].type === 'func' ? 'anyfunc' : 'externref';
      put(module, name, new Table({ initial: state.tables[index].slots.length, element }));
    }
    if (kind === 'global') {
      const { type } = schema.globals[index];
      put(module, name, new Global({ value: type, mutable: true }, imports[module][name].value));
    }
    if (kind === 'memory') {
      const pages = imports[module][name].buffer.byteLength / 65536;
      put(module, name, new Memory({ initial: pages, maximum: pages }));
    }
  }
  return found;
}

class Scrubber {
  constructor(exports, { state, allocator }, calls) {
    this.exports = exports;
    this.allocator = allocator;
    this.calls = calls;
    this.memory = exports[state.memories[0]];
    const numbers = ['i32', 'i64', 'f32', 'f64'];
    this.globals = state.globals.filter(({ type }) => numbers.includes(type)).map(({ export: name }) => exports[name]);
    // Those that cannot be set are constants.
    this.globals = this.globals.filter((global) => isMutable(global));
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
    this.globals.forEach((global, index) => (global.value = globals[index]));
  }

  /** The address of a block; 0 if there is none of this size. */
  allocate(size) {
    const { shape, wide, allocate } = this.allocator;
    const before = this.calls.count;
    let address = 0;
    try {
      const given = this.exports[allocate](this.word(size), ...(shape === 'aligned' ? [this.word(ALIGNMENT)] : []));
      address = wide ? Number(BigInt.asUintN(64, given)) : given >>> 0;
    } catch {
      return 0;
    }
    // It has caught what ended the call.
    if (address !== 0 && this.calls.count !== before) throw new NotScrubbed('the allocator called JavaScript');
    return address;
  }

  free({ address, size }) {
    const { shape, free } = this.allocator;
    const before = this.calls.count;
    const sizes = { plain: [], sized: [size], aligned: [size, ALIGNMENT] }[shape];
    try {
      this.exports[free](...[address, ...sizes].map((value) => this.word(value)));
    } catch (error) {
      throw new NotScrubbed(`a block could not be freed: ${error.message}`);
    }
    if (this.calls.count !== before) throw new NotScrubbed('freeing called JavaScript');
  }

  takeAll() {
    const blocks = [];
    let checkpoint = this.checkpoint(this.room);
    this.room = checkpoint.memory;
    let size = SMALLEST;
    while (size * 2 < Math.min(this.bytes.length, LARGEST)) size *= 2;
    for (; size >= SMALLEST && blocks.length < MOST_BLOCKS; size /= 2) {
      const ofLarger = blocks.length;
      while (blocks.length < MOST_BLOCKS) {
        const address = this.allocate(size);
        if (address === 0) break;
        blocks.push({ address, size });
      }
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

  check(blocks) {
    const fail = ({ address, size }, what) => {
      throw new NotScrubbed(`the allocator returned ${size} bytes at 0x${address.toString(16)}, where ${what}`);
    };
    let end = 0;
    for (const block of [...blocks].sort((left, right) => left.address - right.address)) {
      if (block.address + block.size > this.bytes.length || block.address % 4 !== 0) fail(block, 'no block can be');
      if (block.address < (this.allocator.heap_base ?? 0)) fail(block, 'variables are');
      if (block.address < end) fail(block, 'another block is');
      end = block.address + block.size;
    }
  }

  round() {
    const blocks = this.takeAll();
    this.check(blocks);
    for (const { address, size } of blocks) this.bytes.fill(0, address, address + size);
    for (const block of blocks.reverse()) this.free(block);
    return blocks.reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes and gives back until nothing changes; gives the number of bytes. */
  run() {
    const first = this.round();
    const places = new Set();
    let more = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = this.bytes.slice();
      const again = this.round();
      // Another cut into blocks leaves a little more, or less.
      if (again < first - first / 8) {
        throw new NotScrubbed(
          `of ${first} bytes that were freed, only ${again} could be allocated again: the allocator keeps what it is given back`,
        );
      }
      // Lists of what is free may go round, in the same places.
      const changed = changedWords(before, this.bytes).filter((at) => !places.has(at));
      changed.forEach((at) => places.add(at));
      more = changed.length;
      if (more <= RESTLESS_WORDS) return again;
    }
    throw new NotScrubbed(`allocating and freeing changes ${more} other words each time, so it does more than that`);
  }
}

function isMutable(global) {
  try {
    const { value } = global;
    global.value = value;
    return true;
  } catch {
    return false;
  }
}

function changedWords(before, after) {
  const words = (bytes) => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const [left, right] = [words(before), words(after)];
  const changed = [];
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) changed.push(at);
  return changed;
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
 * What memory 0 of a snapshot holds when what is free in it is zero. `imports` are what the program gave the module; `state` is what is in
 * the snapshot, `captured` its memory, `listening` what listens in it, if something does. Gives the reason if that is not certain to be right.
 */
export async function scrub(snapshot, { imports, state, captured, listening }) {
  try {
    const { wasm, schema } = await scrubbing(snapshot);
    if (schema.state.memories.length === 0) throw new NotScrubbed('the module has no memory');
    const isFilled = state.imported?.memories.some(({ index, file }) => index === 0 && file !== undefined);
    if (isFilled) throw new NotScrubbed('memory 0 is imported and was not empty');
    const calls = { count: 0 };
    const { instance } = await instantiate(wasm, importsFor(schema.state, { imports, state, calls }));
    const { exports } = instance;
    // Nothing is played here.
    if (listening) exports[listening.global].value = 0;
    const read = () => {
      const files = new Map();
      const names = schema.state.memories.map((_, index) => `memory.${index}`);
      const { memories, ...rest } = readState(exports, schema.state, identities, names, (name, bytes) => files.set(name, bytes.slice()));
      return { rest: JSON.stringify(rest), files };
    };
    const identities = new Identities();
    const before = read();
    if (!isSame(before.files.get('memory.0'), captured)) throw new NotScrubbed('the snapshot has other memory without its program');
    const zeroed = new Scrubber(exports, schema, calls).run();
    const after = read();
    const others = [...before.files.keys()].slice(1);
    const areSame = others.every((name) => isSame(before.files.get(name), after.files.get(name)));
    if (before.rest !== after.rest || !areSame) throw new NotScrubbed('allocating and freeing changed something else than memory');
    return { memory: after.files.get('memory.0'), zeroed, allocator: schema.allocator.name };
  } catch (error) {
    return { reason: `free memory is not zeroed: ${error.message}` };
  }
}
