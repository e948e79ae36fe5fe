/*
 * preinit.h: marks the init function of a C or C++ guest.
 *
 * preinit runs that function at build time and writes a module that starts where it returned. Include this header
 * anywhere; write one of the two macros below in exactly one source file.
 *
 * A reactor or library (no `main`; link with `-mexec-model=reactor`, or `-Wl,--no-entry` without a libc):
 *
 *     #include "preinit.h"
 *
 *     static int *table;
 *     static void build_table(void) { ... }
 *     PREINIT_INIT(build_table);
 *
 *     __attribute__((export_name("query"))) int query(int i) { return table[i]; }
 *
 *     preinit in.wasm -o out.wasm
 *
 * A command (a program with `main`):
 *
 *     PREINIT_INIT_MAIN(build_table);
 *
 *     int main(int argc, char **argv) {
 *         if (!table) build_table();   // only in the module that preinit has not seen
 *         ...
 *     }
 *
 *     preinit in.wasm -o out.wasm -r _start=preinit.resume
 *
 * What to keep in mind in the init function:
 * - It may call imports only as far as preinit is told to allow (`--allow-wasi` and its relatives).
 * - Flush what you print. Text left in a stdio buffer is part of the snapshot and would be printed at every start.
 * - Close the files you open: descriptors do not survive.
 * - Environment variables and directories are forgotten when it returns, so that the snapshot sees those of the
 *   machine it runs on. This includes what init did with `setenv`; copy what should stay.
 */
#ifndef PREINIT_H
#define PREINIT_H

#ifdef __cplusplus
#define PREINIT_C_ extern "C"
extern "C" {
#else
#define PREINIT_C_ extern
#endif

/* Made by the linker: every constructor of the module, in order. */
void __wasm_call_ctors(void);

#ifdef _REENTRANT
void __wasi_init_tp(void);
#endif

/*
 * Marks a place in the program as the point to freeze at: everything up to the call has happened in the snapshot,
 * which goes on behind it. To have it, write PREINIT_CHECKPOINT once in one source file.
 *
 * Run wasm-opt after preinit, not before: it would inline the marker away.
 */
void preinit_checkpoint(void);

/* Weak, since a module that never touched its environment or files does not contain these parts of wasi-libc. */
static void preinit_reset_preopens_(void) __attribute__((weakref("__wasilibc_reset_preopens"), unused));
static void preinit_drop_environ_(void) __attribute__((weakref("__wasilibc_deinitialize_environ"), unused));
static void preinit_renew_environ_(void)
    __attribute__((weakref("__wasilibc_maybe_reinitialize_environ_eagerly"), unused));

/*
 * `main` as wasi-libc's `_start` calls it: clang defines `__main_void` for `main(void)`, and wasi-libc does for
 * `main(argc, argv)`, fetching the arguments. The \001 keeps clang from taking this declaration for the `__main_void` it
 * is about to define, when `main(void)` is in the same file: it would rename its own, and nothing would call `main`.
 */
int preinit_call_main_(void) __asm__("\001__main_void");

/* wasi-libc: functions registered with atexit (destructors of global objects are among them), then stdio buffers. */
void __wasm_call_dtors(void);
__attribute__((noreturn)) void _Exit(int status);

#ifdef __cplusplus
}
#endif

/* Its name is the message: it shows in the backtrace. */
__attribute__((noinline, noreturn, unused)) static void preinit_constructors_ran_twice(void) { __builtin_trap(); }

__attribute__((unused)) static inline void preinit_forget_host_(void) {
    if (preinit_reset_preopens_) preinit_reset_preopens_();
    if (preinit_drop_environ_) preinit_drop_environ_();
    /* A program that uses the variable `environ` directly must find a valid pointer there. */
    if (preinit_renew_environ_) preinit_renew_environ_();
}

/*
 * PREINIT_INIT(init_func): export `preinit`, one of the names that preinit looks for by itself (with other tools:
 * `wizer -f preinit`). It runs the constructors, unless a reactor's `_initialize` has done so already, and then
 * init_func(), once.
 *
 * Constructors that run again would silently undo what init built: a global std::map would come back empty, and so
 * on. This happens when a command's snapshot is entered by its old `_start`. Here it traps instead, before any
 * constructor of the program itself.
 *
 * The flag is volatile, or else the compiler runs the constructor at compile time and drops it.
 */
#define PREINIT_INIT(init_func)                                                                                        \
    static volatile int preinit_constructed_;                                                                          \
    __attribute__((constructor(101))) static void preinit_note_constructors_(void) {                                   \
        if (preinit_constructed_) preinit_constructors_ran_twice();                                                    \
        preinit_constructed_ = 1;                                                                                      \
    }                                                                                                                  \
    PREINIT_C_ __attribute__((export_name("preinit"))) void preinit_initialize_(void);                                 \
    void preinit_initialize_(void) {                                                                                   \
        if (!preinit_constructed_) {                                                                                   \
            PREINIT_INIT_THREAD_();                                                                                    \
            __wasm_call_ctors();                                                                                       \
        }                                                                                                              \
        init_func();                                                                                                   \
        preinit_forget_host_();                                                                                        \
    }                                                                                                                  \
    PREINIT_C_ void preinit_initialize_(void)

/*
 * PREINIT_INIT_MAIN(init_func): the same for a program with `main`, and the export `preinit.resume`: `_start` without
 * the constructors. It runs main, then what was registered with atexit, and exits with main's result as `_start`
 * does. `-r _start=preinit.resume` puts it in the place of `_start`.
 */
#define PREINIT_INIT_MAIN(init_func)                                                                                   \
    PREINIT_C_ __attribute__((export_name("preinit.resume"))) void preinit_resume_(void);                              \
    void preinit_resume_(void) {                                                                                       \
        int status;                                                                                                    \
        if (preinit_renew_environ_) preinit_renew_environ_();                                                          \
        status = preinit_call_main_();                                                                                 \
        __wasm_call_dtors();                                                                                           \
        if (status != 0) _Exit(status);                                                                                \
    }                                                                                                                  \
    PREINIT_INIT(init_func)

/*
 * PREINIT_CHECKPOINT: the definition of preinit_checkpoint(), exported under that name. The empty asm makes it a barrier
 * for the compiler: nothing is moved across the call, and the call is not dropped as one without effect.
 */
#define PREINIT_CHECKPOINT                                                                                             \
    PREINIT_C_ __attribute__((noinline, export_name("preinit_checkpoint"))) void preinit_checkpoint(void) {            \
        __asm__ volatile("" ::: "memory");                                                                             \
    }                                                                                                                  \
    PREINIT_C_ void preinit_checkpoint(void)

#ifdef _REENTRANT
#define PREINIT_INIT_THREAD_() __wasi_init_tp()
#else
#define PREINIT_INIT_THREAD_() ((void)0)
#endif

#endif
