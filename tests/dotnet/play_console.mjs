// One start of inputs/dotnet: node play_console.mjs FRAMEWORK original|snapshot. Prints times, answers by hash, and messages of exceptions.
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [framework, side] = process.argv.slice(2);
const said = [];
const { warn } = console;
console.warn = (...all) => (said.push(all.join(' ')), warn(...all));
const begun = performance.now();
const { dotnet } = await import(pathToFileURL(`${framework}/dotnet.js`));
const api = await dotnet.create();
if (side === 'original') await api.runMain('Catalog', ['warm', 'collect']);
const { Catalog } = await api.getAssemblyExports('Catalog.dll');
const answers = [Catalog.Query(0)];
const first = performance.now() - begun;
const ask = (from, to) => {
  for (let n = from; n < to; n++) answers.push(Catalog.Query(n * 7919));
};
ask(1, 200);
const hash = (list) => createHash('sha256').update(list.join(',')).digest('hex');
const of200 = hash(answers);
ask(200, 20_200);
const all = hash(answers);
// Until the engine has compiled what it will compile: a process that has been through init has done so before.
ask(20_200, 50_200);
const steady = [];
for (let round = 0; round < 8; round++) {
  const start = process.cpuUsage();
  ask(50_200 + 2000 * round, 52_200 + 2000 * round);
  const { user, system } = process.cpuUsage(start);
  steady.push((user + system) / 1000);
}
const exceptions = [-1, -7, -2147483648].map((n) => {
  try {
    return Catalog.Query(n);
  } catch (error) {
    return String(error.message);
  }
});
console.log(JSON.stringify({ first, of200, all, steady: Math.min(...steady), exceptions, after: Catalog.Query(5), said }));
process.exit(0);
