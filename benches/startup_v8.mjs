// Runs one job of compare.py (JSON, as an argument) in Node's V8; prints times and answers as JSON.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const job = JSON.parse(process.argv[2]);

function start({ module, calls }) {
  const wasi = new WASI({ version: "preview1", preopens: job.dirs });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  const { exports } = instance;
  if (exports.memory) wasi.finalizeBindings(instance);
  for (const name of calls) exports[name]?.();
  return exports;
}

const modules = {};
const results = {};
for (const [name, { file, calls }] of Object.entries(job.modules)) {
  const module = (modules[name] = { calls, module: new WebAssembly.Module(readFileSync(file)) });
  const exports = start(module);
  results[name] = { answers: job.arguments.map((argument) => exports[job.query](argument)), ms: [] };
}
// Each starts several times in a row, as in a server; the medians of rows are compared. Right after another module's start
// it would mostly measure how much of the processor's caches that one took.
for (const orders of job.phases) {
  const end = performance.now() + (job.seconds * 1000) / job.phases.length;
  for (let round = 0; performance.now() < end; round++) {
    for (const name of orders[round % orders.length]) {
      const row = [];
      const enough = performance.now() + 20;
      while (row.length < 3 || performance.now() < enough) {
        const started = performance.now();
        start(modules[name])[job.query](job.arguments[0]);
        row.push(performance.now() - started);
      }
      results[name].ms.push(row.sort((a, b) => a - b)[row.length >> 1]);
    }
  }
}
console.log(JSON.stringify(results));
