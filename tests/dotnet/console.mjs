// A console program of .NET in Node, original and snapshot: node console.mjs JS INPUTS WORK
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, figures, finish, inTurn, made, median, played, preinitDotnet } from './command.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const input = join(inputs, 'dotnet');
const player = fileURLToPath(new URL('./play_console.mjs', import.meta.url));
mkdirSync(work, { recursive: true });
const out = join(work, 'console');

const report = made(js, [input, '-o', out, '--host', 'node', '--main-args', 'warm', '--report', join(work, 'console.json')]);
process.stdout.write(report);
check('the report says where the state was taken', report.includes('in Node after Main had returned'));
const isSteady = (before, after) => after <= 1.1 * before;
const sides = [[input, 'original'], [out, 'snapshot']].map(([folder, side]) => () => played(player, [join(folder, '_framework'), side]));
const { runs: [originals, snapshots], medians: steady } = await inTurn(sides, { value: ({ steady: time }) => time, holds: isSteady });
const [original, snapshot] = [originals[0], snapshots[0]];
check('200 answers are those of the original', snapshot.of200 === original.of200 && original.of200.startsWith('bbbd8b8b8c7a'), snapshot.of200.slice(0, 12));
check('20,200 answers are those of the original', snapshot.all === original.all);
check('exceptions are thrown and caught as in the original', JSON.stringify(snapshot.exceptions) === JSON.stringify(original.exceptions)
  && original.exceptions.every((message) => message.length > 10), original.exceptions[0].slice(0, 60));
check('it goes on after exceptions', snapshot.after === original.after);
check('nothing is said at the start', snapshot.said.length === 0, snapshot.said.join(' '));
const times = [originals, snapshots].map((runs) => median(runs.map(({ first }) => first)));
check('the first answer comes four times earlier', times[0] >= 4 * times[1], times.map((time) => `${time.toFixed(0)} ms`).join(' -> '));
// Processor time of 2,000 queries after 50,000. Without the interpreter's compiler it is 2.7 times as much.
check('the steady speed is that of the original', isSteady(...steady), `${steady.map((time) => `${time.toFixed(1)} ms`).join(' -> ')}, ${originals.length} rounds`);

figures(work, 'console program, Node', { first: times, steady }, join(work, 'console.json'));

// After an exported method, without Main.
const warmed = join(work, 'warmed');
made(js, [input, '-o', warmed, '--host', 'node', '--at', 'start', '--warm', 'Catalog.Init()']);
check('an exported method makes the same state', played(player, [join(warmed, '_framework'), 'snapshot']).all === original.all);

// A newer runtime beside an older snapshot.
const stale = join(work, 'stale');
rmSync(stale, { recursive: true, force: true });
cpSync(out, stale, { recursive: true });
const boot = join(stale, '_framework/dotnet.boot.js');
writeFileSync(boot, readFileSync(boot, 'utf8').replace(/("Catalog.wasm",\s*"hash": "sha256-)..../, '$1AAAA'));
const other = played(player, [join(stale, '_framework'), 'original']);
check('a snapshot of another version is not used, and it is said', other.all === original.all && other.said.some((text) => text.includes('without its snapshot')), other.said.join(' '));
const damaged = readdirSync(join(stale, '_framework')).find((name) => name.startsWith('dotnet.preinit.') && name.endsWith('.wasm'));
cpSync(join(out, '_framework/dotnet.boot.js'), boot);
for (const [what, bytes] of [['a damaged', Buffer.alloc(100)], ['a missing', null]]) {
  if (bytes === null) rmSync(join(stale, '_framework', damaged));
  else writeFileSync(join(stale, '_framework', damaged), bytes);
  const ordinary = played(player, [join(stale, '_framework'), 'original']);
  check(`${what} snapshot is not used, and it is said`, ordinary.all === original.all && ordinary.said.length === 1, ordinary.said.join(' '));
}

const again = join(work, 'again');
made(js, [input, '-o', again, '--host', 'node', '--at', 'start']);
const { status, stderr } = preinitDotnet(js, [again, '-o', join(work, 'twice')]);
check('what starts from a snapshot is not made one again', status === 1 && stderr.includes('already'), stderr.trim());
finish();
