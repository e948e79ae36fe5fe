// Plays calls on a module in V8. A request a line on standard input, an answer a line on standard output.
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const setup = JSON.parse(readFileSync(process.argv[2]));
let module, instance;
let answers = { calls: [], answered: 0, diverged: null };

class Ended extends Error {}
class Unanswerable extends Error {}

const view = new DataView(new ArrayBuffer(8));
const bitsOfF32 = (value) => (view.setFloat32(0, value), view.getUint32(0));
const bitsOfF64 = (value) => (view.setFloat64(0, value), view.getBigUint64(0));
const f32OfBits = (bits) => (view.setUint32(0, Number(bits)), view.getFloat32(0));
const f64OfBits = (bits) => (view.setBigUint64(0, BigInt(bits)), view.getFloat64(0));

/** A JavaScript value as [type, text]. */
function show(value, type) {
  switch (type) {
    case 'i32': return [type, String(value)];
    case 'i64': return [type, String(BigInt.asIntN(64, value))];
    case 'f32': return [type, String(bitsOfF32(value))];
    case 'f64': return [type, String(bitsOfF64(value))];
    case 'ref': return [value === null ? 'null' : 'ref', ''];
    default: return ['hidden', ''];
  }
}

/** The JavaScript value of [type, text]. */
function read([type, text]) {
  switch (type) {
    case 'i32': return Number(text);
    case 'i64': return BigInt(text);
    case 'f32': return f32OfBits(text);
    case 'f64': return f64OfBits(text);
    case 'null': return null;
    default: throw new Unanswerable(`a value of type ${type} cannot be passed from JavaScript`);
  }
}

const isNan = ([type, text]) =>
  (type === 'f32' && Number.isNaN(f32OfBits(text))) || (type === 'f64' && Number.isNaN(f64OfBits(text)));
const isSame = (left, right) =>
  left[0] === right[0] && (left[1] === right[1] || (isNan(left) && isNan(right)));

function bytesAt(address, length) {
  const memory = instance?.exports.memory;
  if (!(memory instanceof WebAssembly.Memory) || address + length > memory.buffer.byteLength) return null;
  return Buffer.from(memory.buffer, address, length);
}

function imported({ module, name, params, results }) {
  return (...values) => {
    const call = answers.calls[answers.answered];
    const given = values.map((value, index) => show(value, params[index]));
    const same = call && call.module === module && call.name === name && call.arguments.length === given.length
      && call.arguments.every((argument, index) => isSame(argument, given[index]))
      && call.reads.every(({ address, bytes }) =>
        bytesAt(address, bytes.length / 2)?.equals(Buffer.from(bytes, 'hex')));
    if (!same) {
      answers.diverged ??= `${module}.${name}(${given.map(([type, text]) => text || type).join(', ')})`;
      throw new Ended(`the call ${answers.diverged} is not recorded`);
    }
    answers.answered += 1;
    if (call.end !== null) throw new Ended(call.end);
    for (const { address, bytes } of call.writes) {
      const target = bytesAt(address, bytes.length / 2);
      if (!target) throw new Unanswerable('the recorded answer does not fit into the memory');
      target.set(Buffer.from(bytes, 'hex'));
    }
    const answered = call.results.map(read);
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
    return {};
  },
  answer({ calls }) {
    answers = { calls, answered: 0, diverged: null };
    return {};
  },
  instantiate() {
    instance = undefined;
    const imports = {};
    for (const one of setup.imports) (imports[one.module] ??= {})[one.name] = imported(one);
    return attempt(() => {
      instance = new WebAssembly.Instance(module, imports);
      return [];
    });
  },
  call({ name, arguments: given, results }) {
    const values = given.map(read);
    return attempt(() => {
      const returned = instance.exports[name](...values);
      const list = results.length > 1 ? [...returned] : results.length ? [returned] : [];
      return list.map((value, index) => show(value, results[index]));
    });
  },
  write({ address, bytes }) {
    const memory = instance.exports[setup.memories[0]];
    new Uint8Array(memory.buffer, Number(address), bytes.length / 2).set(Buffer.from(bytes, 'hex'));
    return {};
  },
  answered() {
    return { answered: answers.answered };
  },
  state({ files }) {
    files.forEach((file, index) => writeFileSync(file, new Uint8Array(instance.exports[setup.memories[index]].buffer)));
    const globals = setup.globals.map(({ name, type }) =>
      type === 'hidden' ? ['hidden', ''] : show(instance.exports[name].value, type));
    return { globals };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = requests[request.do](request);
  } catch (error) {
    answer = { failure: String(error.message || error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
