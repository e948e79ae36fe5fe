// Runs a module in V8. One request per line on standard input, one reply per line on standard output.
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { Identities, isNan, readFunctions, readState, show, toJavaScript } from './read_state.mjs';

const setup = JSON.parse(readFileSync(process.argv[2]));
let module, instance, identities;
let answers = { calls: [], answered: 0, diverged: null };

class Ended extends Error {}
class Unanswerable extends Error {}

function passable(value) {
  const passed = toJavaScript(value);
  if (passed === undefined) throw new Unanswerable(`${JSON.stringify(value)} cannot be passed from JavaScript`);
  return passed;
}

/** Whether an argument of a host call is the recorded one. Of a recorded reference only is known whether it is null. */
function isSame(recorded, given) {
  if (recorded.ref === 'hidden') return given.ref !== undefined && given.ref !== 'null';
  return JSON.stringify(recorded) === JSON.stringify(given) || (isNan(recorded) && isNan(given));
}

function bytesAt(address, length) {
  const memory = instance?.exports.memory;
  if (!(memory instanceof WebAssembly.Memory) || address + length > memory.buffer.byteLength) return null;
  return Buffer.from(memory.buffer, address, length);
}

function describe(value) {
  const [[, shown]] = Object.entries(value);
  return typeof shown === 'object' ? 'reference' : shown;
}

function imported({ module, name, params, results }) {
  return (...values) => {
    const call = answers.calls[answers.answered];
    const given = values.map((value, index) => show(value, params[index], identities));
    const same = call && call.module === module && call.name === name && call.arguments.length === given.length
      && call.arguments.every((argument, index) => isSame(argument, given[index]))
      && call.reads.every(({ address, bytes }) =>
        bytesAt(address, bytes.length / 2)?.equals(Buffer.from(bytes, 'hex')));
    if (!same) {
      answers.diverged ??= `${module}.${name}(${given.map(describe).join(', ')})`;
      throw new Ended(`the call ${answers.diverged} is not recorded`);
    }
    answers.answered += 1;
    if (call.end !== null) throw new Ended(call.end);
    for (const { address, bytes } of call.writes) {
      const target = bytesAt(address, bytes.length / 2);
      if (!target) throw new Unanswerable('the recorded answer does not fit into the memory');
      target.set(Buffer.from(bytes, 'hex'));
    }
    const answered = call.results.map(passable);
    return results.length > 1 ? answered : answered[0];
  };
}

function attempt(run) {
  try {
    return { returned: run() };
  } catch (error) {
    if (answers.diverged !== null) return { diverged: answers.diverged };
    if (error instanceof RangeError && !(error instanceof WebAssembly.RuntimeError)) return { exhausted: String(error) };
    if (error instanceof Ended || error instanceof WebAssembly.RuntimeError || error instanceof WebAssembly.Exception) {
      return { ended: String(error.message || error) };
    }
    throw error;
  }
}

const requests = {
  load() {
    module = new WebAssembly.Module(readFileSync(setup.wasm));
    return 'done';
  },
  answer({ calls }) {
    answers = { calls, answered: 0, diverged: null };
    return 'done';
  },
  instantiate() {
    instance = undefined;
    identities = new Identities();
    const imports = {};
    for (const one of setup.imports) (imports[one.module] ??= {})[one.name] = imported(one);
    return attempt(() => {
      instance = new WebAssembly.Instance(module, imports);
      return [];
    });
  },
  call({ name, arguments: given, results }) {
    const values = given.map(({ value, function: name }) => (name ? instance.exports[name] : passable(value)));
    return attempt(() => {
      const returned = instance.exports[name](...values);
      const list = results.length > 1 ? [...returned] : results.length ? [returned] : [];
      return list.map((value, index) => show(value, results[index], identities));
    });
  },
  write({ address, bytes }) {
    const memory = instance.exports[setup.schema.memories[0]];
    new Uint8Array(memory.buffer, Number(address), bytes.length / 2).set(Buffer.from(bytes, 'hex'));
    return 'done';
  },
  answered() {
    return { answered: answers.answered };
  },
  functions() {
    return { functions: readFunctions(instance.exports, setup.schema, identities) };
  },
  state({ files }) {
    return { state: readState(instance.exports, setup.schema, identities, files, writeFileSync) };
  },
};

// The module may be in an endless loop when whoever asks is killed. A thread of its own sees that.
const parent = process.ppid;
const watch = `setInterval(() => process.ppid === ${parent} || process.kill(process.pid, 'SIGKILL'), 500)`;
new Worker(watch, { eval: true }).unref();

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    const request = JSON.parse(line);
    reply = requests[request.do](request);
  } catch (error) {
    reply = { failure: String(error.message || error) };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
