// What `dotnet publish` has written: where the runtime's files are, and what they are.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { between } from './markup.js';
import { isInside, treeOf } from './tree.js';

/** What cannot be made a snapshot of, said in one line. */
export class Unfit extends Error {}

const PLACES = ['', '_framework', 'wwwroot/_framework', 'AppBundle/_framework', 'publish/wwwroot/_framework'];
const markedIn = (text) => between(text, '/*json-start*/', '/*json-end*/');

const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** The one file of a folder whose name is of a form, with or without a fingerprint. */
function named(folder, name, ending) {
  const form = new RegExp(`^${name.replaceAll('.', '\\.')}(\\.[0-9a-z]{8,12})?\\.${ending}$`);
  return readdirSync(folder).filter((file) => form.test(file));
}

/** The boot configuration, which is a file or stands in the loader. */
function bootOf(framework, loader) {
  const inlined = markedIn(readFileSync(join(framework, loader), 'utf8'));
  if (inlined !== undefined) return { file: loader, config: JSON.parse(inlined) };
  for (const file of [...named(framework, 'dotnet.boot', 'js'), 'blazor.boot.json']) {
    if (!isFile(join(framework, file))) continue;
    const text = readFileSync(join(framework, file), 'utf8');
    const json = file.endsWith('.json') ? text : markedIn(text);
    if (json !== undefined) return { file, config: JSON.parse(json) };
  }
  throw new Unfit(`${framework}: there is no boot configuration (dotnet.boot.js, blazor.boot.json, or in ${loader}) that can be read`);
}

/** The names of a list of files, which before .NET 10 has hashes by name. */
export const namesOf = (list) => (Array.isArray(list) ? list.map((file) => file?.name) : Object.keys(list ?? {}));
const first = (list) => namesOf(list)[0];

/** The lists of files that are in a snapshot. */
export const COVERED = ['coreAssembly', 'assembly', 'icu', 'wasmNative'];
const READ = [...COVERED, 'jsModuleRuntime', 'jsModuleNative'];

/** What the configuration names is read, so it has to be in the folder, as its links have to lead there. */
function checkNames({ root, framework, boot, resources }) {
  for (const kind of READ) {
    const outside = namesOf(resources[kind]).filter((name) => typeof name !== 'string' || !isInside(join(framework, name), root));
    if (outside.length > 0) throw new Unfit(`${join(framework, boot)}: it names ${outside[0]}, which is outside of ${root} (resources.${kind})`);
  }
}

/** Takes a folder apart, and passes over the folders `skipped`. Throws `Unfit` with what is wrong with it. */
export function readApplication(folder, skipped = []) {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Unfit(`${folder}: there is no such folder`);
  const framework = PLACES.map((place) => join(folder, place)).find(
    (place) => existsSync(place) && statSync(place).isDirectory() && named(place, 'dotnet', 'js').length > 0,
  );
  if (framework === undefined) {
    throw new Unfit(`${folder}: there is no _framework with dotnet.js in it; give the folder that dotnet publish has written`);
  }
  const loaders = named(framework, 'dotnet', 'js');
  if (loaders.some((name) => existsSync(join(framework, name.replace(/js$/, 'original.js'))))) {
    throw new Unfit(`${framework}: this starts from a snapshot already; give the folder that dotnet publish has written`);
  }
  if (loaders.length > 1) throw new Unfit(`${framework}: there are several loaders (${loaders.join(', ')}); publish into an empty folder`);
  const [loader] = loaders;
  const inPlace = framework === folder || basename(framework) !== '_framework';
  const root = inPlace ? folder : join(framework, '..');
  // What cannot be copied is said before anything is read: a link may lead to what has no end.
  treeOf(root, skipped);
  const { file: boot, config } = bootOf(framework, loader);
  const resources = config.resources ?? {};
  checkNames({ root, framework, boot, resources });
  const native = first(resources.wasmNative);
  if (native === undefined || !isFile(join(framework, native))) {
    throw new Unfit(`${join(framework, boot)}: it names no module of the runtime that is there (resources.wasmNative)`);
  }
  const isBlazor = named(framework, 'blazor.webassembly', 'js').length > 0;
  const application = { folder, root, framework, path: relative(root, framework), loader, boot, config, native, isBlazor };
  refuse(application);
  return application;
}

/** What is known not to work, by name. */
function refuse({ framework, config, native }) {
  const resources = config.resources ?? {};
  const where = `${framework}:`;
  if (first(resources.jsModuleWorker) !== undefined) throw new Unfit(`${where} it was built with threads (WasmEnableThreads), which a snapshot cannot hold`);
  if ((config.debugLevel ?? 0) !== 0 && first(resources.pdb ?? resources.corePdb) !== undefined) {
    throw new Unfit(`${where} this is a debugging build; publish it with -c Release`);
  }
  const module = new WebAssembly.Module(readFileSync(join(framework, native)));
  const imports = WebAssembly.Module.imports(module);
  const names = new Set(imports.map(({ name }) => name));
  if (imports.some(({ kind }) => kind === 'memory')) throw new Unfit(`${where} it was built with threads (WasmEnableThreads), which a snapshot cannot hold`);
  if (!names.has('mono_wasm_bind_js_import_ST')) {
    const isMinified = imports.every(({ name }) => name.length <= 3);
    throw new Unfit(
      isMinified
        ? `${where} its runtime was linked anew with shortened names; publish it without native relinking`
        : `${where} its runtime is not of .NET 9 or 10, which are known`,
    );
  }
  const graphics = [...names].find((name) => /^(emscripten_)?gl[A-Z]|^egl[A-Z]|^emscripten_webgl/.test(name));
  if (graphics) throw new Unfit(`${where} its runtime has WebGL linked in (${graphics}), whose state is JavaScript's`);
  const exports = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const NEEDED = ['malloc', 'free', 'mono_wasm_invoke_jsexport', 'mono_wasm_load_runtime', 'mono_jiterp_parse_option'];
  const missing = NEEDED.filter((name) => !exports.has(name));
  if (missing.length > 0) throw new Unfit(`${where} its runtime does not export ${missing.join(', ')}: it was linked anew in a way that is not known`);
}
