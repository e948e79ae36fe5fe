// Pages and the service worker's manifest name the loader with its hash: they get the new one.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { tagsOf, withTags } from './markup.js';
import { integrityOf, writeWithSiblings } from './output.js';
import { isInside } from './tree.js';

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function pagesIn(folder, depth = 0) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < 3) found.push(...pagesIn(path, depth + 1));
    else if (/\.html?$/.test(entry.name)) found.push(path);
  }
  return found;
}

/** A page that names the loader: in its import map, in links that load it early. */
function newPage(text, { loader, wrapper }, hash) {
  const name = escaped(loader);
  const named = new RegExp(`(^|[/"'])${name}(?=["'?#])`, 'g');
  let page = withTags(text, 'link', (link) => (!link.includes(loader) ? link
    : link.replace(/integrity=("|')[^"']*\1/, (_, quote) => `integrity=${quote}${hash}${quote}`)));
  // In "integrity" of an import map, an address is followed by its hash.
  page = page.replace(new RegExp(`("[^"]*/${name}"\\s*:\\s*)"sha(256|384|512)-[^"]*"`, 'g'), (_, key) => `${key}"${hash}"`);
  return page.replace(named, (_, before) => `${before}${wrapper}`);
}

/** The hash that the import map has for a file, as an attribute: without it, the browser would load the file twice. */
function hashIn(text, name) {
  const hash = new RegExp(`"[^"]*/${escaped(name)}"\\s*:\\s*"(sha(?:256|384|512)-[^"]*)"`).exec(text)?.[1];
  return hash === undefined ? '' : ` integrity="${hash}" crossorigin="anonymous"`;
}

/**
 * Lets a page that starts the application ask for what a start needs at once, not for one after the other, and begin with the loader,
 * which compiles the snapshot, while the rest arrives.
 */
function withPreloads(text, path, { wrapper, original, boot, snapshot, scripts }) {
  if (!text.includes(`${path}/blazor.webassembly`) && !text.includes(`${path}/${wrapper}`)) return text;
  const head = text.search(/<\/head>/i);
  if (head === -1) return text;
  let end = head;
  while (' \t'.includes(text[end - 1] ?? '\n')) end -= 1;
  const modules = [original, ...boot.endsWith('.js') && boot !== original ? [boot] : [], ...scripts];
  const linked = tagsOf(text, 'link');
  const isNew = (name) => !linked.some(({ tag }) => tag.includes(name));
  // Older browsers take no map of imports after a module.
  const map = tagsOf(text, 'script').find(({ tag }) => /type=["']importmap/i.test(tag));
  const isEarly = map === undefined || map.at < end;
  const early = isEarly ? `<script type="module" async src="${path}/${wrapper}"${hashIn(text, wrapper)}></script>`
    : `<link rel="modulepreload" href="${path}/${wrapper}"${hashIn(text, wrapper)} />`;
  const links = [
    `<link rel="preload" href="${path}/${snapshot}" as="fetch" type="application/wasm" crossorigin="anonymous" />`,
    ...isEarly || isNew(wrapper) ? [early] : [],
    ...modules.filter(isNew).map((name) => `<link rel="modulepreload" href="${path}/${name}"${hashIn(text, name)} />`),
  ];
  const indent = text.slice(end, head);
  return text.slice(0, end) + links.map((link) => `${indent}    ${link}\n`).join('') + text.slice(end);
}

/** Rewrites what in `root` names the loader; `path` is that of its folder in it. */
export function rewritePages(root, path, files) {
  const hash = integrityOf(readFileSync(join(root, path, files.wrapper)));
  for (const page of pagesIn(root)) {
    const text = readFileSync(page, 'utf8');
    const changed = withPreloads(newPage(text, files, hash), path, files);
    if (changed !== text) writeWithSiblings(page, Buffer.from(changed), page);
  }
  rewriteManifest(root, path, files);
}

/** The manifest names what a service worker keeps for a start without a network: the snapshot, and not what is in it. */
function rewriteManifest(root, path, { loader, wrapper, original, snapshot, covered }) {
  const file = join(root, 'service-worker-assets.js');
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  const begin = /self\.assetsManifest\s*=\s*(?=\{)/.exec(text);
  const json = begin === null ? '' : text.slice(begin.index + begin[0].length, text.lastIndexOf('}') + 1);
  if (json === '') throw new Error(`${file}: it is not a manifest as .NET's build writes it`);
  const manifest = JSON.parse(json);
  const at = (name) => (path === '' ? name : `${path}/${name}`);
  const gone = new Set([...covered, loader].map(at));
  const kept = manifest.assets.filter(({ url }) => !gone.has(url));
  // Pages have changed, too. Each is read once, however often it is named.
  const hashes = new Map();
  const hashOf = (own) => hashes.get(own) ?? hashes.set(own, integrityOf(readFileSync(own))).get(own);
  const assets = kept.map((asset) => {
    const own = join(root, asset.url);
    const isPage = /\.html?$/.test(asset.url) && isInside(own, root) && statSync(own, { throwIfNoEntry: false })?.isFile();
    return isPage ? { ...asset, hash: hashOf(own) } : asset;
  });
  for (const name of new Set([wrapper, original, snapshot])) {
    assets.push({ hash: integrityOf(readFileSync(join(root, at(name)))), url: at(name) });
  }
  // By its version a browser knows that there is something new.
  const version = integrityOf(Buffer.from(JSON.stringify(assets))).slice('sha256-'.length, 'sha256-'.length + 8);
  writeWithSiblings(file, Buffer.from(text.replace(json, () => JSON.stringify({ ...manifest, version, assets }, null, 2))), file);
}
