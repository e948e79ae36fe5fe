// `capture` with a script: original and snapshot are started in processes of their own, and what is found there is said.
//
//     node tests/jshost/gain.mjs JS
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const js = resolve(process.argv[2]);
const { capture, Refusal, table } = await import(pathToFileURL(join(js, 'index.js')));
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
    export const calls = ({ started: library, value, preinitialized }) => [value, library._prime(5)${more}];`);
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

// Another answer: the snapshot is refused, and not left behind.
const error = await capture({ wasm, out, script: script('wrong', 100, ', preinitialized'), quiet: true }).catch((error) => error);
assert(error instanceof Refusal, error.stack);
assert.match(error.message, /answers otherwise/);
assert.equal(existsSync(out), false);
await assert.rejects(capture({ wasm, script: script('none', 3) }), TypeError);

rmSync(work, { recursive: true });
console.log('what a snapshot gains is measured, and other answers are refused');
