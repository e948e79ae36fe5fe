// Unmodified npm packages: a snapshot of the module that each brings, made under the package's own JavaScript, gives the same answers.
//
//     node tests/jshost/packages.mjs JS WORK
//
// JS is the folder that npm/js/assemble.mjs has filled; packages are installed into WORK. Ends with 1 if something is different.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [js, work] = process.argv.slice(2).map((path) => resolve(path));
const PACKAGES = [
  'jieba-wasm@2.4.0', 'tiktoken@1.0.22', '@micropython/micropython-webassembly-pyscript@1.27.0', 'canvaskit-wasm@0.42.0',
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
];

const { capture, verify } = await import(pathToFileURL(join(js, 'index.js')));
let failed = false;
for (const { name, wasm, options, script } of cases) {
  const scriptFile = join(work, `${name}.mjs`);
  writeFileSync(scriptFile, script);
  const original = join(work, 'node_modules', wasm);
  const out = join(work, `${name}.pre.wasm`);
  // It may load the package when it is imported.
  const phase = (name) => async (started) => (await import(pathToFileURL(scriptFile)))[name](started);
  const phases = Object.fromEntries(['start', 'run'].filter((name) => script.includes(`export const ${name} `) || script.includes(`function ${name}(`)).map((name) => [name, phase(name)]));
  const { noop, runtime } = await capture({ wasm: original, out, ...phases, ...options });
  const verdict = await verify({ original, snapshot: out, script: scriptFile });
  const megabytes = (file) => (statSync(file).size / 1e6).toFixed(1);
  const { original: before, snapshot: after } = verdict.milliseconds;
  console.log(
    `${name}: answers ${verdict.equal ? 'equal' : 'DIFFERENT'}; ${before.toFixed(0)} -> ${after.toFixed(0)} ms; ` +
      `${megabytes(original)} -> ${megabytes(out)} MB; no-op exports: ${noop.join(', ') || 'none'}; run time: ${runtime}`,
  );
  failed ||= !verdict.equal;
}

process.exit(failed ? 1 : 0);
