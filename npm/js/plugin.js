// A plugin for Vite and Rollup: makes the snapshot when a bundle is built, and puts it in the place of the module.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture, Refusal } from './capture.js';
import { SECTION, sectionsIn } from './fixups.js';
import { markOf } from './own_snapshots.js';
import { printable, printableLines } from './printable.js';
import { table } from './verify.js';

const VIRTUAL = 'virtual:preinit';
const INCOMPLETE = `nothing in this bundle imports ${VIRTUAL}, which the snapshot needs; import it first in the program`;
const NOTHING = 'export default { value: undefined, instances: 0, restore() {} };\n';
// `new URL('…', import.meta.url)`, as wasm-bindgen and Emscripten write it, and bundlers look for it.
// A comment in it is short: where many begin and none ends, each would be looked for to the end.
const ASSET = /\bnew\s+URL\(\s*(?:\/\*(?:(?!\*\/).){0,200}\*\/\s*)?(["'`])([^"'`$]+)\1\s*,\s*(?:"" \+ )?import\.meta\.url\s*\)/g;

// Which plugin has written which file, until its bundle is there.
const owners = new Map();
const digestOf = (...contents) => contents.reduce((hash, one) => hash.update(one), createHash('sha256')).digest('hex');
const pathOf = (file) => (file instanceof URL ? fileURLToPath(file) : resolve(file));

/** What a snapshot is known by at run time; nothing if there is nothing to make again. */
function marksOf(wasm) {
  const all = sectionsIn(wasm);
  if (!all.some(([name]) => name === SECTION)) return [];
  return [markOf((wanted) => all.filter(([name]) => name === wanted).map(([, bytes]) => bytes))];
}

/** The module by which a bundle makes again what its own snapshots cannot hold, and nobody else's. */
function runTimeOf(folder, runtime, marks) {
  const from = (file) => JSON.stringify(join(folder, file).replaceAll('\\', '/'));
  return `import { preinitialized } from ${from(`${runtime}.js`)};
import { isOneOf } from ${from('own_snapshots.js')};
const own = ${JSON.stringify(marks)};
export default preinitialized({ accepts: (module) => isOneOf(own, module) });
`;
}

/** The real path of a file; undefined if there is none. */
function realOf(path) {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Whether code is an ES module, so that an import may come before it. */
function isModule(code) {
  return /^[^\S\r\n]*(?:import\s*["'{*\w$]|export\s*[{*]|export\s+\w)/m.test(code) || code.includes('import.meta');
}

/** A path as a bundler takes it. */
function specifier(from, to) {
  const path = relative(dirname(from), to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** See plugin.d.ts. */
export function preinit({ wasm, cache, isStrict = false, isQuiet = false, ...options }) {
  const original = realOf(pathOf(wasm));
  if (!original) throw new Error(printable(`preinit: ${pathOf(wasm)} does not exist`));
  const runTime = fileURLToPath(new URL('.', import.meta.url));
  const name = basename(original);
  // As the end of a path in quotes, perhaps with a query.
  const named = new RegExp(`['"/]${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:\\?|['"])`);
  let snapshot;
  let making;
  let isBuild = true;
  let isVite = false;
  let isUsed = false;
  // All plugins of this kind that the bundler has: one of them makes the module that all share.
  let peers = [];

  /** The snapshot; undefined if there is nothing to put in the module's place. */
  async function made(folder, digest, say) {
    // Others may have a module of this name, or make another snapshot of this one, also by functions of the same text.
    const place = (number) => join(folder, digest.slice(0, 16) + (number > 0 ? `-${number}` : ''), name);
    let number = 0;
    while (![undefined, inputs].includes(owners.get(place(number)))) number += 1;
    const out = place(number);
    owners.set(out, inputs);
    mkdirSync(dirname(out), { recursive: true });
    try {
      const captured = await capture({ ...options, wasm: original, out, quiet: true, hasCompany: true });
      if (captured.verdict && !isQuiet) say(`${name}\n${table(captured.verdict)}`);
      if (captured.verdict?.gains === false) return undefined;
      for (const warning of captured.warnings) say(`${name}: ${warning}`);
      return { out, runtime: captured.runtime, marks: marksOf(captured.wasm) };
    } catch (error) {
      if (isStrict || !(error instanceof Refusal)) throw error;
      say(`${name} is left as it is: ${error.message}`);
      return undefined;
    }
  }

  const isOriginal = (path) => path.endsWith('.wasm') && realOf(path) === original;
  const ofPeers = (name) => peers.filter(({ api }) => api?.[name]).map(({ api }) => api[name]());

  /** What the snapshot is made of; it is made again when that is something else. */
  function inputs() {
    const { script, start, run, ...rest } = options;
    const text = script === undefined ? '' : readFileSync(pathOf(script));
    return digestOf(original, readFileSync(original), text, String(start), String(run), JSON.stringify(rest, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  }

  /** Leaves assets as they are that nothing would make complete; gives why, or undefined if there is none. */
  function leave(bundle) {
    const [before, after] = [readFileSync(original), readFileSync(snapshot.out)];
    const found = Object.values(bundle).filter(({ type, source }) => type === 'asset' && source instanceof Uint8Array && after.equals(source));
    for (const asset of found) asset.source = new Uint8Array(before);
    const is = (source) => typeof source !== 'string' && before.equals(source);
    if (found.length === 0 && !Object.values(bundle).some(({ type, source }) => type === 'asset' && is(source))) return undefined;
    return `${name} is left as it is: ${INCOMPLETE}`;
  }

  return {
    name: 'preinit',
    // Before those that take the files.
    enforce: 'pre',
    /** What the snapshot needs at run time, and what it is known by there, for other plugins of this kind. */
    api: { runtime: () => snapshot?.runtime ?? 'none', marks: () => snapshot?.marks ?? [] },
    configResolved(config) {
      peers = config.plugins;
      isVite = true;
      isBuild = config.command === 'build';
      cache ??= join(config.cacheDir, 'preinit');
    },
    async buildStart({ plugins = [] } = {}) {
      if (!isBuild) return;
      if (!isVite) peers = plugins;
      this.addWatchFile?.(original);
      if (options.script !== undefined) this.addWatchFile?.(pathOf(options.script));
      const digest = inputs();
      // Where files are watched, those that the script imports may have changed, too.
      if (making?.digest !== digest || this.meta?.watchMode) {
        isUsed = false;
        making = { digest, result: made(cache ? pathOf(cache) : resolve('node_modules/.cache/preinit'), digest, (text) => this.warn(printableLines(text))) };
      }
      snapshot = await making.result;
    },
    async resolveId(source, importer) {
      if (source === VIRTUAL) return `\0${VIRTUAL}`;
      const [path, query = ''] = source.split(/(?=\?)/);
      if (!snapshot || !path.endsWith('.wasm')) return null;
      const candidate = isAbsolute(path) || !importer ? path : resolve(dirname(importer.split('?')[0]), path);
      if (isOriginal(candidate)) return (isUsed = true, snapshot.out + query);
      const found = await this.resolve(path, importer, { skipSelf: true });
      return found && isOriginal(found.id) ? (isUsed = true, snapshot.out + query) : null;
    },
    closeBundle() {
      if (snapshot) owners.delete(snapshot.out);
    },
    load(id) {
      if (id !== `\0${VIRTUAL}`) return null;
      const needed = [snapshot?.runtime, ...ofPeers('runtime')];
      const runtime = ['replay', 'run'].find((one) => needed.includes(one));
      if (!runtime) return NOTHING;
      const marks = [...(snapshot?.marks ?? []), ...ofPeers('marks').flat()];
      return runTimeOf(runTime, runtime, [...new Set(marks)]);
    },
    transform(code, id) {
      const [path] = id.split('?');
      if (!snapshot || path.startsWith('\0') || !code.includes('.wasm')) return null;
      let isHere = false;
      const changed = code.replace(ASSET, (text, quote, asset) => {
        if (!asset.endsWith('.wasm') || !isOriginal(resolve(dirname(path), asset))) return text;
        isHere = true;
        return `new URL(${JSON.stringify(specifier(path, snapshot.out))}, import.meta.url)`;
      });
      const isImported = named.test(code);
      isUsed ||= isHere;
      if (!isHere && !(isImported && isModule(code))) return null;
      // It has to be there before the module is.
      const first = snapshot.runtime === 'none' ? '' : `import ${JSON.stringify(VIRTUAL)};`;
      return { code: first + changed, map: null };
    },
    generateBundle(_, bundle) {
      if (!snapshot) return;
      const modules = Object.values(bundle).flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds ?? Object.keys(chunk.modules) : []));
      const isComplete = snapshot.runtime === 'none' || modules.includes(`\0${VIRTUAL}`);
      const why = isComplete ? undefined : leave(bundle);
      if (why) return this.warn(printable(why));
      if (!isComplete && modules.some((id) => id.split('?')[0] === snapshot.out)) this.error(INCOMPLETE);
      const bytes = readFileSync(original);
      for (const asset of Object.values(bundle)) {
        const isSame = asset.type === 'asset' && typeof asset.source !== 'string' && bytes.equals(asset.source);
        if (!isSame) continue;
        // Another plugin has read the file, and has made its name.
        asset.source = new Uint8Array(readFileSync(snapshot.out));
        isUsed = true;
        this.warn(printable(`${asset.fileName} has the bytes of the snapshot, and the name that the original would have: caches may hold that one`));
      }
      if (!isUsed) this.warn(printable(`nothing in this bundle loads ${original}: it is loaded from elsewhere, or is part of JavaScript`));
    },
  };
}

export default preinit;
