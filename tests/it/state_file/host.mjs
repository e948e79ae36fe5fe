// A host of probed modules: instantiates each, calls its init functions, and writes what it has read beside it.
//
//     node host.mjs MANIFEST
//
// MANIFEST is a list of { folder, providers, init }. A folder has probed.wasm and schema.json; a provider is a module in it by whose name
// others import its exports. Prints one line for each: the error, or nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Identities, readImports, readState } from '../../../src/verify/other_engines/read_state.mjs';

function run({ folder, providers, init }) {
  const schema = JSON.parse(readFileSync(join(folder, 'schema.json')));
  const write = (file, bytes) => writeFileSync(join(folder, file), bytes);
  const imports = {};
  for (const { name, file } of providers) {
    const module = new WebAssembly.Module(readFileSync(join(folder, file)));
    imports[name] = new WebAssembly.Instance(module, imports).exports;
  }
  const identities = new Identities();
  const before = readImports(imports, schema, identities, (index) => `before.${index}`, write);
  const module = new WebAssembly.Module(readFileSync(join(folder, 'probed.wasm')));
  const { exports } = new WebAssembly.Instance(module, imports);
  for (const name of init) exports[name]();
  const files = schema.memories.map((_, index) => `memory.${index}`);
  const state = readState(exports, schema, identities, files, write, before);
  write('state.json', JSON.stringify(state));
}

for (const one of JSON.parse(readFileSync(process.argv[2]))) {
  let error = '';
  try {
    run(one);
  } catch (caught) {
    error = `${caught.name}: ${caught.message}`.replaceAll('\n', ' ');
  }
  console.log(error);
}
