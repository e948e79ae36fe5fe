// Runs one job of freeze.py (JSON, as an argument) in Node's V8; prints exit codes and times as JSON.
import { closeSync, openSync, readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const job = JSON.parse(process.argv[2]);

function run(module, script, output, errors) {
  const [stdin, stdout, stderr] = [openSync(script, "r"), openSync(output, "w"), openSync(errors, "w")];
  try {
    const wasi = new WASI({ version: "preview1", args: job.argv, preopens: job.dirs, stdin, stdout, stderr, returnOnExit: true });
    return wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
  } catch (error) {
    return String(error);
  } finally {
    [stdin, stdout, stderr].forEach((descriptor) => closeSync(descriptor));
  }
}

const results = {};
const modules = Object.entries(job.modules).map(([name, file]) => [name, new WebAssembly.Module(readFileSync(file))]);
for (const [name, module] of modules) {
  results[name] = { codes: job.scripts.map((script, at) => run(module, script, ...job.outputs[name][at])), ms: [] };
}
for (const [name, module] of modules) {
  const end = performance.now() + (job.seconds * 1000) / modules.length;
  while (performance.now() < end) {
    const started = performance.now();
    const code = run(module, job.first, job.first_output, job.first_output);
    results[name].ms.push(performance.now() - started);
    if (code !== 0) throw new Error(`${name} ended with ${code} at start-up`);
  }
}
console.log(JSON.stringify(results));
