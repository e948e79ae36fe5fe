// Our own program of Kotlin (`wasm-js`) under its own JavaScript: its objects and strings are in the snapshot, its exceptions get their objects of
// JavaScript again, and what cannot be made again is refused by name.
//
//     node tests/jshost/kotlin.mjs JS PREINIT
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { load, refused, test } from './checks.mjs';

const { capture, table } = { ...(await load('index.js')), ...(await load('verify.js')) };
const wasm = fileURLToPath(new URL('../../test-programs/kotlin-js/words.wasm', import.meta.url));
const glue = pathToFileURL(wasm.replace('.wasm', '.mjs')).href;
const work = mkdtempSync(join(tmpdir(), 'preinit-kotlin-'));
let loads = 0;
const program = () => import(`${glue}?${(loads += 1)}`);

/** A program that builds everything when it starts, or nothing. */
function script(run) {
  const file = join(work, `script${(loads += 1)}.mjs`);
  writeFileSync(file, `
    import * as words from ${JSON.stringify(glue)};
    export function run() { ${run} }
    export const calls = () => Array.from({ length: 200 }, (_, n) => words.answer(n * 7919));`);
  return file;
}

await test('answers of 200 calls are the same, and it starts faster', async () => {
  const out = join(work, 'words.wasm');
  const { verdict, runtime, noop } = await capture({ wasm, out, script: script('words.start();'), quiet: true });
  const digest = (answers) => createHash('sha256').update(JSON.stringify(answers)).digest('hex');
  console.log(`Kotlin\n${table(verdict)}`);
  assert.equal(digest(verdict.answers.snapshot), digest(verdict.answers.original));
  assert.equal(new Set(verdict.answers.snapshot).size, 200);
  assert.match(verdict.answers.snapshot[1], /no number: \/Invalid number format: ''\/true/);
  // The loader calls it at every start, and the snapshot needs nothing else.
  assert.deepEqual([runtime, noop], ['none', ['_start']]);
  assert(verdict.phases.snapshot.run < verdict.phases.original.run / 10, table(verdict));
});

const run = (name, ...args) => async () => void (await program())[name](...args);
await test('what JavaScript has is refused by name', async () => {
  await refused({ wasm, run: run('keepObject') }, /^the import js_code\.newObject was called \(1 times\)/);
  await refused({ wasm, run: run('keepObject'), allow: ['js_code.newObject'] }, /global \d+ \(\$kept\): externref of the host/);
  await refused({ wasm, run: run('keepNumber') }, /global \d+ \(\$kept\): /);
  await refused({ wasm, run: run('keepFunction', () => 3) }, /\(\$listener\) → field \d+ of \$__JsClosureToKotlinClosure_.*: externref of the host/);
  await refused({ wasm, run: run('chance') }, /^the import js_code\.kotlin\.random\.initialSeed was called/);
});

await test('a snapshot has strings as they are', async () => {
  const { wasm: snapshot } = await capture({ wasm, run: run('start') });
  assert(Buffer.from(snapshot).includes(Buffer.from('Invalid number format: \'one\'', 'utf16le')));
  assert(!Buffer.from(readFileSync(wasm)).includes(Buffer.from('Invalid number format: \'one\'', 'utf16le')));
});

rmSync(work, { recursive: true });
