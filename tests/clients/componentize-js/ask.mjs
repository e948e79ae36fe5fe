// Calls `run` of component.wasm with each argument: node ask.mjs INPUT ...
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { transpile } from '@bytecodealliance/jco';

const { files } = await transpile(readFileSync('component.wasm'), { name: 'component' });
rmSync('transpiled', { recursive: true, force: true });
for (const [name, bytes] of Object.entries(files)) {
  mkdirSync(dirname(`transpiled/${name}`), { recursive: true });
  writeFileSync(`transpiled/${name}`, bytes);
}
const { run } = await import('./transpiled/component.js');
for (const input of process.argv.slice(2)) console.log(run(input));
