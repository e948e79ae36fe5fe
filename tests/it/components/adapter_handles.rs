//! Handles of the adapter from WASI preview 1, which it takes anew in each instance.

use super::handles::{handles, refused};
use super::running::Running;
use preinit::host::{Access, Directory, WasiOptions};
use preinit::{Preinit, Warning, wat_to_wasm};
use preinit_testing::command_component::reactor;
use std::path::Path;

/// So many names of a directory.
fn with_directories(host: &Path, count: usize) -> WasiOptions {
    let directory = |number| Directory {
        guest: format!("/{number}"),
        host: host.to_path_buf(),
        access: Access::ReadOnly,
    };
    WasiOptions { dirs: (0..count).map(directory).collect(), ..WasiOptions::default() }
}

/// A module of preview 1 that prints, with a core module beside it that can take handles of its own.
pub(super) fn printing(beside: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
            (memory (export "memory") 1)
            (global $__stack_pointer (mut i32) (i32.const 4096))
            (data (i32.const 5000) "hello\n")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
              (local i32)
              (local.set 4 (i32.mul (memory.size) (i32.const 65536)))
              (drop (memory.grow (i32.div_u (i32.add (local.get 3) (i32.const 65535)) (i32.const 65536))))
              (local.get 4))
            (func $print (result i32)
              (i32.store (i32.const 5100) (i32.const 5000))
              (i32.store (i32.const 5104) (i32.const 6))
              (call $write (i32.const 1) (i32.const 5100) (i32.const 1) (i32.const 5108)))
            (func (export "preinit") (drop (call $print)) (drop (call $random)) {beside})
            (func (export "print") (result i32) (call $print)))"#
    );
    reactor(
        &wat_to_wasm(text.as_bytes()).unwrap(),
        "package test:printing;
         world printing {
           import wasi:random/random@0.2.0;
           export preinit: func();
           export print: func() -> s32;
         }
         package wasi:random@0.2.0 {
           interface random { get-random-u64: func() -> u64; }
         }",
    )
}

/// A core module that asks for other things of preview 2 could hold handles. It is seen that only the adapter does.
#[test]
fn adapters_take_their_handles_anew_where_others_could_hold_some() {
    let wasm = printing("");
    let output = Preinit::new().allow_wasi(true).run(&wasm).unwrap();
    assert_eq!(handles(&output), "3 alive after init, which the adapter from WASI preview 1 takes anew");
    assert!(output.report.warnings.iter().all(|warning| !matches!(warning, Warning::HandlesLeft(_))));
    let mut running = Running::start(&output.wasm, &[]);
    assert_eq!(running.call("print", ""), "[S32(0)]");
    assert_eq!(running.stdout(), "hello\n");
}

/// Also directories, which it asks for twice where libc does: it keeps the numbers of handles that it has dropped.
#[test]
fn adapters_take_directories_anew_where_others_could_hold_some() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "$root" "put" (func $put (param i32) (result i32)))
        (memory (export "memory") 1)
        (global $__stack_pointer (mut i32) (i32.const 4096))
        (data (i32.const 5000) "hello\n")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)))
        (func $print (export "print") (result i32)
          (i32.store (i32.const 5100) (i32.const 5000)) (i32.store (i32.const 5104) (i32.const 6))
          (call $write (i32.const 1) (i32.const 5100) (i32.const 1) (i32.const 5108)))
        (func (export "preinit") (local $fd i32)
          (local.set $fd (i32.const 3))
          (loop $more
            (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
            (br_if $more (i32.eqz (call $prestat (i32.sub (local.get $fd) (i32.const 1)) (i32.const 100)))))
          (drop (call $prestat (i32.const 3) (i32.const 100)))
          (drop (call $name (i32.const 3) (i32.const 200) (i32.const 2)))
          (drop (call $name (i32.const 4) (i32.const 200) (i32.const 2)))
          (drop (call $print))
          (drop (call $put (i32.const 5)))))"#;
    let wasm = reactor(
        &wat_to_wasm(text.as_bytes()).unwrap(),
        "package test:putting;
         world putting { import put: func(x: s32) -> s32; export preinit: func(); export print: func() -> s32; }",
    );
    let place = tempfile::tempdir().unwrap();
    for directories in 0..3 {
        let wasi = with_directories(place.path(), directories);
        let output = Preinit::new().wasi(wasi).stub_all(true).run(&wasm).unwrap();
        let expected =
            format!("{} alive after init, which the adapter from WASI preview 1 takes anew", 3 + directories);
        assert_eq!(handles(&output), expected);
        let is_left = |warning: &&Warning| matches!(warning, Warning::HandlesLeft(_));
        assert_eq!(output.report.warnings.iter().filter(is_left).count(), 0, "{directories}");
    }
}

/// Names of the adapter's variables make no module one that keeps no handle of its own.
#[test]
fn what_is_only_called_like_the_adapter_can_hold_handles() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
        (memory (export "memory") 1)
        (global $__stack_pointer (mut i32) (i32.const 4096))
        (global $internal_state_ptr (mut i32) (i32.const 0))
        (global $allocation_state (mut i32) (i32.const 0))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)))
        (func (export "preinit")
          (drop (call $sizes (i32.const 100) (i32.const 104)))
          (global.set $internal_state_ptr (call $stderr))))"#;
    let wasm = reactor(
        &wat_to_wasm(text.as_bytes()).unwrap(),
        "package test:keeping;
         world keeping {
           import wasi:cli/stderr@0.2.0;
           export preinit: func();
         }
         package wasi:cli@0.2.0 {
           interface stderr { use wasi:io/streams@0.2.0.{output-stream}; get-stderr: func() -> output-stream; }
         }
         package wasi:io@0.2.0 {
           interface streams { resource output-stream; }
         }",
    );
    let place = tempfile::tempdir().unwrap();
    // The adapter has a state, and none of the handles that it may have.
    for directories in 0..3 {
        let wasi = with_directories(place.path(), directories);
        let (_, places) = refused(&wasm, Preinit::new().wasi(wasi));
        let own: Vec<_> = places.iter().filter(|(at, _)| at.contains("($internal_state_ptr)")).collect();
        assert_eq!(own.len(), 1, "{directories}: {places:?}");
    }
}

/// The same in the middle of a call, which has printed before: what its frames hold is looked at.
#[test]
fn adapters_take_their_handles_anew_in_the_middle_of_a_call() {
    let wasm = printing("(drop (call $print))");
    for at in ["call:print#2", "wasi:random/random@0.2.0.get-random-u64"] {
        let stopped = Preinit::new().allow_wasi(true).init_function("preinit").at(at.parse().unwrap());
        let output = stopped.run(&wasm).unwrap();
        assert_eq!(
            handles(&output),
            "3 alive after init, which the adapter from WASI preview 1 takes anew",
            "{at}"
        );
        let mut running = Running::start(&output.wasm, &[]);
        assert_eq!(running.call("preinit", ""), "[]", "{at}");
        assert_eq!(running.stdout(), "hello\n", "{at}");
        assert_eq!(running.call("print", ""), "[S32(0)]", "{at}");
        assert_eq!(running.stdout(), "hello\nhello\n", "{at}");
    }
}

/// What the adapter keeps is held by it.
#[test]
fn adapters_can_keep_their_state() {
    let wasm = printing("");
    let keeping = || Preinit::new().allow_wasi(true).keep_adapter_state(true);
    let (alive, places) = refused(&wasm, keeping());
    assert_eq!(alive, 3);
    let held: std::collections::BTreeSet<&str> = places.iter().map(|(_, what)| what.as_str()).collect();
    for handle in ["handle 1", "handle 2", "handle 3"] {
        assert!(held.contains(handle), "{places:?}");
    }
    assert!(places.iter().all(|(at, _)| at.starts_with("component / · core module 0")), "{places:?}");
    let output = keeping().allow_live_handles(true).run(&wasm).unwrap();
    // Its state says that it has handles, and there are none.
    assert_eq!(Running::start(&output.wasm, &[]).call("print", ""), "trap");
}
