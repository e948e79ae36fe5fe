// Unmodified npm packages: a snapshot of the module that each brings, made under the package's own JavaScript, gives the same answers.
//
//     node tests/jshost/packages.mjs JS WORK
//
// JS is the folder that npm/js/assemble.mjs has filled; packages are installed into WORK. Ends with 1 if something is different.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [js, work] = process.argv.slice(2).map((path) => resolve(path));
const PACKAGES = [
  'jieba-wasm@2.4.0', 'tiktoken@1.0.22', '@micropython/micropython-webassembly-pyscript@1.27.0', 'canvaskit-wasm@0.42.0',
  '@sqlite.org/sqlite-wasm@3.50.4-build1', 'esbuild-wasm@0.28.2',
  // Found by looking: three that win and one that does not on every machine, two that have nothing to gain, three that are refused.
  'simplecc-wasm@1.1.1', 'quickjs-emscripten@0.32.0', 'wasmoon@1.16.0', 'xxhash-wasm@1.1.0', 'zxing-wasm@3.1.6', 'html-rewriter-wasm@0.4.1', 're2-wasm@1.0.2',
  'sh-syntax@0.7.0', 'rregex@1.13.1',
];
mkdirSync(work, { recursive: true });
if (!existsSync(join(work, 'package.json'))) writeFileSync(join(work, 'package.json'), '{}');
execFileSync('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', ...PACKAGES], { cwd: work, stdio: 'inherit' });

const cases = [
  {
    name: 'jieba-wasm',
    wasm: 'jieba-wasm/pkg/nodejs/jieba_rs_wasm_bg.wasm',
    script: `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const load = () => require('jieba-wasm');
      export function run() {
        load().cut('我们中出了一个叛徒', true);
      }
      export function calls() {
        const jieba = load();
        const answers = [
          jieba.cut('我们中出了一个叛徒，南京市长江大桥', true),
          jieba.cut_all('中华人民共和国万岁'),
          jieba.tokenize('南京市长江大桥', 'default', true),
          jieba.tag('我来到北京清华大学', true),
          jieba.cut_for_search('小明硕士毕业于中国科学院计算所', true),
        ];
        jieba.add_word('桂花和', 10000);
        return [...answers, jieba.cut('桂花和土豆', true)];
      }`,
  },
  {
    name: 'tiktoken',
    wasm: 'tiktoken/tiktoken_bg.wasm',
    script: `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const { get_encoding, Tiktoken } = require('tiktoken');
      export function run() {
        const encoding = get_encoding('o200k_base');
        encoding.encode('hello world');
        return encoding.__wbg_ptr;
      }
      export function calls({ preinitialized, value }) {
        const encoding = preinitialized
          ? Object.assign(Object.create(Tiktoken.prototype), { __wbg_ptr: value })
          : get_encoding('o200k_base');
        const text = 'The quick brown fox: 我们中出了一个叛徒, ça va? '.repeat(50);
        const tokens = encoding.encode(text);
        const back = new TextDecoder().decode(encoding.decode(tokens));
        return [[...encoding.encode('hello world')], [...tokens], back === text, get_encoding('gpt2').encode(text).length];
      }`,
  },
  {
    name: 'micropython',
    wasm: '@micropython/micropython-webassembly-pyscript/micropython.wasm',
    // Its JavaScript initializes it by these, too.
    options: { noop: ['mp_js_init', 'proxy_c_init'] },
    script: `
      const { loadMicroPython } = await import('@micropython/micropython-webassembly-pyscript/micropython.mjs');
      const init = 'words = {str(i * 7919 % 10007): i * i for i in range(20000)}\\ndef query(n):\\n  return words.get(str(n), -1)';
      const printed = [];
      let python;
      const load = async () => {
        python = await loadMicroPython({ heapsize: 8 << 20, stdout: (line) => printed.push(line) });
      };
      export async function run() {
        await load();
        python.runPython(init);
      }
      export async function calls({ preinitialized }) {
        if (preinitialized) await load();
        const answers = Array.from({ length: 50 }, (_, n) => python.globals.get('query')(n * 31));
        python.runPython('import js\\nprint(query(11), js.Math.max(1, 5), len(words))\\ntry:\\n  1/0\\nexcept ZeroDivisionError as e:\\n  print(repr(e))');
        python.globals.set('twice', (x) => x * 2);
        python.runPython('print([twice(i) for i in range(4)])');
        return [answers, printed];
      }`,
  },
  {
    // It imports its memory, and JavaScript adds a function to its table.
    name: 'sqlite',
    wasm: '@sqlite.org/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.wasm',
    script: `
      import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
      export const start = () => sqlite3InitModule({ print() {}, printErr() {} });
      export function run(sqlite3) {
        const db = new sqlite3.oo1.DB(':memory:');
        db.exec('create table t(id integer primary key, w text, n int); create index ti on t(w)');
        db.exec("with recursive c(x) as (select 1 union all select x + 1 from c where x < 40000) insert into t " +
          "select x, 'word' || (x * 7919 % 6007), x % 97 from c");
        return db.pointer;
      }
      export function calls({ started: sqlite3, value: pointer }) {
        const rows = (sql) => {
          const found = [];
          sqlite3.capi.sqlite3_exec(pointer, sql, (row) => (found.push(row), 0), 0, 0);
          return found;
        };
        return [
          rows("select count(*), sum(n) from t where w = 'word77'"),
          rows('select n, count(distinct w) from t group by n'),
          rows("insert into t values(100000, 'x', 1); select max(id) from t"),
        ];
      }`,
  },
  {
    // Its constructors register classes with JavaScript.
    name: 'canvaskit',
    wasm: 'canvaskit-wasm/bin/canvaskit.wasm',
    script: `
      import { createRequire } from 'node:module';
      export const start = () => createRequire(import.meta.url)('canvaskit-wasm')();
      export function calls({ started: kit }) {
        const surface = kit.MakeSurface(200, 100);
        const canvas = surface.getCanvas();
        const paint = new kit.Paint();
        paint.setColor(kit.Color(200, 30, 90, 1));
        paint.setAntiAlias(true);
        canvas.clear(kit.WHITE);
        canvas.drawCircle(80, 50, 40, paint);
        canvas.drawLine(0, 0, 200, 100, paint);
        surface.flush();
        const path = kit.Path.MakeFromSVGString('M 1 1 L 50 9 Z');
        return [surface.makeImageSnapshot().encodeToBytes(), path.toSVGString(), Object.keys(kit).length];
      }`,
  },
  {
    name: 'simplecc-wasm',
    wasm: 'simplecc-wasm/pkg/nodejs/simplecc_wasm_bg.wasm',
    script: `
      import { createRequire } from 'node:module';
      const load = () => createRequire(import.meta.url)('simplecc-wasm');
      export function run() {
        load().simplecc('发财了去发廊', 's2t');
      }
      export const calls = () => [load().simplecc('发财了去发廊', 's2t'), load().simplecc('鼠标里面的硅二极管坏了', 's2twp')];`,
  },
  {
    // QuickJS, in optimized Emscripten code, which asks for the time.
    name: 'quickjs-emscripten',
    isFaster: true,
    wasm: '@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm',
    script: `
      import { newQuickJSWASMModuleFromVariant, RELEASE_SYNC } from 'quickjs-emscripten';
      export const start = async () => (await newQuickJSWASMModuleFromVariant(RELEASE_SYNC)).newContext();
      export const run = (context) => void ask(context, \`
        const limit = 2e6;
        const sieve = new Uint8Array(limit);
        const primes = [];
        for (let n = 2; n < limit; n++) {
          if (sieve[n]) continue;
          if (n < 20000) primes.push(n);
          for (let m = n * n; m < limit; m += n) sieve[m] = 1;
        }
        function prime(n) { return primes[n] ?? -1; }\`);
      function ask(context, text) {
        const handle = context.unwrapResult(context.evalCode(text));
        const answer = context.dump(handle);
        handle.dispose();
        return answer;
      }
      export function calls({ started: context }) {
        const twice = context.newFunction('twice', (handle) => context.newNumber(context.getNumber(handle) * 2));
        context.setProp(context.global, 'twice', twice);
        twice.dispose();
        return [ask(context, 'prime(5)'), ask(context, '[0, 1, 77, 1e5].map(prime)'), ask(context, 'twice(prime(9)) + primes.length')];
      }`,
  },
  {
    // Lua, whose state JavaScript makes and then asks; its glue calls imports through the table.
    name: 'wasmoon',
    isFaster: true,
    wasm: 'wasmoon/dist/glue.wasm',
    script: `
      import { LuaFactory } from 'wasmoon';
      import { fileURLToPath } from 'node:url';
      const file = fileURLToPath(new URL('glue.wasm', import.meta.resolve('wasmoon')));
      export const start = () => new LuaFactory(file).createEngine();
      export async function run(lua) {
        await lua.doString(\`
          words = {}
          for i = 1, 200000 do words['w' .. (i * 7919 % 100003)] = i end
          function query(n) return words['w' .. n] or -1 end\`);
      }
      export async function calls({ started: lua }) {
        const query = lua.global.get('query');
        lua.global.set('twice', (n) => n * 2);
        return [query(5), query(77), query(100009), await lua.doString('return twice(query(9)) + 1')];
      }`,
  },
];

cases.push({
  // Regular expressions of Rust: one of many words takes long to compile.
  name: 'rregex',
  isFaster: true,
  wasm: 'rregex/lib/rregex.wasm',
  script: `
    import { RRegex, RRegexSet } from 'rregex';
    const words = Array.from({ length: 3000 }, (_, n) => 'word' + (n * 7919) % 10007);
    const made = (pointer) => Object.assign(Object.create(RRegex.prototype), { __wbg_ptr: pointer });
    let filter;
    export function run() {
      filter = new RRegex('(?i)\\\\b(' + words.join('|') + ')\\\\b');
      filter.isMatch('warm up');
      return filter.__wbg_ptr;
    }
    export function calls({ preinitialized, value }) {
      if (preinitialized) filter = made(value);
      return [
        filter.isMatch('nothing'), filter.isMatch('it has WORD7919 in it'), filter.findAll('word0 WORD7919 word1 word5831'), filter.toString().length,
        new RRegex('(?<first>a)(b+)').captures('caabb'), new RRegexSet(['a', 'b', '[0-9]+']).matches('b 12'),
      ];
    }`,
});

/** There is a snapshot of each, with the same answers; but `capture` says that it is of no use. */
const useless = [
  {
    name: 'xxhash-wasm',
    // It is in a file of its own, too.
    wasm: 'xxhash-wasm/workerd/xxhash.wasm',
    script: `
      import xxhash from 'xxhash-wasm';
      let hashes;
      const load = async () => (hashes ??= await xxhash());
      export const run = async () => void (await load()).h32('warm up');
      export async function calls() {
        const { h32, h64ToString, create64 } = await load();
        return [h32('abc'), h64ToString('abc'), create64().update('abc').digest()];
      }`,
  },
  {
    // Optimized Emscripten code, whose constructors register classes through functions in the table.
    name: 'zxing-wasm',
    wasm: 'zxing-wasm/dist/reader/zxing_reader.wasm',
    script: `
      import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
      import { readFileSync } from 'node:fs';
      const wasmBinary = readFileSync(new URL('zxing_reader.wasm', import.meta.resolve('zxing-wasm/reader').replace('es/reader', 'reader')));
      const image = { data: new Uint8ClampedArray(64 * 64 * 4).fill(255), width: 64, height: 64 };
      export const start = () => prepareZXingModule({ overrides: { wasmBinary: wasmBinary.buffer }, fireImmediately: true });
      export const calls = () => readBarcodes(image, {});`,
  },
];

/** What they hold in JavaScript would be missing. */
const refused = [
  {
    // A rewriter that waits for more has functions of JavaScript, by number.
    name: 'html-rewriter-wasm',
    wasm: 'html-rewriter-wasm/dist/html_rewriter_bg.wasm',
    expected: [/__wbg_call_[0-9a-f]+ was called/, /^the module holds \d+ values of JavaScript by number/],
    script: `
      import { createRequire } from 'node:module';
      let text = '';
      let rewriter;
      export async function run() {
        const { HTMLRewriter } = createRequire(import.meta.url)('html-rewriter-wasm');
        rewriter = new HTMLRewriter((bytes) => { text += new TextDecoder().decode(bytes); });
        rewriter.on('p', { element(element) { element.setInnerContent('new'); } });
        await rewriter.write(new TextEncoder().encode('<p>old</p>'));
      }
      export async function check() {
        await rewriter.end();
        return text === '<p>new</p>';
      }`,
  },
  {
    // What it finds are objects of embind's.
    name: 're2-wasm',
    wasm: 're2-wasm/build/wasm/re2.wasm',
    expected: [/^the import env._emval_new_object was called/],
    script: `
      import { createRequire } from 'node:module';
      const load = () => createRequire(import.meta.url)('re2-wasm').RE2;
      export const run = () => { new (load())('a+', 'u').exec('caat'); };
      export const check = () => new (load())('a+', 'u').exec('caat')[0] === 'aa';`,
  },
  {
    // Go (TinyGo) keeps values of JavaScript in a table of its own.
    name: 'sh-syntax',
    wasm: 'sh-syntax/main.wasm',
    expected: [/^the import gojs.syscall\/js.valueGet was called/],
    script: `
      import { print } from 'sh-syntax';
      export const run = async () => void (await print('echo   1'));
      export const check = async () => (await print('if true;then echo   2; fi')).includes('echo 2');`,
  },
];

const { capture, modulesOf, Refusal, verify } = await import(pathToFileURL(join(js, 'index.js')));
let failed = false;

function written({ name, script }) {
  const file = join(work, `${name}.mjs`);
  writeFileSync(file, script);
  return file;
}

for (const { name, wasm, options, script, isFaster } of cases) {
  const scriptFile = written({ name, script });
  const original = join(work, 'node_modules', wasm);
  const out = join(work, `${name}.pre.wasm`);
  // It may load the package when it is imported.
  const phase = (name) => async (started) => (await import(pathToFileURL(scriptFile)))[name](started);
  const phases = Object.fromEntries(['start', 'run'].filter((name) => script.includes(`export const ${name} `) || script.includes(`function ${name}(`)).map((name) => [name, phase(name)]));
  const { noop, runtime } = await capture({ wasm: original, out, ...phases, ...options });
  let verdict = await verify({ original, snapshot: out, script: scriptFile });
  // Others use the machine, too.
  for (let times = 0; times < 3 && isFaster && !verdict.gains; times++) verdict = await verify({ original, snapshot: out, script: scriptFile, times: 3 });
  failed ||= isFaster && !verdict.gains;
  const megabytes = (file) => (statSync(file).size / 1e6).toFixed(1);
  const { original: before, snapshot: after } = verdict.milliseconds;
  console.log(
    `${name}: answers ${verdict.equal ? 'equal' : 'DIFFERENT'}; ${before.toFixed(0)} -> ${after.toFixed(0)} ms; ` +
      `${megabytes(original)} -> ${megabytes(out)} MB; no-op exports: ${noop.join(', ') || 'none'}; run time: ${runtime}`,
  );
  failed ||= !verdict.equal;
}

for (const one of useless) {
  const original = join(work, 'node_modules', one.wasm);
  const out = join(work, `${one.name}.pre.wasm`);
  const file = written(one);
  // Others use the machine, too: what gains something does so every time.
  let verdict;
  for (let times = 0; times < 4 && verdict?.gains !== false; times++) {
    // A script is imported once.
    const script = `${file}.${times}.mjs`;
    writeFileSync(script, one.script);
    ({ verdict } = await capture({ wasm: original, out, script, quiet: true }));
  }
  console.log(`${one.name}: answers equal; ${verdict.gains ? 'A GAIN?' : 'nothing to gain'}`);
  failed ||= verdict.gains;
}

// It is text in JavaScript, too, as most programs load it.
const [inlined] = await modulesOf(async () => (await import(pathToFileURL(createRequire(join(work, 'package.json')).resolve('xxhash-wasm')))).default());
const isFound = inlined !== undefined && Buffer.from(inlined).equals(readFileSync(join(work, 'node_modules', useless[0].wasm)));
console.log(`xxhash-wasm: its module is ${isFound ? 'found' : 'NOT FOUND'} in its JavaScript`);
failed ||= !isFound;

for (const one of refused) {
  const phase = (name) => async () => (await import(pathToFileURL(file)))[name]();
  const file = written(one);
  const error = await capture({ wasm: join(work, 'node_modules', one.wasm), run: phase('run') }).catch((error) => error);
  const isRefused = error instanceof Refusal && one.expected.every((reason) => error.reasons.some((line) => reason.test(line)));
  const works = await phase('check')().catch((error) => error);
  console.log(`${one.name}: ${isRefused ? 'refused' : `NOT REFUSED: ${error?.message}`}, ${works === true ? 'still works' : `BROKEN: ${works?.stack}`}`);
  failed ||= !isRefused || works !== true;
}

// Go keeps values of JavaScript in a table of its own.
const esbuild = join(work, 'node_modules/esbuild-wasm');
const load = createRequire(join(work, 'package.json'));
Object.assign(globalThis, { fs: load('node:fs'), path: load('node:path') });
load('esbuild-wasm/wasm_exec.js');
let exit;
const error = await capture({
  wasm: join(esbuild, 'esbuild.wasm'),
  run: async () => {
    const go = new globalThis.Go();
    Object.assign(go, { argv: ['esbuild', '--version'], env: {}, exit: (code) => (exit = code) });
    const { instance } = await WebAssembly.instantiate(readFileSync(join(esbuild, 'esbuild.wasm')), go.importObject);
    await go.run(instance);
  },
}).catch((error) => error);
const isRefused = error instanceof Refusal && error.reasons.every((reason) => reason.startsWith('the import '));
console.log(`esbuild-wasm: ${isRefused ? 'refused' : `NOT REFUSED: ${error?.stack}`}, ${exit === 0 ? 'still works' : 'BROKEN'}`);
failed ||= !isRefused || exit !== 0;
process.exit(failed ? 1 : 0);
