#!/usr/bin/env node
// Puts the files of `preinit/js` together: node npm/js/assemble.mjs CORE.wasm FOLDER
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Fills `folder`, which need not be there yet. */
export function assemble(core, folder) {
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(here).filter((file) => /\.(js|d\.ts)$/.test(file));
  for (const file of files) copyFileSync(join(here, file), join(folder, file));
  cpSync(join(here, 'dotnet'), join(folder, 'dotnet'), { recursive: true });
  copyFileSync(join(here, '../../src/verify/other_engines/read_state.mjs'), join(folder, 'read_state.js'));
  copyFileSync(core, join(folder, 'core.wasm'));
  // For `require`, which older versions of Node cannot do with an ES module.
  for (const name of ['finalizers', 'hash', 'late_writes', 'printable', 'section', 'record_form', 'run', 'turns', 'replay']) {
    const common = readFileSync(join(here, `${name}.js`), 'utf8')
      .replace(/^import \{ (.+) \} from '\.\/(\w+)\.js';/gm, (_, names, file) => `const { ${names.replaceAll(' as ', ': ')} } = require('./${file}.cjs');`)
      .replace(/^export function (\w+)/gm, 'exports.$1 = $1;\nfunction $1')
      .replace(/^export class (\w+)/gm, 'const $1 = exports.$1 = class $1')
      .replace(/^export const (\w+) =/gm, 'const $1 = exports.$1 =');
    writeFileSync(join(folder, `${name}.cjs`), `'use strict';\n${common}`);
    // What programs load has types.
    if (!existsSync(join(here, `${name}.d.ts`))) continue;
    const types = readFileSync(join(here, `${name}.d.ts`), 'utf8').replaceAll("'./run.js'", "'./run.cjs'");
    writeFileSync(join(folder, `${name}.d.cts`), types);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [core, folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: assemble.mjs CORE.wasm FOLDER');
    process.exit(2);
  }
  assemble(core, folder);
}
