// A host of threads: each is a Worker, with an instance of the module on the memory of all.
// node host.mjs FILE PAGES MAXIMUM INIT ... -- ARGUMENT ...: the answers of `query`, in one line
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, workerData } from "node:worker_threads";

const start = (data) => {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  worker.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
};

function instance({ file, memory, last }) {
  const module = new WebAssembly.Module(fs.readFileSync(file));
  const spawn = (argument) => {
    const id = Atomics.add(last, 0, 1) + 1;
    start({ file, memory, last, thread: { id, argument } });
    return id;
  };
  const words = () => new Int32Array(memory.buffer);
  const functions = {
    "thread-spawn": spawn,
    environ_sizes_get: (count, size) => ((words()[count >> 2] = 0), (words()[size >> 2] = 0)),
  };
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = kind === "memory" ? memory : (functions[name] ?? (() => 0));
  }
  return new WebAssembly.Instance(module, imports).exports;
}

if (isMainThread) {
  const [file, initial, maximum, ...rest] = process.argv.slice(2);
  const at = rest.indexOf("--");
  const memory = new WebAssembly.Memory({ initial: +initial, maximum: +maximum, shared: true });
  const last = new Int32Array(new SharedArrayBuffer(4));
  // Where it joins threads, the main thread of a page or of Node could not wait.
  start({ file, memory, last, init: rest.slice(0, at), args: rest.slice(at + 1).map(Number) });
} else if (workerData.thread) {
  const { id, argument } = workerData.thread;
  instance(workerData).wasi_thread_start(id, argument);
} else {
  const exports = instance(workerData);
  workerData.init.forEach((name) => exports[name]());
  fs.writeSync(1, workerData.args.map((argument) => exports.query(argument)).join(" ") + "\n");
  process.exit(0);
}
