// Runs one job of components.py (JSON, as an argument) with what jco has made, in Node's V8; prints times as JSON.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const job = JSON.parse(process.argv[2]);
const at = (path) => pathToFileURL(path).href;
const { WASIShim } = await import(at(`${job.shim}/dist/common/instantiation.js`));
const shim = await import(at(`${job.shim}/dist/nodejs/index.js`));
const [name, parameters, expected] = job.call;

const text = (name) => ({ kind: { tag: 'freestanding', val: { protocol: 'WitWorld', name } }, returnStyle: { tag: 'normal' } });
const none = { resources: [], records: [], flags: [], tuples: [], variants: [], enums: [], options: [], results: [] };
const symbols = { exports: [text('query'), text('describe')], ...none };

const sides = {};
for (const side of ['before', 'after']) {
  const modules = new Map();
  const module = (file) => {
    if (!modules.has(file)) modules.set(file, new WebAssembly.Module(readFileSync(`${job[side]}/${file}`)));
    return modules.get(file);
  };
  const { instantiate } = await import(at(`${job[side]}/it.js`));
  sides[side] = { instantiate, module };
}

async function start(side) {
  if (side === 'before') {
    shim.cli._setEnv?.(job.env);
    if (Object.keys(job.dirs).length > 0) shim.filesystem._setPreopens?.(job.dirs);
  }
  const imports = new WASIShim(shim).getImportObject();
  const instance = await sides[side].instantiate(sides[side].module, imports);
  if (side === 'before') {
    if (job.init === 'python') await instance.exports.init('app', symbols, false);
    else await instance[job.init.replace(/-(.)/g, (_, letter) => letter.toUpperCase())]();
  }
  const answer = await instance[name](...parameters);
  if (answer !== expected) throw new Error(`${side}: ${answer}, not ${expected}`);
}

const times = { before: [], after: [] };
const end = performance.now() + job.seconds * 1000;
while (performance.now() < end || times.after.length < 3) {
  for (const side of ['before', 'after']) {
    const enough = performance.now() + 20;
    do {
      const started = performance.now();
      await start(side);
      times[side].push(performance.now() - started);
    } while (performance.now() < enough);
  }
}
console.log(JSON.stringify(times));
process.exit(0);
