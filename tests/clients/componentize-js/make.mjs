// Makes component.wasm of PROGRAM.js: node make.mjs PROGRAM [WIZER_BIN]
// WIZER_BIN is a path, or `preinit` for the default export of that package; without it, ComponentizeJS has its own.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { componentize } from '@bytecodealliance/componentize-js';

const [program, chosen] = process.argv.slice(2);
const wizerBin = chosen === 'preinit' ? (await import('preinit')).default : chosen;

/** The world of a program that is served: WASI's packages as jco has them, at the version of ComponentizeJS's engine. */
function servedWorld() {
  const folder = new URL('node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/', import.meta.url);
  const packages = readdirSync(folder).map((name) => {
    const text = readFileSync(new URL(`${name}/package.wit`, folder), 'utf8').replaceAll('0.2.12', '0.2.10');
    return text.replace(/^package ([^;]*);/m, 'package $1 {') + '}\n';
  });
  return `package test:program;\nworld main { export wasi:http/incoming-handler@0.2.10; }\n${packages.join('')}`;
}

const { component } = await componentize({
  sourcePath: new URL(`${program}.js`, import.meta.url).pathname,
  witWorld:
    program === 'http'
      ? servedWorld()
      : 'package test:program;\nworld main { export run: func(input: string) -> string; }',
  worldName: 'main',
  ...(wizerBin && { wizerBin }),
});
writeFileSync('component.wasm', component);
