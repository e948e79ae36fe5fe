// What is known of the imports of Emscripten's code, where they have their names and the module is Emscripten's by its exports. Each follows what
// the module does with JavaScript, as far as something of it may be left behind there.

import { Adapter } from './adapter.js';
import { EmscriptenFiles } from './emscripten_files.js';
import { isInvoke, isInvokeByText } from './invokes.js';

// They only read what the machine says. WASI's, with the letters of their parameters: they return an i32.
const WASI = {
  clock_time_get: 'iji', clock_res_get: 'ii', random_get: 'ii', environ_get: 'ii', environ_sizes_get: 'ii', args_get: 'ii', args_sizes_get: 'ii',
  fd_fdstat_get: 'ii',
};
const READING = new RegExp(
  '^(getentropy|_?emscripten_(get_now|get_now_res|get_now_is_monotonic|date_now|get_heap_max|get_heap_size|num_logical_cores|resize_heap' +
    '|memcpy_js|memcpy_big|random)|_?(mktime|localtime|gmtime|timegm|tzset)_js|_localtime_js|_tzset_js|getTempRet0|setTempRet0|llvm_eh_typeid_for' +
    '|__syscall_(stat64|lstat64|fstat64|newfstatat|getcwd|faccessat|readlinkat|getpid|uname|getuid32|fstatfs64|statfs64))$',
);
// What these say is another thing on another machine, or in another program: of files, the time zone, arguments.
const ASKED = new RegExp(
  '^(_?emscripten_num_logical_cores|_?(mktime|localtime|tzset)_js|fd_(p?read|seek|close)|_llseek|args_(sizes_)?get' +
    '|__syscall_(open|openat|getdents64|stat64|lstat64|fstat64|newfstatat|getcwd|faccessat|readlinkat|uname|fstatfs64|statfs64))$',
);
// They write times of files.
const LOOSE = /^__syscall_(stat64|lstat64|fstat64|newfstatat|fstatfs64|statfs64)$/;
const EXCEPTIONS = /^__cxa_(allocate_exception|free_exception|find_matching_catch(_\d+)?|throw|rethrow|begin_catch|end_catch|get_exception_ptr)$|^__resumeException$/;

const FILES = new RegExp(
  '^(wasi_snapshot_preview1\\.fd_(read|write|pread|pwrite|seek|close|sync)|env\\._llseek' +
    '|env\\.__syscall_(openat|open|mkdirat|mkdir|unlinkat|rmdir|renameat|ftruncate64|truncate64|chmod|fchmodat|fcntl64|getdents64|chdir|symlink|ioctl))$',
);

/** The exports in which Emscripten puts the text of functions that a program has in its C code. */
const OWN = '__em_js__';

/** Whether a module is Emscripten's, by what it exports. Linkers without it export the constructors only with everything else. */
function isOfEmscripten(exports) {
  if (exports.some((name) => /^_?emscripten_|^(?:stackRestore|setThrew|__em_js__)/.test(name))) return true;
  return exports.includes('__wasm_call_ctors') && !exports.includes('__global_base');
}

// Linux, as musl has it.
const WRITES = 0o3;
const CREATES = 0o100 | 0o1000;

export class Emscripten extends Adapter {
  // Descriptors that are open for reading, and how many exceptions are being handled.
  #open = new Map();
  #caught = 0;
  #invokes = new Map();
  #files = new EmscriptenFiles();

  constructor(imports, { exports, signatures }) {
    super();
    this.signatures = signatures;
    this.isGenuine = isOfEmscripten(exports);
    // Those are the program's own, whatever they are called.
    this.own = new Set(exports.filter((name) => name.startsWith(OWN)).map((name) => name.slice(OWN.length)));
    // Optimized code has names of one or two letters, the constructors' too, which are called first.
    this.hasShortNames = imports.length > 0 && imports.every(({ module, name }) => module === 'a' && name.length <= 2);
  }

  /** Whether a call leaves nothing behind; what it leaves until later is a reason then, see `left`. */
  explain(call) {
    const isTransparent = this.isTransparent(call);
    if (this.isGenuine && this.isFile(`${call.module}.${call.name}`)) this.#noteFile(call, isTransparent);
    return isTransparent && this.#follow(call);
  }

  #noteFile(call, isTransparent) {
    if (!isTransparent) this.#files.note(call, false);
    else if (call.name.startsWith('__syscall_open') && call.result >= 0) this.#files.note(call, true);
  }

  isTransparent({ module, name, args }) {
    if (module === 'wasi_snapshot_preview1' && Object.hasOwn(WASI, name)) return this.isGenuine || this.isOfWasi({ module, name });
    if (!this.isGenuine || this.own.has(name)) return false;
    if (module !== 'env' && module !== 'wasi_snapshot_preview1') return /^_?emscripten_(resize_heap|memcpy_js|memcpy_big)$/.test(name);
    if (READING.test(name) || EXCEPTIONS.test(name) || this.#isInvoke({ module, name })) return true;
    if (name === '__syscall_openat' || name === '__syscall_open') {
      const flags = args[name === '__syscall_open' ? 1 : 2];
      return (flags & (WRITES | CREATES)) === 0;
    }
    return /^(fd_(p?read|seek|close)|__syscall_getdents64|_llseek)$/.test(name) && this.#open.has(args[0]);
  }

  /** The environment is one that Emscripten makes up. */
  isUnasked(call) {
    const isOther = ASKED.test(call.name) || (!this.isGenuine && /^environ_/.test(call.name));
    return !isOther && this.isTransparent(call);
  }

  isLoose(call) {
    return LOOSE.test(call.name) && this.isTransparent(call);
  }

  /** Whether a function of WASI's name has its type, too. Any JavaScript may be behind it. */
  isOfWasi({ module, name }) {
    const { params, results } = this.signatures.get(`${module}.${name}`) ?? {};
    return module === 'wasi_snapshot_preview1' && WASI[name] === params && results === 'i';
  }

  #isInvoke({ module, name }) {
    if (module !== 'env' || !name.startsWith('invoke_')) return false;
    if (!this.#invokes.has(name)) this.#invokes.set(name, isInvoke(name, this.signatures.get(`env.${name}`)));
    return this.#invokes.get(name);
  }

  callsBack(call) {
    return this.isGenuine && !this.own.has(call.name) && this.#isInvoke(call) && !isInvokeByText(call.callee);
  }

  doubt(call) {
    return !this.isGenuine && this.isOfWasi(call) ? "it has a name and a type of WASI's, and is believed to do what WASI says" : undefined;
  }

  #follow({ name, args, result, error, callee, hasCalledBack }) {
    if (name.startsWith('invoke_') && !hasCalledBack && !isInvokeByText(callee)) return false;
    if (name.startsWith('__syscall_open') && result >= 0) this.#open.set(result, name);
    else if (name === 'fd_close') this.#open.delete(args[0]);
    else if (name === '__cxa_begin_catch') this.#caught += 1;
    else if (name === '__cxa_end_catch') this.#caught -= 1;
    // That is how exceptions go on, and nothing else may.
    return error === undefined || EXCEPTIONS.test(name) || name.startsWith('invoke_');
  }

  left() {
    const reasons = [...this.#open.keys()].map(
      (descriptor) => `a file that the module opened (descriptor ${descriptor}) is open, which it would not be`,
    );
    if (this.#caught !== 0) reasons.push('a C++ exception is being handled, which JavaScript would not know');
    return reasons;
  }

  started(result) {
    this.#files.begin(result);
  }

  leftFiles() {
    return this.#files.reasons();
  }

  warnings() {
    return this.#files.warnings();
  }

  isFile(key) {
    return FILES.test(key);
  }

  get initializers() {
    return ['__wasm_call_ctors', '_initialize'];
  }
}
