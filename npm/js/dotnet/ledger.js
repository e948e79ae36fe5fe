// What crosses between .NET and JavaScript while the state is made.
import { isInvokeByText } from '../invokes.js';
import { TYPE } from './interop.js';

const BIND_EXPORT = 'INTERNAL.mono_wasm_bind_cs_function';
const IMPORT_MODULE = 'INTERNAL.dynamic_import';

/** Imported functions whose calls leave nothing behind in JavaScript: they look something up, or print. */
const READING = [
  /^INTERNAL\.(get_global_this|get_property|has_property|get_typeof_property|get_dotnet_instance|dynamic_import)$/,
  /^INTERNAL\.http_wasm_[a-z_]+$/,
  /^globalThis\.console\.(log|debug|info|warn|error)$/,
  /^globalThis\.(Date\.now|performance\.now)$/,
  /^blazor-internal:Blazor\._internal\.console(Debug|Info|Warn|Error)$/,
  /^blazor-internal:Blazor\._internal\.(getApplicationEnvironment|getPersistedState|getConfig|getInitialComponentsUpdate)$/,
  /^blazor-internal:Blazor\._internal\.navigationManager\.(getBaseURI|getLocationHref)$/,
  /^blazor-internal:Blazor\._internal\.registeredComponents\.[A-Za-z]+$/,
];

/**
 * Functions of JavaScript that the runtime's module itself imports, as far as they leave nothing behind, or what they leave is found
 * elsewhere: files in the file system. A runtime that was linked anew can have others.
 */
const NATIVE = [
  /^(mono_|__syscall_|fd_|environ_|__cxa_|_?emscripten_(get_now|date_now|get_heap_max|memcpy))/,
  /^_(localtime|gmtime|tzset|mktime|mmap|munmap|msync)_js$/,
  /^(_?abort(_js)?|exit|proc_exit|__assert_fail|strftime(_l)?|schedule_background_exec|llvm_eh_typeid_for|__resumeException)$/,
  /^(emscripten_(resize_heap|force_exit|notify_memory_growth)|getentropy|random_get|clock_(time|res)_get)$/,
];
const nameOf = ({ module, name }) => (module === null ? name : `${module}:${name}`);

export class Ledger {
  /** Functions of managed code that JavaScript can call, and such of JavaScript that managed code can call, as they were bound. */
  exports = [];
  imports = [];
  /** By the name of an imported function, how often it was called, and its answers that were text. */
  calls = new Map();
  /** Modules that managed code imported, with their addresses. */
  modules = {};
  /** Random bytes, times and names of cultures that managed code was given. */
  random = 0;
  times = 0;
  cultures = 0;
  printed = 0;
  /** When a timer of managed code is due; null if there was none. */
  due = null;
  isDue = false;
  background = false;
  isBackground = false;
  /** Promises of JavaScript that managed code waits for: by their numbers, who gave them. */
  promises = new Map();
  /** Calls of exported async methods that have not ended, by the numbers of the promises that wait for them. */
  tasks = new Set();
  deniesMemory = false;
  #functions = new Map();
  #hidden;

  /** `runtime` gives the instance, which is made later; `hidden` takes secrets out of a text. */
  constructor(runtime, hidden = (text) => text) {
    this.runtime = runtime;
    this.#hidden = hidden;
  }

  /** What is passed on instead of an imported function. */
  wrap(value, { name }) {
    const notes = {
      mono_wasm_bind_js_import_ST: (signature) => this.#bound(signature),
      mono_wasm_browser_entropy: (at, length) => (this.random += length),
      emscripten_date_now: () => (this.times += 1),
      mono_wasm_get_locale_info: () => (this.cultures += 1),
      mono_wasm_resolve_or_reject_promise: (block) => this.tasks.delete(this.runtime().slot(block, 2).handle),
      fd_write: () => (this.printed += 1),
      mono_wasm_schedule_timer: (delay) => {
        this.due = this.now() + delay;
        this.isDue = true;
      },
      schedule_background_exec: () => (this.background = this.isBackground = true),
      mono_wasm_invoke_js_function: () => this.#count('a function that JavaScript gave to .NET'),
    };
    if (name === 'mono_wasm_invoke_jsimport_ST') return (handle, block) => this.#invoked(value, handle, block);
    if (name === 'emscripten_resize_heap') return (size) => (this.deniesMemory ? 0 : value(size));
    if (name === 'emscripten_get_now') this.now = value;
    const isKnown = name in notes || NATIVE.some((pattern) => pattern.test(name)) || (name.startsWith('invoke_') && isInvokeByText(value));
    const note = isKnown ? notes[name] : () => this.#count(`native:${name}`);
    return note === undefined || typeof value !== 'function' ? value : (...all) => (note(...all), value(...all));
  }

  #bound(at) {
    const { handle, bytes, name, module, count } = this.runtime().signature(at);
    this.#functions.set(handle, { name, module, count });
    this.imports.push({ name, module, signature: bytes });
  }

  #count(name, answer, asked = []) {
    const call = this.calls.get(name) ?? { count: 0, answers: [], asked: asked.map(this.#hidden) };
    call.count += 1;
    if (answer !== null && answer !== undefined && call.answers.length < 20) call.answers.push(this.#hidden(answer));
    this.calls.set(name, call);
  }

  #invoked(invoke, handle, block) {
    const runtime = this.runtime();
    const target = this.#functions.get(handle);
    // Our own.
    if (target === undefined) return invoke(handle, block);
    const name = nameOf(target);
    if (name === BIND_EXPORT) {
      this.exports.push({
        method: runtime.slot(block, 2).pointer,
        assembly: runtime.textOf(block, 3),
        namespace: runtime.textOf(block, 4),
        className: runtime.textOf(block, 5),
        member: runtime.textOf(block, 6),
        hash: runtime.slot(block, 7).int,
        signature: runtime.signature(runtime.slot(block, 8).pointer).bytes,
      });
      return invoke(handle, block);
    }
    if (name === IMPORT_MODULE) this.modules[runtime.textOf(block, 2)] = runtime.textOf(block, 3);
    const url = name.startsWith('INTERNAL.http_wasm_fetch') ? runtime.textOf(block, 3) ?? runtime.textOf(block, 2) : null;
    const asked = Array.from({ length: target.count }, (_, index) => runtime.textOf(block, 2 + index)).filter((text) => text !== null);
    const result = invoke(handle, block);
    const { type, handle: number } = runtime.slot(block, 1);
    if (type === TYPE.task || type === TYPE.taskPreCreated) this.promises.set(number, name);
    this.#count(name, url ?? runtime.textOf(block, 1), asked);
    return result;
  }

  /** The exports that the program gets: those by which JavaScript says that something has happened are noted. */
  view(exports, names, invoke) {
    const view = Object.create(null);
    for (const name of names) view[name] = exports[name];
    view.mono_wasm_execute_timer = () => {
      this.isDue = false;
      return exports.mono_wasm_execute_timer();
    };
    view.mono_background_exec = () => {
      this.isBackground = false;
      return exports.mono_background_exec();
    };
    view.mono_wasm_invoke_jsexport = (method, block) => {
      const runtime = this.runtime();
      if (method === this.#completeTask) this.promises.delete(runtime.slot(block, 2).handle);
      const { type, handle } = runtime.slot(block, 1);
      invoke(method, block);
      const isAsync = type === TYPE.taskPreCreated && runtime.slot(block, 1).type === type;
      if (isAsync) this.tasks.add(handle);
    };
    return Object.freeze(view);
  }

  #completeTask;

  /** To be called when managed code can run. */
  ready() {
    // The runtime's own.
    this.times = 0;
    const runtime = this.runtime();
    const library = 'System.Runtime.InteropServices.JavaScript';
    const exports = runtime.classOf(library, library, 'JavaScriptExports');
    const find = runtime.exports.mono_wasm_assembly_find_method;
    this.#completeTask = exports && runtime.lendTexts(['CompleteTask'], (at) => find(exports, at, -1));
    if (!this.#completeTask) throw new Error('this version of .NET is not known: JavaScriptExports.CompleteTask is missing');
  }

  /** Whether nothing but a call from outside can make managed code go on, timers that are due later than `patience` aside. */
  isQuiet(patience) {
    const waits = this.isDue && this.due - this.now() <= patience;
    return !waits && !this.isBackground && this.promises.size === 0;
  }

  /** Calls that are not known to leave nothing behind in JavaScript. */
  unexplained(allowed) {
    const isKnown = (name) => allowed.includes(name) || READING.some((pattern) => pattern.test(name));
    return [...this.calls].filter(([name]) => !isKnown(name));
  }
}
