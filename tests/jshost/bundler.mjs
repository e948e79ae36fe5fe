// The plugin for Vite and Rollup, with both of npm: pages in Chromium answer the same with the snapshot as without it.
//
//     node tests/jshost/bundler.mjs JS LIBRARY WORK
//
// LIBRARY is the folder that test-programs/wasm-bindgen/build.sh has filled; bundlers are installed into WORK.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium, openPage, serve } from '../dotnet/browser.mjs';

const [js, library, work] = process.argv.slice(2).map((path) => resolve(path));
const { preinit } = await import(pathToFileURL(join(js, 'plugin.js')));
mkdirSync(work, { recursive: true });
if (!existsSync(join(work, 'package.json'))) writeFileSync(join(work, 'package.json'), '{"type":"module"}');
const packages = ['vite@8.4.0', 'rollup@4.68.8', '@web/rollup-plugin-import-meta-assets@2.3.0', '@micropython/micropython-webassembly-pyscript@1.27.0', 'rregex@1.13.1'];
execFileSync('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', ...packages], { cwd: work, stdio: 'inherit' });
const installed = async (name) => import(pathToFileURL(createRequire(join(work, 'package.json')).resolve(name)));
const [vite, { rollup }, { importMetaAssets }] = [
  await import(pathToFileURL(join(work, 'node_modules/vite/dist/node/index.js'))), await installed('rollup'), await installed('@web/rollup-plugin-import-meta-assets'),
];
const browser = await chromium(work);

const MAIN = `
  import state from 'virtual:preinit';
  import init, { build, lookup, Index, starts } from './pkg/words.js';
  await init();
  if (state.value === undefined) build(5000);
  const index = new Index('page');
  index.add('word');
  document.title = JSON.stringify({ instances: state.instances, value: state.value ?? 5000, answers: [lookup('word7919'), starts(), [...index.counts()]] });`;
// With a path of its own, as Vite has it.
const BY_URL = MAIN.replace("await init();", 'await init({ module_or_path: url });').replace("import init", "import url from './pkg/words_bg.wasm?url';\n  import init");

let apps = 0;

/** A page with the library, and its folder. */
function page(main) {
  const root = join(work, `app${(apps += 1)}`);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  cpSync(join(library, 'web'), join(root, 'pkg'), { recursive: true });
  writeFileSync(join(root, 'main.js'), main);
  writeFileSync(join(root, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>');
  return root;
}

/** What a program does at its start, and what it does once, as the plugin wants it. */
const load = async (root) => {
  const words = await import(pathToFileURL(join(root, 'pkg/words.js')));
  await words.default();
  return words;
};
const run = (root) => async () => (await load(root)).build(5000);

/** Builds with Vite; gives the folder of the output and what was warned of. */
async function withVite(root, plugins) {
  const warned = [];
  // What takes long on a busy machine is no matter.
  const warn = (text) => text.includes('PLUGIN_TIMINGS') || warned.push(text);
  const customLogger = { ...vite.createLogger('silent'), warn, warnOnce: warn };
  await vite.build({ root, configFile: false, logLevel: 'warn', customLogger, plugins, build: { target: 'esnext', assetsInlineLimit: 0 } });
  return { folder: join(root, 'dist'), warned };
}

async function withRollup(root, plugins) {
  const warned = [];
  const bundle = await rollup({ input: join(root, 'main.js'), plugins: [...plugins, importMetaAssets()], onwarn: ({ message }) => warned.push(message) });
  const folder = join(root, 'out');
  await bundle.write({ dir: folder, format: 'es' });
  await bundle.close();
  cpSync(join(root, 'index.html'), join(folder, 'index.html'));
  return { folder, warned };
}

/** What the page says, and its module. */
async function opened(folder) {
  const { address, asked, close } = await serve(folder);
  const { page, said } = await openPage(browser);
  page.setDefaultTimeout(40_000);
  await page.goto(address);
  await page.waitForFunction('document.title !== ""').catch((error) => assert.fail(`${error.message}: ${said}, ${asked}`));
  const answer = JSON.parse(await page.title());
  await page.close();
  close();
  assert.deepEqual(said, []);
  const modules = asked.filter((path) => path.endsWith('.wasm'));
  assert.equal(modules.length, 1);
  return { ...answer, bytes: readFileSync(join(folder, modules[0])) };
}

const original = readFileSync(join(library, 'web/words_bg.wasm'));
const none = { name: 'none', resolveId: (id) => (id === 'virtual:preinit' ? '\0none' : null), load: (id) => (id === '\0none' ? 'export default {}' : null) };
const isSnapshot = (bytes) => bytes.includes('preinit.js') && !bytes.equals(original);
const wasmOf = (root) => join(root, 'pkg/words_bg.wasm');

for (const [bundler, build, main] of [['Vite', withVite, MAIN], ['Vite, ?url', withVite, BY_URL], ['Rollup', withRollup, MAIN]]) {
  const plain = page(main);
  const before = await opened((await build(plain, [none])).folder);
  assert(before.bytes.equals(original), bundler);

  const root = page(main);
  const cache = join(root, 'cache');
  const { folder, warned } = await build(root, [preinit({ wasm: wasmOf(root), run: run(root), cache })]);
  assert.deepEqual(warned, [], bundler);
  const after = await opened(folder);
  assert(isSnapshot(after.bytes), bundler);
  assert.deepEqual([after.answers, after.value], [before.answers, 5000], bundler);
  assert.equal(after.instances, 1);
  // Another snapshot has another name, and so have those that name it.
  const names = (folder) => readdirSync(folder, { recursive: true }).filter((name) => /\.(wasm|js)$/.test(name) && /-[\w-]{8}\./.test(name)).sort();
  const both = new Set([...names(folder), ...names(join(plain, bundler === 'Rollup' ? 'out' : 'dist'))]);
  assert(bundler === 'Rollup' || both.size === 4, [...both].join());
  const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.wasm'));
  assert.equal(modules.length, 1, modules.join());
}

// What a page loads of preinit is as small as docs/javascript.md says.
for (const [file, most] of [['run', 2500], ['replay', 17_500]]) {
  const root = page(`import { preinitialized } from ${JSON.stringify(join(js, `${file}.js`))}; preinitialized();`);
  await vite.build({ root, configFile: false, logLevel: 'error', build: { target: 'esnext', modulePreload: false } });
  const [script, ...more] = readdirSync(join(root, 'dist/assets'));
  assert.deepEqual(more, []);
  const { size } = statSync(join(root, 'dist/assets', script));
  assert(size > 1000 && size <= most, `${file}: ${size} bytes`);
}

// A record, and `start`; the library makes its instance while it is imported, which comes first.
const started = page(`
  import { lookup, Index, starts } from './pkg/words.js';
  import state from 'virtual:preinit';
  const index = new Index('started');
  index.add('one');
  document.title = JSON.stringify({ instances: state.instances, answers: [lookup('word7919'), starts(), [...index.counts()]] });`);
appendFileSync(join(started, 'pkg/words.js'), '\nawait __wbg_init();\n');
const start = async () => {
  const words = await import(pathToFileURL(join(started, 'pkg/words.js')));
  const index = new words.Index('started');
  index.add('one');
  return words;
};
const recorded = await withVite(started, [preinit({ wasm: wasmOf(started), start, run: (words) => words.build(5000) })]);
const { instances, answers } = await opened(recorded.folder);
assert.deepEqual([instances, answers], [1, [1, 1, [['one', 1]]]]);

// A refusal is a warning, and the page works; where it is asked for, it ends the build.
for (const isStrict of [false, true]) {
  const root = page(MAIN);
  const run = async () => void (await load(root)).keep({});
  const built = withVite(root, [preinit({ wasm: wasmOf(root), run, isStrict })]);
  if (isStrict) {
    await assert.rejects(built, /no snapshot was made/);
    continue;
  }
  const { folder, warned } = await built;
  assert.match(warned.join('\n'), /words_bg.wasm is left as it is: no snapshot was made:\n.*holds an object \(Object\) of JavaScript/);
  const left = await opened(folder);
  assert(left.bytes.equals(original));
  assert.deepEqual(left.answers, [1, 1, [['word', 1]]]);
}

// A copy of the module is recognized by its bytes; another one is not.
const copy = page(MAIN);
const elsewhere = page(MAIN);
const copied = await withVite(copy, [preinit({ wasm: wasmOf(elsewhere), run: run(elsewhere) })]);
assert.match(copied.warned.join('\n'), /^[^\n]*words_bg-[\w-]+\.wasm has the bytes of the snapshot, and the name that the original would have[^\n]*$/);
assert(isSnapshot((await opened(copied.folder)).bytes));
const other = page(MAIN);
writeFileSync(wasmOf(other), Buffer.concat([original, Buffer.from([0, 2, 1, 0x78])]));
const unused = await withVite(page(MAIN), [preinit({ wasm: wasmOf(other), run: run(other) })]);
assert.match(unused.warned.join('\n'), /nothing in this bundle loads/);

// The examples: as they stand, with this plugin.
const examples = {
  vite: { needs: '@micropython', wasm: 'micropython.wasm', says: /^query\(341\) is \d+\nPython was there with its catalog after [\d.]+ ms\nthe first answer took [\d.]+ ms\n/ },
  'vite-rust': { needs: 'rregex', wasm: 'rregex.wasm', says: /^the filter says true\nit was there after [\d.]+ ms\nthe first answer took [\d.]+ ms\n/ },
};
for (const [name, { needs, wasm, says }] of Object.entries(examples)) {
  const example = join(work, 'example', name);
  rmSync(example, { recursive: true, force: true });
  cpSync(new URL(`../../examples/${name}`, import.meta.url), example, { recursive: true });
  mkdirSync(join(example, 'node_modules/preinit'), { recursive: true });
  writeFileSync(join(example, 'node_modules/preinit/package.json'), '{ "type": "module", "exports": { "./js/plugin": "./js/plugin.js" } }');
  symlinkSync(js, join(example, 'node_modules/preinit/js'));
  for (const name of ['vite', needs]) symlinkSync(join(work, 'node_modules', name), join(example, 'node_modules', name));
  const built = spawnSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build'], {
    cwd: example, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  assert.equal(built.status, 0, built.stderr);
  assert.match(built.stdout + built.stderr, new RegExp(`${wasm}\n {2}milliseconds +original +snapshot\n[^]* times faster\n`));
  const { address, close } = await serve(join(example, 'dist'));
  const { page: shown, said } = await openPage(browser);
  await shown.goto(address);
  await shown.waitForFunction('document.querySelector("pre").textContent !== "…"');
  const printed = await shown.textContent('pre');
  assert.match(printed, says);
  assert.deepEqual(said, []);
  console.log(printed);
  close();
}

await browser.close();
console.log('bundles of Vite and Rollup start from snapshots, and what is refused is left as it is');
process.exit(0);
