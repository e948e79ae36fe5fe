// Runs one job of freeze.py (JSON, as an argument) in Node's V8; prints exit codes and times as JSON.
import { closeSync, openSync, readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const job = JSON.parse(process.argv[2]);

// Making the host's side ready (opening files and directories) is not the module's doing, and not measured.
function run(module, script, output, errors) {
  const [stdin, stdout, stderr] = [openSync(script, "r"), openSync(output, "w"), openSync(errors, "w")];
  let started, before;
  try {
    const wasi = new WASI({ version: "preview1", args: job.argv, preopens: job.dirs, stdin, stdout, stderr, returnOnExit: true });
    [started, before] = [performance.now(), process.cpuUsage()];
    const code = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
    const [elapsed, { user, system }] = [performance.now() - started, process.cpuUsage(before)];
    return { code, elapsed: [elapsed, (user + system) / 1000] };
  } catch (error) {
    return { code: String(error), elapsed: [] };
  } finally {
    [stdin, stdout, stderr].forEach((descriptor) => closeSync(descriptor));
  }
}

const results = {};
const modules = Object.entries(job.modules).map(([name, file]) => [name, new WebAssembly.Module(readFileSync(file))]);
for (const [name, module] of modules) {
  results[name] = { codes: job.scripts.map((script, at) => run(module, script, ...job.outputs[name][at]).code), ms: [] };
}
const end = performance.now() + job.seconds * 1000;
while (performance.now() < end) {
  for (const [name, module] of modules) {
    const starts = Array.from({ length: job.starts[name] }, () => run(module, job.first, job.first_output, job.first_output));
    results[name].ms.push(starts.map(({ elapsed }) => elapsed));
    if (starts.some(({ code }) => code !== 0)) throw new Error(`${name} did not start: ${JSON.stringify(starts)}`);
  }
}
console.log(JSON.stringify(results));
