// Applications that do not come back, in Node: the capture ends at its limit, and nothing of it outlives the command: node hangs.mjs JS INPUTS WORK
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { check, finish, node } from './command.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
mkdirSync(work, { recursive: true });
const script = `import(${JSON.stringify(pathToFileURL(join(js, 'dotnet/cli.js')).href)}).then(async ({ run }) => process.exit(await run(process.argv.slice(1))))`;

function isThere(pid) {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody has asked for yet.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until something holds, and says whether it did within so many seconds. */
async function comes(holds, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await later(50)) if (holds()) return true;
  return holds();
}

/** Starts the command with an application whose loader begins with `text`, when the capture's process is there. */
async function begun(name, text, more = []) {
  const folder = join(work, `hangs.${name}`);
  const file = join(work, `hangs.${name}.pid`);
  for (const one of [folder, file]) rmSync(one, { recursive: true, force: true });
  cpSync(join(inputs, 'dotnet'), folder, { recursive: true });
  const loader = join(folder, '_framework/dotnet.js');
  const first = `if (globalThis.process?.send) {
    (await import('node:fs')).writeFileSync(${JSON.stringify(file)}, String(process.pid));
    ${text}
  }\n`;
  writeFileSync(loader, first + readFileSync(loader, 'utf8'));
  const command = spawn(node, ['-e', script, '--', folder, '-o', join(work, `hangs.${name}.out`), '--host', 'node', '--wait', '0.5', ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  command.stderr.on('data', (data) => (said += data));
  const ended = new Promise((done) => command.once('exit', (status, signal) => done({ status, signal })));
  const isBegun = await comes(() => existsSync(file) && readFileSync(file, 'utf8') !== '', 20);
  check(`${name}: the application begins`, isBegun, said);
  return { command, ended, said: () => said, pid: Number(isBegun && readFileSync(file, 'utf8')), out: join(work, `hangs.${name}.out`) };
}

const LOOP = 'for (;;) {}';
const WAITS = 'setInterval(() => {}, 1000); await new Promise(() => {});';
const limits = async ([name, text]) => {
  const { command, ended, said, pid, out } = await begun(name, text);
  const result = await Promise.race([ended, later(50_000, { status: 'still there' }, { ref: false })]);
  check(`${name}: it is ended at the limit`, result.status === 2 && /did not come to its capture within 31 s, and was ended; see --wait/.test(said()), `${result.status} ${said()}`);
  check(`${name}: its process is gone, and nothing is written`, (await comes(() => !isThere(pid), 5)) && !existsSync(out));
  if (result.status === 'still there') command.kill('SIGKILL');
  if (isThere(pid)) process.kill(pid, 'SIGKILL');
};
const signals = async ([name, text, signal]) => {
  const { command, ended, pid } = await begun(name, text);
  command.kill(signal);
  const result = await Promise.race([ended, later(10_000, {}, { ref: false })]);
  check(`${name}: the command ends by ${signal}`, result.signal === signal, JSON.stringify(result));
  const isGone = await comes(() => !isThere(pid), 10);
  check(`${name}: its process ends with it`, isGone);
  if (!isGone) process.kill(pid, 'SIGKILL');
};
await Promise.all([
  ...[['SIGTERM', LOOP], ['SIGINT', LOOP], ['SIGHUP', WAITS], ['SIGKILL', LOOP]].map(([signal, text]) => signals([`ended by ${signal}`, text, signal])),
]);
await Promise.all([['a loader that loops', LOOP], ['a loader that waits', WAITS]].map(limits));
finish();
