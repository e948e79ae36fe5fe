// Makes an application of a program of test-programs/dotnet, with the runtime and the libraries of inputs/blazor.
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MARKED = /\/\*json-start\*\/([\s\S]*?)\/\*json-end\*\//;
const programs = fileURLToPath(new URL('../../test-programs/dotnet/', import.meta.url));
/** A hash as a boot configuration has it. */
export const integrity = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;

/** Changes the boot configuration of a folder of the runtime. */
export function changeBoot(framework, change) {
  const file = join(framework, 'dotnet.boot.js');
  const source = readFileSync(file, 'utf8');
  const [whole, json] = MARKED.exec(source);
  const config = JSON.parse(json);
  change(config);
  writeFileSync(file, source.replace(whole, () => `/*json-start*/${JSON.stringify(config)}/*json-end*/`));
}

/** A program for Node in `to`: its folder of the runtime. `change` may change the configuration further. */
export function nodeProgram(inputs, to, name, change = () => {}) {
  rmSync(to, { recursive: true, force: true });
  const framework = join(to, '_framework');
  mkdirSync(framework, { recursive: true });
  const source = join(inputs, 'blazor/wwwroot/_framework');
  const isNeeded = (file) => !/^(Shop|Microsoft\.|blazor)/.test(file);
  for (const file of readdirSync(source).filter(isNeeded)) copyFileSync(join(source, file), join(framework, file));
  writeFileSync(join(to, 'package.json'), '{"type":"module"}');
  replaced(framework, name, (config) => {
    config.resources.assembly = config.resources.assembly.filter(({ name: file }) => isNeeded(file));
    delete config.applicationEnvironment;
    change(config);
  });
  return framework;
}

/** A page in `to`, with a program in the place of that of inputs/blazor. */
export function page(inputs, to, name) {
  rmSync(to, { recursive: true, force: true });
  cpSync(join(inputs, 'blazor/wwwroot'), to, { recursive: true });
  const framework = join(to, '_framework');
  rmSync(join(framework, 'Shop.wasm'));
  replaced(framework, name, (config) => {
    config.resources.assembly = config.resources.assembly.filter(({ name: file }) => file !== 'Shop.wasm');
  });
  return to;
}

/** A page in `to` whose own script starts Probe, without Blazor. */
export function scriptedPage(inputs, to) {
  nodeProgram(inputs, to, 'Probe');
  writeFileSync(join(to, 'index.html'), '<!doctype html><html><head><base href="/" /></head><body><p id="out"></p><script type="module" src="main.js"></script></body></html>');
  writeFileSync(join(to, 'main.js'), `import { dotnet } from './_framework/dotnet.js';
globalThis.said = [];
const { setModuleImports, getAssemblyExports, getConfig, runMain } = await dotnet.withApplicationArguments(new URL(location.href).searchParams.get('arg') ?? 'double:4').create();
setModuleImports('numbers', { double: (value) => (globalThis.said.push(value), 2 * value) });
await runMain();
const { Probe } = await getAssemblyExports(getConfig().mainAssemblyName);
globalThis.Probe = Probe;
document.querySelector('#out').textContent = [Probe.Do('double:21'), Probe.Do('log'), await Probe.Wait(5, 3)].join(' ');
`);
  return to;
}

function replaced(framework, name, change) {
  const bytes = readFileSync(join(programs, `${name}.dll`));
  writeFileSync(join(framework, `${name}.dll`), bytes);
  changeBoot(framework, (config) => {
    config.mainAssemblyName = name;
    config.resources.assembly.push({ virtualPath: `${name}.dll`, name: `${name}.dll`, hash: integrity(bytes) });
    change(config);
  });
}
