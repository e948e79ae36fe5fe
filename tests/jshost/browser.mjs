// A page captures a snapshot: in headless Chromium, with the core compiled to WebAssembly. Node makes the same one, and runs it.
//
//     node tests/jshost/browser.mjs JS PREINIT
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { converted } from './converted.mjs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const js = resolve(process.argv[2]);
const { capture } = await import(pathToFileURL(join(js, 'index.js')));
const folder = fileURLToPath(new URL('modules', import.meta.url));
const binary = (name) => converted(resolve(process.argv[3]), join(folder, `${name}.wat`));
const modules = { '/heap.wasm': binary('heap'), '/counter.wasm': binary('counter') };

const PAGE = `<!doctype html><script type="module">
  import { capture, Refusal, verify } from '/js/browser.js';
  const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
  const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  async function found() {
    const heap = await bytes('/heap.wasm');
    const imports = { env: { full() { throw new Error('full'); } } };
    const run = async () => void (await WebAssembly.instantiateStreaming(fetch('/heap.wasm'), imports)).instance.exports.fill();
    const plain = await capture({ wasm: heap, run });
    const scrubbed = await capture({ wasm: heap, run, scrub: true });
    const { exports } = (await WebAssembly.instantiate(scrubbed.wasm, imports)).instance;
    const counter = await bytes('/counter.wasm');
    const say = async () => (await WebAssembly.instantiate(counter, { env: { log() {}, now: () => 1 } })).instance.exports.say();
    const refusal = await capture({ wasm: counter, run: say }).catch((error) => error);
    const both = await capture({ wasm: heap, start: run, run() {} }).catch((error) => error);
    return {
      both: both instanceof Refusal && both.message,
      plain: base64(plain.wasm), scrubbed: base64(scrubbed.wasm), first: exports.first(), refused: refusal instanceof Refusal && refusal.message,
      verify: await verify().catch(({ message }) => message),
    };
  }
  const result = await found().catch((error) => ({ error: String(error.stack ?? error) }));
  await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
</script>`;

const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
let reported;
const result = new Promise((resolve) => (reported = resolve));
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/result') {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      response.end();
      reported(JSON.parse(Buffer.concat(parts)));
    });
    return;
  }
  const file = pathname.startsWith('/js/') && !pathname.includes('..') ? readFileSync(join(js, pathname.slice(4))) : modules[pathname];
  response.setHeader('content-type', file ? TYPES[extname(pathname)] : 'text/html');
  response.end(file ?? PAGE);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const profile = mkdtempSync(join(tmpdir(), 'preinit-browser-'));
const address = `http://127.0.0.1:${server.address().port}/`;
const options = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`, address];
const browser = spawn('chromium', options, { stdio: 'ignore' });
const ended = new Promise((resolve) => browser.on('exit', resolve));
const late = setTimeout(() => reported({ error: 'the page took more than two minutes' }), 120_000);
const { error, both, plain, scrubbed, first, refused, verify } = await result;
clearTimeout(late);
browser.kill();
await ended;
server.close();
rmSync(profile, { recursive: true, force: true, maxRetries: 5 });

assert.equal(error, undefined);
const imports = { env: { full() { throw new Error('full'); } } };
const wasm = modules['/heap.wasm'];
const run = async () => void (await WebAssembly.instantiate(wasm, imports)).instance.exports.fill();
for (const [inPage, options] of [[plain, {}], [scrubbed, { scrub: true }]]) {
  const here = await capture({ wasm, run, ...options });
  assert(Buffer.from(inPage, 'base64').equals(here.wasm), 'a page makes the same snapshot as Node');
}
assert.notEqual(first, 0);
assert.match(refused, /^no snapshot was made:\n  the import env.log was called \(1 times\)/);
assert.match(verify, /in Node only/);
assert.match(both, /is not known without AsyncLocalStorage/);
console.log(`a page captures the same snapshots as Node: ${Buffer.from(plain, 'base64').length} and ${Buffer.from(scrubbed, 'base64').length} bytes`);
process.exit(0);
