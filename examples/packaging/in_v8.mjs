// Runs programs (JSON of programs.py, in a file) in Node's V8: once each, or in turns for some seconds. Prints answers and times as JSON.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";

const { programs, seconds } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const folder = mkdtempSync(join(tmpdir(), "packaging-"));

class Exit {
  constructor(code) {
    this.code = code;
  }
}

function imports(module, wasi) {
  const given = wasi.getImportObject();
  given.wasi_snapshot_preview1 = { ...given.wasi_snapshot_preview1 };
  given.wasi_snapshot_preview1.proc_exit = (code) => {
    throw new Exit(code);
  };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    given[from] ??= {};
    if (kind === "function") {
      given[from][name] ??= () => {
        throw new Error(`${from}.${name} was called`);
      };
    }
  }
  return given;
}

function text(exports, value) {
  const bytes = Buffer.from(`${value}\0`);
  const address = exports.malloc(bytes.length);
  new Uint8Array(exports.memory.buffer).set(bytes, address);
  return address;
}

// Writes a text where an earlier result says, or reads one: of a length that another result says, or up to a zero.
function useMemory(memory, { write, at, read, length }, results) {
  if (write !== undefined) return new TextEncoder().encodeInto(write, new Uint8Array(memory, results[at])).written;
  const bytes = new Uint8Array(memory, results[read]);
  return new TextDecoder().decode(bytes.subarray(0, length === undefined ? bytes.indexOf(0) : results[length]));
}

function call(exports, calls) {
  const results = [];
  try {
    for (const step of calls) {
      if (!Array.isArray(step)) {
        results.push(useMemory(exports.memory.buffer, step, results));
        continue;
      }
      const [name, ...given] = step;
      results.push(exports[name](...given.map((value) => (typeof value === "string" ? text(exports, value) : value))) ?? null);
    }
  } catch (thrown) {
    if (thrown instanceof Exit) return [thrown.code, results];
    throw thrown;
  }
  return [0, results];
}

function closed(descriptor) {
  try {
    closeSync(descriptor);
  } catch (error) {
    // The program itself has closed it.
    if (error.code !== "EBADF") throw error;
  }
}

// Making the host's side ready (opening files) is not the module's doing, and not measured.
function run({ module, args, env, stdin, dirs, calls }) {
  const [input, out, err] = ["in", "out", "err"].map((name) => join(folder, name));
  writeFileSync(input, stdin);
  const streams = [openSync(input, "r"), openSync(out, "w"), openSync(err, "w")];
  try {
    const [i, o, e] = streams;
    const wasi = new WASI({ version: "preview1", args, env, preopens: dirs, stdin: i, stdout: o, stderr: e });
    const given = imports(module, wasi);
    const began = performance.now();
    const instance = new WebAssembly.Instance(module, given);
    wasi.finalizeBindings(instance);
    const [code, results] = call(instance.exports, calls);
    const ms = performance.now() - began;
    return [{ out: readFileSync(out, "utf8"), err: readFileSync(err, "utf8"), code, results }, ms];
  } finally {
    streams.forEach(closed);
  }
}

const ready = programs.map((program) => ({ ...program, module: new WebAssembly.Module(readFileSync(program.file)) }));
const answers = ready.map((program) => run(program)[0]);
const times = ready.map(() => []);
const end = performance.now() + seconds * 1000;
while (seconds && (performance.now() < end || times[0].length < 5)) {
  ready.forEach((program, at) => times[at].push(run(program)[1]));
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ answers, times }));
