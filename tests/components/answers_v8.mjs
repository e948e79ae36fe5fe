// Calls functions of a component that jco has transpiled: answers_v8.mjs FILE CALLS. The last line is the answers, as JSON.

import { pathToFileURL } from 'node:url';

const [file, calls] = process.argv.slice(2);
const component = await import(pathToFileURL(file).href);
const answers = [];
for (const [name, parameters] of JSON.parse(calls)) {
  try {
    answers.push(await component[name](...parameters));
  } catch (error) {
    console.error(error);
    answers.push('trap');
  }
}
console.log(JSON.stringify(answers));
process.exit(0);
