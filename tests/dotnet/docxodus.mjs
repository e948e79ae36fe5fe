// npm's docxodus, .NET inside, original and snapshot: node docxodus.mjs JS WORK
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, figures, finish, inTurn, made, median, played } from './command.mjs';
import { documentOf } from './documents.mjs';

const [js, work] = process.argv.slice(2).map((path) => resolve(path));
mkdirSync(work, { recursive: true });
if (!existsSync(join(work, 'package.json'))) writeFileSync(join(work, 'package.json'), '{"type":"module"}');
const installed = join(work, 'node_modules/docxodus/dist/wasm');
if (!existsSync(installed)) {
  execFileSync('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', 'docxodus@12.6.2'], { cwd: work, stdio: 'inherit', shell: process.platform === 'win32' });
}
const player = fileURLToPath(new URL('./play_docxodus.mjs', import.meta.url));
const warm = join(work, 'warm.docx');
writeFileSync(warm, documentOf(100));
const out = join(work, 'docxodus');
// What this package is a test of, besides.
const native = readFileSync(join(installed, '_framework/dotnet.native.js'), 'utf8');
check('its assemblies are compiled ahead of time, and its runtime is linked anew', /runAOTCompilation:\s*true/.test(native));
process.stdout.write(made(js, [
  installed, '-o', out, '--host', 'node', '--at', 'start', '--warm', `DocxodusWasm.DocumentConverter.ConvertDocxToHtml(@${JSON.stringify(warm)})`,
  '--report', join(work, 'docxodus.json'),
]));
const isSteady = (before, after) => after <= 1.1 * before;
const sides = [installed, out].map((folder) => () => played(player, [join(folder, '_framework')]));
const { runs: [originals, snapshots], medians: steady } = await inTurn(sides, { value: ({ steady: time }) => time, holds: isSteady, least: 3, most: 9 });
const [original, snapshot] = [originals[0], snapshots[0]];
const same = (name) => JSON.stringify(original[name]) === JSON.stringify(snapshot[name]);
check('the original answers the same twice', ['pages', 'compared', 'session'].every((name) => JSON.stringify(original[name]) === JSON.stringify(originals[1][name])));
check('conversions of ten documents are those of the original', same('pages') && new Set(original.pages).size === 10, `${original.lengths} characters`);
check('comparisons are those of the original', same('compared') && new Set(original.compared).size === 3);
check('a session of the editor is that of the original', same('session') && snapshot.hasNew);
check('nothing is said at the start', snapshot.said.length === 0, snapshot.said.join(' '));
const times = [originals, snapshots].map((runs) => median(runs.map(({ first }) => first)));
check('the first page comes 1.5 times earlier', times[0] >= 1.5 * times[1], times.map((time) => `${time.toFixed(0)} ms`).join(' -> '));
// Processor time. Without the interpreter's compiler it is 2.7 times as much.
check('the steady speed is that of the original', isSteady(...steady), `${steady.map((time) => `${time.toFixed(0)} ms`).join(' -> ')}, ${originals.length} rounds`);
figures(work, 'docxodus, Node', { first: times, steady }, join(work, 'docxodus.json'));
finish();
