// Calls exports, or runs a command: node ask.mjs MODULE [EXPORT(NUMBER) ...]. Prints what they give.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [file, ...calls] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const wasi = new WASI({ version: 'preview1', args: ['command', '27', '6171'], env: { NAME: 'Ann' }, returnOnExit: true });
const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport });
console.log(Object.keys(exports).sort().join(' '));
if ('_start' in exports) console.log('ends with', wasi.start({ exports }));
for (const call of calls) {
  const [, name, argument] = call.match(/^(.*)\((.*)\)$/);
  console.log(call, exports[name](Number(argument)));
}
