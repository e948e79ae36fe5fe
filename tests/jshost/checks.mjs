// What tests under JavaScript start with: `node TEST.mjs JS PREINIT`. JS is the folder that npm/js/assemble.mjs has filled; PREINIT is the
// command, which makes binaries of the modules in `modules`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [js, preinit] = process.argv.slice(2).map((path) => resolve(path));
export const folder = fileURLToPath(new URL('modules', import.meta.url));
export { preinit };

/** A file of the package. */
export const load = (file) => import(pathToFileURL(join(js, file)));

const { capture, Refusal } = await load('index.js');
let tests = 0;

/** The binary of a module here. Its own init functions do nothing. */
export function module(name, ...options) {
  const output = execFileSync(preinit, ['-q', join(folder, `${name}.wat`), ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Uint8Array(output);
}

/** Runs a test; those after it run whatever becomes of it. */
export async function test(name, body) {
  try {
    await body();
    tests += 1;
  } catch (error) {
    console.error(`FAILED: ${name}\n${error.stack}`);
    process.exitCode = 1;
  }
}

/** Captures what has to be refused, for a reason that matches. */
export async function refused(options, expected) {
  const error = await capture(options).then(() => null, (error) => error);
  assert(error instanceof Refusal, `expected a refusal, got ${error?.stack ?? 'a snapshot'}`);
  assert(error.reasons.some((reason) => expected.test(reason)), error.message);
}

process.on('exit', () => console.log(`${tests} tests passed`));
