// One side of a comparison: node play.js original|snapshot ORIGINAL SNAPSHOT SCRIPT
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { whyNotCompared } from './comparable.js';
import { fetchFiles } from './files.js';
import { sectionOf, sectionsIn } from './fixups.js';
import { SECTIONS } from './own_snapshots.js';
import { installHooks, isSame } from './hooks.js';
import { preinitialized } from './replay.js';

const PAGE = 1 << 12;

const [side, originalFile, snapshotFile, script] = process.argv.slice(2);
const original = new Uint8Array(readFileSync(originalFile));
const started = performance.now();
const own = new Uint8Array(readFileSync(side === 'original' ? originalFile : snapshotFile));
const phases = { read: performance.now() - started, compile: 0, instantiate: 0 };
const memories = new Set();
let instances = 0;

/** A digest of each page of each memory that JavaScript can see. */
function digests() {
  return [...memories].map((memory) => {
    const bytes = new Uint8Array(memory.buffer);
    const pages = [];
    for (let at = 0; at < bytes.length; at += PAGE) pages.push(createHash('md5').update(bytes.subarray(at, at + PAGE)).digest('latin1'));
    return pages;
  });
}

function keepMemories(values) {
  for (const value of values) if (value instanceof WebAssembly.Memory) memories.add(value);
}

/** Whether a module has the sections of the snapshot. Others that the script loads are what they are. */
function isSnapshot(module) {
  const all = sectionsIn(own);
  return SECTIONS.every((name) => {
    const [mine] = all.filter(([one]) => one === name);
    const [theirs, ...more] = WebAssembly.Module.customSections(module, name);
    return more.length === 0 && (mine && theirs ? isSame(mine[1], new Uint8Array(theirs)) : mine === theirs);
  });
}

async function played() {
  fetchFiles();
  // Nobody has said that the original is to be believed.
  if (side === 'snapshot') preinitialized({ accepts: isSnapshot });
  // Both sides pay for the comparison of bytes.
  installHooks({
    original,
    replacement: own,
    before: (imports) => (keepMemories(Object.values(imports ?? {}).flatMap((from) => Object.values(from))), imports),
    after: (instance) => ((instances += 1), keepMemories(Object.values(instance.exports)), instance),
    clock: (what, milliseconds) => (phases[what] += milliseconds),
  });
  const begun = performance.now();
  const phase = async (name, work) => {
    const began = performance.now();
    const before = phases.compile + phases.instantiate;
    const result = await work();
    phases[name] = performance.now() - began - (phases.compile + phases.instantiate - before);
    return result;
  };
  const { start, run, calls } = await phase('import', () => import(script));
  const loaded = await phase('start', () => start?.());
  // The program may want it before the module is instantiated. That is not compiled here: engines remember what they have compiled.
  const value = await phase('run', () => (side === 'original' ? run?.(loaded) : sectionOf(own)?.value));
  const answers = await phase('calls', () => calls({ preinitialized: side === 'snapshot', value, started: loaded }));
  return { answers, milliseconds: performance.now() - begun };
}

let result;
try {
  const outcome = await played();
  const incomparable = whyNotCompared(outcome.answers);
  result = incomparable === undefined ? { ...outcome, instances, phases, memories: digests() } : { incomparable };
} catch (error) {
  result = { error: error?.stack ?? String(error), instances };
}
const bytes = serialize(result);
const length = Buffer.alloc(4);
length.writeUInt32LE(bytes.length);
process.stdout.write(Buffer.concat([bytes, length]), () => process.exit(0));
