// Other forms in which .NET's build writes a Blazor application: node published.mjs JS INPUTS WORK
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { chromium, openPage, serve } from './browser.mjs';
import { check, finish, made } from './command.mjs';
import { asJson, compressed, fingerprinted, variant, withServiceWorker } from './variants.mjs';

const [js, inputs, work] = process.argv.slice(2).map((path) => resolve(path));
const input = join(inputs, 'blazor/wwwroot');
mkdirSync(work, { recursive: true });
const browser = await chromium(work);
const integrity = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
const below = (base) => (root) => {
  const page = join(root, 'index.html');
  writeFileSync(page, readFileSync(page, 'utf8').replace('<base href="/" />', `<base href="${base}" />`));
};

/** Makes a snapshot of a variant, opens it, and gives what was seen. */
async function tried(name, changes, base = '/', options = []) {
  const from = variant(input, join(work, `${name}.in`), ...changes);
  const out = join(work, `${name}.out`);
  made(js, [from, '-o', out, ...options]);
  const site = await serve(out, base);
  const { page, said } = await openPage(browser);
  await page.goto(site.address);
  await page.waitForSelector('#part');
  await page.fill('#part', 'abc');
  await page.waitForFunction(() => document.querySelectorAll('#found li').length === 6);
  await page.evaluate(() => Blazor.navigateTo('nowhere'));
  await page.waitForSelector('text=Not Found');
  check(`${name}: the application works, and the console says nothing`, said.length === 0, said.join(' '));
  const modules = site.asked.filter((path) => path.endsWith('.wasm'));
  check(`${name}: no assembly is downloaded`, modules.length > 0 && modules.every((path) => path.includes('dotnet.preinit.')), modules.join(' '));
  return { out, site, page, said };
}

const plain = await tried('json', [asJson]);
await plain.page.close();

// The address is known, and yet it is opened at another one, too.
const known = await tried('address', [], '/', ['--address', 'https://shop.example/']);
check('address: it is another one than that of the capture', known.page.url() === `${known.site.address}nowhere`, known.page.url());
await known.page.close();

const sub = await tried('below', [below('/shop/app/')], '/shop/app/');
check('below: the address is that of the folder', sub.page.url() === `${sub.site.address}nowhere`, sub.page.url());
await sub.page.close();

const marked = await tried('fingerprinted', [fingerprinted]);
const html = readFileSync(join(marked.out, 'index.html'), 'utf8');
const map = JSON.parse(/<script type="importmap">([\s\S]*?)<\/script>/.exec(html)[1]);
const bytesOf = (path) => readFileSync(join(marked.out, path));
check('fingerprinted: the hashes of the import map are right', Object.entries(map.integrity).every(([path, hash]) => integrity(bytesOf(path)) === hash));
const link = /<link href="(_framework\/[^"]*)" rel="preload"[^>]*integrity="([^"]*)"/.exec(html);
check('fingerprinted: so is that of early loading', integrity(bytesOf(link[1])) === link[2] && map.imports['./_framework/dotnet.js'] === `./${link[1]}`);
await marked.page.close();

const sent = await tried('compressed', [compressed]);
const files = readdirSync(join(sent.out, '_framework'));
const wrong = files.filter((name) => {
  if (/\.(br|gz)$/.test(name)) return !existsSync(join(sent.out, '_framework', name.slice(0, -3)));
  const bytes = readFileSync(join(sent.out, '_framework', name));
  const same = (ending, decompress) => Buffer.compare(decompress(readFileSync(join(sent.out, '_framework', name + ending))), bytes) === 0;
  return !same('.br', brotliDecompressSync) || !same('.gz', gunzipSync);
});
check('compressed: each file has its compressed forms', wrong.length === 0 && files.some((name) => /^dotnet\.preinit\..*\.br$/.test(name)), wrong.join(' '));
await sent.page.close();

const offline = await tried('worker', [withServiceWorker]);
const manifest = JSON.parse(/= (\{[\s\S]*\});/.exec(readFileSync(join(offline.out, 'service-worker-assets.js'), 'utf8'))[1]);
check('worker: the hashes of the manifest are right', manifest.assets.every(({ url, hash }) => integrity(readFileSync(join(offline.out, url))) === hash));
check('worker: it keeps the snapshot and no assembly', manifest.assets.filter(({ url }) => url.endsWith('.wasm')).length === 1 && manifest.version !== 'made0000');
await offline.page.evaluate(async () => {
  await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve));
});
offline.site.close();
await offline.page.goto(offline.site.address);
await offline.page.waitForSelector('#part');
check('worker: it starts without a network', (await offline.page.textContent('h1')).includes('30000'));
await browser.close();
for (const { site } of [plain, known, sub, marked, sent]) site.close();
finish();
