// Our own program of Go (GOOS=js) under its own JavaScript: what `main` does before it waits is in the snapshot, and its calls of JavaScript
// are made again.
//
//     node tests/jshost/go.mjs JS WORK
//
// Ends with 3 if there is no Go.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [js, work] = process.argv.slice(2).map((path) => resolve(path));
const { capture, verify, Refusal } = await import(pathToFileURL(join(js, 'index.js')));
const wasm = join(work, 'words.wasm');
mkdirSync(work, { recursive: true });
const source = fileURLToPath(new URL('../../test-programs/go-js', import.meta.url));
try {
  const env = { ...process.env, GOOS: 'js', GOARCH: 'wasm' };
  execFileSync('go', ['build', '-trimpath', '-ldflags=-s', '-o', wasm, '.'], { cwd: source, env, stdio: 'inherit' });
  const root = execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim();
  const glue = ['lib/wasm', 'misc/wasm'].map((folder) => join(root, folder, 'wasm_exec.js')).find(existsSync);
  copyFileSync(glue, join(work, 'wasm_exec.cjs'));
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
  console.log('there is no Go');
  process.exit(3);
}

let scripts = 0;
function script(text) {
  const file = join(work, `script${(scripts += 1)}.mjs`);
  writeFileSync(file, `
    import { readFileSync } from 'node:fs';
    import './wasm_exec.cjs';
    const printed = [];
    globalThis.fs.writeSync = (descriptor, bytes) => (printed.push(new TextDecoder().decode(bytes)), bytes.length);
    export async function start() {
      globalThis.wordsOptions = { label: 'given' };
      const go = new globalThis.Go();
      const { instance } = await WebAssembly.instantiate(readFileSync(${JSON.stringify(wasm)}), go.importObject);
      go.run(instance);
      return go;
    }
    ${text}`);
  return file;
}

const CALLS = `
  export async function calls() {
    const { wordsLookup, wordsFind, wordsEach, wordsLabel, wordsStarts, wordsBuild, wordsLater } = globalThis;
    const answers = [printed.join(''), wordsLookup('word7919'), wordsLookup('none'), wordsFind('a bc d e'), wordsEach((n) => n * n), wordsLabel(), wordsStarts()];
    const later = await new Promise(wordsLater);
    // Values come and go, and those that were there stay.
    for (let n = 0; n < 2000; n++) wordsEach(() => n);
    return [...answers, later, wordsBuild(40000), wordsLookup('word7919'), wordsLabel()];
  }`;

const out = join(work, 'out.wasm');
const file = script(CALLS);
const { start } = await import(pathToFileURL(file));
const { runtime } = await capture({ wasm, out, start });
assert.equal(runtime, 'replay');
const verdict = await verify({ original: wasm, snapshot: out, script: file });
assert.deepEqual(verdict.answers.snapshot, verdict.answers.original);
assert.deepEqual(verdict.answers.snapshot.slice(0, 8), ['ready\n', 1, null, 'a bc|d e', 30, 'given', 1, 'later']);
const { original, snapshot } = verdict.phases;
console.log(`start of a program of Go: ${original.start.toFixed(0)} -> ${snapshot.start.toFixed(0)} ms`);

// A call after \`start\` gives numbers to values of JavaScript, which would be missing.
async function refused(text, options, expected) {
  const { start, run } = await import(pathToFileURL(script(text)));
  const error = await capture({ wasm, start, run, ...options }).then(() => null, (error) => error);
  assert(error instanceof Refusal, `expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  assert(error.reasons.some((reason) => expected.test(reason)), error.message);
  assert.equal(globalThis.wordsLookup('word7919'), 1, 'it still works');
}
await refused('export const run = () => void globalThis.wordsLookup("a");', {}, /^the import gojs.syscall\/js.valueGet was called \(\d+ times\)/);
const { start: whole } = await import(pathToFileURL(script('')));
const error = await capture({ wasm, run: async () => void (await whole()) }).then(() => null, (error) => error);
assert(error instanceof Refusal && error.reasons.some((reason) => reason.startsWith('the import gojs.syscall/js.valueGet was called')), error?.stack);

console.log('a program of Go starts from a snapshot as from nothing, or is refused');
process.exit(0);
