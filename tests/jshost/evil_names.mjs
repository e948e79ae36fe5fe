// Names of modules, files and programs do nothing to a terminal and cannot pass for messages of preinit, whoever says them.
//
//     node tests/jshost/evil_names.mjs JS
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const js = resolve(process.argv[2]);
const load = (file) => import(pathToFileURL(join(js, file)));
const { capture, verify } = await load('index.js');
const { preinit } = await load('plugin.js');
const { printable, printableLines } = await load('printable.js');
const { preinitialized } = await load('replay.js');
const { preinitialized: withoutRecord } = await load('run.js');
const { withSection, SECTION } = await load('fixups.js');
const dotnet = { session: await load('dotnet/session.js'), cli: await load('dotnet/cli.js'), report: await load('dotnet/report.js') };
const work = mkdtempSync(join(tmpdir(), 'preinit-names-'));

// What a terminal would obey, what would begin a line, what would turn the rest around, and more of it than anybody reads.
const EVIL = ['\x1b[31m', '\x1b]0;title\x07', '\r\nerror: forged', '\x7f\u009b31m\u0085', '\u202e\u2066\u200f\u061c', '\u2028x\u2029', '\ufeff\u{e0041}', 'x'.repeat(90_000)];
const NAME = EVIL.join('');
/** As the name of a file, of which systems have shorter ones. */
const FILE = EVIL.slice(0, -1).join('').replaceAll('/', '');

function assertHarmless(text, what) {
  assert(text.length > 0, what);
  for (const [at, line] of text.split('\n').entries()) {
    assert(!/[\p{C}\p{Zl}\p{Zp}]/u.test(line), `${what}: ${JSON.stringify(line)}`);
    assert(line.length < 5000, `${what}: a line of ${line.length} characters`);
    assert(at === 0 || line === '' || line.startsWith('  '), `${what}: a line begins as a message does: ${JSON.stringify(line)}`);
  }
}

// Modules by hand.
const leb = (number) => (number < 128 ? [number] : [(number & 127) | 128, ...leb(number >> 7)]);
const vec = (bytes) => [...leb(bytes.length), ...bytes];
const text = (string) => vec([...new TextEncoder().encode(string)]);
const section = (id, bytes) => [id, ...vec(bytes)];
const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** Exports a function under these names, which calls the import of these names; a table, a memory, and a mutable global. */
const moduleOf = ({ exports: names = [NAME], from = ['env', NAME] } = {}) => new Uint8Array([
  ...HEAD, ...section(1, [1, 0x60, 0, 0]), ...section(2, [1, ...from.flatMap(text), 0, 0]), ...section(3, [1, 0]), ...section(4, [1, 0x6f, 0, 1]),
  ...section(5, [1, 0, 1]), ...section(6, [1, 0x7f, 1, 0x41, 0, 0x0b]),
  ...section(7, [names.length + 1, ...names.flatMap((name) => [...text(name), 0, 1]), ...text(`${NAME}t`), 1, 0]),
  ...section(10, [1, ...vec([0, 0x10, 0, 0x0b])]),
]);
const wasm = moduleOf();
const given = { env: { [NAME]() {} } };
const instantiated = async (bytes, imports = given) => (await WebAssembly.instantiate(bytes, imports)).instance.exports;
const json = (data) => new TextEncoder().encode(JSON.stringify(data));
const failure = async (promise) => (await Promise.resolve().then(promise).then(() => undefined, (error) => error));

/** A program that verify starts. */
function script(name, body) {
  const file = join(work, `${name}.mjs`);
  writeFileSync(file, `const NAME = ${JSON.stringify(NAME)};\n${body}`);
  return file;
}

/** A plugin, and what it warned of. */
async function warned(options, call) {
  const said = [];
  const plugin = preinit({ cache: join(work, 'cache'), ...options });
  const context = { meta: {}, warn: (text) => void said.push(text), error: (text) => { throw new Error(text); }, resolve: async () => null };
  await plugin.buildStart.call(context, { plugins: [plugin] });
  await call?.(plugin, context);
  assert(said.length > 0);
  return said;
}

async function played(of, contents, imports = given) {
  const hooks = of();
  try {
    await WebAssembly.instantiate(withSection(wasm, SECTION, contents), imports);
  } finally {
    hooks.restore();
  }
}

/** What `preinit dotnet` prints. */
async function printedByDotnet(args) {
  const { write } = process.stderr;
  let printed = '';
  process.stderr.write = (text) => ((printed += text), true);
  try {
    await dotnet.cli.run(args);
  } finally {
    process.stderr.write = write;
  }
  return [printed.replace('See preinit dotnet --help\n', '')];
}

const file = join(work, 'module.wasm');
writeFileSync(file, wasm);
const evilFolder = join(work, FILE);
mkdirSync(evilFolder);
const evilFile = join(evilFolder, `${FILE.slice(0, 40)}.wasm`);
writeFileSync(evilFile, wasm);
const error = (promise) => async (what) => {
  const found = await failure(promise);
  assert(found, `${what}: there is no error`);
  return [found.message, ...(found.reasons ?? [])];
};

const run = async () => void (await instantiated(wasm))[NAME]();
/** Everything that says something in which others have named something. */
const MESSAGES = {
  'a call of an import': error(() => capture({ wasm, run })),
  'an export that does not exist': error(() => capture({ wasm, run: () => instantiated(wasm), noop: [`${NAME}!`] })),
  'a constant for none': error(() => capture({ wasm, run: () => instantiated(wasm), constant: { [`${NAME}!`]: 1 } })),
  'an object in a table': error(() => capture({ wasm, run: async () => (await instantiated(wasm))[`${NAME}t`].set(0, { [NAME]: 1 }) })),
  'a module that is not valid': error(() => capture({ wasm: moduleOf({ exports: [NAME, NAME] }), run() {} })),
  'a program that is not equal': error(() => capture({
    wasm: file, out: join(work, 'out.wasm'), quiet: true,
    script: script('unequal', `
      import { readFileSync } from 'node:fs';
      export const run = async () => void (await WebAssembly.instantiate(readFileSync(${JSON.stringify(file)}), { env: { [NAME]() {} } }));
      export const calls = async ({ preinitialized }) => { if (preinitialized) throw new Error(NAME); };`),
  })),
  'a script that fails': error(() => verify({ original: file, snapshot: file, script: script('fails', 'console.error(NAME); throw new Error(NAME);') })),
  'a script without exports': error(() => capture({ wasm: file, out: join(work, 'out.wasm'), script: script('throws', 'throw new Error(NAME);') })),
  'a section that is no JSON': error(() => {
    const snapshot = join(work, 'no-json.wasm');
    writeFileSync(snapshot, withSection(wasm, SECTION, new TextEncoder().encode(NAME)));
    return verify({ original: file, snapshot, script: script('none', '') });
  }),
  'an export that a section names': error(() => played(withoutRecord, json({ tables: [{ export: `${NAME}!`, runs: [] }] }))),
  'an import that a section names': error(() => played(withoutRecord, json({ tables: [{ import: ['env', NAME], runs: [] }] }))),
  'a section at run time that is no JSON': error(() => played(withoutRecord, new TextEncoder().encode(NAME))),
  'a record that names an export': error(() => played(preinitialized, json({ tables: [{ export: `${NAME}!`, runs: [] }], record: {}, listening: {} }))),
  'a program that starts otherwise': error(async () => {
    const use = (imports) => instantiated(wasm, imports).then((exports) => exports[NAME]());
    const { wasm: snapshot } = await capture({ wasm, start: () => use(given), run() {}, allow: ['pending'] });
    const hooks = preinitialized();
    try {
      (await instantiated(snapshot, { env: { [NAME]() { throw new Error(NAME); } } }))[NAME]();
    } finally {
      hooks.restore();
    }
  }),
  'a plugin without a file': error(() => preinit({ wasm: `${evilFile}!` })),
  'a plugin that leaves a module': () => warned({ wasm: evilFile, run: async () => void (await instantiated(readFileSync(evilFile)))[NAME]() }),
  'a plugin whose module nobody loads': () => warned({ wasm: evilFile, run: async () => void (await instantiated(readFileSync(evilFile))) }, (plugin, context) => plugin.generateBundle.call(context, {}, {})),
  'a plugin that finds an asset': () => warned({ wasm: evilFile, run: async () => void (await instantiated(readFileSync(evilFile))) }, (plugin, context) =>
    plugin.generateBundle.call(context, {}, { a: { type: 'asset', fileName: NAME, source: new Uint8Array(wasm) } })),
  'a refusal of .NET': error(() => { throw new dotnet.session.Refusal([NAME, `${NAME}!`]); }),
  'a folder of .NET': () => printedByDotnet([`${evilFolder}!`, '-o', join(work, 'dotnet')]),
  'an option of .NET': () => printedByDotnet([evilFolder, '-o', join(work, 'dotnet'), '--host', NAME]),
  'what .NET has frozen': () => {
    const record = {
      main: { state: 'ended', arguments: [NAME] }, exports: [], imports: [], files: [['/', NAME]], timer: null, modules: { [NAME]: 1 },
    };
    const answers = [{ name: NAME, count: 1, answers: [NAME] }];
    const sizes = { raw: 1, brotli: 1 };
    const made = { host: 'node', captured: { said: { variables: [NAME] }, record, answers }, snapshot: { warnings: [NAME] }, written: { sizes: { before: sizes, after: sizes }, files: {} } };
    return [dotnet.report.messages(made, NAME).text];
  },
};

for (const [what, said] of Object.entries(MESSAGES)) for (const message of await said(what)) assertHarmless(message, what);

// Whoever adds a place that prints has to print what is printable.
const sources = ['.', 'dotnet'].flatMap((folder) => readdirSync(join(js, folder)).map((name) => join(folder, name))).filter((name) => name.endsWith('.js'));
assert(sources.length > 40, sources.join());
for (const name of sources) {
  const printing = readFileSync(join(js, name), 'utf8').split('\n').filter((line) => /console\.\w+\(|(stderr|stdout)\.write\(|this\.warn\(/.test(line));
  const unsafe = printing.filter((line) => !/printable|JSON\.stringify|\btable\(verdict\)|HELP|CapturePoint\.cs|write\(text\)|Buffer\.concat/.test(line));
  assert.deepEqual(unsafe, [], name);
}

assert.equal(printable('été 日本 `name` <T>'), 'été 日本 `name` <T>');
assert.equal(printable('a\nerror: \x1b[31mred\u202e\u{e0041}'), 'a\\u{a}error: \\u{1b}[31mred\\u{202e}\\u{e0041}');
assert.equal(printable('1234567890abc', 10), '1234567…abc');
assert.equal(printableLines('a\nerror: b\n  c\n'), 'a\n  error: b\n  c\n');
rmSync(work, { recursive: true });
console.log(`evil names do nothing in ${Object.keys(MESSAGES).length} messages`);
