// Our own program of wasm-bindgen, built from crates.io, under its own JavaScript: with reference types, and with values of JavaScript
// that have numbers.
//
//     node tests/jshost/wasm_bindgen.mjs JS LIBRARY
//
// LIBRARY is the folder that test-programs/wasm-bindgen/build.sh has filled.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const [js, folder] = process.argv.slice(2).map((path) => resolve(path));
const { capture, verify, Refusal } = await import(pathToFileURL(join(js, 'index.js')));
const work = mkdtempSync(join(tmpdir(), 'preinit-wasm-bindgen-'));
let scripts = 0;

/** A script whose text may use `load`, which gives the library as it is. The library is loaded when it is called first. */
function script(kind, text) {
  const file = join(work, `script${(scripts += 1)}.mjs`);
  const library = JSON.stringify(join(folder, kind, 'words.js'));
  // Each script has an instance of its own.
  writeFileSync(file, `
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    let library;
    const load = () => library ??= (delete require.cache[${library}], require(${library}));
    ${text}`);
  return file;
}

const original = (kind) => join(folder, kind, 'words_bg.wasm');

async function made(kind, text, options = {}) {
  const file = script(kind, text);
  const out = join(work, 'out.wasm');
  const { start, run } = await import(pathToFileURL(file));
  const captured = await capture({ wasm: original(kind), out, start, run, ...options });
  const verdict = await verify({ original: original(kind), snapshot: out, script: file });
  assert.deepEqual(verdict.answers.snapshot, verdict.answers.original, text);
  assert.equal(verdict.equal, true);
  return { ...captured, answers: verdict.answers.snapshot };
}

/** The text has to bring the library to a state that cannot be in a snapshot, and `check` says that it still works. */
async function refused(kind, text, expected, options = {}) {
  const { start, run, check } = await import(pathToFileURL(script(kind, text)));
  const error = await capture({ wasm: original(kind), start, run, ...options }).then(() => null, (error) => error);
  assert(error instanceof Refusal, `${text}: expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  assert(error.reasons.some((reason) => expected.test(reason)), error.message);
  assert.equal(await check?.(), check && true);
}

const ANSWERS = `
  const answers = (words) => {
    const index = new words.Index('later');
    ['b', 'a', 'b'].forEach((word) => index.add(word));
    const seen = [];
    index.each((word, count) => seen.push(word + count));
    let thrown;
    try { index.add(''); } catch (error) { thrown = error.message; }
    const next = words.counter(5);
    return [
      words.starts(), words.lookup('word7919'), words.lookup('word1') ?? 'none', words.find('\\\\w+a\\\\b', 'a ba bab Ma'), index.name, seen, thrown,
      [...index.counts()], words.sum_of(10, (n) => n * n), words.property({ a: 'b' }, 'a'), next() + next(), words.kept(),
    ];
  };`;

for (const kind of ['externref', 'numbers']) {
  // All kinds of calls before the capture; nothing of JavaScript is left.
  const all = await made(kind, `${ANSWERS}
    export const run = () => {
      load().build(5000);
      load().find('\\\\w+a\\\\b', 'x');
      return ['a', 1, null, undefined].map((one) => load().describe(one));
    };
    export const calls = ({ value }) => [...answers(load()), value];`);
  assert.deepEqual(all.noop, ['__wbindgen_start']);
  assert.deepEqual(all.answers.slice(0, 4), [1, 1, 'none', ['ba', 'Ma']]);
  assert.deepEqual(all.value, ['the text a', 'the number 1', 'something else', 'nothing']);

  // A value of a class, by its pointer.
  const pointer = await made(kind, `
    export const run = () => {
      const index = new (load().Index)('words');
      for (let n = 0; n < 300; n++) index.add('w' + n % 7);
      return index.__wbg_ptr;
    };
    export const calls = ({ preinitialized, value }) => {
      const { Index } = load();
      let index = preinitialized && Object.assign(Object.create(Index.prototype), { __wbg_ptr: value });
      index ||= Object.assign(Object.create(Index.prototype), { __wbg_ptr: value });
      index.add('w3');
      return [index.name, [...index.counts()]];
    };`);
  assert.deepEqual(pointer.answers[1][3], ['w3', 44]);

  // A value of a class and a function of Rust that \`start\` makes.
  const recorded = await made(kind, `${ANSWERS}
    export const start = () => {
      const words = load();
      const index = new words.Index('started');
      index.add('one');
      return { words, index, next: words.counter(40) };
    };
    export const run = ({ words, index }) => { words.build(5000); index.add('two'); };
    export const calls = ({ started: { words, index, next } }) => [next(), next(), [...index.counts()], ...answers(words)];`);
  assert.equal(recorded.runtime, 'replay');
  assert.deepEqual(recorded.answers.slice(0, 3), [41, 42, [['one', 1], ['two', 1]]]);

  // A promise that the module waits for in `start`; an error that it throws in `run`.
  const waited = await made(kind, `
    export const start = async () => ({ words: load(), doubled: await load().double(Promise.resolve(21)) });
    export const run = ({ words }) => void words.build(5000);
    export const calls = async ({ started: { words, doubled } }) => [doubled, words.lookup('word7919'), await words.double(Promise.resolve(4))];`);
  assert.deepEqual(waited.answers, [42, 1, 8]);
  const thrown = await made(kind, `
    export const run = () => {
      try { new (load().Index)('a').add(''); } catch (error) { return error.message; }
    };
    export const calls = ({ value }) => [value, load().starts()];`);
  assert.deepEqual(thrown.answers, ['the word is empty', 1]);

  // A live object or function of JavaScript, also one that wraps a function of Rust.
  const live = kind === 'externref' ? (what) => new RegExp(`^table \\d+, element \\d+ holds ${what}`) : () => /^the module holds 1 values? of JavaScript by number/;
  await refused(kind, `
    export const run = () => { load().keep({ a: 1 }); };
    export const check = () => load().kept()[0].a === 1;`, live('an object \\(Object\\) of JavaScript'));
  await refused(kind, `
    export const run = () => { load().keep(() => 1); };
    export const check = () => load().kept()[0]() === 1;`, live('a function of JavaScript'));
  await refused(kind, 'export const run = () => { load().keep_counter(3); };', live('a function of JavaScript'));
  // What was let go is not missing.
  await made(kind, `
    export const run = () => { load().keep({}); load().keep([]); load().drop_kept(); };
    export const calls = () => [load().kept(), load().keep('later')];`);
  // What calls JavaScript is not known to leave nothing there.
  await refused(kind, `
    export const run = () => { load().sum_of(3, (n) => n); };
    export const check = () => load().sum_of(3, (n) => n) === 3;`, /^the import .*__wbg_call_[0-9a-f]+ was called \(3 times\)/);
  // A promise that is pending.
  await refused(kind, `
    let resolve, promise;
    export const run = () => { promise = load().double(new Promise((one) => (resolve = one))); };
    export const check = async () => (resolve(21), await promise === 42);`, /^the import .*__wbg_(then|new_typed|queueMicrotask|resolve)_/);
}

// Strings, numbers, null, booleans and undefined are put again into the table; where they have numbers they are refused.
const KEPT = `
  export const run = () => { ['word', 7.5, null, true, undefined, 10n ** 20n, globalThis].forEach((one) => load().keep(one)); };
  export const calls = () => {
    const shown = () => load().kept().map((one) => (one === globalThis ? 'all' : one));
    return [shown(), load().keep('more'), shown()];
  };`;
const kept = await made('externref', KEPT);
assert.deepEqual(kept.answers[0], ['word', 7.5, null, true, undefined, 10n ** 20n, 'all']);
assert.equal(kept.runtime, 'run');
await refused('numbers', KEPT, /^the module holds \d+ values of JavaScript by number/);

rmSync(work, { recursive: true });
console.log('a program of wasm-bindgen starts from snapshots as from nothing, and what it holds of JavaScript is refused');
