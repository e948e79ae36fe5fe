//! What is turned down, and in which words.

use preinit::host::{Access, Directory, Output as GuestOutput, WasiOptions};
use preinit::stages::freeze::Trigger;
use preinit::{Error, Preinit, wat_to_wasm};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn error(wat: &str, preinit: Preinit, at: &str) -> Error {
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap();
    preinit.at(at.parse().unwrap()).run(&wasm).unwrap_err()
}

#[track_caller]
fn refused(wat: &str, preinit: Preinit, at: &str, message: &str) {
    let error = error(wat, preinit, at);
    assert!(error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), message);
}

#[track_caller]
fn impossible(wat: &str, at: &str, message: &str) {
    let error = error(wat, Preinit::new(), at);
    assert!(!error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), message);
}

const PROGRAM: &str = r#"(module
    (import "env" "a" (func $a (param i32) (result i32)))
    (import "env" "c" (func $c))
    (func (export "_start") (drop (call $a (i32.const 1))) (call $c) (drop (call $a (i32.const 2))))
    (func (export "takes") (param i32)))"#;

#[test]
fn a_program_that_does_not_come_there() {
    refused(
        PROGRAM,
        Preinit::new().stub_all(true),
        "env.a#3",
        "the program ended before it came to `env.a#3`: `_start` returned\nit came there 2 times\nits host calls, 3 in \
         all:\n  2 x env.a\n  1 x env.c\nthe last ones:\n  env.a(1)\n  env.c()\n  env.a(2)",
    );
    refused(
        PROGRAM,
        Preinit::new(),
        "env.c",
        "the program ended before it came to `env.c`: the `_start` function was stopped: init called the import \
         `env.a`, which nothing provides\n    0: _start\nits host calls, 1 in \
         all:\n  1 x env.a\nthe last ones:\n  env.a(1)",
    );
}

#[test]
fn places_that_do_not_exist() {
    impossible(
        PROGRAM,
        "env.b",
        "cannot freeze at `env.b`: there is no such import; did you mean `env.a`?; it imports `env.a`, `env.c`",
    );
    impossible(
        PROGRAM,
        "stdin",
        "cannot freeze at `stdin`: the module does not import `wasi_snapshot_preview1.fd_read`; it imports `env.a`, `env.c`",
    );
    impossible(
        PROGRAM,
        "export:main",
        "cannot freeze at `export:main`: there is no exported function `main`; it exports `_start`, `takes`",
    );
    impossible(
        PROGRAM,
        "call:main",
        "cannot freeze at `call:main`: the name section names no function `main`",
    );
    impossible(
        PROGRAM,
        "env.a(1, 2)",
        "cannot freeze at `env.a(1, 2)`: after `env.a`, 2 arguments are given, but it takes 1 (`..` stands for the rest)",
    );
    impossible(
        PROGRAM,
        "env.a(x)",
        "cannot freeze at `env.a(x)`: after `env.a`, `x` is no number, `_`, `null` or `..`",
    );
    impossible(PROGRAM, "env.a#x", "cannot freeze at `env.a#x`: after `env.a`, `#x` is no number of times");
    let error = Preinit::new().init_function("takes").at("env.a".parse().unwrap());
    let error = error.run(&wat_to_wasm(PROGRAM.as_bytes()).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`takes` takes parameters, and there is nothing to call it with; candidates are `_start`"
    );
}

#[test]
fn texts_that_are_no_place() {
    let expected = "; expected `stdin`, `open:PATH`, `export:NAME`, `call:NAME`, `checkpoint`, or an import as \
                    `MODULE.NAME` or `MODULE.NAME(0, ..)`, each with `#N` after it for the N-th time";
    for (text, what) in [
        ("main", "`main` is no place to freeze at"),
        ("open:", "`open:` names nothing"),
        ("stdin#0", "`stdin#0` counts from 0, but the first time is #1"),
    ] {
        let error = text.parse::<Trigger>().unwrap_err();
        assert_eq!(error.to_string(), format!("{what}{expected}"));
    }
}

#[test]
fn an_entry_that_is_renamed_away() {
    let preinit = Preinit::new().stub_all(true).rename("_start", "takes");
    let error = error(PROGRAM, preinit, "env.c");
    assert!(!error.is_refusal());
    assert_eq!(
        error.to_string(),
        "the program resumes in `_start`, and a rename puts another export in its place; give it another name"
    );
    // Under another name it is still there.
    let preinit = Preinit::new().stub_all(true).rename("_start", "takes").rename("resume", "_start");
    preinit.at("env.c".parse().unwrap()).run(&wat_to_wasm(PROGRAM.as_bytes()).unwrap()).unwrap();
}

#[test]
fn a_stack_without_end() {
    let wat = r#"(module
        (import "env" "c" (func $c))
        (func $down (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (call $c) (return (i32.const 0))))
            (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (func (export "_start") (drop (call $down (i32.const 100000)))))"#;
    let message = "more than 100000 calls are in progress at that place; freeze it before the recursion";
    refused(wat, Preinit::new(), "env.c", message);
}

/// Each loop around the call is copied whole, and with it those inside.
#[test]
fn code_that_grows_beyond_all_limits() {
    const LOOPS: usize = 20_000;
    let (open, close) = ("(loop ".repeat(LOOPS), ")".repeat(LOOPS));
    let wat = format!(
        r#"(module (import "env" "c" (func $c)) (func $nest (export "_start") {open}(call $c){close}))"#
    );
    refused(
        &wat,
        Preinit::new(),
        "env.c",
        "what is left to do in function 1 ($nest) takes more than 7654321 bytes of code, the limit of one function that \
         engines accept",
    );
}

#[test]
fn while_the_module_is_instantiated() {
    let wat = r#"(module
        (import "env" "c" (func $c))
        (func $start (call $c)) (start $start)
        (func (export "_start")))"#;
    refused(
        wat,
        Preinit::new(),
        "env.c",
        "the place to freeze at was reached while the module was instantiated, where no export could resume it",
    );
}

#[test]
fn values_without_a_form() {
    let wat = r#"(module
        (import "env" "give" (func $give (result externref)))
        (import "env" "c" (func $c))
        (type $box (struct (field $n i32) (field $of externref)))
        (func $inner (param externref) (call $c))
        (func $outer (export "_start") (local $a externref) (local $b (ref null $box))
            (local.set $a (call $give))
            (local.get $a)
            (call $inner (local.get $a))
            (drop)))"#;
    let given = || {
        Preinit::new().linker(|linker| {
            linker.func_new(
                "env",
                "give",
                wasmtime::FuncType::new(linker.engine(), [], [wasmtime::ValType::EXTERNREF]),
                |mut caller, _, results| {
                    results[0] = wasmtime::ExternRef::new(&mut caller, 5u32)?.into();
                    Ok(())
                },
            )?;
            linker.func_wrap("env", "c", || ()).map(|_| ())
        })
    };
    refused(
        wat,
        given(),
        "env.c",
        "the calls in progress hold values that cannot be written into a module:\n  frame 0, function 2 ($inner), local 0: \
         externref of the host\n  frame 1, function 3 ($outer), local 0: externref of the host\n  frame 1, function 3 \
         ($outer), operand 0: externref of the host",
    );
    let inside = wat.replace(
        "(local.set $a (call $give))",
        "(local.set $b (struct.new $box (i32.const 1) (call $give)))",
    );
    refused(
        &inside,
        given(),
        "env.c",
        "the state holds values that cannot be written into a module; init must not leave them:\n  frame 1, function 3 \
         ($outer), local 1 → field 1 of $box: externref of the host",
    );
}

#[test]
fn a_host_that_calls_back() {
    // The table lets a provider call the program.
    let callback = r#"(module
        (import "env" "run" (func $run (param funcref)))
        (import "env" "c" (func $c))
        (elem declare func $f)
        (func $f (call $c))
        (func (export "_start") (call $run (ref.func $f))))"#;
    let preinit = Preinit::new().linker(|linker| {
        linker.func_wrap(
            "env",
            "run",
            |mut caller: wasmtime::Caller<'_, _>, function: Option<wasmtime::Func>| {
                function.unwrap().call(&mut caller, &[], &mut [])
            },
        )?;
        Ok(())
    });
    refused(
        callback,
        preinit,
        "env.c",
        "the import function 0 ($run) is in progress at that place: it called the program back, and its state belongs to \
         the host",
    );
}

#[test]
fn a_function_of_another_module_in_progress() {
    let between = wat_to_wasm(
        br#"(module (import "env" "t" (table 1 funcref)) (type $v (func))
            (func $between (export "run") (call_indirect (type $v) (i32.const 0))))"#,
    );
    let table = wat_to_wasm(br#"(module (table (export "t") 1 funcref))"#).unwrap().into_owned();
    let wat = r#"(module
        (import "other" "run" (func $run))
        (import "env" "t" (table 1 funcref))
        (import "host" "c" (func $c))
        (elem (i32.const 0) $f)
        (func $f (call $c))
        (func (export "_start") (call $run)))"#;
    let preinit = Preinit::new().preload("env", table).preload("other", between.unwrap().into_owned());
    refused(
        wat,
        preinit,
        "host.c",
        "a function of another module (a preloaded one, between) is on the stack at that place, and the snapshot would \
         have to hold its state too",
    );
}

#[test]
fn a_host_that_does_not_repeat_itself() {
    let wat = r#"(module
        (import "env" "n" (func $n (result i32)))
        (import "env" "c" (func $c))
        (global (export "g") (mut i32) (i32.const 0))
        (func (export "_start") (global.set 0 (call $n)) (call $c)))"#;
    let count = Arc::new(AtomicU32::new(0));
    let preinit = Preinit::new().linker(move |linker| {
        let count = Arc::clone(&count);
        linker.func_wrap("env", "n", move || count.fetch_add(1, Ordering::Relaxed)).map(|_| ())
    });
    refused(
        wat,
        preinit,
        "env.c",
        "the program behaved differently on the second run, so its stack cannot be read: its state was different",
    );
}

/// Opens `/data/hello.txt`, reads four bytes and then standard input.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "hello.txt")
    (data (i32.const 64) "\80\00\00\00\04\00\00\00")
    (func (export "_start")
        (if (call $prestat (i32.const 3) (i32.const 32)) (then unreachable))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0) (i64.const 2)
                (i64.const 2) (i32.const 0) (i32.const 96))
            (then unreachable))
        (if (call $read (i32.load (i32.const 96)) (i32.const 64) (i32.const 1) (i32.const 100)) (then unreachable))
        (drop (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 100)))))"#;

fn with_data() -> Preinit {
    let host = preinit_testing::repository().join("test-programs/data");
    let directory = Directory { guest: "/data".to_string(), host, access: Access::ReadOnly };
    Preinit::new().wasi(WasiOptions {
        dirs: vec![directory],
        stdout: GuestOutput::Capture,
        ..WasiOptions::default()
    })
}

#[test]
fn open_files() {
    refused(
        READER,
        with_data(),
        "stdin",
        "the program has descriptors open that the frozen one would not have; freeze it before they are opened or after \
         they are closed:\n  4: file `/data/hello.txt` at position 4",
    );
}

#[test]
fn before_a_file_is_opened() {
    let wasm = wat_to_wasm(READER.as_bytes()).unwrap();
    for path in ["/data/hello.txt", "data/./hello.txt"] {
        let output = with_data().at(format!("open:{path}").parse().unwrap()).run(&wasm).unwrap();
        let frozen = output.report.frozen.unwrap();
        assert_eq!(frozen.preopens, ["/data"], "these must be there when it runs");
        assert!(frozen.call.starts_with("wasi_snapshot_preview1.path_open(i32 3, "), "{}", frozen.call);
    }
    let error = with_data().at("open:/data/other".parse().unwrap()).run(&wasm).unwrap_err();
    assert!(
        error.to_string().starts_with("the program ended before it came to `open:/data/other`"),
        "{error}"
    );
}

/// The engine's interface has no continuations.
#[test]
fn at_a_call_that_takes_a_continuation() {
    refused(
        r#"(module (type $f (func)) (type $c (cont $f))
            (func $x (param (ref null $c)))
            (func (export "_start") (call $x (ref.null $c))))"#,
        Preinit::new(),
        "call:x",
        "the function takes a continuation, which no engine shows: freeze it at another call",
    );
}
