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

// Lines end where JavaScript's do, and each begins once: what stands at its beginning would else be looked through from each place in it.
const STATEMENT = /(?:^|[\n\r\u2028\u2029])[^\S\n\r\u2028\u2029]*(?:import\s*["'{*\w$]|export\s*[{*]|export\s+\w)/;
const SHELL = /^\ufeff?#![^\n\r\u2028\u2029]*/;
const DIRECTIVE = /(["'])use [a-z ]+\1[^\S\n\r\u2028\u2029]*(?=[;\n\r])/y;
const BLANK = /[\s;]*/y;
const JAVASCRIPT = /(?:^|[\\/])[^\\/.]*$|\.[cm]?[jt]sx?$/i;
const COMPONENT = /\.(?:svelte|vue)$/i;

/** Whether code is an ES module, so that an import may come before it. */
function isModule(code) {
  return STATEMENT.test(code) || code.includes('import.meta');
}

/** Whether a file is JavaScript, or TypeScript, as a bundler has its name; with a query, it is a part of another one. */
function isScript(path, query) {
  if (/[?&](?:raw|type=(?:template|style|custom))\b/.test(query)) return false;
  return JAVASCRIPT.test(path) || /\.[cm]?[jt]sx?$/i.test(query);
}

/** Where what has to stay at the beginning ends: the line for the shell, and directives. */
function beginningOf(code) {
  let kept = SHELL.exec(code)?.[0].length ?? 0;
  for (let at = kept; ;) {
    BLANK.lastIndex = at;
    BLANK.test(code);
    at = BLANK.lastIndex;
    const end = { '//': '\n', '/*': '*/' }[code.slice(at, at + 2)];
    if (end !== undefined) {
      const to = code.indexOf(end, at + 2);
      if (to === -1) return kept;
      at = to + end.length;
      continue;
    }
    DIRECTIVE.lastIndex = at;
    if (!DIRECTIVE.test(code)) return kept;
    kept = at = DIRECTIVE.lastIndex;
  }
}

/** A module with an import before all that it does. */
function withFirst(first, code) {
  const kept = first === '' ? 0 : beginningOf(code);
  const between = kept === 0 ? '' : /["']\s*$/.test(code.slice(Math.max(0, kept - 20), kept)) ? ';' : '\n';
  return code.slice(0, kept) + between + first + code.slice(kept);
}

/** The text of a component with what `change` makes of its scripts. */
function withScripts(text, change) {
  let [changed, end] = ['', 0];
  for (let tag = text.indexOf('<script'); tag !== -1; tag = text.indexOf('<script', end)) {
    const begin = text.indexOf('>', tag) + 1;
    const to = begin === 0 ? -1 : text.indexOf('</script', begin);
    if (to === -1) break;
    changed += text.slice(end, begin) + change(text.slice(begin, to));
    end = to;
  }
  return changed + text.slice(end);
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
  // What was changed here: where files are watched, it names the snapshot of then.
  const changedIds = new Set();
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

  /** What becomes of code; null if it stays. */
  function transformed(code, id) {
    const [path, query = ''] = id.split(/(?=\?)/);
    if (!snapshot || path.startsWith('\0')) return null;
    // It has to be there before the module is.
    const first = snapshot.runtime === 'none' ? '' : `import ${JSON.stringify(VIRTUAL)};`;
    // What other plugins have made of the module itself, such as its URL, be it for a component.
    if (path === snapshot.out) {
      if (first === '' || code.startsWith('\0asm') || /[?&]raw\b/.test(query) || !isModule(code)) return null;
      return { code: withFirst(first, code), map: null, moduleSideEffects: true };
    }
    if (!code.includes('.wasm')) return null;
    const withURLs = (code) => code.replace(ASSET, (text, quote, asset) => {
      if (!asset.endsWith('.wasm') || !isOriginal(resolve(dirname(path), asset))) return text;
      isUsed = true;
      const place = specifier(path, snapshot.out);
      // In quotes of the same kind, as it may be a part of a text.
      return `new URL(${/["'`$\\]/.test(place) ? JSON.stringify(place) : quote + place + quote}, import.meta.url)`;
    });
    if (COMPONENT.test(path) && query === '') {
      const changed = withScripts(code, (script) => {
        const changed = withURLs(script);
        return changed === script ? script : first + changed;
      });
      return changed === code ? null : { code: changed, map: null };
    }
    if (!isScript(path, query)) return null;
    const changed = withURLs(code);
    return changed === code && !(named.test(code) && isModule(code)) ? null : { code: withFirst(first, changed), map: null };
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
    shouldTransformCachedModule: ({ id }) => changedIds.has(id),
    transform(code, id) {
      const result = transformed(code, id);
      if (result) changedIds.add(id);
      return result;
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
