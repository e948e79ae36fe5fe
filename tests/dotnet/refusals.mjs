// What is refused, by name, and what is made again: node refusals.mjs JS INPUTS WORK
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { check, finish, played, preinitDotnet } from './command.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const input = join(inputs, 'dotnet');
mkdirSync(work, { recursive: true });

// Folders that are not what they should be.
const leb = (number) => (number < 128 ? [number] : [(number & 127) | 128, ...leb(number >> 7)]);
const text = (string) => [...leb(string.length), ...Buffer.from(string)];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
/** A module that imports these functions. */
const importing = (names) => new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 96, 0, 0]),
  ...section(2, [...leb(names.length), ...names.flatMap((name) => [...text('env'), ...text(name), 0, 0])]),
]);
const boot = (change) => (folder) => {
  const file = join(folder, '_framework/dotnet.boot.js');
  const source = readFileSync(file, 'utf8');
  const [whole, json] = /\/\*json-start\*\/([\s\S]*?)\/\*json-end\*\//.exec(source);
  const config = JSON.parse(json);
  change(config);
  writeFileSync(file, source.replace(whole, () => `/*json-start*/${JSON.stringify(config)}/*json-end*/`));
};
const native = (names) => (folder) => writeFileSync(join(folder, '_framework/dotnet.native.wasm'), importing(names));
const folders = [
  ['threads', boot(({ resources }) => (resources.jsModuleWorker = [{ name: 'dotnet.native.worker.mjs' }])), /built with threads/],
  ['a debugging build', boot((config) => Object.assign(config, { debugLevel: -1 }, (config.resources.pdb = [{ name: 'Catalog.pdb' }], {}))), /debugging build/],
  ['WebGL', native(['mono_wasm_bind_js_import_ST', 'emscripten_glDrawArrays']), /WebGL linked in \(emscripten_glDrawArrays\)/],
  ['shortened names', native(['a', 'b', 'c']), /linked anew with shortened names/],
  ['an older runtime', native(['mono_wasm_bind_js_function', 'mono_wasm_invoke_js']), /not of \.NET 9 or 10/],
  ['a runtime without malloc', native(['mono_wasm_bind_js_import_ST']), /does not export malloc/],
  ['no boot configuration', (folder) => rmSync(join(folder, '_framework/dotnet.boot.js')), /no boot configuration/],
  ['a boot configuration that is not JSON', (folder) => writeFileSync(join(folder, '_framework/dotnet.boot.js'), 'export const config = {};'), /no boot configuration/],
  ['a module that is missing', (folder) => rmSync(join(folder, '_framework/dotnet.native.wasm')), /names no module/],
  ['no _framework', (folder) => rmSync(join(folder, '_framework'), { recursive: true }), /no _framework/],
];
for (const [name, change, expected] of folders) {
  const folder = join(work, 'unfit');
  rmSync(folder, { recursive: true, force: true });
  cpSync(input, folder, { recursive: true });
  change(folder);
  const { status, stderr } = preinitDotnet(js, [folder, '-o', join(work, 'never'), '--host', 'node']);
  check(`refused: ${name}`, status === 1 && expected.test(stderr) && stderr.trim().split('\n').length === 1, stderr.trim());
}

// Folders that somebody has something else in.
const theirs = join(work, 'theirs');
rmSync(theirs, { recursive: true, force: true });
mkdirSync(theirs);
writeFileSync(join(theirs, 'novel.txt'), 'a year of work');
for (const [out, expected] of [[theirs, /theirs is not empty/], [join(theirs, 'novel.txt'), /is not a folder/]]) {
  const { status, stderr } = preinitDotnet(js, [input, '-o', out, '--host', 'node']);
  const isThere = readFileSync(join(theirs, 'novel.txt'), 'utf8') === 'a year of work';
  check(`kept: ${out.slice(work.length + 1)}`, status === 2 && expected.test(stderr) && isThere, stderr.trim());
}

// An application that computes for ever. Its process ends with the limit, and with the command.
const hanging = join(work, 'hanging');
const pidFile = join(work, 'hanging.pid');
rmSync(hanging, { recursive: true, force: true });
cpSync(input, hanging, { recursive: true });
const loader = join(hanging, '_framework/dotnet.js');
const begins = `if (globalThis.process?.send) { process.getBuiltinModule('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); for (;;) ; }\n`;
writeFileSync(loader, begins + readFileSync(loader, 'utf8'));
const pidOf = () => { try { return Number(readFileSync(pidFile, 'utf8')); } catch { return 0; } };
const isRunning = (pid) => { try { return process.kill(pid, 0); } catch { return false; } };
const until = async (isSo) => { for (let times = 0; times < 300 && !isSo(); times++) await new Promise((done) => setTimeout(done, 100)); return isSo(); };
const hang = [hanging, '-o', join(work, 'never'), '--host', 'node', '--wait', '1'];
rmSync(pidFile, { force: true });
const { status: ended, stderr: why } = preinitDotnet(js, hang);
check('an application that computes for ever is ended', ended > 0 && /did not come to its capture within 32 s, and was ended; see --wait/.test(why), why.trim());
check('its process is gone', pidOf() > 0 && await until(() => !isRunning(pidOf())), String(pidOf()));
for (const signal of ['SIGTERM', 'SIGINT']) {
  rmSync(pidFile, { force: true });
  const running = spawn(process.execPath, ['-e', `import(${JSON.stringify(pathToFileURL(join(js, 'dotnet/cli.js')).href)}).then(({ run }) => run(process.argv.slice(1)))`, '--', ...hang], { stdio: 'ignore' });
  const by = new Promise((done) => running.once('exit', (_, signal) => done(signal)));
  await until(() => pidOf() > 0);
  running.kill(signal);
  check(`it ends with the command, by ${signal}`, await by === signal && pidOf() > 0 && await until(() => !isRunning(pidOf())), `${await by} ${pidOf()}`);
}

// Arguments.
for (const [args, expected] of [
  [[], /give one folder/], [['a', 'b'], /give one folder/], [[input], /with -o/], [[input, '-o', input], /would replace/], [[input, '-o', 'x', '--at', 'noon'], /--at noon/],
  [[input, '-o', 'x', '--warm', 'f(1'], /not a call/], [[input, '-o', 'x', '--warm', 'F(x)'], /argument 1 is not text/], [[input, '-o', 'x', '--env', 'A'], /NAME=VALUE/],
  [[input, '-o', 'x', '--wait', '0'], /number of seconds/], [[input, '-o', 'x', '--address', 'shop'], /should be like/], [[input, '-o', 'x', '--unknown'], /unknown/i],
  [[join(work, 'missing'), '-o', 'x'], /no such folder/],
]) {
  const { status, stderr } = preinitDotnet(js, args);
  check(`arguments: ${args.slice(1).join(' ') || 'none'}`, status > 0 && expected.test(stderr), stderr.trim().split('\n')[0]);
}

// What JavaScript may have done.
const player = fileURLToPath(new URL('./play_state.mjs', import.meta.url));
const of = (name) => played(player, [js, join(input, '_framework'), name]);
const refused = (name, expected) => {
  const { reasons } = of(name);
  check(`refused: ${name}`, reasons?.length === 1 && expected.test(reasons[0]), reasons?.join(' ') ?? 'it was not refused');
};
refused('an object', /\.NET holds an object of JavaScript.*an object \(Map\)/);
refused('a function', /the function callback/);
refused('an open file', /the file \/open.txt is open/);
refused('a closed stream', /standard stream 0 was closed/);
refused('a stream in the place of another', /standard stream 1 was closed or is another one/);
refused('a removed file', /\/home\/web_user was removed/);
refused('an unknown call', /globalThis\.preinitTest was called \(1 times\)/);
refused('a pending promise', /globalThis\.preinitTest is waited for/);
refused('a request', /INTERNAL\.http_wasm_fetch is waited for/);
refused('a foreign function', /table/);
const nothing = of('nothing');
const kept = ({ files }) => JSON.stringify(files?.filter(([, , contents]) => contents !== undefined));
check('nothing: nothing is made again', kept(nothing) === '[]' && nothing.handles.length === 0 && nothing.timer === null, JSON.stringify(nothing));
const allowed = of('allowed call');
const answer = allowed.answers?.find(({ name }) => name === 'globalThis.preinitTest');
check('an allowed call is in the report, with its answer', answer?.count === 1 && answer.answers.join() === 'a long answer', JSON.stringify(allowed));
check('what is published has no answers', allowed.hasAnswers === false);
check('a file is kept with its bytes', kept(of('a file')) === JSON.stringify([['/data/deep/words.bin', '100777', [0, 255, 10, 65]]]));
const kinds = of('files of every kind');
const expected = [
  ['/home', '40711'], ['/dev/shm/shared', '100666', [121]], ['/data', '40500'], ['/data/secret', '100000', [120]], ['/data/self', '120777', '/data'],
  ['/data/broken', '120777', '/nowhere'],
];
// The runtime makes others.
const found = kinds.files?.filter(([path]) => !path.startsWith('/usr'));
check('files of every kind are kept, with their modes and the current directory', JSON.stringify([found, kinds.directory]) === JSON.stringify([expected, '/data']), JSON.stringify(kinds));
const { timer } = of('a timer');
check('a timer is kept with what is left of it', timer > 30_000 && timer <= 60_000, `${timer} ms`);
check('the global object is found again', /^\[\[\d+,"global","globalThis"\]\]$/.test(JSON.stringify(of('the global object').handles)));
finish();
