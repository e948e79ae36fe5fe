// Parts of preinit dotnet that need no .NET: node units.mjs JS
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check, finish } from './command.mjs';

const js = resolve(process.argv[2]);
const load = (name) => import(pathToFileURL(join(js, 'dotnet', name)));
const { Address } = await load('address.js');
const { parseCall } = await load('call.js');
const { differing, factsOf } = await load('start.js');
const { serve } = await load('browser_host.js');

const inside = 'https://preinit-address.localhost/app/';
for (const outside of ['http://localhost:8080/app/', 'https://shop.example/', 'http://127.0.0.1/a/b/']) {
  const address = new Address({ inside, outside });
  const { origin, host, protocol } = new URL(outside);
  const socket = protocol === 'https:' ? 'wss' : 'ws';
  const pairs = [
    [`${inside}page?x=1#y`, `${outside}page?x=1#y`],
    [`["${inside}a","${inside}b"]`, `["${outside}a","${outside}b"]`],
    ['https://preinit-address.localhost', origin],
    ['https://preinit-address.localhost/other', `${origin}/other`],
    ['wss://preinit-address.localhost/hub', `${socket}://${host}/hub`],
    [`next=${encodeURIComponent(`${inside}home`)}`, `next=${encodeURIComponent(`${outside}home`)}`],
    ['nothing of it', 'nothing of it'],
  ];
  for (const [within, without] of pairs) {
    check(`to ${outside}: ${within}`, address.out(within) === without, address.out(within));
    check(`from ${outside}: ${without}`, new URL(outside).pathname === '/' || address.in(without) === within, address.in(without));
  }
}
const near = new Address({ inside, outside: 'http://localhost/' });
for (const text of ['http://localhost:8080/', 'http://localhost.example/', 'http://localhosts', 'ftp://localhost/']) {
  check(`another address stays: ${text}`, near.in(text) === text, near.in(text));
}

for (const [text, method, values] of [
  ['Catalog.Init()', 'Catalog.Init', []], ['A.B.C("x, \\"y\\")", -1.5e3, true, null)', 'A.B.C', ['x, "y")', -1500, true, null]], [' F( 1 ) ', 'F', [1]],
]) {
  check(`a call: ${text}`, JSON.stringify(parseCall(text)) === JSON.stringify({ method, values }), JSON.stringify(parseCall(text)));
}
for (const text of ['', 'F', 'F(', 'F(,)', 'F(1,)', 'F(1 2)', 'F(@1)', 'F("a)', '1F()']) {
  let refused;
  try {
    parseCall(text);
  } catch (error) {
    refused = error.message;
  }
  check(`no call: ${text}`, refused?.startsWith('--warm'), refused ?? 'it was taken');
}

const config = {
  applicationEnvironment: 'Production', globalizationMode: 'sharded', applicationCulture: 'de', runtimeOptions: [],
  environmentVariables: { A: '1', TZ: 'UTC', LANG: 'de' },
  resources: { satelliteResources: { de: [{ name: 'de/a.resources.wasm', hash: 'sha256-4' }] }, assembly: [{ name: 'a.wasm', hash: 'sha256-1' }], icu: [{ name: 'icudt.dat', hash: 'sha256-2' }], wasmNative: { 'dotnet.native.wasm': 'sha256-3' } },
};
const facts = factsOf(config);
check('the same configuration does not differ', differing(facts, factsOf(structuredClone(config))) === undefined);
for (const [expected, change] of [
  ['files of the runtime or assemblies', (other) => (other.resources.assembly[0].hash = 'sha256-9')],
  ['files of the runtime or assemblies', (other) => other.resources.assembly.push({ name: 'b.wasm' })],
  ['files of the runtime or assemblies', (other) => (other.resources.wasmNative['dotnet.native.wasm'] = 'sha256-9')],
  ['files of the runtime or assemblies', (other) => (other.resources.lazyAssembly = [{ name: 'late.wasm', hash: 'sha256-5' }])],
  ['satellite assemblies', (other) => (other.resources.satelliteResources.de[0].hash = 'sha256-9')],
  ['satellite assemblies', (other) => (other.resources.satelliteResources.fr = [{ name: 'fr/a.resources.wasm' }])],
  ['application environment', (other) => (other.applicationEnvironment = 'Staging')],
  ['environment variables', (other) => (other.environmentVariables.A = '2')],
  ['environment variables', (other) => (other.environmentVariables.B = '2')],
  ['runtime options', (other) => other.runtimeOptions.push('--trace')],
  ['arguments of Main', (other) => (other.applicationArguments = ['other'])],
  ['time zone', (other) => (other.environmentVariables.TZ = 'Europe/Oslo')],
  ['culture', (other) => (other.applicationCulture = 'fr')],
]) {
  const other = structuredClone(config);
  change(other);
  check(`it differs: ${expected}`, differing(facts, factsOf(other)) === expected, differing(facts, factsOf(other)));
}
const invariant = { ...structuredClone(config), globalizationMode: 'invariant' };
check('without cultures their names do not matter', differing(factsOf(invariant), factsOf({ ...invariant, applicationCulture: 'fr' })) === undefined);

// What the runtime's module itself calls.
const { Ledger } = await load('ledger.js');
const ledger = new Ledger(() => undefined);
for (const name of ['fd_write', '__syscall_openat', 'invoke_handler', 'emscripten_get_now', 'mono_wasm_trace_logger', 'emscripten_asm_const_int', 'sqlite_hook']) {
  check(`the function of JavaScript answers: ${name}`, ledger.wrap(() => 7, { name })() === 7);
}
const [stackSave, getWasmTableEntry, stackRestore, _setThrew] = [() => 0, () => () => 7, () => {}, () => {}];
const invoke = function invoke_i(index){var sp=stackSave();try{return getWasmTableEntry(index)()}catch(e){stackRestore(sp);if(e!==e+0)throw e;_setThrew(1,0)}};
check('Emscripten\'s invoke_ answers', ledger.wrap(invoke, { name: 'invoke_i' })(1) === 7);
const strange = ledger.unexplained(['native:sqlite_hook']).map(([name]) => name);
check('functions that a runtime linked anew has are not passed over, if they were called', JSON.stringify(strange) === '["native:invoke_handler","native:emscripten_asm_const_int"]', strange.join(' '));

// Variables of the capture. This runtime copies what it is given, once with the name, and keeps both.
const { Variables } = await load('variables.js');
const { holdsAnyText, placesOf, utf8, utf16 } = await load('texts.js');
const bytesOf = new Uint8Array(4096);
const put = (at, bytes) => (bytesOf.set(bytes, at), at);
const textAt = (at) => Buffer.from(bytesOf.subarray(at, bytesOf.indexOf(0, at))).toString();
let free = 1000;
const setenv = (name, value) => {
  for (const text of [textAt(value), `${textAt(name)}=${textAt(value)}`]) free = put(free + 8, utf8(`${text}\0`)) + text.length + 8;
  return 5;
};
const variables = new Variables({ TOKEN: 's3cr3t', COLOR: 'gr\u00fcn', FLAG: 'on', TZ: 'Asia/Tokyo', PLAIN: 'unseen' });
const watched = variables.watched({ exports: { mono_wasm_setenv: setenv, memory: { buffer: bytesOf.buffer }, other: 1 }, bytes: (at, length) => bytesOf.subarray(at, at + length) });
const given = (name, value) => watched.mono_wasm_setenv(put(10, utf8(`${name}\0`)), put(100, utf8(`${value}\0`)));
put(3000, utf8('\0s3cr3t\0'));
const results = [['TOKEN', 's3cr3t'], ['COLOR', 'gr\u00fcn'], ['FLAG', 'on'], ['TZ', 'Asia/Tokyo'], ['HOME', 's3cr3t']].map(([name, value]) => given(name, value));
check('the runtime gets its variables, and its other exports are there', results.every((result) => result === 5) && watched.other === 1);
put(100, new Uint8Array(100));
const emptied = [];
const [, colorAt] = ['s3cr3t', 'gr\u00fcn'].map((value) => [...placesOf(bytesOf, utf8(`${value}\0`))].find((at) => at >= 1000 && bytesOf[at - 1] === 0));
put(colorAt, utf8('other'));
variables.clear({ setEnvironmentVariable: (name, value) => emptied.push(`${name}=${value}`) });
check('all but the time zone are emptied', emptied.join() === 'TOKEN=,COLOR=,FLAG=,PLAIN=', emptied.join());
const places = (text) => [...placesOf(bytesOf, utf8(text))].length;
check('copies are overwritten: not what is elsewhere, and not what is something else by now', places('\0s3cr3t\0') === 2 && places('TOKEN=s3cr3t') === 1 && places('other') === 1 && places('Asia/Tokyo') === 2, [places('\0s3cr3t\0'), places('other'), places('Asia/Tokyo')].join());
check('what is there is found in both forms, in any part', variables.left([new Uint8Array(9), utf16('x gr\u00fcn'), utf8('s3cr3')]).join() === 'COLOR' && variables.left([utf8('s3cr3t'), utf8('on Asia/Tokyo')]).join() === 'TOKEN');
check('at the end, and not beyond it', holdsAnyText(utf8('an end'), 'end') && !holdsAnyText(utf8('an en'), 'end') && !holdsAnyText(new Uint8Array(), 'end'));

// What messages have in the place of values.
const quoted = new Variables({ TOKEN: 's3cr3t', LONGER: 's3cr3t and more', ODD: 'a"b\\c\n$& d', TZ: 'Asia/Tokyo', FLAG: 'on' });
for (const [text, shown] of [
  ['with s3cr3t, s3cr3ts', 'with <value of TOKEN>, <value of TOKEN>s'], ['s3cr3t and more', '<value of LONGER>'], ['s3cr3 t on Asia/Tokyo', 's3cr3 t on Asia/Tokyo'], ['', ''],
  [`x${'a"b\\c\n$& d'}`, 'x<value of ODD>'], [JSON.stringify('a"b\\c\n$& d'), '"<value of ODD>"'], ['a"b\\c\\u{a}$& d', '<value of ODD>'], [`?q=${encodeURIComponent('a"b\\c\n$& d')}`, '?q=<value of ODD>'],
]) check(`a message: ${JSON.stringify(text)}`, quoted.hidden(text) === shown, quoted.hidden(text));
check('without variables it stays', new Variables({}).hidden('s3cr3t (.*)') === 's3cr3t (.*)');
const texts = [null, 'answered s3cr3t', 'asked s3cr3t', null, 'twice'];
const asking = new Ledger(() => ({ signature: () => ({ handle: 7, name: 'globalThis.ask', module: null, count: 3 }), textOf: (_, index) => texts[index], slot: () => ({ type: 0 }) }), (text) => quoted.hidden(text));
asking.wrap(() => {}, { name: 'mono_wasm_bind_js_import_ST' })(0);
asking.wrap(() => {}, { name: 'mono_wasm_invoke_jsimport_ST' })(7, 0);
check('what was asked and answered is kept without values', JSON.stringify([...asking.calls]) === '[["globalThis.ask",{"count":1,"answers":["answered <value of TOKEN>"],"asked":["asked <value of TOKEN>","twice"]}]]', JSON.stringify([...asking.calls]));
const { messages } = await load('report.js');
const made = {
  host: 'node', snapshot: { warnings: [] }, written: { files: { snapshot: 'x.wasm' }, sizes: { before: { raw: 1, brotli: 1 }, after: { raw: 1, brotli: 1 } } },
  captured: {
    said: { variables: ['TOKEN'], memory: 1, zeroed: 1, random: 0, times: 0, cultures: 0, collected: true }, answers: [],
    record: { main: { arguments: [], state: 'ended' }, exports: [], imports: [], timer: null, directory: '/home/s3cr3t', modules: { 's3cr3t.mjs': '' }, files: [{ path: '/data/s3cr3t', bytes: new Uint8Array() }] },
  },
};
const all = messages(made, 'out', (text) => quoted.hidden(text));
check('the report has no value', !JSON.stringify(all).includes('s3cr3t') && all.text.split('<value of TOKEN>').length === 4 && all.json.restored.length === 3, all.text);

// The server of a capture, and whoever else asks it.
const place = mkdtempSync(join(tmpdir(), 'preinit-test-'));
const root = join(place, 'wwwroot');
for (const folder of [root, `${root}2`]) mkdirSync(folder);
writeFileSync(join(root, 'index.html'), 'page');
writeFileSync(join(`${root}2`, 'secret.txt'), 'secret');
const answers = [];
const application = { root, framework: join(root, '_framework'), path: '_framework', loader: 'dotnet.js' };
const { server, entry } = await serve({ application, base: '/', files: new Map([['task.json', '{}']]) }, (name) => answers.push(name));
const { port } = server.address();
const { username, password, pathname } = new URL(entry);
const authorization = `Basic ${btoa(`${username}:${password}`)}`;
const asked = (path, { body, ...options } = {}) => new Promise((done, failed) => {
  const sent = request({ host: '127.0.0.1', port, path, ...options }, (answer) => done(answer.resume()));
  sent.on('error', failed);
  sent.setTimeout(10_000, () => sent.destroy(new Error(`${path}: no answer`)));
  sent.end(body);
});
const entered = await asked(pathname, { headers: { authorization } });
check('whoever knows the way in is led to the page, whose address has no password', entered.statusCode === 302 && entered.headers.location === `http://127.0.0.1:${port}/`, entered.headers.location);
const challenged = await asked(pathname);
check('whoever does not is asked for the password, and gets no cookie', challenged.statusCode === 401 && /^Basic /.test(challenged.headers['www-authenticate']) && !('set-cookie' in challenged.headers));
const ask = async (path, { headers, ...options } = {}) => (await asked(path, { headers: { authorization, ...headers }, ...options })).statusCode;
const post = (headers) => ask('/__preinit/answer/done', { method: 'POST', headers, body: '{}' });
check('the page is served', (await ask('/index.html')) === 200 && (await ask('/__preinit/task.json')) === 200);
check('a folder beside it is not', (await ask('/..%2fwwwroot2/secret.txt')) === 404);
check('a path that cannot be read is no end', (await ask('/%ff')) === 403);
for (const path of ['/%00', '/a%00.js', `/${'a'.repeat(5000)}`, '/__preinit/js/%00', '/_framework/preinit.original.js']) {
  check(`nor is one of no file: ${path.slice(0, 40)}`, (await ask(path)) === 404);
}
check('a name that leads here is not answered', (await ask('/', { headers: { host: `example.test:${port}` } })) === 403);
check('nor is it let in', (await ask(pathname, { headers: { host: `example.test:${port}` } })) === 403);
check('another page cannot answer', (await post({ origin: 'http://example.test' })) === 403 && (await post({})) === 403 && answers.length === 0);
const own = { origin: `http://127.0.0.1:${port}` };
for (const stranger of [{ authorization: '' }, { authorization: authorization.slice(0, -1) }, { authorization: `x${authorization}` }, { authorization: `Basic ${btoa(`${username}:undefined`)}` }, { authorization: '', cookie: `preinit-capture=${password}` }]) {
  const reads = await Promise.all(['/', '/__preinit/task.json', '/__preinit/enter/', '/_framework/dotnet.js'].map((path) => ask(path, { headers: stranger })));
  check('another user of the machine gets nothing', reads.every((status) => status === 401), reads.join());
  check('and cannot answer', (await post({ ...own, ...stranger })) === 401 && answers.length === 0);
}
for (const site of ['cross-site', 'same-site']) {
  const from = (mode, dest, path = '/__preinit/task.json') => ask(path, { headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } });
  const others = await Promise.all([from('no-cors', 'image'), from('cors', 'empty'), from('no-cors', 'script'), from('navigate', 'iframe'), from('websocket', 'websocket')]);
  check(`another page in the same browser gets nothing: ${site}`, others.every((status) => status === 403), others.join());
  check(`it may lead back: ${site}`, (await from('navigate', 'document', '/')) === 200);
}
check('the page can answer', (await post(own)) === 200 && answers[0] === 'done');
server.closeAllConnections();
server.close();

// Where the page believes to be: as a browser takes it, and in the server's own header.
const { baseOf } = await load('browser_host.js');
for (const [html, expected] of [
  ['<base href="/" />', '/'], ['<base href="/shop/app/">', '/shop/app/'], ['<base href="/shop/app">', '/shop/'], ['', '/'], ['<base target="x"><BASE\nHREF = \'/x/\'>', '/x/'], ['<base href=/x/ >', '/x/'],
  ['<base href="/\u043f\u0440/">', '/%D0%BF%D1%80/'], ['<base href="/\u00fcber/">', '/%C3%BCber/'], ['<base href="/a%20b/">', '/a%20b/'], ['<base href="/a b/">', '/a%20b/'], ['<base href="/a&amp;b&#x2f;&#99;/">', '/a&b/c/'],
  ['<base href="/a/../b/?x#y">', '/b/'], ['<base href="./">', '/'], ['<base href="">', '/'], ['<base href="?x">', '/'], ['<base data-href="/y/" href="/x/">', '/x/'], ['<!-- <base href="/y/"> --><base href="/x/">', '/x/'], ['<base href="/x/"><!--<base href="/y/">', '/x/'],
  ['<base href="/a%2fb/">', '/a%2fb/'], ['<base href="/&#10;&#13;x: y/">', '/x:%20y/'], ['<base href="data:,x">', '/'], ['<base href="http://[">', '/'], ['<base href="/a\ud800/">', '/a%EF%BF%BD/'],
  ['<base href="https://example.com/app/">', /has <base href="https:/], ['<base href="//example.com/app/">', /has <base/], ['<base href="/\\\\example.com/">', /has <base/], ['<base href="\\/example.com">', /has <base/], ['<base href="/caf%e9/">', /has <base/], ['<base href="http://localhost/">', /has <base/],
]) {
  writeFileSync(join(root, 'index.html'), `<html><head>${html}</head></html>`);
  let found;
  try {
    found = baseOf(root);
  } catch (error) {
    found = error.message;
  }
  check(`the base of ${JSON.stringify(html)}`, expected instanceof RegExp ? expected.test(found) : found === expected, found);
  if (expected instanceof RegExp) continue;
  const below = await serve({ application, base: found, files: new Map() }, () => {});
  const at = new URL(below.entry);
  const led = await new Promise((done) => request({ host: '127.0.0.1', port: at.port, path: at.pathname, headers: { authorization: `Basic ${btoa(`${at.username}:${at.password}`)}` } }, (answer) => done(answer.resume())).end());
  const page = await fetch(led.headers.location, { headers: { authorization: `Basic ${btoa(`${at.username}:${at.password}`)}` } });
  check('the browser is led there, and finds the page', new URL(led.headers.location).pathname === expected && page.status === 200, led.headers.location);
  below.server.closeAllConnections();
  below.server.close();
}
rmSync(place, { recursive: true });

// The folder that is written: links in what was published, and what is in the folder that is replaced.
const { checkReplaced, writeOutput } = await load('output.js');
const base = mkdtempSync(join(tmpdir(), 'preinit-test-'));
const at = (...names) => join(base, ...names);
const write = (text, ...names) => (mkdirSync(join(at(...names), '..'), { recursive: true }), writeFileSync(at(...names), text));
const published = '<html><head><base href="/"></head><body><script src="_framework/dotnet.js"></script></body></html>';
/** A folder of an application, with `change` made to it; gives what stands in the end in what it wrote, or why it wrote nothing. */
function writtenOf(change = () => {}) {
  for (const name of ['root', 'beside']) rmSync(at(name), { recursive: true, force: true });
  for (const [name, text] of Object.entries({ 'dotnet.js': 'loader', 'dotnet.native.wasm': '\0asm', 'blazor.boot.json': '{}' })) write(text, 'root', '_framework', name);
  write(published, 'root', 'index.html');
  write(published, 'beside', 'page.html');
  write('data', 'root', 'data', 'a.txt');
  change();
  const application = { root: at('root'), path: '_framework', framework: at('root', '_framework'), loader: 'dotnet.js', boot: 'blazor.boot.json', config: { resources: { wasmNative: [{ name: 'dotnet.native.wasm' }] } }, native: 'dotnet.native.wasm' };
  const before = JSON.stringify([contents(at('root')), contents(at('beside'))]);
  let why;
  try {
    checkReplaced(application, at('out'));
    writeOutput(application, at('out'), { snapshot: { wasm: new Uint8Array([0, 97, 115, 109]), id: 'x' }, facts: {} });
  } catch (error) {
    why = error.message;
  }
  check('the published folder and what is beside it stay as they are', JSON.stringify([contents(at('root')), contents(at('beside'))]) === before);
  check('nothing is left beside it', readdirSync(base).every((name) => !name.startsWith('out.preinit')), readdirSync(base).join(' '));
  return why;
}
const contents = (folder) => readdirSync(folder, { recursive: true }).sort().map((name) => {
  const status = lstatSync(join(folder, name));
  return [name, status.isSymbolicLink() ? readlinkSync(join(folder, name)) : status.isFile() ? readFileSync(join(folder, name), 'utf8') : ''];
});
const linked = (to, ...names) => () => (rmSync(at(...names), { recursive: true, force: true }), symlinkSync(to, at(...names)));
for (const [what, change, expected] of [
  ['a page that is a link outside', linked('../beside/page.html', 'root', 'index.html'), /index\.html: this is a link to .*page\.html, which is outside/],
  ['a framework that is a link outside', () => (cpSync(at('root', '_framework'), at('beside', 'fw'), { recursive: true }), linked('../beside/fw', 'root', '_framework')()), /_framework: this is a link to .*fw, which is outside/],
  ['a link over another one', () => (linked('../beside', 'root', 'x')(), linked('x/page.html', 'root', 'y.html')()), /is a link to .*beside.*, which is outside/],
  ['a folder of the same beginning', () => (mkdirSync(at('root2'), { recursive: true }), linked('../root2', 'root', 'x')()), /root2, which is outside/],
  ['a link to nothing', linked('nowhere', 'root', 'x'), /this is a link that leads to no file/],
  ['a link to itself', linked('x', 'root', 'x'), /this is a link that leads to no file/],
  ['a link to the folder it is in', linked('..', 'root', 'data', 'up'), /this is a link to a folder that it is in/],
]) {
  const why = writtenOf(change);
  check(`refused: ${what}`, expected.test(why) && !existsSync(at('out')), why);
}
const within = writtenOf(() => (linked('../index.html', 'root', 'data', 'b.html')(), linked('data', 'root', 'more')()));
check('what links inside point to is copied', within === undefined && readFileSync(at('out', 'more', 'a.txt'), 'utf8') === 'data' && lstatSync(at('out', 'data', 'b.html')).isFile()
  && contents(at('out')).every(([name]) => !lstatSync(at('out', name)).isSymbolicLink()), within);
check('what was written is replaced', writtenOf() === undefined && !existsSync(at('out', 'more')));
for (const [what, change, undo] of [
  ['a new file', () => write('a year of work', 'out', 'data', 'novel.txt'), () => rmSync(at('out', 'data', 'novel.txt'))],
  ['a file that was changed', () => write('a year of work', 'out', 'data', 'a.txt'), () => write('data', 'out', 'data', 'a.txt')],
  ['a link', () => symlinkSync('../beside', at('out', 'link')), () => rmSync(at('out', 'link'))],
]) {
  change();
  const before = JSON.stringify(contents(at('out')));
  const why = writtenOf();
  check(`kept: ${what}`, /is not as preinit has written it/.test(why) && JSON.stringify(contents(at('out'))) === before, why);
  undo();
}
check('and replaced when it is away', writtenOf() === undefined);
rmSync(at('out', '_framework', 'dotnet.preinit.files.json'));
check('kept: a folder with a snapshot and no list', /has no list of files/.test(writtenOf()) && existsSync(at('out', 'index.html')));
rmSync(at('out'), { recursive: true });
mkdirSync(at('elsewhere'));
symlinkSync('elsewhere', at('out'));
check('kept: a folder that is a link', /is a link; give the folder itself/.test(writtenOf()) && lstatSync(at('out')).isSymbolicLink());

// Names in the configuration and in the manifest, and files that are read before all are looked at.
const { readApplication } = await load('application.js');
const named = (kind, list) => (resources = { wasmNative: [{ name: 'dotnet.native.wasm' }] }) => {
  rmSync(at('named'), { recursive: true, force: true });
  for (const [name, text] of Object.entries({ 'dotnet.js': 'loader', 'dotnet.native.wasm': '\0asm', 'blazor.boot.json': JSON.stringify({ resources: { ...resources, [kind]: list } }) })) write(text, 'named', '_framework', name);
  try {
    readApplication(at('named'));
  } catch (error) {
    return error.message;
  }
};
const outside = `${'../'.repeat(20)}dev/zero`;
for (const kind of ['coreAssembly', 'assembly', 'icu', 'wasmNative', 'jsModuleRuntime', 'jsModuleNative']) {
  for (const list of [[{ name: outside }], { [outside]: 'sha256-x' }, [{ name: 'a.wasm' }, { name: '../../named2/a.wasm' }], [{ name: 7 }], [null], [{ name: 'x/../../../out' }]]) {
    const why = named(kind, list)();
    check(`a name that leads out is refused: ${kind} ${JSON.stringify(list)}`, /it names .*, which is outside of .*named \(resources\.\w+\)$/.test(why), why);
  }
  const why = named(kind, kind === 'wasmNative' ? { '../_framework/dotnet.native.wasm': 'sha256-x' } : [{ name: '../a.wasm' }, { name: 'de/..b.wasm' }, { name: '/a.wasm' }])();
  check(`one that stays is none: ${kind}`, !/outside/.test(why), why);
}
for (const [name, to] of [['dotnet.js', '/dev/zero'], ['blazor.boot.json', '/dev/zero'], ['dotnet.native.wasm', '/dev/zero'], ['dotnet.abcdefgh.js', '/dev/zero']]) {
  named('icu', [])();
  for (const one of name === 'dotnet.abcdefgh.js' ? ['dotnet.js', name] : [name]) rmSync(at('named', '_framework', one), { force: true });
  symlinkSync(to, at('named', '_framework', name));
  let why;
  try {
    readApplication(at('named'));
  } catch (error) {
    why = error.message;
  }
  check(`a link is refused before it is read: ${name}`, /this is a link to \/dev\/zero, which is outside/.test(why), why);
}
rmSync(at('named'), { recursive: true });
write('<p>secret</p>', 'elsewhere.html');
const assets = ['../elsewhere.html', '../../elsewhere.html', 'https://example.com/a.html', 'data', 'index.html'].map((url) => ({ url, hash: 'sha256-was' }));
const manifested = writtenOf(() => (rmSync(at('out'), { recursive: true, force: true }), mkdirSync(at('root', 'folder.html')), write(`self.assetsManifest = ${JSON.stringify({ version: 'x', assets: [...assets, { url: 'folder.html', hash: 'sha256-was' }] })};`, 'root', 'service-worker-assets.js')));
const kept = manifested ?? readFileSync(at('out', 'service-worker-assets.js'), 'utf8');
check('the manifest has new hashes of pages of the folder only', kept.split('sha256-was').length === 6 && /"hash": "sha256-[^w][^"]*",\s*"url": "index.html"|"url": "index.html",\s*"hash": "sha256-[^w]/.test(kept), kept);

// Pages, the manifest and the configuration of others: what has no end takes no longer than what has one.
const { withoutIntegrity } = await load('browser_host.js');
const many = (text, count = 1 << 19) => text.repeat(Math.ceil(count / text.length));
const started = (head) => `<html><head>${head}</head><script src="_framework/blazor.webassembly.js"></script></html>`;
const LIMIT = 3000;
for (const [what, file, text, works] of [
  ['links', 'help.html', many('<link ')], ['links of the loader', 'help.html', many('<link dotnet.js')], ['tags', 'help.html', many('<link>')],
  ['links before the head ends', 'help.html', started(many('<link '))], ['scripts', 'help.html', started(many('<script '))], ['blanks', 'help.html', `${started('')}${many(' ')}`],
  ['blanks in the head', 'help.html', started(`${many(' ')}x`)], ['hashes', 'help.html', started(many('"/dotnet.js":"sha256-'))], ['names', 'help.html', started(many('"/dotnet.js'))],
  ['beginnings of a manifest', 'service-worker-assets.js', many('self.assetsManifest={'), /is not a manifest/],
]) {
  const begun = performance.now();
  const why = writtenOf(() => (rmSync(at('out'), { recursive: true, force: true }), write(text, 'root', file)));
  const took = performance.now() - begun;
  check(`${what} without an end take no time`, took < LIMIT && (works ? works.test(why) : why === undefined), `${Math.round(took)} ms ${why ?? ''}`);
}
for (const [what, work, expected] of [
  ['bases', () => (write(many('<base '), 'root', 'index.html'), baseOf(at('root'))), '/'], ['values', () => (write(`<base ${many(' href="')}`, 'root', 'index.html'), baseOf(at('root'))), '/'],
  ['blanks of a base', () => (write(`<base ${many(' href  ')}`, 'root', 'index.html'), baseOf(at('root'))), '/'], ['comments', () => (write(many('<!--<!-->'), 'root', 'index.html'), baseOf(at('root'))), '/'],
  ['a base', () => (write(`<base href="/${many('a')}/b">`, 'root', 'index.html'), baseOf(at('root')).length), 2 + (1 << 19)],
  ['hashes of a map', () => withoutIntegrity(many('"integrity":{')).length, Math.ceil((1 << 19) / 13) * 13],
  ['beginnings of a configuration', () => (write(many('/*json-start*/'), 'root', '_framework', 'dotnet.js'), rmSync(at('root', '_framework', 'blazor.boot.json')), readApplication(at('root'))), /no boot configuration/],
]) {
  const begun = performance.now();
  let found;
  try {
    found = work();
  } catch (error) {
    found = error.message;
  }
  const took = performance.now() - begun;
  check(`${what} without an end take no time`, took < LIMIT && (expected instanceof RegExp ? expected.test(found) : found === expected), `${Math.round(took)} ms ${found}`.slice(0, 200));
}
for (const spelled of ['big.html', './big.html', 'data/../big.html']) {
  const begun = performance.now();
  const why = writtenOf(() => (rmSync(at('out'), { recursive: true, force: true }), write(many(' ', 5e6), 'root', 'big.html'), write(`self.assetsManifest = ${JSON.stringify({ version: 'x', assets: Array(5000).fill({ url: spelled }) })};`, 'root', 'service-worker-assets.js')));
  check(`a page that a manifest names often is read once: ${spelled}`, why === undefined && performance.now() - begun < LIMIT, `${Math.round(performance.now() - begun)} ms ${why ?? ''}`);
}
const { tagsOf, withTags, between } = await load('markup.js');
check('tags are found', JSON.stringify(tagsOf('<link a\n="1"><links><LINK/><x link><link b <link c>', 'link')) === JSON.stringify([{ at: 0, tag: '<link a\n="1"' }, { at: 20, tag: '<LINK/' }, { at: 35, tag: '<link b <link c' }]));
check('and changed', withTags('a<link x>b<link y>c<link', 'link', (tag) => `${tag}!`) === 'a<link x!>b<link y!>c<link!' && withTags('none', 'link', () => '') === 'none');
check('what stands between marks', between('a[b[c]d]', '[', ']') === 'b[c' && between(']a[', '[', ']') === undefined && between('', '[', ']') === undefined);
const linkedPage = `<html><head>
  <base href="/" />
  <link rel="modulepreload" href="_framework/dotnet.js" integrity="sha256-old" />
  <LINK href='_framework/dotnet.js' integrity='sha256-old'>
  <link href="style.css" integrity="sha256-other" />
  <script type="importmap">{"imports":{}, "integrity": {"./_framework/dotnet.js": "sha256-old", "./other.js": "sha256-other"}}</script>
  </head><body><script src="_framework/blazor.webassembly.js"></script></body></html>`;
const rewritten = writtenOf(() => (rmSync(at('out'), { recursive: true, force: true }), write(linkedPage, 'root', 'index.html'))) ?? readFileSync(at('out', 'index.html'), 'utf8');
check('a page has the new hash, and the others as they were', !rewritten.includes('sha256-old') && rewritten.split('sha256-other').length === 3, rewritten);
check('what it asks for at once stands before its head ends', /<\/script>\n {2} {4}<link rel="preload"[^]*\n {2}<\/head>/.test(rewritten), rewritten);
rmSync(base, { recursive: true });
finish();
