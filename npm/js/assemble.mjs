#!/usr/bin/env node
// Puts the files of `preinit/js` together: node npm/js/assemble.mjs CORE.wasm FOLDER
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const FILES = [
  'boundary.js', 'capture.js', 'core.js', 'fixups.js', 'glue.js', 'hooks.js', 'index.d.ts', 'index.js', 'play.js', 'run.d.ts',
  'run.js', 'verify.js',
];

/** Fills `folder`, which need not be there yet. */
export function assemble(core, folder) {
  mkdirSync(folder, { recursive: true });
  for (const file of FILES) copyFileSync(join(here, file), join(folder, file));
  cpSync(join(here, 'dotnet'), join(folder, 'dotnet'), { recursive: true });
  copyFileSync(join(here, '../../src/verify/other_engines/read_state.mjs'), join(folder, 'read_state.js'));
  copyFileSync(core, join(folder, 'core.wasm'));
  // For `require`, which older versions of Node cannot do with an ES module.
  const common = readFileSync(join(here, 'run.js'), 'utf8').replace(/^export function (\w+)/gm, 'exports.$1 = $1;\nfunction $1');
  writeFileSync(join(folder, 'run.cjs'), `'use strict';\n${common}`);
  copyFileSync(join(here, 'run.d.ts'), join(folder, 'run.d.cts'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [core, folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: assemble.mjs CORE.wasm FOLDER');
    process.exit(2);
  }
  assemble(core, folder);
}
