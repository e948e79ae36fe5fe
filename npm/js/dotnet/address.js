// The address of the page. Managed code asks for it once and keeps it, so a state has the address of the page that it was made in.
// That is a stand-in; where text crosses between managed code and JavaScript, it is exchanged for the address of now.
import { TYPE } from './interop.js';

const ARRAY = 21;
const ELEMENT_AT = 13;
const LENGTH_AT = 8;
const BIND_EXPORT = 'mono_wasm_bind_cs_function';
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** An address in the forms that programs use: a folder, its origin, the same for sockets, and encoded. */
function forms(base) {
  const { origin, host, protocol } = new URL(base);
  const socket = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}`;
  return [base, origin, socket, encodeURIComponent(base), encodeURIComponent(origin)];
}

/** A function that exchanges one address for another wherever a text has it. */
function exchange(from, to) {
  const [sources, targets] = [forms(from), forms(to)];
  // An origin is not the beginning of a longer one.
  const patterns = sources.map((source) => escaped(source) + (/(\/|%2F)$/.test(source) ? '' : '(?![\\w.:-])'));
  const pattern = new RegExp(patterns.map((one) => `(${one})`).join('|'), 'g');
  const { hostname } = new URL(from);
  return (text) => (text.includes(hostname) ? text.replace(pattern, (...found) => targets[found.slice(1).findIndex((one) => one !== undefined)]) : text);
}

export class Address {
  #imported = new Map();
  #exported = new Map();

  /** `inside` is what managed code believes, `outside` what the page has. */
  constructor({ inside, outside }) {
    this.in = exchange(outside, inside);
    this.out = exchange(inside, outside);
  }

  /** Changes the imports of the runtime's module before it is instantiated; `runtime` gives its instance. */
  wrap(env, runtime) {
    const { mono_wasm_bind_js_import_ST: bind, mono_wasm_invoke_jsimport_ST: invoke, mono_wasm_resolve_or_reject_promise: settle } = env;
    env.mono_wasm_bind_js_import_ST = (signature) => {
      const { handle, name, count } = runtime().signature(signature);
      this.#imported.set(handle, { name, count });
      return bind(signature);
    };
    env.mono_wasm_invoke_jsimport_ST = (handle, block) => {
      const { name, count = 0 } = this.#imported.get(handle) ?? {};
      if (name?.endsWith(BIND_EXPORT)) {
        const { pointer } = runtime().slot(block, 8);
        this.learn(runtime().slot(block, 2).pointer, runtime().signature(pointer).count);
        return invoke(handle, block);
      }
      this.#change(runtime(), block, 2, count, this.out);
      invoke(handle, block);
      this.#change(runtime(), block, 1, 1, this.in);
    };
    env.mono_wasm_resolve_or_reject_promise = (block) => {
      this.#change(runtime(), block, 3, 1, this.out);
      return settle(block);
    };
  }

  /** How many arguments a method of managed code has that JavaScript can call. */
  learn(method, count) {
    this.#exported.set(method, count);
  }

  /** The runtime's own methods that carry values of the program. */
  learnOwn(runtime) {
    const library = 'System.Runtime.InteropServices.JavaScript';
    const exports = runtime.classOf(library, library, 'JavaScriptExports');
    const find = (name) => runtime.lendTexts([name], (at) => runtime.exports.mono_wasm_assembly_find_method(exports, at, -1));
    this.learn(find('CompleteTask'), 3);
    this.learn(find('CallDelegate'), 4);
  }

  /** Calls into managed code, over the export for it. */
  invoker(invoke, runtime) {
    return (method, block) => {
      this.#change(runtime(), block, 2, this.#exported.get(method) ?? 0, this.in);
      invoke(method, block);
      this.#change(runtime(), block, 1, 1, this.out);
    };
  }

  /** Strings that JavaScript reads where they are: the text of pages. */
  wrapReading(internal) {
    const read = internal.monoStringToStringUnsafe;
    if (read) internal.monoStringToStringUnsafe = (pointer) => {
      const text = read(pointer);
      return typeof text === 'string' ? this.out(text) : text;
    };
  }

  #change(runtime, block, first, count, change) {
    for (let index = first; index < first + count; index++) {
      const { type, pointer, at } = runtime.slot(block, index);
      if (type === TYPE.string) {
        const text = runtime.textOf(block, index);
        if (text === null) continue;
        const changed = change(text);
        if (changed !== text) setText(runtime, at, changed);
      } else if (type === ARRAY && pointer !== 0 && runtime.view.getUint8(at + ELEMENT_AT) === TYPE.string) {
        this.#change(runtime, pointer, 0, runtime.view.getInt32(at + LENGTH_AT, true), change);
      }
    }
  }
}

/** Puts a new string where the reference to one is. */
function setText(runtime, at, text) {
  const characters = new Uint8Array(2 * text.length + 2);
  const view = new DataView(characters.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(2 * index, text.charCodeAt(index), true);
  runtime.lend(characters, (chars) => runtime.exports.mono_wasm_string_from_utf16_ref(chars, text.length, at));
}
