// Makes variants of a published Blazor application, as other settings of the project would have written them.
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const MARKED = /\/\*json-start\*\/([\s\S]*?)\/\*json-end\*\//;
const integrity = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
const fingerprint = (bytes) => BigInt(`0x${createHash('sha256').update(bytes).digest('hex')}`).toString(36).slice(0, 10);

function configOf(framework) {
  return JSON.parse(MARKED.exec(readFileSync(join(framework, 'dotnet.boot.js'), 'utf8'))[1]);
}

/** Of `WasmInlineBootConfig`: the configuration stands in the loader. */
function inline(framework, config) {
  const file = join(framework, 'dotnet.js');
  const text = readFileSync(file, 'utf8');
  const changed = text.replace('/*! dotnetBootConfig */{}', () => `/*json-start*/${JSON.stringify(config)}/*json-end*/`);
  if (changed === text) throw new Error('the loader has no place for its configuration');
  writeFileSync(file, changed);
  rmSync(join(framework, 'dotnet.boot.js'));
}

/** Of .NET 8: a file of JSON. */
export function asJson(root) {
  const framework = join(root, '_framework');
  writeFileSync(join(framework, 'blazor.boot.json'), JSON.stringify(configOf(framework)));
  rmSync(join(framework, 'dotnet.boot.js'));
  const loader = join(framework, 'dotnet.js');
  writeFileSync(loader, readFileSync(loader, 'utf8').replaceAll('"dotnet.boot.js"', '"blazor.boot.json"'));
}

/** Of `WasmFingerprintAssets` with an inlined configuration: names with fingerprints, an import map, hashes, early loading. */
export function fingerprinted(root) {
  const framework = join(root, '_framework');
  const config = configOf(framework);
  for (const list of Object.values(config.resources)) {
    if (!Array.isArray(list)) continue;
    for (const asset of list) {
      const bytes = readFileSync(join(framework, asset.name));
      const name = asset.name.replace(/(\.[a-z]+)$/, `.${fingerprint(bytes)}$1`);
      renameSync(join(framework, asset.name), join(framework, name));
      asset.name = name;
    }
  }
  inline(framework, config);
  const loader = readFileSync(join(framework, 'dotnet.js'));
  const named = `dotnet.${fingerprint(loader)}.js`;
  renameSync(join(framework, 'dotnet.js'), join(framework, named));
  const [{ name: runtime }] = config.resources.jsModuleRuntime;
  const map = {
    imports: { './_framework/dotnet.js': `./_framework/${named}` },
    integrity: Object.fromEntries([named, runtime].map((name) => [`./_framework/${name}`, integrity(readFileSync(join(framework, name)))])),
  };
  const page = join(root, 'index.html');
  const head = `<link href="_framework/${named}" rel="preload" as="script" fetchpriority="high" crossorigin="anonymous" integrity="${integrity(loader)}" />
    <script type="importmap">${JSON.stringify(map, null, 2)}</script>`;
  writeFileSync(page, readFileSync(page, 'utf8').replace('</head>', `    ${head}\n</head>`));
}

/** Of `CompressionEnabled`: files that a server sends instead of others. */
export function compressed(root) {
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const bytes = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { 1: 4 } }));
    writeFileSync(`${file}.gz`, gzipSync(bytes));
  }
}

/** Of a progressive web application: a service worker that keeps all files, with their hashes. */
export function withServiceWorker(root) {
  const assets = readdirSync(root, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).map((entry) => {
    const file = join(entry.parentPath, entry.name);
    return { hash: integrity(readFileSync(file)), url: file.slice(root.length + 1) };
  });
  writeFileSync(join(root, 'service-worker-assets.js'), `self.assetsManifest = ${JSON.stringify({ version: 'made0000', assets }, null, 2)};\n`);
  writeFileSync(join(root, 'service-worker.js'), `self.importScripts('./service-worker-assets.js');
const cacheName = 'offline-cache-' + self.assetsManifest.version;
self.addEventListener('install', (event) => event.waitUntil((async () => {
  const requests = self.assetsManifest.assets.map(({ url, hash }) => new Request(url, { integrity: hash, cache: 'no-cache' }));
  await (await caches.open(cacheName)).addAll(requests);
  await self.skipWaiting();
})()));
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => event.respondWith((async () => {
  const request = event.request.mode === 'navigate' ? 'index.html' : event.request;
  return (await (await caches.open(cacheName)).match(request)) ?? fetch(event.request);
})()));
`);
  const page = join(root, 'index.html');
  writeFileSync(page, readFileSync(page, 'utf8').replace('</body>', "    <script>navigator.serviceWorker.register('service-worker.js');</script>\n</body>"));
}

/** A copy of a published application, changed. */
export function variant(from, to, ...changes) {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  for (const change of changes) change(to);
  return to;
}
