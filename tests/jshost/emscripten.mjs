// Programs of Emscripten under their own JavaScript: classes (embind), C++ exceptions, functions that JavaScript adds, files in memory, an
// imported memory.
//
//     node tests/jshost/emscripten.mjs JS
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

// Each library listens to the process.
process.setMaxListeners(0);
const js = resolve(process.argv[2]);
const { capture, verify, Refusal } = await import(pathToFileURL(join(js, 'index.js')));
const folder = fileURLToPath(new URL('../../test-programs/emscripten/', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'preinit-emscripten-'));

/** A script whose text may use `load`, the library's own function. */
function script(name, library, text) {
  const file = join(work, `${name}.mjs`);
  writeFileSync(file, `
    import { readFileSync } from 'node:fs';
    import { createRequire } from 'node:module';
    const load = () => createRequire(import.meta.url)(${JSON.stringify(join(folder, `${library}.cjs`))})({
      wasmBinary: readFileSync(${JSON.stringify(join(folder, `${library}.wasm`))}),
    });
    ${text}`);
  return file;
}

async function made(name, library, text, options = {}) {
  const file = script(name, library, text);
  const original = join(folder, `${library}.wasm`);
  const snapshot = join(work, `${name}.wasm`);
  const { start, run } = await import(pathToFileURL(file));
  const captured = await capture({ wasm: original, out: snapshot, start, run, ...options });
  const verdict = await verify({ original, snapshot, script: file });
  assert.deepEqual(verdict.answers.snapshot, verdict.answers.original, name);
  assert.equal(verdict.equal, true, name);
  return { ...captured, answers: verdict.answers.snapshot };
}

async function refused(name, library, text, expected, options = {}) {
  const { start, run } = await import(pathToFileURL(script(name, library, text)));
  const error = await capture({ wasm: join(folder, `${library}.wasm`), start, run, ...options }).then(() => null, (error) => error);
  assert(error instanceof Refusal, `${name}: expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  for (const one of expected) assert(error.reasons.some((reason) => one.test(reason)), error.message);
}

const START = `
  export async function start() {
    const library = await load();
    return { library, triple: library.addFunction((n) => n * 3, 'ii') };
  }`;

const all = await made('all', 'library', `${START}
  export function run({ library }) {
    const index = new library.Index('words');
    for (let n = 0; n < 500; n++) index.add('w' + (n % 37));
    const refused = index.tryAdd('');
    index.save('/words.txt');
    library.ccall('keep', null, ['string'], ['/open.txt']);
    return refused;
  }
  export function calls({ started: { library, triple }, value }) {
    const more = new library.Index('more');
    more.add('x');
    const lines = more.load('/words.txt');
    let thrown;
    try { more.add(''); } catch (error) { thrown = typeof error; }
    library._finish();
    const read = (path) => library.FS.readFile(path, { encoding: 'utf8' });
    return [
      value, library._square(55), library._apply(triple, 14), more.count('w3'), more.count('x'), more.size(), lines, more.tryAdd(''),
      thrown, more.name, read('/words.txt'), read('/open.txt'), library.FS.readdir('/'),
      library._apply(library.addFunction((n) => n + 1, 'ii'), 1), Object.keys(library).filter((name) => name.startsWith('Index')),
    ];
  }`, { again: ['files'] });
assert.equal(all.runtime, 'replay');
assert.deepEqual(all.answers.slice(0, 4), [false, 3025, 42, 14]);
assert.equal(all.answers[11], 'begun by kept, not flushed, ended\n');

// The same without saying that files are to be written again.
await refused('files', 'library', `${START}
  export const run = ({ library }) => {
    const index = new library.Index('words');
    index.add('a');
    index.save('/words.txt');
  };`, [
  /^the import env.__syscall_open was called \(1 times\).*again: \['files'\]/, /^the import wasi_snapshot_preview1.fd_write was called/,
]);

// Files that JavaScript itself changes in `run`: nothing is called for that.
const changes = {
  written: ["FS.mkdir('/data'); FS.writeFile('/data/words.txt', 'a 2\\n')", /\(\/data, \/data\/words.txt\)/],
  'written over': ["FS.writeFile('/first.txt', 'other')", /\(\/first.txt\)/],
  removed: ["FS.unlink('/first.txt')", /\(\/first.txt\)/],
  renamed: ["FS.rename('/first.txt', '/second.txt')", /\(\/first.txt, \/second.txt\)/],
  'made a link': ["FS.symlink('/first.txt', '/link')", /\(\/link\)/],
  'left open': ["FS.open('/first.txt', 'r')", /\(\/first.txt \(open\)\)/],
  'written elsewhere than the module': ["index.save('/words.txt'); FS.writeFile('/other.txt', 'x')", /\(\/other.txt\)/, { again: ['files'] }],
  'put into another directory': ["FS.chdir('/tmp')", /current directory/],
};
for (const [name, [text, expected, options]] of Object.entries(changes)) {
  for (const [shape, result] of [['itself', 'library'], ['in an object', '{ library, n: 1 }'], ['files', '{ FS: library.FS, Index: library.Index }']]) {
    await refused(`${name}-${shape}`.replaceAll(' ', '-'), 'library', `
      export async function start() {
        const library = await load();
        library.FS.writeFile('/first.txt', 'as it was');
        return ${result};
      }
      export function run(started) {
        const { FS, Index } = started.library ?? started;
        const index = new Index('x');
        ${text};
      }`, [new RegExp(`^JavaScript changed files in memory in \`run\` .*${expected.source}`)], options);
  }
}
// What is put back has not changed, and what is not needed may.
for (const [text, options] of [["FS.writeFile('/a', 'b'); FS.unlink('/a')"], ["FS.writeFile('/a', 'b')", { allow: ['files'] }]]) {
  const kept = await made(`kept-${text.length}`, 'library', `
    export const start = () => load();
    export const run = ({ FS }) => { ${text}; };
    export const calls = ({ started: library }) => library._square(9);`, options);
  assert.deepEqual(kept.warnings, []);
}
// Where the files are not shown, a file that the module reads may have been written by JavaScript.
const reads = (options) => made(`unseen-${Object.keys(options).length}`, 'library', `
  let library;
  export async function start() {
    library = await load();
    library.FS.writeFile('/words.txt', 'a 2\\nb 3\\n');
  }
  export const run = () => library._square(new library.Index('read').load('/words.txt'));
  export const calls = () => new library.Index('x').load('/words.txt');`, options);
const [warning, ...more] = (await reads({})).warnings;
assert.match(warning, /^the module read files in `run` \(\/words.txt\)/);
assert.deepEqual([more, (await reads({ allow: ['files'] })).warnings], [[], []]);

// Constructors register the class; nothing else happens.
const constructed = await made('constructed', 'library', `
  let library;
  export const run = async () => { library = await load(); };
  export async function calls({ preinitialized }) {
    if (preinitialized) library = await load();
    const index = new library.Index('later');
    index.add('a');
    return [library._square(9), index.count('a')];
  }`);
assert.deepEqual([constructed.runtime, constructed.noop], ['replay', []]);

// A file that was only read leaves nothing behind.
const read = await made('read', 'library', `
  export async function start() {
    const library = await load();
    library.FS.writeFile('/words.txt', 'a 2\\nb 3\\n');
    return library;
  }
  export const run = (library) => library._square(new library.Index('read').load('/words.txt'));
  export const calls = ({ started: library, value }) => [value, new library.Index('x').load('/words.txt')];`);
assert.deepEqual(read.warnings, []);

const imported = await made('imported', 'primes', `
  export const start = () => load();
  export const run = (library) => library._build(20000);
  export const calls = ({ started: library, value }) => [value, ...[0, 99, 1e5].map((index) => library._prime(index)), library._build(100)];`);
assert.deepEqual(imported.answers, [2262, 2, 541, -1, 25]);

rmSync(work, { recursive: true });
console.log('programs of Emscripten start from snapshots as from nothing');
