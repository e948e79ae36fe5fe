//! Where imports come from.

use wasmtime::{Caller, Val};

use super::{Guest, StartError, allow};
use crate::host::{
    HostError, HostOptions, HostState, ImportCalled, ImportName, LinkerHook, Preload, Unprovided, WasiOptions,
};

fn preload(name: &str, wat: &str) -> Preload {
    Preload { name: name.into(), wasm: wat::parse_str(wat).unwrap() }
}

fn hook(module: &'static str, name: &'static str, value: i32) -> LinkerHook {
    LinkerHook::new(move |linker| linker.func_wrap(module, name, move || value).map(|_| ()))
}

fn fails(wat: &str, options: &HostOptions) -> HostError {
    match Guest::start(wat, options).err().unwrap() {
        StartError::Host(error) => error,
        StartError::Wasm(error) => panic!("{error:?}"),
    }
}

const ONE_IMPORT: &str = "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $f (result i32)))
    (func (export \"init\") (result i32) call $f))";

fn init(wat: &str, options: &HostOptions) -> wasmtime::Result<i32> {
    Guest::start(wat, options).unwrap().call("init", &[])
}

#[test]
fn the_order_of_precedence() {
    let wasi = "wasi_snapshot_preview1";
    let mut options = HostOptions {
        stubs: vec![ImportName::new(wasi, "sched_yield")],
        preloads: vec![preload(wasi, "(module (func (export \"sched_yield\") (result i32) i32.const 2))")],
        linker: Some(hook(wasi, "sched_yield", 3)),
        ..allow(WasiOptions::default())
    };
    assert_eq!(init(ONE_IMPORT, &options).unwrap(), 0, "the stub");
    options.stubs.clear();
    assert_eq!(init(ONE_IMPORT, &options).unwrap(), 2, "the preload");
    options.preloads.clear();
    assert_eq!(init(ONE_IMPORT, &options).unwrap(), 3, "the linker");
    options.linker = Some(hook(wasi, "fd_read", 3));
    assert_eq!(init(ONE_IMPORT, &options).unwrap(), 0, "WASI");
    options.wasi = None;
    let called = ImportCalled { import: ImportName::new(wasi, "sched_yield") };
    assert_eq!(init(ONE_IMPORT, &options).unwrap_err().downcast_ref(), Some(&called));
    options.stub_all = true;
    assert_eq!(init(ONE_IMPORT, &options).unwrap(), 0, "the general stub");
}

#[test]
fn a_function_that_nobody_provides_is_no_error_until_it_is_called() {
    let wat = "(module (import \"env\" \"gone\" (func $gone (param i32))) (memory 1)
        (func $inner (call $gone (i32.const 5))) (func $outer (export \"outer\") call $inner)
        (func (export \"fine\") (result i32) i32.const 1))";
    let mut guest =
        Guest::start(wat, &HostOptions { ledger_backtraces: true, ..HostOptions::default() }).unwrap();
    assert_eq!(guest.call("fine", &[]).unwrap(), 1);
    let error = guest.call("outer", &[]).unwrap_err();
    let called: &ImportCalled = error.downcast_ref().unwrap();
    let message = called.to_string();
    assert_eq!(message, "init called the import `env.gone`, which nothing provides");
    let entry = guest.ledger().entries().next().unwrap();
    assert_eq!(entry.call.backtrace.as_deref().unwrap(), ["inner", "outer"]);
}

#[test]
fn all_missing_imports_are_listed_at_once() {
    let wat = "(module (import \"a\" \"f\" (func)) (import \"a\" \"m\" (memory 1)) (import \"b\" \"t\" (table 1 funcref))
        (import \"c\" \"g\" (global i32)) (import \"d\" \"e\" (tag)))";
    let HostError::Unprovided { importer: None, imports } = fails(wat, &HostOptions::default()) else {
        panic!("another error")
    };
    let missing = |kind, module: &str, name: &str| Unprovided { import: ImportName::new(module, name), kind };
    let expected = [
        missing("memory", "a", "m"),
        missing("table", "b", "t"),
        missing("global", "c", "g"),
        missing("tag", "d", "e"),
    ];
    assert_eq!(imports, expected);
    assert_eq!(
        fails(wat, &HostOptions::default()).to_string(),
        "nothing provides memory `a.m`, table `b.t`, global `c.g`, tag `d.e`"
    );
}

#[test]
fn stubs_are_zero_and_null_and_empty() {
    let wat = "(module
        (import \"a\" \"f\" (func $f (result i64 f32 v128 funcref)))
        (import \"a\" \"m\" (memory 2 3)) (import \"a\" \"m\" (memory $same 2 3))
        (import \"a\" \"t\" (table 5 funcref))
        (import \"a\" \"g\" (global $g (mut i32))) (import \"a\" \"e\" (tag (param i32)))
        (import \"a\" \"s\" (memory 1 2 shared)) (export \"g\" (global $g))
        (func (export \"init\") (result i32) (local i64 f32 v128 funcref)
            (call $f) (local.set 3) (local.set 2) (local.set 1) (local.set 0)
            (i32.store (i32.const 0) (i32.const 77))
            (i64.eqz (local.get 0)) (f32.eq (local.get 1) (f32.const 0)) i32.and
            (i32.eqz (v128.any_true (local.get 2))) i32.and (ref.is_null (local.get 3)) i32.and
            (i32.eq (memory.size) (i32.const 2)) i32.and (i32.eq (table.size) (i32.const 5)) i32.and
            (i32.eq (i32.load $same (i32.const 0)) (i32.const 77)) i32.and))";
    let options = HostOptions { stub_all: true, ..HostOptions::default() };
    let mut guest = Guest::start(wat, &options).unwrap();
    assert_eq!(guest.call("init", &[]).unwrap(), 1);
    assert_eq!(guest.global("g"), 0);
    assert_eq!(guest.ledger().len(), 1);
}

#[test]
fn what_has_no_zero_cannot_be_stubbed() {
    let wat = "(module (type $t (func)) (import \"a\" \"f\" (func (result (ref $t)))))";
    let error = fails(wat, &HostOptions { stub_all: true, ..HostOptions::default() });
    assert!(error.to_string().starts_with("cannot stub function `a.f`, "), "{error}");
    let wat = "(module (type $t (func)) (import \"a\" \"g\" (global (ref $t))))";
    let error = fails(wat, &HostOptions { stub_all: true, ..HostOptions::default() });
    assert!(error.to_string().starts_with("cannot stub global `a.g`, "), "{error}");
}

const PROVIDER: &str = "(module
    (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))
    (import \"base\" \"ten\" (global $ten i32))
    (import \"stubbed\" \"f\" (func $stub (result i32)))
    (memory (export \"memory\") 1) (table (export \"table\") 2 funcref)
    (global $g (export \"global\") (mut i32) (i32.const 0))
    (func $twice (export \"twice\") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (elem (i32.const 1) $twice)
    (func (export \"_initialize\")
        (drop (call $random (i32.const 0) (i32.const 8)))
        (global.set $g (i32.add (i32.add (global.get $ten) (call $stub)) (i32.ne (i32.load (i32.const 0)) (i32.const 0))))))";

#[test]
fn preloads_provide_everything_and_may_build_on_each_other() {
    let options = HostOptions {
        preloads: vec![
            preload("base", "(module (global (export \"ten\") i32 (i32.const 10)))"),
            preload("lib", PROVIDER),
        ],
        stubs: vec![ImportName::new("stubbed", "f")],
        ..allow(WasiOptions::default())
    };
    let wat = "(module (import \"lib\" \"memory\" (memory 1)) (import \"lib\" \"table\" (table 2 funcref))
        (import \"lib\" \"global\" (global $g (mut i32))) (import \"lib\" \"twice\" (func $twice (param i32) (result i32)))
        (type $f (func (param i32) (result i32)))
        (func (export \"init\") (result i32)
            (i32.add (call_indirect (type $f) (global.get $g) (i32.const 1))
                (i32.mul (i32.const 100) (i32.ne (i64.eqz (i64.load (i32.const 0))) (i32.const 1))))))";
    assert_eq!(init(wat, &options).unwrap(), 122, "11 twice, and 100 because the memory holds random bytes");
    let guest = Guest::start(wat, &options).unwrap();
    let names: Vec<_> = guest.ledger().entries().map(|entry| entry.call.import.to_string()).collect();
    assert_eq!(names, ["wasi_snapshot_preview1.random_get", "stubbed.f"]);
}

#[test]
fn a_preload_that_fails_is_named() {
    let fails = |wasm: &[u8]| {
        let preloads = vec![Preload { name: "lib".into(), wasm: wasm.to_vec() }];
        fails("(module)", &HostOptions { preloads, ..HostOptions::default() })
    };
    let wat = |wat| wat::parse_str(wat).unwrap();
    assert_eq!(fails(b"no wasm").to_string(), "preloaded module `lib`: compilation failed");
    let trap = "(module (func unreachable) (start 0))";
    assert_eq!(fails(&wat(trap)).to_string(), "preloaded module `lib`: instantiation failed");
    let trap = "(module (func (export \"_initialize\") unreachable))";
    let error = fails(&wat(trap));
    assert_eq!(error.to_string(), "preloaded module `lib`: `_initialize` failed");
    let HostError::Preload { source, .. } = error else { panic!("another error") };
    assert_eq!(source.downcast_ref(), Some(&wasmtime::Trap::UnreachableCodeReached));
    assert_eq!(
        fails(&wat("(module (import \"x\" \"y\" (memory 1)))")).to_string(),
        "nothing yet loaded provides memory `x.y`, imported by preloaded module `lib`"
    );
}

#[test]
fn names_of_preloads_are_unique() {
    let preloads = vec![preload("lib", "(module)"), preload("lib", "(module)")];
    let error = fails("(module)", &HostOptions { preloads, ..HostOptions::default() });
    assert_eq!(error.to_string(), "two preloaded modules are named `lib`");
}

#[test]
fn a_library_users_functions_see_the_callers_memory() {
    let read = |mut caller: Caller<'_, HostState>, address: i32| {
        let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
        i32::from(memory.data(&caller)[address as usize])
    };
    let linker = LinkerHook::new(move |linker| {
        linker.func_wrap("env", "read", read)?;
        linker.func_wrap("env", "unused", || 0)?;
        Ok(())
    });
    let wat = "(module (import \"env\" \"read\" (func $read (param i32) (result i32)))
        (memory (export \"memory\") 1) (data (i32.const 8) \"*\")
        (func (export \"init\") (param i32) (result i32) (call $read (local.get 0))))";
    let mut guest =
        Guest::start(wat, &HostOptions { linker: Some(linker), ..HostOptions::default() }).unwrap();
    assert_eq!(guest.call("init", &[Val::I32(8)]).unwrap(), 42);
    assert_eq!(guest.ledger().unrecorded(), [ImportName::new("env", "read")]);
    assert!(guest.ledger().is_empty());
}

#[test]
fn a_failing_hook_is_an_error() {
    let linker = LinkerHook::new(|_| Err(wasmtime::Error::msg("no")));
    let error = fails("(module)", &HostOptions { linker: Some(linker), ..HostOptions::default() });
    assert_eq!(error.to_string(), "the linker hook failed");
}
