// `capture` with a script: original and snapshot are started in processes of their own, and what is found there is said.
//
//     node tests/jshost/gain.mjs JS
import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const js = resolve(process.argv[2]);
const { capture, table } = await import(pathToFileURL(join(js, 'index.js')));
const wasm = fileURLToPath(new URL('../../test-programs/emscripten/primes.wasm', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'preinit-gain-'));
const out = join(work, 'out.wasm');

function script(name, limit, more = '') {
  const file = join(work, `${name}.mjs`);
  writeFileSync(file, `
    import { createRequire } from 'node:module';
    import { readFileSync } from 'node:fs';
    const wasmBinary = readFileSync(${JSON.stringify(wasm)});
    export const start = () => createRequire(import.meta.url)(${JSON.stringify(wasm.replace('.wasm', '.cjs'))})({ wasmBinary });
    export const run = (library) => library._build(${limit});
    export const calls = async ({ started: library, value, preinitialized }) => [value, library._prime(5)${more}];`);
  return file;
}

const { verdict } = await capture({ wasm, out, script: script('long', 2e6), quiet: true });
assert.equal(verdict.equal, true);
assert.equal(verdict.differentPages, 0);
assert(verdict.phases.original.run > verdict.phases.snapshot.run, JSON.stringify(verdict.phases));
assert.match(table(verdict), /^milliseconds +original +snapshot\nread .*\n.*(times faster|nothing to gain.*)$/s);

const short = await capture({ wasm, out, script: script('short', 3), quiet: true });
assert.equal(short.verdict.equal, true);
// What is left of a millisecond may be noise, so the words are tried with figures of their own.
const figures = (all) => ({ ...short.verdict, milliseconds: { original: 100, snapshot: all }, gains: all < 90 });
assert.match(table(figures(99)), /nothing to gain: use the original/);
assert.match(table(figures(20)), /\d\.\d times faster$/);

// Another answer, and a program that fails: what is there stays as it is, and nothing where nothing was.
const before = readFileSync(out);
const beside = readdirSync(work).length;
const refused = async (name, more, expected) => {
  for (const to of [out, join(work, 'new.wasm')]) {
    const written = script(name, 100, more);
    const error = await capture({ wasm, out: to, script: written, quiet: true }).catch((error) => error);
    rmSync(written);
    assert.match(error.message, expected);
  }
  assert.deepEqual(readFileSync(out), before);
  assert.equal(readdirSync(work).length, beside, readdirSync(work).join());
};
await refused('wrong', ', preinitialized', /the program answers otherwise with the snapshot/);
await refused('failing', ', preinitialized && failing()', /the program failed with the snapshot/);
await assert.rejects(capture({ wasm, script: script('none', 3) }), TypeError);

// While it is verified, nothing shows; then it is there as a whole, with the rights of what it replaces, also by a link.
const link = join(work, 'link.wasm');
symlinkSync('out.wasm', link);
writeFileSync(out, 'before');
chmodSync(out, 0o640);
const watching = `, readFileSync(${JSON.stringify(out)}, 'latin1') === 'before'`;
const again = await capture({ wasm, out: link, script: script('watching', 3, watching), quiet: true });
assert.deepEqual(again.verdict.answers.snapshot.at(-1), true);
assert.deepEqual(new Uint8Array(readFileSync(out)), again.wasm);
assert.equal(lstatSync(link).isSymbolicLink(), true);
assert.equal(statSync(out).mode & 0o777, 0o640);
// A device stays one.
const device = await capture({ wasm, out: '/dev/null', script: script('device', 3), quiet: true });
assert.equal(device.verdict.equal && statSync('/dev/null').isCharacterDevice(), true);

rmSync(work, { recursive: true });
console.log('what a snapshot gains is measured, and other answers are refused');
