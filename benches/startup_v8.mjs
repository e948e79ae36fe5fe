// Runs one job of compare.py (JSON, as an argument) in Node's V8; prints times and answers as JSON.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const job = JSON.parse(process.argv[2]);

function start(module, calls) {
  const wasi = new WASI({ version: "preview1", preopens: job.dirs });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  const { exports } = instance;
  if (exports.memory) wasi.finalizeBindings(instance);
  for (const name of calls) exports[name]?.();
  return exports;
}

const modules = Object.entries(job.modules).map(([name, { file, calls }]) => {
  return { name, calls, module: new WebAssembly.Module(readFileSync(file)) };
});
const results = {};
for (const { name, calls, module } of modules) {
  const exports = start(module, calls);
  results[name] = { answers: job.arguments.map((argument) => exports[job.query](argument)), ms: [] };
}
// The original works much longer: among the snapshots it would slow down whichever comes after it.
for (const turns of [modules.slice(0, 1), modules.slice(1)]) {
  const end = performance.now() + job.seconds * 500;
  while (performance.now() < end) {
    for (const { name, calls, module } of turns) {
      const started = performance.now();
      start(module, calls)[job.query](job.arguments[0]);
      results[name].ms.push(performance.now() - started);
    }
    turns.reverse();
  }
}
console.log(JSON.stringify(results));
