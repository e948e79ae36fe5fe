// The plugin without a bundler: which snapshot stands where, what is put into code, and what is left as it is.
//
//     node tests/jshost/plugin.mjs JS PREINIT
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const part = (file) => import(pathToFileURL(join(resolve(process.argv[2]), file)));
const { preinit } = await part('plugin.js');
const { sectionsIn, withSection } = await part('fixups.js');
const { SECTIONS, sha256 } = await part('own_snapshots.js');
const modules = fileURLToPath(new URL('modules', import.meta.url));
const module = (name) => execFileSync(resolve(process.argv[3]), ['-q', join(modules, `${name}.wat`)], { stdio: ['ignore', 'pipe', 'ignore'] });
const work = mkdtempSync(join(tmpdir(), 'preinit-plugin-'));
const [dictionary, glue] = ['dictionary', 'glue'].map((name) => module(name));
const js = { r() {}, i() {}, t: () => 0, c: () => 0, n: () => 1 };
const env = { register() {}, now: () => 1, fail() {}, later() {} };
const load = async (file) => (await WebAssembly.instantiate(readFileSync(file), { js, env })).instance.exports;
const VIRTUAL = '\0virtual:preinit';

/** A folder with a module that has the name that all have. */
function folder(name, bytes) {
  mkdirSync(join(work, name), { recursive: true });
  const wasm = join(work, name, 'index_bg.wasm');
  writeFileSync(wasm, bytes);
  return wasm;
}

/** A plugin, as a bundler calls it, and what it warned of. */
function plugged(options, { watchMode = false } = {}) {
  const plugin = preinit({ cache: join(work, 'cache'), ...options });
  const said = [];
  const watched = [];
  const context = {
    meta: { watchMode }, warn: (text) => void said.push(text), error: (text) => { throw new Error(text); }, addWatchFile: (file) => watched.push(file),
    resolve: async () => null,
  };
  const call = (name, ...args) => plugin[name].call(context, ...args);
  const out = (file = options.wasm) => call('resolveId', file, join(work, 'main.js'));
  return { plugin, call, out, said, watched };
}

const asset = (bytes, fileName = 'assets/index_bg-abc.wasm') => ({ type: 'asset', fileName, source: new Uint8Array(bytes) });
const chunk = (...moduleIds) => ({ type: 'chunk', moduleIds });

const [a, b] = [folder('a', dictionary), folder('b', glue)];
const none = { wasm: a, run: async () => (await load(a)).store(3000, 7) };
const small = { wasm: b, run: async () => void (await load(b)).keep('text') };
const large = { wasm: b, start: async () => void (await load(b)).keep('text') };

// Modules of one name, also two snapshots of the same one, built at the same time.
{
  const plugins = [none, small, large].map((options) => plugged(options));
  const peers = { plugins: plugins.map(({ plugin }) => plugin) };
  await Promise.all(plugins.map(({ call }) => call('buildStart', peers)));
  const outs = await Promise.all(plugins.map(({ out }) => out()));
  assert.equal(new Set(outs).size, 3, outs.join());
  assert.equal((await load(outs[0])).load(3000), 7);
  assert(readFileSync(outs[2]).includes('preinit.js.helper') && !readFileSync(outs[1]).includes('preinit.js.helper'));
  // Whichever is asked, all have what they need.
  for (const { call } of plugins) assert.match(call('load', VIRTUAL), /\/replay\.js"/);
  const both = plugins.slice(0, 2);
  for (const { call } of both) await call('buildStart', { plugins: both.map(({ plugin }) => plugin) });
  const alone = plugged(none);
  await alone.call('buildStart', { plugins: [alone.plugin] });
  assert.match(alone.call('load', VIRTUAL), /^export default \{ value: undefined/);
  const two = [plugged(none), plugged(small)];
  for (const { call } of two) await call('buildStart', { plugins: two.map(({ plugin }) => plugin) });
  for (const { call } of two) assert.match(call('load', VIRTUAL), /\/run\.js"/);
}

// What a bundle makes again is what its own snapshots need; those of others are left as they are.
{
  const returning = (value) => plugged({ wasm: b, run: async () => ((await load(b)).keep('text'), value) });
  const [own, peer, other] = ['own', 'of a peer', 'of another'].map(returning);
  const peers = { plugins: [own.plugin, peer.plugin] };
  for (const { call } of [own, peer, other]) await call('buildStart', peers);
  const file = join(work, 'virtual.mjs');
  writeFileSync(file, own.call('load', VIRTUAL));
  const { default: hooks } = await import(pathToFileURL(file));
  for (const [plugin, value, instances] of [[own, 'own', 1], [other, 'own', 1], [peer, 'of a peer', 2]]) {
    await load(await plugin.out());
    assert.deepEqual([hooks.value, hooks.instances], [value, instances]);
  }
  hooks.restore();
}

// A module of others may have the section of an own one: then the others of which the run time makes use differ, or it is an own one.
{
  const { plugin, call, out } = plugged(large);
  await call('buildStart', { plugins: [plugin] });
  const own = readFileSync(await out());
  const file = join(work, 'virtual.mjs');
  writeFileSync(file, call('load', VIRTUAL));
  const { default: hooks } = await import(`${pathToFileURL(file)}?large`);
  const instances = async (bytes) => (await WebAssembly.instantiate(bytes, { js, env }), hooks.instances);
  // The name stands before the contents; the last byte of each is changed.
  const forged = SECTIONS.map((name) => {
    const found = sectionsIn(own).find(([one]) => one === name);
    const bytes = Buffer.from(own);
    bytes[own.indexOf(Buffer.concat([Buffer.from(name), found[1]])) + name.length + found[1].length - 1] ^= 1;
    return bytes;
  });
  for (const bytes of [...forged, withSection(own, SECTIONS[1], new Uint8Array(1))]) {
    assert(WebAssembly.validate(bytes) && !bytes.equals?.(own));
    assert.equal(await instances(bytes), 0);
  }
  assert.equal(await instances(own), 1);
  hooks.restore();
  for (let length = 0; length < 200; length++) {
    const bytes = randomBytes(length + 3);
    assert.equal(sha256(bytes.subarray(3)), createHash('sha256').update(bytes.subarray(3)).digest('hex'), String(length));
  }
}

// Functions of the same text are not the same function.
{
  const storing = (value) => ({ wasm: a, run: async () => void (await load(a)).store(3000, value) });
  const plugins = [1, 2].map((value) => plugged(storing(value)));
  for (const { call } of plugins) await call('buildStart', {});
  assert.deepEqual(await Promise.all(plugins.map(async ({ out }) => (await load(await out())).load(3000))), [1, 2]);
}

// Where files are watched, the snapshot is of the module and the script that are there now.
{
  const wasm = folder('watched', dictionary);
  const script = join(work, 'script.mjs');
  const write = (times) => writeFileSync(script, `
    import { readFileSync } from 'node:fs';
    const env = { register() {}, now: () => 1, fail() {}, later() {} };
    const load = async () => (await WebAssembly.instantiate(readFileSync(${JSON.stringify(wasm)}), { env })).instance.exports;
    export const run = async () => (await load()).store(3000, ${times});
    export const calls = async ({ preinitialized }) => (preinitialized && await load(), 1);`);
  // It says that nothing is gained; the file is there.
  const files = async (watchMode) => {
    const { call, watched } = plugged({ wasm, script, isQuiet: true }, { watchMode });
    const made = [];
    const digests = () => execFileSync('find', [join(work, 'cache'), '-name', 'index_bg.wasm'], { encoding: 'utf8' }).trim().split('\n').sort();
    for (const times of [1, 2]) {
      write(times);
      const before = digests();
      await call('buildStart', {});
      made.push(digests().filter((file) => !before.includes(file)));
    }
    assert.deepEqual(watched.slice(0, 2), [wasm, script]);
    return made;
  };
  const made = await files(true);
  assert.deepEqual(made.map(({ length }) => length), [1, 1]);
  assert.deepEqual(await Promise.all(made.map(async ([file]) => (await load(file)).load(3000))), [1, 2]);
  const { call, out, said } = plugged({ wasm, run: async () => (await load(wasm)).store(3000, 1) }, { watchMode: true });
  await call('buildStart', {});
  const first = await out();
  copyFileSync(a, wasm);
  await call('buildStart', {});
  assert.equal(await out(), first);
  writeFileSync(wasm, Buffer.concat([dictionary, Buffer.from([0, 2, 1, 0x78])]));
  await call('buildStart', {});
  assert.notEqual(await out(), first);
  // A module that cannot be loaded once more is left as it is.
  let isLoaded = false;
  const once = plugged({ wasm, run: async () => (isLoaded ||= Boolean(await load(wasm))) }, { watchMode: true });
  await once.call('buildStart', {});
  assert.notEqual(await once.out(), null);
  await once.call('buildStart', {});
  assert.equal(await once.out(), null);
  assert.match(once.said.join(), /was not instantiated/);
  assert.deepEqual(said, []);
}

// What is put into code, and where not.
{
  const { call, out } = plugged(small);
  await call('buildStart', {});
  const transformed = (code, file = 'main.js') => call('transform', code, join(work, 'b', file))?.code;
  const path = await out();
  assert.equal(transformed("new URL('index_bg.wasm', import.meta.url);")?.startsWith('import "virtual:preinit";new URL('), true);
  assert.equal(transformed("import url from './index_bg.wasm?url';"), `import "virtual:preinit";import url from './index_bg.wasm?url';`);
  for (const other of [
    "module.exports = require('fs').readFileSync(__dirname + '/index_bg.wasm');", "import url from './sql-wasm.wasm';", "import url from './my_index_bg.wasm';",
    "module.exports = require('fs').readFileSync(__dirname + '/sql-wasm.wasm');", '// index_bg.wasm',
  ]) assert.equal(transformed(other), undefined, other);
  assert(path.endsWith('index_bg.wasm'));
  assert.match(transformed("new URL(/* @vite-ignore */ 'index_bg.wasm', import.meta.url)"), /^import "virtual:preinit";new URL\('\.\.\/cache\//);

  // A bundler that keeps what it has transformed asks again for what names the snapshot.
  const again = (file) => call('shouldTransformCachedModule', { id: join(work, 'b', file) });
  assert.deepEqual([again('main.js'), again('never.js')], [true, false]);

  // What has to stay at the beginning.
  const first = 'import "virtual:preinit";';
  const code = "import url from './index_bg.wasm?url'; new URL('index_bg.wasm', import.meta.url)";
  for (const [kept, between] of [
    ['#!/usr/bin/env node', '\n'], ['#!/usr/bin/env node\u2028', '', '#!/usr/bin/env node\n'], ["'use client'", ';'], ['"use strict" ', ';'], ["// 'a'\n/* b */ 'use client'", ';'], ["#!x\r\n'use strict';'use client'", ';'],
  ]) {
    const rest = between === '' ? '' : `\n${code}`;
    const shown = transformed(between === '' ? kept + code : kept + rest);
    assert(between === '' ? shown.startsWith(`${kept.slice(0, -1)}\n${first}\u2028`) : shown.startsWith(`${kept}${between}${first}\nimport url`), shown);
  }
  for (const kept of ["'use client' + 1\n", '/* #!x */', '// use\n', "'used'\n", '/* no end', "'use client'"]) assert(transformed(kept + code).startsWith(first), kept);

  // Components are no JavaScript: what is loaded brings what it needs, and URLs are in their scripts.
  const component = (script, text = '') => `${text}<script lang="ts">\n${script}\n</script>\n<p>new URL('index_bg.wasm', import.meta.url)</p>`;
  for (const file of ['App.svelte', 'App.vue']) {
    assert.equal(transformed(component("import url from './index_bg.wasm?url';"), file), undefined);
    const shown = transformed(component("const url = new URL('index_bg.wasm', import.meta.url);", '<p>text</p>\n'), file);
    assert(shown.startsWith(`<p>text</p>\n<script lang="ts">${first}\nconst url = new URL('../cache/`) && shown.endsWith("</script>\n<p>new URL('index_bg.wasm', import.meta.url)</p>"), shown);
    assert.equal(transformed('<script>new URL(\'index_bg.wasm\', import.meta.url)', file), undefined);
    assert.equal(transformed("<p>\nimport url from './index_bg.wasm?url';</p>", `${file}?x&type=template&lang.js`), undefined);
    assert(transformed(code, `${file}?x&type=script&setup=true&lang.ts`).startsWith(first));
  }
  for (const file of ['index.html', 'page.md', 'page.mdx', 'page.astro', 'style.css', 'data.json', 'main.js?raw']) assert.equal(transformed(`\n${code}`, file), undefined, file);
  for (const file of ['main.ts', 'main.tsx', 'main.mjs', 'main.jsx?v=1', 'index.html?html-proxy&index=0.js', 'without-a-name']) assert(transformed(code, file).startsWith(first), file);
  for (const quote of ['"', "'", '`']) assert(transformed(`new URL(${quote}index_bg.wasm${quote}, import.meta.url)`).startsWith(`${first}new URL(${quote}../cache/`), quote);
  const loaded = (code, query = '?url') => call('transform', code, path + query);
  assert.deepEqual(loaded('export default "/a"'), { code: `${first}export default "/a"`, map: null, moduleSideEffects: true });
  assert.equal(loaded('export default (options) => init(options)', '?init')?.code.startsWith(first), true);
  assert.deepEqual([loaded('\0asm\x01\nexport default 1', ''), loaded('module.exports = "/a"'), loaded('export default "/a"', '?raw')], [null, null, null]);

  // However long a text is, and whatever it repeats: looking to its end from each place would take hours.
  const LENGTH = 4e6;
  for (const part of [
    'new URL(/*', 'new URL(/* ', "new URL('", 'new URL("a.wasm", ', 'new URL("a.wasm"', 'new ', 'new URL(', '"a.wasm?', "'/", '/', '\n', ' \n', '\r\n', '\t', '"index_bg.wasm?',
    'index_bg.wasm', 'import ', 'export ', '"" + ', '/**/', '*/', '.wasm', '\u2028', '\u2029 ', '\u2028\t', '// ', '//\n', '/* ', "'use strict';", "'use strict'\n", '#!', '<script', '<script>', '</script',
  ]) {
    const began = performance.now();
    for (const file of ['main.js', 'App.vue']) transformed(`${part.repeat(LENGTH / part.length)} "./index_bg.wasm" import.meta`, file);
    const seconds = (performance.now() - began) / 1000;
    assert(seconds < 20, `${seconds} s for ${JSON.stringify(part)}`);
  }
}

// An asset is replaced only where something calls `preinitialized`, if that is needed; and the name that it has is said.
{
  const built = async (options, bundle, { isResolved = false } = {}) => {
    const { call, out, said } = plugged(options);
    await call('buildStart', {});
    const file = await out();
    const bytes = readFileSync(file);
    const all = Object.fromEntries(Object.entries(bundle(bytes, file)));
    if (!isResolved) said.length = 0;
    call('generateBundle', {}, all);
    return { said: said.join('\n'), is: (kind) => Buffer.from(all.module.source).equals(kind === 'snapshot' ? bytes : readFileSync(options.wasm)) };
  };
  const complete = await built(small, () => ({ module: asset(glue), main: chunk(VIRTUAL, '/main.js') }));
  assert(complete.is('snapshot'));
  assert.match(complete.said, /^assets\/index_bg-abc.wasm has the bytes of the snapshot, and the name that the original would have/);
  const modules = await built(small, () => ({ module: asset(glue), main: { type: 'chunk', modules: { [VIRTUAL]: {} } } }));
  assert(modules.is('snapshot'));
  const lacking = await built(small, () => ({ module: asset(glue), main: chunk('/main.js') }));
  assert(lacking.is('original'));
  assert.match(lacking.said, /^index_bg.wasm is left as it is: nothing in this bundle imports virtual:preinit/);
  // Also where its path was exchanged.
  const exchanged = await built(small, (bytes) => ({ module: asset(bytes), main: chunk('/main.js') }));
  assert(exchanged.is('original'));
  assert.match(exchanged.said, /is left as it is/);
  const inlined = built(small, (_, file) => ({ module: asset('text'), main: chunk('/main.js', `${file}?inline`) }));
  await assert.rejects(inlined, /nothing in this bundle imports virtual:preinit/);
  const needless = await built(none, () => ({ module: asset(dictionary), main: chunk('/main.js') }));
  assert(needless.is('snapshot'));
}

rmSync(work, { recursive: true });
console.log('the plugin puts each snapshot where it belongs, and leaves as it is what would not be complete');
