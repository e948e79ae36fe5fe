// What is known of the imports of Emscripten's code, where they have their names. Each follows what the module does with JavaScript, as far
// as something of it may be left behind there.

import { Adapter } from './adapter.js';

// They only read what the machine says, or call back.
const READING = new RegExp(
  '^(clock_time_get|clock_res_get|random_get|environ_get|environ_sizes_get|args_get|args_sizes_get|fd_fdstat_get|getentropy' +
    '|_?emscripten_(get_now|get_now_res|get_now_is_monotonic|date_now|get_heap_max|get_heap_size|num_logical_cores|resize_heap' +
    '|memcpy_js|memcpy_big|random)|_?(mktime|localtime|gmtime|timegm|tzset)_js|_localtime_js|_tzset_js|getTempRet0|setTempRet0|llvm_eh_typeid_for' +
    '|__syscall_(stat64|lstat64|fstat64|newfstatat|getcwd|faccessat|readlinkat|getpid|uname|getuid32|fstatfs64|statfs64)|invoke_[a-z]+)$',
);
const EXCEPTIONS = /^__cxa_(allocate_exception|free_exception|find_matching_catch(_\d+)?|throw|rethrow|begin_catch|end_catch|get_exception_ptr)$|^__resumeException$/;

const FILES = new RegExp(
  '^(wasi_snapshot_preview1\\.fd_(read|write|pread|pwrite|seek|close|sync)|env\\._llseek' +
    '|env\\.__syscall_(openat|open|mkdirat|mkdir|unlinkat|rmdir|renameat|ftruncate64|truncate64|chmod|fchmodat|fcntl64|getdents64|chdir|symlink|ioctl))$',
);

// Linux, as musl has it.
const WRITES = 0o3;
const CREATES = 0o100 | 0o1000;

export class Emscripten extends Adapter {
  // Descriptors that are open for reading, and how many exceptions are being handled.
  #open = new Map();
  #caught = 0;

  constructor(imports) {
    super();
    // Optimized code has names of one or two letters, the constructors' too, which are called first.
    this.hasShortNames = imports.length > 0 && imports.every(({ module, name }) => module === 'a' && name.length <= 2);
  }

  /** Whether a call leaves nothing behind; what it leaves until later is a reason then, see `left`. */
  explain(call) {
    return this.isTransparent(call) && this.#follow(call);
  }

  isTransparent({ module, name, args }) {
    if (module !== 'env' && module !== 'wasi_snapshot_preview1') return /^_?emscripten_(resize_heap|memcpy_js|memcpy_big)$/.test(name);
    if (READING.test(name) || EXCEPTIONS.test(name)) return true;
    if (name === '__syscall_openat' || name === '__syscall_open') {
      const flags = args[name === '__syscall_open' ? 1 : 2];
      return (flags & (WRITES | CREATES)) === 0;
    }
    return /^(fd_(p?read|seek|close)|__syscall_getdents64|_llseek)$/.test(name) && this.#open.has(args[0]);
  }

  #follow({ name, args, result, error }) {
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

  isFile(key) {
    return FILES.test(key);
  }

  get initializers() {
    return ['__wasm_call_ctors', '_initialize'];
  }
}
