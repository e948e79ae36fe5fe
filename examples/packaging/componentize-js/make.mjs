// Makes program.wasm of program.js, initialized by what WIZER names, or else by the Wizer that ComponentizeJS brings:
// node make.mjs OUT [WIZER]
import { writeFileSync } from 'node:fs';
import { componentize } from '@bytecodealliance/componentize-js';

const [out, wizerBin] = process.argv.slice(2);
const { component } = await componentize({
  sourcePath: 'program.js',
  witWorld: 'package example:program;\nworld main { export find: func(word: string) -> string; }',
  worldName: 'main',
  disableFeatures: ['http', 'fetch-event'],
  ...(wizerBin && { wizerBin }),
});
writeFileSync(out, component);
