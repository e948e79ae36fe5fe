// What snapshots of npm packages gain, in Node and in headless Chromium from a page that Vite has built:
//
//     node benches/javascript.mjs JS WORK [--write]
//
// JS is the folder that npm/js/assemble.mjs has filled; packages are installed into WORK. With --write the table in docs/javascript.md is
// written anew. Measure on a quiet machine.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium, openPage, serve } from '../tests/dotnet/browser.mjs';

const TIMES = 5;
const page = fileURLToPath(new URL('../docs/javascript.md', import.meta.url));
const [js, work] = process.argv.slice(2, 4).map((path) => resolve(path));
const { preinit } = await import(pathToFileURL(join(js, 'plugin.js')));
const { capture, verify } = await import(pathToFileURL(join(js, 'index.js')));

/**
 * `warm` is what is done once with a library that is loaded; what it returns stands in the snapshot, and `first` gets it, too, which gives the
 * first answer. Both are the same in Node and in a page.
 */
const packages = [
  {
    name: 'quickjs-emscripten',
    version: '0.32.0',
    wasm: '@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm',
    hasStart: true,
    text: `
      import { newQuickJSWASMModuleFromVariant, RELEASE_SYNC } from 'quickjs-emscripten';
      const load = async () => (await newQuickJSWASMModuleFromVariant(RELEASE_SYNC)).newContext();
      const ask = (context, text) => context.unwrapResult(context.evalCode(text)).consume(context.dump);
      const warm = (context) => ask(context, \`
        const limit = 1e6, sieve = new Uint8Array(limit), primes = [];
        for (let n = 2; n < limit; n++) {
          if (sieve[n]) continue;
          if (n < 20000) primes.push(n);
          for (let m = n * n; m < limit; m += n) sieve[m] = 1;
        }
        0\`);
      const first = (context) => ask(context, 'primes[77]');`,
  },
  {
    name: 'jieba-wasm',
    version: '2.4.0',
    wasm: 'jieba-wasm/pkg/web/jieba_rs_wasm_bg.wasm',
    text: `
      import init, { cut } from 'jieba-wasm/web';
      const load = async () => (await init(), cut);
      const warm = (cut) => void cut('我们', true);
      const first = (cut) => cut('我们中出了一个叛徒，南京市长江大桥', true).join(' ');`,
  },
  {
    name: '@micropython/micropython-webassembly-pyscript',
    version: '1.27.0',
    wasm: '@micropython/micropython-webassembly-pyscript/micropython.wasm',
    options: { noop: ['mp_js_init', 'proxy_c_init'] },
    // Its loader does not look beside a bundle.
    isByUrl: true,
    text: `
      import { loadMicroPython } from '@micropython/micropython-webassembly-pyscript/micropython.mjs';
      const load = (url) => loadMicroPython({ heapsize: 8 << 20, ...(url && { url }) });
      const warm = (python) => python.runPython('words = {str(i * 7919 % 10007): i * i for i in range(20000)}\\ndef query(n):\\n  return words.get(str(n), -1)');
      const first = (python) => python.globals.get('query')(341);`,
  },
  {
    name: '@sqlite.org/sqlite-wasm',
    version: '3.50.4-build1',
    // In a page it looks for storage first, so that a snapshot of Node's start is none of that.
    isForNode: true,
    wasm: '@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm',
    hasStart: true,
    text: `
      import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
      const load = () => sqlite3InitModule({ print() {}, printErr() {} });
      const warm = (sqlite3) => {
        const db = new sqlite3.oo1.DB(':memory:');
        db.exec('create table t(id integer primary key, w text, n int); create index ti on t(w)');
        db.exec("with recursive c(x) as (select 1 union all select x + 1 from c where x < 40000) insert into t select x, 'word' || (x * 7919 % 6007), x % 97 from c");
        db.exec('create table words as select n, count(distinct w) words, group_concat(distinct substr(w, 5)) ids from t group by n');
        return db.pointer;
      };
      const first = (sqlite3, db) => {
        const rows = [];
        sqlite3.capi.sqlite3_exec(db, "select count(*), sum(n) from t where w = 'word77'", (row) => (rows.push(row.join()), 0), 0, 0);
        return rows.join(' ');
      };`,
  },
  {
    name: 'rregex',
    version: '1.13.1',
    wasm: 'rregex/lib/rregex.wasm',
    // Bundlers would take the package's code for Node.
    alias: 'rregex/lib/web.js',
    text: `
      import * as rregex from 'rregex';
      const load = async () => (await rregex.default?.(), rregex.RRegex);
      const words = Array.from({ length: 3000 }, (_, n) => 'word' + (n * 7919) % 10007);
      const warm = (RRegex) => {
        const filter = new RRegex('(?i)\\\\b(' + words.join('|') + ')\\\\b');
        filter.isMatch('warm up');
        return filter.__wbg_ptr;
      };
      const first = (RRegex, pointer) => Object.assign(Object.create(RRegex.prototype), { __wbg_ptr: pointer }).isMatch('it has WORD7919 in it');`,
  },
  {
    name: 'tiktoken',
    version: '1.0.22',
    wasm: 'tiktoken/tiktoken_bg.wasm',
    isForNode: true,
    text: `
      import { createRequire } from 'node:module';
      const { get_encoding, Tiktoken } = createRequire(import.meta.url)('tiktoken');
      const load = () => get_encoding;
      const warm = (get) => {
        const encoding = get('o200k_base');
        encoding.encode('warm up');
        return encoding.__wbg_ptr;
      };
      const first = (get, pointer) => Object.assign(Object.create(Tiktoken.prototype), { __wbg_ptr: pointer }).encode('hello world').join(' ');`,
  },
];

/** What a bundle without snapshot knows of one. */
const none = { name: 'none', resolveId: (id) => (id === 'virtual:preinit' ? '\0none' : null), load: (id) => (id === '\0none' ? 'export default {}' : null) };

/** A folder for a package, with its page and its script. */
function application({ name, text, wasm, isByUrl, hasStart }) {
  const root = join(work, name.replaceAll(/\W/g, '_'));
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'warm-up.mjs'), `${text}
    let library;
    const loaded = () => (library ??= load());
    ${hasStart ? 'export const start = loaded;' : ''}
    export const run = async () => warm(await loaded());
    export const calls = async ({ value }) => first(await loaded(), value);`);
  writeFileSync(join(root, 'main.js'), `import state from 'virtual:preinit';
    ${text}
    ${isByUrl ? `import url from '${wasm}?url';` : 'const url = undefined;'}
    const library = await load(url);
    const value = HAS_SNAPSHOT ? state.value : await warm(library);
    const answer = await first(library, value);
    document.title = JSON.stringify({ answer, milliseconds: performance.now() - begun });`);
  writeFileSync(join(root, 'index.html'), '<!doctype html><meta charset="utf-8"><script>const begun = performance.now();</script><script type="module" src="./main.js"></script>');
  return root;
}

/** How long it takes from the beginning of the page to the first answer, in a fresh context. */
async function opened(browser, folder) {
  const { address, close } = await serve(folder);
  const context = await browser.newContext();
  const { page } = await openPage(context);
  await page.goto(address);
  await page.waitForFunction('document.title !== ""');
  const said = JSON.parse(await page.title());
  await context.close();
  close();
  return said;
}

/** The fastest of both pages, which take turns: others use the machine, too. */
async function fastest(browser, folders) {
  const said = folders.map(() => []);
  for (let time = 0; time < TIMES; time++) {
    for (const [which, folder] of folders.entries()) said[which].push(await opened(browser, folder));
  }
  const [first] = said.flat();
  if (said.flat().some(({ answer }) => answer !== first.answer)) throw new Error(`other answers than ${first.answer}`);
  return said.map((all) => Math.min(...all.map(({ milliseconds }) => milliseconds)));
}

async function measured(vite, browser, one) {
  const root = application(one);
  const wasm = join(work, 'node_modules', one.wasm);
  const script = join(root, 'warm-up.mjs');
  const resolve = { alias: one.alias ? { [one.name]: join(work, 'node_modules', one.alias) } : {} };
  const build = async (outDir, plugins) => {
    const common = { target: 'esnext', assetsInlineLimit: 0, emptyOutDir: true };
    await vite.build({ root, configFile: false, logLevel: 'error', plugins, resolve, define: { HAS_SNAPSHOT: String(!plugins.includes(none)) }, build: { ...common, outDir } });
    return join(root, outDir);
  };
  const cache = join(root, 'cache');
  const phase = (name) => async () => (await import(pathToFileURL(script)))[name]();
  const phases = { ...(one.hasStart && { start: phase('start') }), run: phase('run') };
  let page;
  if (one.isForNode) await capture({ wasm, out: join(cache, basename(wasm)), ...phases, ...one.options });
  else {
    const plugin = preinit({ wasm, ...phases, isStrict: true, cache, ...one.options });
    page = await fastest(browser, [await build('plain', [none]), await build('snapshot', [plugin])]);
  }
  const [found] = readdirSync(cache, { recursive: true }).filter((file) => basename(file) === basename(wasm));
  const out = join(cache, found);
  const verdict = await verify({ original: wasm, snapshot: out, script, times: TIMES });
  if (!verdict.equal) throw new Error(`${one.name}: other answers in Node`);
  const total = (side) => verdict.milliseconds[side] + verdict.phases[side].read;
  const sizes = [wasm, out].map((file) => readFileSync(file)).map((bytes) => [bytes.length / 1e6, gzipSync(bytes).length / 1e6]);
  return { name: one.name, node: [total('original'), total('snapshot')], page, sizes };
}

function table(rows) {
  const arrow = ([before, after]) => `${before.toFixed(0)} → ${after.toFixed(0)}, ${(before / after).toFixed(1)} times`;
  const size = (sizes, at) => sizes.map((both) => both[at].toFixed(1)).join(' → ');
  return [
    '| package | Node, ms | Chromium, ms | file, MB | gzipped, MB |',
    '|---|---|---|---|---|',
    ...rows.map(({ name, node, page, sizes }) => `| \`${name}\` | ${arrow(node)} | ${page ? arrow(page) : 'only in Node'} | ${size(sizes, 0)} | ${size(sizes, 1)} |`),
  ].join('\n');
}

mkdirSync(work, { recursive: true });
if (!existsSync(join(work, 'package.json'))) writeFileSync(join(work, 'package.json'), '{"type":"module"}');
const wanted = ['vite@8.4.0', ...packages.map(({ name, version }) => `${name}@${version}`)];
execFileSync('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', ...wanted], { cwd: work, stdio: 'inherit' });
const vite = await import(pathToFileURL(join(work, 'node_modules/vite/dist/node/index.js')));
const browser = await chromium(work);
const rows = [];
for (const one of packages) rows.push(await measured(vite, browser, one));
await browser.close();
const text = table(rows);
console.log(text);
if (process.argv.includes('--write')) {
  const MARKS = /(<!-- figures: benches\/javascript.mjs -->\n)[^]*?(<!-- end of figures -->)/;
  const before = readFileSync(page, 'utf8');
  if (!MARKS.test(before)) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, before.replace(MARKS, `$1\n${text}\n\n$2`));
}
process.exit(0);
