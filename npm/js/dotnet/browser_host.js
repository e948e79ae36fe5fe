// Captures an application in headless Chromium, from a server on this machine.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probe } from '../core.js';
import { open } from './chromium.js';
import { attributeOf, tagsOf, withoutComments } from './markup.js';
import { Refusal } from './session.js';

const HOME = '/__preinit/';
const USER = 'preinit-capture';
// At the top: a browser tells the password below the folder of the first one that has asked for it.
const ENTRY = '/__preinit';
const HERE = 'http://preinit.invalid/';
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json',
};
const library = fileURLToPath(new URL('..', import.meta.url));

const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

const withBytes = (_, value) => (value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value);
const withoutBytes = (_, value) => (typeof value?.$bytes === 'string' ? new Uint8Array(Buffer.from(value.$bytes, 'base64')) : value);

/** The path that the page believes to be its folder, with escapes: that of `<base href>`, if it is one. */
export function baseOf(root) {
  const page = join(root, 'index.html');
  if (!existsSync(page)) throw new Refusal([`${root}: there is no index.html, which the browser would open (--host node?)`]);
  const hrefs = tagsOf(withoutComments(readFileSync(page, 'utf8')), 'base').map(({ tag }) => attributeOf(tag, 'href'));
  const href = hrefs.find((one) => one !== undefined);
  if (href === undefined || !URL.canParse(href, HERE)) return '/';
  const { protocol, host, pathname } = new URL(href, HERE);
  // Browsers take no others.
  if (!/^https?:$/.test(protocol)) return '/';
  const folder = pathname.slice(0, pathname.lastIndexOf('/') + 1);
  if (host !== new URL(HERE).host || decoded(folder) === undefined) {
    throw new Refusal([`${page}: it has <base href="${href}">, below which the browser would not find the files of this folder; give it a path`]);
  }
  return /^[/\\]/.test(href.trim()) ? folder : '/';
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

/** A path without escapes, if it is one. */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** The path that is asked for, if it is one. */
const pathOf = (url) => (URL.canParse(url, HERE) ? decoded(new URL(url, HERE).pathname) : undefined);

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

/** Whether another page makes a request, perhaps one that this browser has open as well: for all but a page of its own. */
function isOfAnother({ method, headers }, host) {
  if (headers.host !== host || (method === 'POST' && headers.origin !== `http://${host}`)) return true;
  const isPage = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return ['cross-site', 'same-site'].includes(headers['sec-fetch-site']) && !isPage;
}

/**
 * Serves the application and what the capture needs to the browser that has come in by `entry`, an address with a password. Whatever else
 * asks gets nothing, and says nothing: other pages, and other users of this machine, who reach this port as well. The browser tells the
 * password to this port alone; it would tell a cookie to other ones of this machine.
 */
export function serve(site, onAnswer) {
  const secret = randomBytes(16).toString('hex');
  const expected = `Basic ${Buffer.from(`${USER}:${secret}`).toString('base64')}`;
  const readable = { ...site, base: decoded(site.base) };
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    const host = `127.0.0.1:${server.address().port}`;
    if (path === undefined || isOfAnother(request, host)) {
      response.writeHead(403).end();
    } else if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': `Basic realm="${USER}"` }).end();
    } else if (path === ENTRY) {
      // Without the host, the address of the page would have the password.
      response.writeHead(302, { location: `http://${host}${site.base}` }).end();
    } else {
      // A path may be none that a file can have, and files may go meanwhile.
      answer(request, response, { path, site: readable, onAnswer }).catch(() => (response.headersSent ? response.destroy() : response.writeHead(404).end()));
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve({ server, entry: `http://${USER}:${secret}@127.0.0.1:${server.address().port}${ENTRY}` }));
  });
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
  // Until Main is begun nothing is waited for in the page.
  const limit = 2 * options.wait + 30;
  let timer;
  const late = new Promise((_, reject) => {
    const why = () => (problems.length > 0 ? problems.slice(0, 3).join('; ') : 'open it in a browser and look at its console');
    timer = setTimeout(() => reject(new Error(`the page did not come to its capture within ${limit} s: ${why()}`)), limit * 1000);
  });
  let browser;
  try {
    browser = open(options.chromium, entry);
    const { result, reasons, needs, error } = JSON.parse(await Promise.race([done, browser.failed, late]), withoutBytes);
    if (reasons) throw new Refusal(reasons, needs);
    if (error) throw new Error(`the application failed: ${error}`);
    return { ...result, files: answers };
  } finally {
    clearTimeout(timer);
    await browser?.close();
    server.closeAllConnections();
    server.close();
  }
}
