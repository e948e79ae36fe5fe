import { encode, listen, probe } from './core.js';
import { copied } from './data.js';
import { fetchFiles } from './files.js';
import { holdFinalizers } from './finalizers.js';
import { isMade, watchTypes } from './foreign_types.js';
import { SECTION, whyNoOriginal, withSection } from './fixups.js';
import { watchNeighbors } from './neighbors.js';
import { listenersOf, recordOf } from './record.js';
import { Recording } from './recording.js';
import { oneByOne } from './one_by_one.js';
import { printable } from './printable.js';
import { deflated, scrub as scrubbedMemory } from './scrub.js';
import { watchTimers } from './timers.js';

// Before anything is hooked.
const { compile } = WebAssembly;
watchTypes();
watchNeighbors();

/** Why there is no snapshot: what it would lose, or what cannot be in one. */
export class Refusal extends Error {
  constructor(reasons) {
    // Names of the module are in them.
    const shown = reasons.map((reason) => printable(reason));
    super(`no snapshot was made:${shown.map((reason) => `\n  ${reason}`).join('')}`);
    this.name = 'Refusal';
    this.reasons = shown;
  }
}

async function bytesFrom(source, what) {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source !== 'string' && !(source instanceof URL)) throw new TypeError(`${what} must be a path, a URL or bytes`);
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(source));
}

/** Whether two are one file that is there. */
async function isSameFile(left, right) {
  const isFile = (one) => typeof one === 'string' || one instanceof URL;
  if (!isFile(left) || !isFile(right)) return false;
  const { stat } = await import('node:fs/promises');
  const [one, other] = await Promise.all([left, right].map((file) => stat(file).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** Why nothing may be written to `out`. */
async function whyNotTo(out, { wasm, script }) {
  if (await isSameFile(wasm, out)) return 'out is the module itself, which would be replaced';
  if (await isSameFile(script, out)) return 'out is the script, which would be replaced';
  if (typeof out !== 'string' && !(out instanceof URL)) return undefined;
  const { lstat, stat } = await import('node:fs/promises');
  const [link, target] = await Promise.all([lstat, stat].map((of) => of(out).catch(() => undefined)));
  return link && !target ? 'out is a link to what is not there, and would be replaced' : undefined;
}

async function digestOf(bytes) {
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The module and the state that the snapshot is made of, and what the run time plays. */
async function snapshotted(recording, state) {
  const { original, recorder, files, hasRecord } = recording;
  if (!hasRecord) {
    // What listens is not in it.
    state.globals.pop();
    state.tables.pop();
    return { wasm: original, state: { ...state, module: await digestOf(original) } };
  }
  const functions = listenersOf(recorder);
  const { wasm, helper, schema } = await listen(original, [...functions.keys()]);
  state.tables.at(-1).slots = Array(schema.slots).fill('null');
  const memories = state.memories.map(({ file }) => files.get(file));
  const { record, bytes } = recordOf(recorder, memories, functions);
  const { global, table, slots } = schema;
  return { wasm, state: { ...state, module: await digestOf(wasm) }, played: { record, bytes, helper, listening: { global, table, slots } } };
}

/** The snapshot of what was read, unless there are reasons why there is none. */
async function encoded(recording, read, { reasons, options }) {
  const { wasm, state, played } = await snapshotted(recording, structuredClone(read));
  const all = [...reasons, ...(played ? recording.recorder.problems : [])];
  if (all.length > 0) throw new Refusal(all);
  try {
    return { snapshot: await encode(wasm, state, recording.files, options), state, played };
  } catch (error) {
    // What cannot be written is a list, whose first line says so.
    const [what, ...places] = error.message.split('\n');
    throw new Refusal(places.length === 0 ? [what] : places.map((place) => `${what} ${place.trim()}`));
  }
}

/** The snapshot with free memory zeroed, if that is smaller; and what it gains. */
async function scrubbedState(recording, made, { encodedAgain, finished }) {
  const { files, imports } = recording;
  const [file] = made.state.memories.map((memory) => memory.file);
  const captured = files.get(file);
  const { reason, memory, done, allocator } = await scrubbedMemory(made.snapshot.wasm, {
    original: recording.original, imports, captured, state: made.state, listening: made.played?.listening,
  });
  if (reason) throw new Refusal([reason]);
  files.set(file, memory);
  const again = await encodedAgain();
  // A record may hold what is in free memory no more.
  const sizes = async (made) => {
    const { bytes } = finished(made);
    return { bytes: bytes.length, deflated: await deflated(bytes) };
  };
  const [before, after] = [await sizes(made), await sizes(again)];
  if (after.deflated < before.deflated) return { made: again, scrubbed: { allocator, free: done.zeroed, ...done, before, after } };
  files.set(file, captured);
  return { made, scrubbed: { allocator, free: done.zeroed, zeroed: 0, lost: 0, changedWords: 0, before, after: before } };
}

/** Initializers that do nothing in the snapshot, and why there should be none. */
function doneOf(recording, given) {
  const { hasRecord, recorder, initializers } = recording;
  const recorded = new Set(hasRecord ? recorder.events.filter(({ kind }) => kind === 'call').map((event) => event.function) : []);
  const called = initializers.called.filter(({ name, index }) => !given.includes(name) && !recorded.has(index) && !(hasRecord && initializers.isAgain(index)));
  // Whoever calls it would be told that all went well.
  const reasons = called.filter(({ hasReturned }) => !hasReturned).map(
    ({ name }) => `the export ${name} was called and did not return, and at run time it would do nothing; use noop: ['${name}'] if that will do`,
  );
  return { reasons, done: called.map(({ name }) => name) };
}

/** What is to be at `out`, in a file beside it; `commit` gives it the name, in one step, and `end` removes it if it does not have it. */
async function staged(out, bytes) {
  const { chmod, mkdir, realpath, rename, rm, stat, writeFile } = await import('node:fs/promises');
  const { basename, dirname, join } = await import('node:path');
  const { tmpdir } = await import('node:os');
  const { fileURLToPath } = await import('node:url');
  const given = out instanceof URL ? fileURLToPath(out) : out;
  await mkdir(dirname(given), { recursive: true });
  // A link stays one, and a device too.
  const path = await realpath(given).catch(() => given);
  const before = await stat(path).catch(() => undefined);
  const isReplaced = !before || before.isFile();
  const file = join(isReplaced ? dirname(path) : tmpdir(), `${basename(path)}.${globalThis.crypto.randomUUID()}.tmp`);
  await writeFile(file, bytes, { flag: 'wx' });
  if (before?.isFile()) await chmod(file, before.mode & 0o777);
  return { file, commit: () => (isReplaced ? rename(file, path) : writeFile(path, bytes)), end: () => rm(file, { force: true }) };
}

async function write(out, bytes, check = async () => {}) {
  const { file, commit, end } = await staged(out, bytes);
  try {
    const checked = await check(file);
    await commit();
    return checked;
  } finally {
    await end();
  }
}

/** Runs the program with the module that is watched; gives what `run` returned. */
async function watched(recording, { start, run }, { timers, finalizers, within }) {
  const endFiles = fetchFiles();
  let value;
  try {
    const started = await (start && within('start', start));
    finalizers.started();
    if (start) {
      recording.recorder.end();
      recording.glue.started(started);
      timers.end({ isStart: true });
    }
    value = copied(await (run && within('run', () => run(started))));
    timers.end();
  } finally {
    endFiles();
    timers.restore();
    recording.uninstall();
    recording.recorder.end();
    recording.recorder.unwatch();
    recording.attempts.end();
  }
  return value;
}

/** The snapshot of the module that `start` or `run` loads. See index.d.ts. */
export function capture(options) {
  return oneByOne((phases) => ofAny(options, phases));
}

// How often a script was imported: an engine evaluates it once.
const imported = new Map();

async function ofAny({ script, ...options }, phases) {
  const whyNot = await whyNotTo(options.out, { wasm: options.wasm, script });
  if (whyNot) throw new Refusal([whyNot]);
  if (script === undefined) return captured(options, phases);
  if (options.out === undefined) throw new TypeError('script needs out: other processes read the snapshot from there');
  const { exportsOf, table, verify } = await import('./verify.js');
  const { pathToFileURL } = await import('node:url');
  const url = new URL(script instanceof URL ? script : pathToFileURL(script));
  const times = imported.get(url.href) ?? 0;
  imported.set(url.href, times + 1);
  if (times > 0) url.searchParams.set('preinit', times);
  // It may load the library while it is imported, so that has to be watched.
  const phase = (name) => async (started) => (await import(url))[name](started);
  const names = await exportsOf(script);
  const functions = ['start', 'run'].filter((name) => names.includes(name)).map((name) => [name, phase(name)]);
  const verified = async (file, { scrubbed }) => {
    const verdict = await verify({ original: options.wasm, snapshot: file, script, times: 3 });
    if (!options.quiet) console.log(`${table(verdict)}${scrubbed ? `\n${scrubbedInWords(scrubbed)}` : ''}`);
    if (!verdict.equal) throw new Refusal(['the program answers otherwise with the snapshot, which is not written: see `verify`']);
    return { verdict };
  };
  return captured({ ...options, ...Object.fromEntries(functions), verified }, phases);
}

function scrubbedInWords({ allocator, free, zeroed, lost, changedWords, before, after }) {
  const names = printable(allocator);
  if (free === 0) return `scrub: nothing to gain: ${names} has given nothing away`;
  if (zeroed === 0) return `scrub: nothing to gain: zeroing what ${names} has free makes nothing smaller`;
  return `scrub: ${zeroed} bytes that ${names} has free; ${before.bytes} -> ${after.bytes} bytes, deflated ${before.deflated} -> ${after.deflated}; ${changedWords} words changed outside of it, ${lost} bytes lost to it`;
}

async function captured(options, phases) {
  const finalizers = holdFinalizers();
  try {
    return await captureOne(options, { ...phases, finalizers });
  } finally {
    // Not before the state has been read.
    finalizers.restore();
  }
}

async function captureOne({ wasm, out, start, run, noop = [], constant = {}, allow = [], again = [], scrub = false, hasCompany = false, verified }, { within, isIn, finalizers }) {
  if (typeof (start ?? run) !== 'function') throw new TypeError('start or run must be a function that loads the module');
  if (start && run && !isIn && !allow.includes('pending')) {
    throw new Refusal([
      "whether `run` ends what `start` has begun, which would be done twice at run time, is not known without AsyncLocalStorage; " +
        "wait for all of it in `start` and use allow: ['pending']",
    ]);
  }
  const original = await bytesFrom(wasm, 'wasm');
  const why = whyNoOriginal(original);
  if (why) throw new Refusal([why]);
  const listening = await listen(original);
  const given = [...noop, ...Object.keys(constant)];
  const probed = await probe(listening.wasm);
  const module = await compile(original);
  const recording = new Recording(original, { module, probed, listening, passed: given, allow, again, hasStart: start !== undefined, isInStart: isIn && (() => isIn('start')) });
  const timers = watchTimers();
  const value = await watched(recording, { start, run }, { timers, finalizers, within });
  const reasons = [...recording.reasons(), ...(allow.includes('timers') ? [] : timers.reasons({ hasCompany }))];
  if (reasons.length > 0) throw new Refusal(reasons);
  const read = recording.state();
  const { reasons: ofMemories, areFresh } = recording.memories(read);
  const { reasons: ofTables, tables } = recording.fixups(read);
  const { reasons: ofInitializers, done } = doneOf(recording, given);
  const constants = Object.entries(constant).map(([name, number]) => [name, String(number)]);
  const options = {
    noop_exports: [...noop, ...done],
    constant_exports: Object.fromEntries(constants),
    fresh_imports: areFresh,
  };
  let written = await encoded(recording, read, { reasons: [...ofMemories, ...ofTables, ...ofInitializers, ...recording.objects(read)], options });
  let scrubbed;
  const finished = (made) => withSections(made, { tables, value });
  const encodedAgain = () => encoded(recording, read, { reasons: [], options });
  if (scrub) ({ made: written, scrubbed } = await scrubbedState(recording, written, { encodedAgain, finished }));
  const { snapshot, played } = written;
  const inherited = recording.inherited({ tables, record: played?.record });
  if (inherited.length > 0) throw new Refusal(inherited);
  const { runtime, bytes } = finished(written);
  isMade(bytes);
  const made = { wasm: bytes, value, noop: options.noop_exports, runtime, needsRuntime: runtime !== 'none', warnings: [...snapshot.warnings, ...recording.warnings().map((one) => printable(one))], scrubbed };
  // It is there when all has been checked, and what was there before is until then.
  const checked = out === undefined ? {} : await write(out, bytes, (file) => verified?.(file, made));
  return { ...made, ...checked };
}

/** What a program loads, and which run time it needs. */
function withSections({ snapshot, played }, { tables, value }) {
  const runtime = played ? 'replay' : tables.length > 0 || value !== undefined ? 'run' : 'none';
  const sections = runtime === 'none' ? [] : sectionsOf({ tables, value }, played);
  return { runtime, bytes: sections.reduce((bytes, [name, contents]) => withSection(bytes, name, contents), snapshot.wasm) };
}

function sectionsOf(contents, played) {
  const json = (data) => new TextEncoder().encode(JSON.stringify(data));
  if (!played) return [[SECTION, json(contents)]];
  const { record, listening, bytes, helper } = played;
  return [
    [SECTION, json({ ...contents, record, listening })],
    [`${SECTION}.bytes`, bytes],
    [`${SECTION}.helper`, helper],
  ];
}
