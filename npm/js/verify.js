// The same program with the original and with the snapshot, each in a process of its own: the answers must be the same.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { deserialize } from 'node:v8';
import { sectionOf, whyNoOriginal } from './fixups.js';
import { printableLines } from './printable.js';

const player = fileURLToPath(new URL('./play.js', import.meta.url));
const SIDES = ['original', 'snapshot'];
// What is less than this part of the original's time is a gain.
const GAIN = 0.9;

function pathOf(file, what) {
  if (file instanceof URL) return fileURLToPath(file);
  if (typeof file !== 'string') throw new TypeError(`${what} must be a path or a file URL`);
  return file;
}

/** What a process of Node prints. If it fails, what it printed is in the message. */
async function printedBy(args, options = {}) {
  try {
    return (await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 30, ...options })).stdout;
  } catch (error) {
    throw new Error(printableLines(error.message));
  }
}

/** What `play.js` says. What the program prints comes first. */
function resultIn(stdout, side) {
  try {
    const length = stdout.readUInt32LE(stdout.length - 4);
    return deserialize(stdout.subarray(stdout.length - 4 - length, stdout.length - 4));
  } catch {
    throw new Error(`the program ended its process with the ${side} before it had answered`);
  }
}

async function played(side, files, url) {
  const stdout = await printedBy([player, side, ...files, url], { encoding: 'buffer' });
  const result = resultIn(stdout, side);
  const { error, incomparable, instances } = result;
  if (error) throw new Error(printableLines(`the program failed with the ${side}: ${error}`));
  if (incomparable !== undefined) throw new TypeError(`what \`calls\` returned with the ${side} must be data that can be compared: ${incomparable}`);
  if (instances !== 1) throw new Error(`the program instantiated the ${side} ${instances} times, where once was expected`);
  return result;
}

/** How many pages of memory differ in the end. */
function differentPages(left, right) {
  const sum = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
  const longer = left.length > right.length ? left : right;
  return sum(longer.map((_, memory) => {
    const [a, b] = [left[memory] ?? [], right[memory] ?? []];
    return (a.length > b.length ? a : b).filter((_, page) => a[page] !== b[page]).length;
  }));
}

/** The names that a script exports. It is imported by another process: what it loads here will be watched. */
export async function exportsOf(script) {
  const url = pathToFileURL(pathOf(script, 'script')).href;
  const files = new URL('./files.js', import.meta.url).href;
  const text = `
    (await import(${JSON.stringify(files)})).fetchFiles();
    const all = await import(${JSON.stringify(url)});
    process.stdout.write('\\n' + JSON.stringify(Object.keys(all)), () => process.exit(0));`;
  const stdout = await printedBy(['--input-type=module', '--eval', text]);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1));
}

/** Answers of both sides; other ones, if any run has such. */
function answersOf({ original, snapshot }) {
  const [first] = original;
  if (first.answers === undefined) throw new TypeError('`calls` returned nothing with the original, so there is nothing to compare');
  // If the original answers otherwise from run to run, the snapshot does so than one of them.
  const isOther = ([one, other]) => !isDeepStrictEqual(one.answers, other.answers);
  const pair = original.flatMap((one) => snapshot.map((other) => [one, other])).find(isOther);
  const [one, other] = pair ?? [first, snapshot[0]];
  return { equal: pair === undefined, answers: { original: one.answers, snapshot: other.answers } };
}

const bothOf = (of) => Object.fromEntries(SIDES.map((side) => [side, of(side)]));

/** Compares a snapshot with its original. See index.d.ts. */
export async function verify({ original, snapshot, script, times = 1 }) {
  const files = [pathOf(original, 'original'), pathOf(snapshot, 'snapshot')];
  const url = pathToFileURL(pathOf(script, 'script')).href;
  const why = whyNoOriginal(readFileSync(files[0]));
  if (why) throw new Error(`original: ${why}`);
  sectionOf(readFileSync(files[1]));
  const runs = { original: [], snapshot: [] };
  for (let time = 0; time < times; time++) {
    for (const side of SIDES) runs[side].push(await played(side, files, url));
  }
  // Others use the machine, too.
  const best = bothOf((side) => runs[side].reduce((best, run) => (run.milliseconds < best.milliseconds ? run : best)));
  const totals = bothOf((side) => runs[side].map(({ milliseconds, phases }) => milliseconds + phases.read).sort((a, b) => a - b));
  // The best run and the one in the middle: one of them may be chance.
  const isLess = (at) => totals.snapshot[at] < totals.original[at] * GAIN;
  return {
    ...answersOf(runs),
    differentPages: differentPages(best.original.memories, best.snapshot.memories),
    milliseconds: bothOf((side) => best[side].milliseconds),
    phases: bothOf((side) => best[side].phases),
    gains: isLess(0) && isLess(times >> 1),
  };
}

/** What `verify` has measured, as a table. */
export function table({ phases, milliseconds, gains }) {
  const names = { read: 'read', compile: 'compile', instantiate: 'instantiate', import: 'import', start: 'start', run: 'run', calls: 'first calls' };
  const row = (name, left, right) => `${name.padEnd(12)}${left.toFixed(1).padStart(10)}${right.toFixed(1).padStart(10)}`;
  const rows = Object.entries(names).map(([key, name]) => row(name, phases.original[key], phases.snapshot[key]));
  const total = (side) => milliseconds[side] + phases[side].read;
  return [
    `${'milliseconds'.padEnd(12)}${'original'.padStart(10)}${'snapshot'.padStart(10)}`,
    ...rows,
    row('all', total('original'), total('snapshot')),
    gains
      ? `${(total('original') / total('snapshot')).toFixed(1)} times faster`
      : 'nothing to gain: use the original. What takes its time is not init, or the memory is too large to be copied at every start.',
  ].join('\n');
}
