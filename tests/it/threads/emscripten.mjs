// A host of threads as Emscripten's JavaScript is one: each is a Worker, with an instance of the module on the memory of all.
// node emscripten.mjs FILE PAGES MAXIMUM original: calls `__wasm_call_ctors` and `preinit` first
// node emscripten.mjs FILE PAGES MAXIMUM MAIN: begins with the state after that; MAIN is the address of the main thread
// Prints that address, and the answer that four threads give.
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, isMainThread, workerData } from "node:worker_threads";

const THREADS = 4;

const start = (data) => {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  worker.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
};

function instance({ file, memory }, onMain) {
  const module = new WebAssembly.Module(fs.readFileSync(file));
  const functions = {
    __pthread_create_js: (thread, attributes, entry, argument) => {
      start({ file, memory, thread: { thread, entry, argument } });
      return 0;
    },
    __emscripten_init_main_thread_js: onMain,
    _emscripten_default_pthread_stack_size: () => 65536,
  };
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = kind === "memory" ? memory : (functions[name] ?? (() => 0));
  }
  return new WebAssembly.Instance(module, imports).exports;
}

if (isMainThread) {
  const [file, initial, maximum, main] = process.argv.slice(2);
  const memory = new WebAssembly.Memory({ initial: +initial, maximum: +maximum, shared: true });
  start({ file, memory, main });
} else if (workerData.thread) {
  const { thread, entry, argument } = workerData.thread;
  const exports = instance(workerData);
  exports._emscripten_thread_init(thread, 0, 0, 1);
  const [top, size] = new Int32Array(workerData.memory.buffer, thread + 44, 2);
  exports.emscripten_stack_set_limits(top, top - size);
  exports.stackRestore(top);
  exports.emscripten_tls_init();
  exports.__indirect_function_table.get(entry)(argument);
} else {
  let main = Number(workerData.main);
  const exports = instance(workerData, (address) => (main = address));
  if (workerData.main === "original") exports.__wasm_call_ctors();
  exports._emscripten_thread_init(main, 0, 1, 1);
  if (workerData.main === "original") exports.preinit();
  for (let n = 0; n < THREADS; n++) if (exports.start(n) !== 0) throw new Error("no thread");
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (exports.done() < THREADS) Atomics.wait(never, 0, 0, 10);
  fs.writeSync(1, `${main} ${exports.answer()}\n`);
  process.exit(0);
}
