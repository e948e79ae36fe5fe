// The table of what the tests have measured, before and after: node table.mjs WORK
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const all = JSON.parse(readFileSync(join(process.argv[2], 'figures.json'), 'utf8'));
const pair = (of, [before, after]) => `${of(before)} → ${of(after)}`;
const milliseconds = (time) => `${time.toFixed(0)} ms`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
console.log('| application | first answer, or page shown | steady speed | files of a start | with brotli |');
console.log('|---|---|---|---|---|');
for (const [name, { first, steady, sizes }] of Object.entries(all)) {
  const of = (form) => pair(megabytes, [sizes.before[form], sizes.after[form]]);
  console.log(`| ${name} | ${pair(milliseconds, first)} | ${steady ? pair(milliseconds, steady) : ''} | ${of('raw')} | ${of('brotli')} |`);
}

// When what was done in the page, in milliseconds after it was asked for.
console.log('\n| stage | without | with the snapshot |\n|---|---|---|');
const words = { page: 'page and scripts read', compiled: 'runtime compiled', instantiated: 'runtime instantiated', shown: 'page shown', main: 'processor time, main thread', all: 'processor time, all threads' };
for (const { stages = {} } of Object.values(all)) {
  for (const [stage, [before, after]] of Object.entries(stages)) console.log(`| ${words[stage]} | ${milliseconds(before)} | ${milliseconds(after)} |`);
}
