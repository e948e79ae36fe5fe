// A capture of inputs/dotnet in which JavaScript has done something: node play_state.mjs JS FRAMEWORK CASE. Prints what became of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [js, framework, name] = process.argv.slice(2);
const { Session, Refusal } = await import(pathToFileURL(join(js, 'dotnet/session.js')));
const { Handles } = await import(pathToFileURL(join(js, 'dotnet/interop.js')));
const { probe } = await import(pathToFileURL(join(js, 'core.js')));
const original = new Uint8Array(readFileSync(join(framework, 'dotnet.native.wasm')));
const { wasm: probed, schema } = await probe(original);
const options = { url: pathToFileURL(join(framework, 'dotnet.js')), at: 'start', mainArguments: [], allow: name === 'allowed call' ? ['globalThis.preinitTest'] : [], wait: 10 };
const session = new Session({ original, probed, schema, options });
const loader = await import(pathToFileURL(join(framework, 'dotnet.js')));
const api = await session.interpose(loader, {}).dotnet.create();
await session.runMain(() => api.runMain('Catalog', []), []);
// What the module was given: its calls are noted.
const { passed } = session;

/** A function of JavaScript, bound and called as managed code does it. `result` is the type of what it returns. */
function call(path, result) {
  const runtime = session.runtime;
  const bytes = new Uint8Array(96 + 2 * path.length);
  const view = new DataView(bytes.buffer);
  [2, 0, 77].forEach((word, index) => view.setInt32(4 * index, word, true));
  view.setInt32(16, 96, true);
  view.setInt32(20, 2 * path.length, true);
  view.setUint8(64, result);
  [...path].forEach((letter, index) => view.setUint16(96 + 2 * index, letter.charCodeAt(0), true));
  runtime.lend(bytes, (at) => passed.env.mono_wasm_bind_js_import_ST(at));
  runtime.lend(new Uint8Array(64), (at) => passed.env.mono_wasm_invoke_jsimport_ST(77, at));
}

const VOID = 1;
const STRING = 15;
const TASK = 20;
const cases = {
  nothing() {},
  'an object'() {
    const handles = new Handles(session.runtime, api.INTERNAL);
    handles.take(new Map());
    handles.end();
  },
  'a function'() {
    const handles = new Handles(session.runtime, api.INTERNAL);
    handles.take(function callback() {});
    handles.end();
  },
  'the global object'() {
    const handles = new Handles(session.runtime, api.INTERNAL);
    handles.take(globalThis);
    handles.end();
  },
  'a file'() {
    api.Module.FS_createPath('/', 'data/deep', true, true);
    api.Module.FS_createDataFile('/data/deep', 'words.bin', new Uint8Array([0, 255, 10, 65]), true, true, true);
  },
  'an open file'() {
    api.Module.FS_createDataFile('/', 'open.txt', new Uint8Array([65]), true, true, true);
    api.Module.FS.open('/open.txt', 'r');
  },
  'files of every kind'() {
    const { FS } = api.Module;
    FS.mkdir('/data');
    FS.writeFile('/data/secret', 'x');
    FS.chmod('/data/secret', 0o000);
    FS.symlink('/data', '/data/self');
    FS.symlink('/nowhere', '/data/broken');
    FS.writeFile('/dev/shm/shared', 'y');
    FS.chmod('/data', 0o500);
    FS.chmod('/home', 0o711);
    FS.chdir('/data');
  },
  'a closed stream'() {
    api.Module.FS.close(api.Module.FS.streams[0]);
  },
  'a stream in the place of another'() {
    const { FS } = api.Module;
    FS.close(FS.streams[1]);
    FS.open('/dev/null', 'w');
  },
  'a removed file'() {
    api.Module.FS.rmdir('/home/web_user');
  },
  'an unknown call'() {
    globalThis.preinitTest = () => {};
    call('globalThis.preinitTest', VOID);
  },
  'allowed call'() {
    globalThis.preinitTest = () => 'a long answer';
    call('globalThis.preinitTest', STRING);
  },
  'a timer'() {
    passed.env.mono_wasm_schedule_timer(60_000);
  },
  'a pending promise'() {
    globalThis.preinitTest = () => (globalThis.kept = new Promise(() => {}));
    call('globalThis.preinitTest', TASK);
  },
  'a request'() {
    api.INTERNAL.http_wasm_fetch = () => (globalThis.kept = new Promise(() => {}));
    call('INTERNAL.http_wasm_fetch', TASK);
  },
  'a foreign function'() {
    const table = session.runtime.exports.__indirect_function_table;
    // (module (func (export "f")))
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 4, 1, 2, 0, 11]);
    table.set(table.length - 1, new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f);
  },
};

let answer;
try {
  await cases[name]();
  const captured = await session.capture();
  const { answers, record, said } = captured;
  const { snapshotOf } = await import(pathToFileURL(join(js, 'dotnet/snapshot.js')));
  const { wasm } = await snapshotOf(original, captured);
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(wasm), 'preinit.dotnet');
  const published = new TextDecoder().decode(section);
  answer = { files: record.files.map(({ path, mode, bytes, link }) => [path, mode.toString(8), ...(link ? [link] : bytes ? [[...bytes]] : [])]), directory: record.directory, handles: record.handles, timer: record.timer, random: said.random, answers, hasAnswers: published.includes('a long answer') };
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  answer = { reasons: error.reasons };
}
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
