// Our own program of Java (TeaVM) under its own JavaScript: exports are globals that hold functions of JavaScript, which the snapshot lets be made
// again; objects and strings are in it; what cannot be made again is refused by name.
//
//     node tests/jshost/java.mjs JS PREINIT WORK
//
// Ends with 3 if there is no Maven.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';
import { load, refused, test } from './checks.mjs';

const { capture, table } = { ...(await load('index.js')), ...(await load('verify.js')) };
const work = resolve(process.argv[4]);
mkdirSync(work, { recursive: true });
const build = fileURLToPath(new URL('../../test-programs/java-js/build.sh', import.meta.url));
const { status } = spawnSync('bash', [build, work], { stdio: 'inherit' });
if (status === 3) {
  console.log('there is no Maven');
  process.exit(3);
}
assert.equal(status, 0, 'the program could not be built');
const wasm = join(work, 'words.wasm');
const loader = pathToFileURL(join(work, 'words.mjs')).href;

await test('answers of 200 calls are the same, and it starts faster', async () => {
  const script = join(work, 'script.mjs');
  writeFileSync(script, `
    import { readFileSync } from 'node:fs';
    import { load } from ${JSON.stringify(loader)};
    const java = await load(readFileSync(${JSON.stringify(wasm)}));
    export const run = () => java.exports.start();
    export const calls = () => [
      Object.keys(java.instance.exports).filter((name) => typeof java.instance.exports[name].value === 'function'),
      ...Array.from({ length: 200 }, (_, n) => java.exports.answer(n * 7919)),
    ];`);
  const { verdict, runtime } = await capture({ wasm, out: join(work, 'words.pre.wasm'), script, quiet: true });
  const digest = (answers) => createHash('sha256').update(JSON.stringify(answers)).digest('hex');
  console.log(`Java\n${table(verdict)}`);
  assert.equal(digest(verdict.answers.snapshot), digest(verdict.answers.original));
  assert(verdict.answers.snapshot[0].includes('answer') && new Set(verdict.answers.snapshot).size === 201);
  assert.equal(runtime, 'none');
  assert(verdict.phases.snapshot.run < verdict.phases.original.run / 10, table(verdict));
});

const run = (name) => async () => {
  const { load } = await import(loader);
  (await load(readFileSync(wasm))).exports[name]();
};
await test('what JavaScript has is refused by name', async () => {
  await refused({ wasm, run: run('keepObject') }, /^the import teavmJso\.callFunction0 was called/);
  await refused({ wasm, run: run('keepObject'), allow: ['teavmJso.callFunction0'] }, /global \d+: externref of the host/);
  await refused({ wasm, run: run('keepFailure') }, /global \d+ → field \d+ of type \d+: externref of the host/);
  await refused({ wasm, run: run('chance') }, /^the import teavmMath\.random was called/);
});
