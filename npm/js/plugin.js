// A plugin for Vite and Rollup: makes the snapshot when a bundle is built, and puts it in the place of the module.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture, Refusal } from './capture.js';
import { table } from './verify.js';

const VIRTUAL = 'virtual:preinit';
const NOTHING = 'export default { value: undefined, instances: 0, restore() {} };\n';
// `new URL('…', import.meta.url)`, as wasm-bindgen and Emscripten write it, and bundlers look for it.
const ASSET = /\bnew\s+URL\(\s*(?:\/\*.*?\*\/\s*)?(["'`])([^"'`$]+)\1\s*,\s*(?:"" \+ )?import\.meta\.url\s*\)/g;

const pathOf = (file) => (file instanceof URL ? fileURLToPath(file) : resolve(file));

/** The real path of a file; undefined if there is none. */
function realOf(path) {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** A path as a bundler takes it. */
function specifier(from, to) {
  const path = relative(dirname(from), to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** See plugin.d.ts. */
export function preinit({ wasm, cache, isStrict = false, isQuiet = false, ...options }) {
  const original = realOf(pathOf(wasm));
  if (!original) throw new Error(`preinit: ${pathOf(wasm)} does not exist`);
  const runTime = fileURLToPath(new URL('.', import.meta.url));
  let snapshot;
  let making;
  let isBuild = true;
  let isUsed = false;

  /** Why there is nothing to put in its place; undefined if there is. */
  async function made(folder, say) {
    mkdirSync(folder, { recursive: true });
    const out = join(folder, basename(original));
    try {
      const captured = await capture({ ...options, wasm: original, out, quiet: true });
      if (captured.verdict && !isQuiet) say(`${basename(original)}\n${table(captured.verdict)}`);
      if (captured.verdict?.gains === false) return undefined;
      return { out, runtime: captured.runtime, digest: createHash('sha256').update(captured.wasm).digest('hex') };
    } catch (error) {
      if (isStrict || !(error instanceof Refusal)) throw error;
      say(`${basename(original)} is left as it is: ${error.message}`);
      return undefined;
    }
  }

  const isOriginal = (path) => path.endsWith('.wasm') && realOf(path) === original;

  return {
    name: 'preinit',
    // Before those that take the files.
    enforce: 'pre',
    configResolved(config) {
      isBuild = config.command === 'build';
      cache ??= join(config.cacheDir, 'preinit');
    },
    async buildStart() {
      if (!isBuild) return;
      making ??= made(cache ? pathOf(cache) : resolve('node_modules/.cache/preinit'), (text) => this.warn(text));
      snapshot = await making;
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
    load(id) {
      if (id !== `\0${VIRTUAL}`) return null;
      if (!snapshot || snapshot.runtime === 'none') return NOTHING;
      const file = JSON.stringify(join(runTime, `${snapshot.runtime}.js`).replaceAll('\\', '/'));
      return `import { preinitialized } from ${file};\nexport default preinitialized();\n`;
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
      const isImported = /['"][^'"]*\.wasm(\?[^'"]*)?['"]/.test(code);
      isUsed ||= isHere;
      if (!isHere && !isImported) return null;
      // It has to be there before the module is.
      const first = snapshot.runtime === 'none' ? '' : `import ${JSON.stringify(VIRTUAL)};`;
      return { code: first + changed, map: null };
    },
    generateBundle(_, bundle) {
      if (!snapshot) return;
      const bytes = readFileSync(original);
      for (const asset of Object.values(bundle)) {
        const isSame = asset.type === 'asset' && typeof asset.source !== 'string' && bytes.equals(asset.source);
        if (!isSame) continue;
        // Another plugin has read the file. The name of the asset stays, which has the digest of the original.
        asset.source = new Uint8Array(readFileSync(snapshot.out));
        isUsed = true;
      }
      if (!isUsed) this.warn(`nothing in this bundle loads ${original}: it is loaded from elsewhere, or is part of JavaScript`);
    },
  };
}

export default preinit;
