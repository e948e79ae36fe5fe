// Captures an application in headless Chromium, from a server on this machine.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probe } from '../core.js';
import { tagsOf } from './markup.js';
import { Refusal } from './session.js';

const HOME = '/__preinit/';
const COOKIE = 'preinit-capture';
const CHROMIUMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge'];
const INSTALLED = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json',
};
const library = fileURLToPath(new URL('..', import.meta.url));

const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

function chromiumPath(given) {
  if (given !== undefined) {
    if (!existsSync(given)) throw new Error(`--chromium ${given}: there is no such file`);
    return given;
  }
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [...folders.flatMap((folder) => CHROMIUMS.map((name) => join(folder, name))), ...INSTALLED];
  const found = candidates.find((path) => existsSync(path));
  if (!found) throw new Error('no Chromium was found on the PATH: install one, or name it with --chromium');
  return found;
}

const withBytes = (_, value) => (value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value);
const withoutBytes = (_, value) => (typeof value?.$bytes === 'string' ? new Uint8Array(Buffer.from(value.$bytes, 'base64')) : value);

/** The path that the page believes to be its folder: that of `<base href>`, if it is a path. */
export function baseOf(root) {
  const page = join(root, 'index.html');
  if (!existsSync(page)) throw new Refusal([`${root}: there is no index.html, which the browser would open (--host node?)`]);
  const hrefs = tagsOf(readFileSync(page, 'utf8'), 'base').map(({ tag }) => /\bhref=["']([^"']*)["']/i.exec(tag)?.[1]);
  const href = hrefs.find((one) => one !== undefined);
  return href?.startsWith('/') ? href.slice(0, href.lastIndexOf('/') + 1) : '/';
}

/** The loader of the capture, in the place of the application's own. */
const loaderText = () => `
import { capturing } from '${HOME}js/dotnet/page.js';
const loader = await import('./preinit.original.js');
const { dotnet, exit, createDotnetRuntime } = await capturing(loader, import.meta.url);
export { dotnet, exit };
export default createDotnetRuntime;
`;

/** What the server answers for a path, besides the application's files. */
function ours(path, { application, base, files }) {
  const framework = `${base}${application.path === '' ? '' : `${application.path}/`}`;
  if (path === framework + application.loader) return ['.js', loaderText()];
  if (path === `${framework}preinit.original.js`) return ['.js', readFileSync(join(application.framework, application.loader))];
  if (!path.startsWith(HOME)) return undefined;
  const name = path.slice(HOME.length);
  if (files.has(name)) return [extname(name), files.get(name)];
  const file = normalize(join(library, name.replace(/^js\//, '')));
  return name.startsWith('js/') && file.startsWith(library) && isFile(file) ? ['.js', readFileSync(file)] : undefined;
}

function applications(path, { application, base }) {
  if (!path.startsWith(base)) return undefined;
  const file = normalize(join(application.root, path.slice(base.length)));
  if (file !== application.root && !file.startsWith(application.root + sep)) return undefined;
  if (isFile(file)) return [extname(file), readFileSync(file)];
  // A page of the application: its router knows it.
  return extname(file) === '' || file === application.root ? ['.html', readFileSync(join(application.root, 'index.html'))] : undefined;
}

/** A page whose loader is another file now than its hashes say. */
export const withoutIntegrity = (text) => text.replace(/\bintegrity=("|')[^"']*\1/g, '').replace(/"integrity"\s*:\s*\{[^{}]*\}/g, '"integrity":{}');

/** The path that is asked for, if it is one. */
function pathOf(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

/** Answers what comes from the page itself. */
async function answer(request, response, { path, site, onAnswer }) {
  if (request.method === 'POST') {
    const parts = [];
    for await (const part of request) parts.push(part);
    onAnswer(path.slice(`${HOME}answer/`.length), Buffer.concat(parts));
    response.end();
    return;
  }
  // Nothing should be kept of this page.
  if (request.headers['service-worker'] !== undefined) {
    response.writeHead(200, { 'content-type': 'text/javascript' }).end();
    return;
  }
  const [type, body] = ours(path, site) ?? applications(path, site) ?? [];
  if (body === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[type] ?? 'application/octet-stream', 'cache-control': 'no-store' });
  response.end(type === '.html' ? withoutIntegrity(body.toString()) : body);
}

/**
 * Serves the application and what the capture needs to the browser that has come in by `entry`, a path that nobody can guess. Whatever else
 * asks gets nothing, and says nothing: other pages, and other users of this machine, who reach this address as well.
 */
export function serve(site, onAnswer) {
  const secret = randomBytes(16).toString('hex');
  const entry = `${HOME}enter/${secret}`;
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    const host = `127.0.0.1:${server.address().port}`;
    // Another page in somebody's browser may ask too, also under a name of its own that leads here.
    const isForeign = request.headers.host !== host || (request.method === 'POST' && request.headers.origin !== `http://${host}`);
    const isInside = (request.headers.cookie ?? '').split('; ').includes(`${COOKIE}=${secret}`);
    if (path === entry && !isForeign) {
      // Not to pages of other sites, and not to scripts.
      response.writeHead(302, { location: site.base, 'set-cookie': `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Lax` }).end();
    } else if (path === undefined || isForeign || !isInside) {
      response.writeHead(403).end();
    } else {
      // A path may be none that a file can have, and files may go meanwhile.
      answer(request, response, { path, site, onAnswer }).catch(() => (response.headersSent ? response.destroy() : response.writeHead(404).end()));
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve({ server, entry }));
  });
}

function open(chromium, address) {
  const profile = mkdtempSync(join(tmpdir(), 'preinit-chromium-'));
  const isRoot = process.getuid?.() === 0;
  const browser = spawn(chromium, [
    '--headless=new', '--disable-gpu', '--no-first-run', '--no-default-browser-check', '--disable-extensions', '--disable-background-networking',
    '--disable-component-update', '--mute-audio', `--user-data-dir=${profile}`, ...(isRoot ? ['--no-sandbox'] : []),
    '--remote-debugging-pipe', 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  // Everybody can see the arguments of a process, and the address is a secret.
  browser.stdio[3].on('error', () => {});
  browser.stdio[3].write(`${JSON.stringify({ id: 1, method: 'Target.createTarget', params: { url: address } })}\0`);
  browser.stdio[4].resume();
  let said = '';
  browser.stderr.on('data', (data) => (said = (said + data).slice(-2000)));
  const ended = new Promise((resolve) => browser.once('exit', resolve));
  const failed = new Promise((_, reject) => {
    browser.once('error', (error) => reject(new Error(`${chromium}: ${error.message}`)));
    ended.then((code) => reject(new Error(`${chromium} ended with code ${code}: ${said.trim().split('\n').at(-1)}`)));
  });
  failed.catch(() => {});
  const close = async () => {
    browser.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return { failed, close };
}

/** What the page found. */
export async function captureInBrowser(application, { options, variables, calls }) {
  const original = new Uint8Array(readFileSync(join(application.framework, application.native)));
  const { wasm: probed, schema } = await probe(original);
  const base = baseOf(application.root);
  const task = { options: { ...options, isPage: true }, variables, calls };
  const files = new Map([
    ['task.json', JSON.stringify(task, withBytes)], ['schema.json', JSON.stringify(schema)], ['original.wasm', original], ['probed.wasm', probed],
  ]);
  const answers = new Map();
  let finish;
  const done = new Promise((resolve) => (finish = resolve));
  const problems = [];
  const { server, entry } = await serve({ application, base, files }, (name, bytes) => {
    if (name === 'done') finish(bytes);
    else if (name === 'problem') problems.push(bytes.toString());
    else answers.set(name, new Uint8Array(bytes));
  });
  const browser = open(chromiumPath(options.chromium), `http://127.0.0.1:${server.address().port}${entry}`);
  // Until Main is begun nothing is waited for in the page.
  const limit = 2 * options.wait + 30;
  let timer;
  const late = new Promise((_, reject) => {
    const why = () => (problems.length > 0 ? problems.slice(0, 3).join('; ') : 'open it in a browser and look at its console');
    timer = setTimeout(() => reject(new Error(`the page did not come to its capture within ${limit} s: ${why()}`)), limit * 1000);
  });
  try {
    const { result, reasons, needs, error } = JSON.parse(await Promise.race([done, browser.failed, late]), withoutBytes);
    if (reasons) throw new Refusal(reasons, needs);
    if (error) throw new Error(`the application failed: ${error}`);
    return { ...result, files: answers };
  } finally {
    clearTimeout(timer);
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
