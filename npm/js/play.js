// One side of a comparison: node play.js original|snapshot ORIGINAL SNAPSHOT SCRIPT
import { readFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { sectionOf } from './fixups.js';
import { installHooks } from './hooks.js';
import { preinitialized } from './replay.js';

const [side, originalFile, snapshotFile, script] = process.argv.slice(2);
const original = new Uint8Array(readFileSync(originalFile));
const replacement = side === 'original' ? original : new Uint8Array(readFileSync(snapshotFile));
let instances = 0;

async function played() {
  preinitialized();
  // Both sides pay for the comparison of bytes.
  installHooks({
    original,
    replacement,
    before: (imports) => imports,
    after: (instance) => ((instances += 1), instance),
  });
  const started = performance.now();
  const { start, run, calls } = await import(script);
  const loaded = await start?.();
  // The program may want it before the module is instantiated. That is not compiled here: engines remember what they have compiled.
  const value = side === 'original' ? await run?.(loaded) : sectionOf(replacement)?.value;
  const answers = await calls({ preinitialized: side === 'snapshot', value, started: loaded });
  return { answers, milliseconds: performance.now() - started };
}

let result;
try {
  result = { ...(await played()), instances };
} catch (error) {
  result = { error: error?.stack ?? String(error), instances };
}
const bytes = serialize(result);
const length = Buffer.alloc(4);
length.writeUInt32LE(bytes.length);
process.stdout.write(Buffer.concat([bytes, length]), () => process.exit(0));
