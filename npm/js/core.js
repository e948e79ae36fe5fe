// The engine-independent half of preinit, compiled to WebAssembly: the module that shows its state, and the snapshot.

import { printableLines } from './printable.js';

// Before anything is hooked.
const { instantiate } = WebAssembly;
const utf8 = new TextDecoder();

let loading;

async function load() {
  const url = new URL('./core.wasm', import.meta.url);
  let bytes;
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises');
    bytes = await readFile(url);
  } else {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`cannot load ${url}: HTTP status ${response.status}`);
    bytes = await response.arrayBuffer();
  }
  // Pages may not compile large modules at once.
  return (await instantiate(bytes, {})).instance.exports;
}

/** Gives inputs to a function of the core and takes its outputs, as many as there should be. */
async function call(name, inputs, count) {
  const core = await (loading ??= load());
  core.clear();
  for (const bytes of inputs) {
    const at = core.input(bytes.length) >>> 0;
    // The memory may have grown.
    new Uint8Array(core.memory.buffer, at, bytes.length).set(bytes);
  }
  const failed = core[name]();
  const outputs = Array.from({ length: failed ? 1 : count }, (_, index) => {
    const at = core.output(index) >>> 0;
    return new Uint8Array(core.memory.buffer, at, core.output_len(index) >>> 0).slice();
  });
  core.clear();
  if (failed) throw new Error(printableLines(utf8.decode(outputs[0])));
  return outputs;
}

/** The form of a module that shows its state, and what to read of it. */
export async function probe(wasm) {
  const [probed, schema] = await call('probe', [wasm], 2);
  return { wasm: probed, schema: JSON.parse(utf8.decode(schema)) };
}

/**
 * The forms of a snapshot that show its state and its allocator, one whose memories do not grow and one whose memories do; and what is
 * where.
 */
export async function scrubbing(snapshot, original) {
  const [bounded, growing, schema] = await call('scrubbing', [snapshot, original], 3);
  return { bounded, growing, schema: JSON.parse(utf8.decode(schema)) };
}

/** The module in the state that was read. `files` are those that the state names, a map of names to bytes. */
export async function encode(wasm, state, files, options) {
  const request = new TextEncoder().encode(JSON.stringify({ state, files: [...files.keys()], options }));
  const [snapshot, said] = await call('encode', [wasm, request, ...files.values()], 2);
  return { wasm: snapshot, ...JSON.parse(utf8.decode(said)) };
}

/**
 * The form of a module whose functions (those of these indices, or all that can be called from outside) ask the host first,
 * the module that makes answers for it, and what is where.
 */
export async function listen(wasm, functions = null) {
  const request = new TextEncoder().encode(JSON.stringify(functions));
  const [listening, helper, schema] = await call('listen', [wasm, request], 3);
  return { wasm: listening, helper, schema: JSON.parse(utf8.decode(schema)) };
}
