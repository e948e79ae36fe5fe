// The file system of a program of .NET, before and after the capture: node files.mjs JS INPUTS WORK
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, finish, node, preinitDotnet } from './command.mjs';
import { nodeProgram } from './probe_app.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const player = fileURLToPath(new URL('./play_files.mjs', import.meta.url));
mkdirSync(work, { recursive: true });
const from = join(work, 'files.in');
const original = nodeProgram(inputs, from, 'Probe');

// What a program may do by System.IO, done where it calls JavaScript.
const cases = {
  'nothing': '',
  'a file and the current directory': "FS.mkdir('/data'); FS.writeFile('/data/a.txt', 'hello'); FS.chdir('/data');",
  'the current directory alone': "FS.chdir('/home/web_user');",
  'modes': "FS.writeFile('/a', 'x'); FS.chmod('/a', 0o400); FS.writeFile('/b', 'y'); FS.chmod('/b', 0); FS.mkdir('/c'); FS.chmod('/c', 0o500); FS.chmod('/tmp', 0o700);",
  'what is in a directory that may not be written to': "FS.mkdir('/c'); FS.writeFile('/c/a', 'x'); FS.mkdir('/c/d'); FS.writeFile('/c/d/b', 'y'); FS.chmod('/c/d', 0o100); FS.chmod('/c', 0o500);",
  'links': "FS.mkdir('/data'); FS.writeFile('/data/a', 'x'); FS.symlink('/data/a', '/l'); FS.symlink('/data', '/data/self'); FS.symlink('/nowhere', '/m');",
  'a file in the place of a directory': "FS.mkdir('/tmp/x'); FS.rmdir('/tmp/x'); FS.rmdir('/tmp'); FS.writeFile('/tmp', 'a file');",
  'a link in the place of a directory': "FS.rmdir('/tmp'); FS.mkdir('/other'); FS.symlink('/other', '/tmp');",
  'an empty file, and bytes': "FS.writeFile('/empty', ''); FS.writeFile('/bytes', new Uint8Array([0, 255, 10]));",
  'shared memory': "FS.writeFile('/dev/shm/x', 'shared');",
};
let number = 0;
for (const [name, text] of Object.entries(cases)) {
  const hooks = join(work, 'files.hooks.cjs');
  writeFileSync(hooks, `globalThis.makeObject = (name) => {
  const { FS } = globalThis.getDotnetRuntime(0).Module;
  const { ignorePermissions } = FS;
  FS.ignorePermissions = true;
  ${text}
  FS.ignorePermissions = ignorePermissions;
  return { name };
};\n`);
  const played = (framework, main) => execFileSync(node, ['--require', hooks, player, framework, JSON.stringify(main)], { encoding: 'utf8', timeout: 60_000 }).trim().split('\n').at(-1);
  const out = join(work, `files.${(number += 1)}`);
  rmSync(out, { recursive: true, force: true });
  const report = join(work, 'files.json');
  process.env.NODE_OPTIONS = `--require ${JSON.stringify(hooks)}`;
  const main = ['hold:a', 'release'];
  const { status, stdout, stderr } = preinitDotnet(js, [
    from, '-o', out, '--host', 'node', '--allow', 'globalThis.makeObject', '--report', report, ...main.flatMap((one) => ['--main-args', one]),
  ]);
  delete process.env.NODE_OPTIONS;
  const [before, after] = status === 0 ? [played(original, main), played(join(out, '_framework'), null)] : [stdout + stderr, ''];
  check(`as in the original: ${name}`, before === after && before !== '', before === after ? '' : `${before}\n${after}`);
  if (!/current directory/.test(name)) continue;
  check(`the report has it: ${name}`, JSON.parse(readFileSync(report, 'utf8')).restored.some((what) => /^the current directory, \//.test(what)));
}
finish();
