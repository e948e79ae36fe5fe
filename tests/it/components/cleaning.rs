//! What is changed in core instances besides what init has left: the free stack, what libc has cached, the clock.

use super::running::Running;
use preinit::host::Output::Capture;
use preinit::host::WasiOptions;
use preinit::{Output, Preinit, wat_to_wasm};
use preinit_testing::command_component::command;
use preinit_testing::test_program;

fn made(wat: &str, preinit: Preinit) -> Result<Output, preinit::Error> {
    preinit.run(&wat_to_wasm(wat.as_bytes()).unwrap())
}

/// A core module with a stack of 1 KiB and static data from `data` on, and another one without a memory.
fn program(data: u32) -> String {
    format!(
        r#"(component
            (core module $shim (func (export "f")))
            (core instance $shim (instantiate $shim))
            (core module $main
              (import "" "f" (func))
              (memory 1)
              (global $__stack_pointer (mut i32) (i32.const 1024))
              (data (i32.const {data}) "kept")
              (func $work
                (local i32)
                (local.set 0 (i32.sub (global.get 0) (i32.const 16)))
                (global.set 0 (local.get 0))
                (i32.store (local.get 0) (i32.const 0x55555555))
                (global.set 0 (i32.add (local.get 0) (i32.const 16))))
              (func (export "init") (call $work))
              (func (export "at") (param i32) (result i32) (i32.load (local.get 0))))
            (core instance $main (instantiate $main (with "" (instance $shim))))
            (func (export "preinit") (canon lift (core func $main "init")))
            (func (export "at") (param "address" u32) (result u32) (canon lift (core func $main "at"))))"#
    )
}

#[test]
fn the_free_stack_is_cleared() {
    let kept = made(&program(1024), Preinit::new()).unwrap();
    assert_eq!(Running::start(&kept.wasm, &[]).call("at", "1008"), "[U32(1431655765)]");
    let clear = made(&program(1024), Preinit::new().zero_stack(true)).unwrap();
    let mut clear = Running::start(&clear.wasm, &[]);
    assert_eq!(clear.call("at", "1008"), "[U32(0)]");
    assert_eq!(clear.call("at", "1024"), format!("[U32({})]", u32::from_le_bytes(*b"kept")));
}

#[test]
fn a_stack_that_is_not_first_is_refused() {
    let error = made(&program(16), Preinit::new().zero_stack(true)).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("core module 1 (`main`): the free stack cannot be cleared: the stack is not"),
        "{message}"
    );
    let none = r#"(component
        (core module $m (func (export "init")))
        (core instance $m (instantiate $m))
        (func (export "preinit") (canon lift (core func $m "init"))))"#;
    let message = made(none, Preinit::new().zero_stack(true)).unwrap_err().to_string();
    assert_eq!(
        message,
        "the free stack cannot be cleared: no core module of the component has a memory of its own"
    );
}

/// What is where in a memory that another core module writes to is not known, also if that has no data of its own there.
#[test]
fn a_stack_in_a_memory_of_several_is_refused() {
    let shared = r#"(component
        (core module $a
          (memory (export "memory") 2)
          (global $__stack_pointer (export "sp") (mut i32) (i32.const 65536))
          (data (i32.const 65536) "x"))
        (core instance $a (instantiate $a))
        (core module $b
          (import "a" "memory" (memory 1))
          (func (export "init") (i32.store (i32.const 64) (i32.const 42))))
        (core instance $b (instantiate $b (with "a" (instance $a))))
        (func (export "preinit") (canon lift (core func $b "init"))))"#;
    let error = made(shared, Preinit::new().zero_stack(true)).map(drop).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(
        error.to_string(),
        "core module 0 (`a`): the free stack cannot be cleared: core module 1 (`b`) has a memory of another core module too, and which \
         part of a shared memory is free is not known"
    );
}

/// A libc that notes that it has asked, with the function `reset` that makes it forget.
fn libc(reset: &str) -> String {
    format!(
        r#"(component
            (core module $m
              (global $asked (mut i32) (i32.const 0))
              (func (export "init") (global.set $asked (i32.const 1)))
              (func ${reset} (global.set $asked (i32.add (global.get $asked) (i32.const 100))))
              (func (export "asked") (result i32) (global.get $asked)))
            (core instance $m (instantiate $m))
            (func (export "preinit") (canon lift (core func $m "init")))
            (func (export "asked") (result u32) (canon lift (core func $m "asked"))))"#
    )
}

#[test]
fn libc_is_reset_by_its_own_functions() {
    for reset in ["__wasilibc_reset_preopens", "__wasilibc_deinitialize_environ"] {
        let plain = made(&libc(reset), Preinit::new()).unwrap();
        assert_eq!(Running::start(&plain.wasm, &[]).call("asked", ""), "[U32(1)]");
        let output = made(&libc(reset), Preinit::new().reset_libc(true)).unwrap();
        assert_eq!(Running::start(&output.wasm, &[]).call("asked", ""), "[U32(101)]");
    }
    let error = made(&libc("other"), Preinit::new().reset_libc(true)).unwrap_err();
    assert!(error.is_refusal());
    assert!(error.to_string().starts_with("no core module has one of the functions of wasi-libc"), "{error}");
}

/// What only one of libc's functions makes it forget is not left as it is without a word.
#[test]
fn half_a_reset_is_refused() {
    let wat = r#"(component
        (import "wasi:cli/environment@0.2.0" (instance $e
          (export "get-environment" (func (result (list (tuple string string)))))))
        (core module $memory
          (memory (export "memory") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $memory (instantiate $memory))
        (core func $get (canon lower (func $e "get-environment") (memory $memory "memory") (realloc (func $memory "realloc"))))
        (core module $adapter
          (import "e" "get" (func $get (param i32)))
          (func (export "environ_sizes_get") (param i32 i32) (result i32) (call $get (i32.const 8)) (i32.const 0)))
        (core instance $adapter (instantiate $adapter (with "e" (instance (export "get" (func $get))))))
        (core module $m
          (import "wasi_snapshot_preview1" "environ_sizes_get" (func $ask (param i32 i32) (result i32)))
          (func $__wasilibc_reset_preopens)
          (func (export "init") (drop (call $ask (i32.const 0) (i32.const 4)))))
        (core instance $m (instantiate $m (with "wasi_snapshot_preview1" (instance $adapter))))
        (func (export "preinit") (canon lift (core func $m "init"))))"#;
    let error =
        made(wat, Preinit::new().wasi(WasiOptions::default()).reset_libc(true)).map(drop).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(
        error.to_string(),
        "libc cannot be reset: core module 2 (`m`) has asked the host by `environ_sizes_get`, and has no function \
         `__wasilibc_deinitialize_environ` that makes it forget that"
    );
}

/// A program that is frozen after it has waited: that its readings go on is what `freezing` sees in what it prints.
#[test]
fn the_clock_goes_on() {
    let wasm = command(&test_program("wasi/clocks.wasm"));
    let frozen = |preinit: Preinit| {
        let wasi = WasiOptions { stdout: Capture, ..WasiOptions::default() };
        let at = "wasi_snapshot_preview1.fd_write".parse().unwrap();
        preinit.wasi(wasi).at(at).run(&wasm).unwrap().report
    };
    let goes_on = frozen(Preinit::new());
    assert!(goes_on.monotonic_clock.is_some_and(|clock| clock > 0));
    let begins_anew = frozen(Preinit::new().rebase_clock(false));
    assert!(begins_anew.monotonic_clock.is_none());
}
