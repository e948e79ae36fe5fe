// Makes the component of app.js: make.mjs OUTPUT. Needs `@bytecodealliance/componentize-js` where it is run.

import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const packages = new URL('node_modules/', pathToFileURL(`${process.cwd()}/`));
const { componentize } = await import(new URL('@bytecodealliance/componentize-js/src/componentize.js', packages).href);
const here = new URL('.', import.meta.url);
const [source, witWorld] = await Promise.all(['app.js', 'app.wit'].map((name) => readFile(new URL(name, here), 'utf8')));
const { component } = await componentize(source, { witWorld, worldName: 'app', disableFeatures: ['http', 'fetch-event'] });
await writeFile(process.argv[2], component);
