// How the tests of preinit dotnet run the command, and other programs.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const node = process.execPath;

/** Runs `preinit dotnet` of a folder that npm/js/assemble.mjs has filled. */
export function preinitDotnet(js, args) {
  const script = `import(${JSON.stringify(pathToFileURL(join(js, 'dotnet/cli.js')).href)}).then(async ({ run }) => process.exit(await run(process.argv.slice(1))))`;
  const { status, stdout, stderr } = spawnSync(node, ['-e', script, '--', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
}

/** The same, which must succeed. */
export function made(js, args) {
  // What versions without a list have written is not replaced.
  const out = args[args.indexOf('-o') + 1];
  const isListed = ['_framework', '.'].some((place) => existsSync(join(out, place, 'dotnet.preinit.files.json')));
  if (!isListed) rmSync(out, { recursive: true, force: true });
  const { status, stdout, stderr } = preinitDotnet(js, args);
  if (status !== 0) throw new Error(`preinit dotnet ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}

/** The last line that a script prints, which is JSON. */
export function played(script, args) {
  const printed = execFileSync(node, [script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
  return JSON.parse(printed.trim().split('\n').at(-1));
}

/** Keeps what was measured, for table.mjs. `reportFile` is what the command wrote with --report. */
export function figures(work, name, measured, reportFile) {
  const file = join(work, 'figures.json');
  const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const { sizes } = JSON.parse(readFileSync(reportFile, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...all, [name]: { ...measured, sizes } }, null, 2));
}

export const median = (list) => list.toSorted((left, right) => left - right)[list.length >> 1];

/**
 * Compares two sides on a machine that may have other work: they are run in turn, and of each the median counts. More rounds are made
 * while `holds` does not hold of the two medians of `value`; the bound stays what it is. Gives the runs of both sides.
 */
export async function inTurn(sides, { value, holds, least = 5, most = 15 }) {
  const runs = sides.map(() => []);
  const medians = () => runs.map((list) => median(list.map(value)));
  for (let round = 0; round < least || (round < most && !holds(...medians())); round++) {
    for (const [index, side] of sides.entries()) runs[index].push(await side());
  }
  return { runs, medians: medians() };
}

let failures = 0;

/** Says whether something holds, and remembers it. */
export function check(what, holds, detail = '') {
  console.log(`${holds ? 'ok' : 'FAILED'}: ${what}${detail === '' ? '' : ` (${detail})`}`);
  if (!holds) failures += 1;
}

export function finish() {
  console.log(failures === 0 ? 'everything holds' : `${failures} checks failed`);
  process.exit(failures === 0 ? 0 : 1);
}
