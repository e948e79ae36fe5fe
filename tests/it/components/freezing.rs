//! Components that are frozen in the middle of a call.

use super::host::entry;
use super::running::Running;
use preinit::host::{Access, Directory, Output, WasiOptions};
use preinit::{Error, Preinit, wat_to_wasm};
use preinit_testing::command_component::command;
use preinit_testing::{repository, test_program};

/// A provider that adds up what it is given, and a program that calls it: in a loop, in a recursion, with operands on the stack.
pub const PROGRAM: &str = r#"(component
    (component $provider
      (core module $m
        (global $sum (mut i32) (i32.const 0))
        (func (export "f") (param i32) (result i32)
          (global.set $sum (i32.add (i32.mul (global.get $sum) (i32.const 3)) (local.get 0)))
          (global.get $sum)))
      (core instance $i (instantiate $m))
      (func (export "f") (param "x" u32) (result u32) (canon lift (core func $i "f"))))
    (instance $provider (instantiate $provider))
    (component $program
    (import "f" (func $provided (param "x" u32) (result u32)))
    (core func $f (canon lower (func $provided)))
    (core module $shim
      (type $f (func (param i32) (result i32)))
      (table (export "$imports") 1 funcref)
      (func (export "0") (type $f) (call_indirect (type $f) (local.get 0) (i32.const 0))))
    (core instance $shim (instantiate $shim))
    (core module $main
      (type $node (struct (field i32)))
      (import "env" "f" (func $f (param i32) (result i32)))
      (memory 1)
      (global $runs (mut i32) (i32.const 0))
      (func $deep (export "deep") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.mul (local.get 0) (i32.const 7)) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
          (else (call $f (i32.const 1000)))))
      (func (export "run") (result i32) (local $i i32) (local $sum i32) (local $node (ref null $node))
        (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
        (local.set $node (struct.new $node (i32.const 41)))
        (loop $again
          (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (call $f (local.get $i))))
          (i32.store (i32.mul (local.get $i) (i32.const 4)) (local.get $sum))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
        (i32.xor (i32.xor (call $deep (i32.const 150)) (struct.get $node 0 (local.get $node)))
          (i32.add (local.get $sum) (global.get $runs))))
      (func (export "get") (param i32) (result i32)
        (i32.add (i32.load (i32.mul (local.get 0) (i32.const 4))) (global.get $runs))))
    (core instance $main (instantiate $main (with "env" (instance (export "f" (func $shim "0"))))))
    (core module $fixup
      (import "" "$imports" (table 1 funcref))
      (import "" "0" (func $f (param i32) (result i32)))
      (elem (i32.const 0) func $f))
    (core instance (instantiate $fixup
      (with "" (instance (export "$imports" (table $shim "$imports")) (export "0" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $main "run")))
    (func (export "get") (param "x" u32) (result u32) (canon lift (core func $main "get"))))
    (instance $program (instantiate $program (with "f" (func $provider "f"))))
    (export "run" (func $program "run"))
    (export "get" (func $program "get")))"#;

fn frozen(wat: &str, preinit: Preinit, at: &str) -> Result<preinit::Output, Error> {
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap();
    preinit.init_function("run").at(at.parse().unwrap()).run(&wasm)
}

/// The program runs on from `at` as if it had never been stopped.
#[track_caller]
fn goes_on(at: &str, frames: usize) {
    let output = frozen(PROGRAM, Preinit::new(), at).unwrap_or_else(|error| panic!("{at}: {error}"));
    assert!(output.wasm == frozen(PROGRAM, Preinit::new(), at).unwrap().wasm, "{at}: other bytes");
    let report = output.report.frozen.unwrap();
    assert_eq!((report.entry.as_str(), report.frames), ("run", frames), "{at}");
    let original = wat_to_wasm(PROGRAM.as_bytes()).unwrap();
    let (mut original, mut snapshot) = (Running::start(&original, &[]), Running::start(&output.wasm, &[]));
    for call in ["run", "get(0)", "get(3)", "run", "get(2)"] {
        let expected = original.run(call);
        assert!(expected.contains("U32"), "{expected}");
        assert_eq!(snapshot.run(call), expected, "{at}: {call}");
    }
}

#[test]
fn at_each_call_of_an_import() {
    for time in 1..=4 {
        goes_on(&format!("env.f#{time}"), 1);
    }
    goes_on("env.f(2)", 1);
    goes_on("env.f(_)#3", 1);
    goes_on("env.f(1000)", 152);
}

#[test]
fn at_the_entry_of_a_function() {
    goes_on("export:run", 0);
    goes_on("export:deep", 1);
    goes_on("call:deep#100", 100);
}

#[track_caller]
fn refused(wat: &str, at: &str, message: &str) {
    let error = frozen(wat, Preinit::new(), at).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_never_comes_there_is_said() {
    let error = frozen(PROGRAM, Preinit::new(), "env.f#6").unwrap_err();
    let message = error.to_string();
    assert!(error.is_refusal(), "{message}");
    assert!(
        message.starts_with(
            "the program ended before it came to `env.f#6`: `run` returned\nit came there 5 times\nno host calls"
        ),
        "{message}"
    );
    let error = frozen(PROGRAM, Preinit::new(), "env.g").unwrap_err();
    assert_eq!(
        error.to_string(),
        "in core module 2 (`main`), cannot freeze at `env.g`: there is no such import; did you mean `env.f`?; it imports `env.f`"
    );
}

/// A core module that calls back, so that two are on the stack.
const CALLED_BACK: &str = r#"(component
    (core module $inner
      (import "" "t" (table 1 funcref))
      (func $call (export "call") (call_indirect (i32.const 0))))
    (core module $tables (table (export "t") 1 funcref))
    (core instance $tables (instantiate $tables))
    (core instance $inner (instantiate $inner (with "" (instance (export "t" (table $tables "t"))))))
    (core module $main
      (import "" "call" (func $call))
      (import "" "t" (table 1 funcref))
      (elem (i32.const 0) func $stop)
      (func $stop)
      (func $start)
      (start $start)
      (func (export "run") (call $call))
      (func (export "takes") (param i32) (call $stop)))
    (core instance $main (instantiate $main
      (with "" (instance (export "call" (func $inner "call")) (export "t" (table $tables "t"))))))
    (func (export "run") (canon lift (core func $main "run")))
    (func (export "takes") (param "x" u32) (canon lift (core func $main "takes"))))"#;

#[test]
fn calls_of_other_core_instances_are_refused() {
    refused(
        CALLED_BACK,
        "call:stop",
        "a function of another core module (inner, call) is on the stack at that place; only the calls of one core instance can be \
         frozen",
    );
    refused(
        CALLED_BACK,
        "call:start",
        "the place to freeze at was reached while the module was instantiated, where no export could resume it",
    );
}

#[test]
fn entries_with_arguments_are_refused() {
    let wasm = wat_to_wasm(CALLED_BACK.as_bytes()).unwrap();
    let error =
        Preinit::new().init_function("takes(1)").at("call:stop".parse().unwrap()).run(&wasm).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function 4 is in progress and takes arguments, which the snapshot would ignore"
    );
}

#[test]
fn a_module_with_several_instances_is_refused() {
    let twice = r#"(component
        (core module $m (func $f) (func (export "run") (call $f)))
        (core instance (instantiate $m)) (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    refused(
        twice,
        "call:f",
        "core module 0 (`m`) has 2 instances, and a call in progress does not show in which it is",
    );
}

/// A handle that is alive.
#[test]
fn live_handles_are_refused() {
    let holds = r#"(component
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core module $m
          (import "" "new" (func $new (param i32) (result i32)))
          (global $held (mut i32) (i32.const 0))
          (func $stop)
          (func (export "run") (global.set $held (call $new (i32.const 1))) (call $stop)))
        (core instance $i (instantiate $m (with "" (instance (export "new" (func $new))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let error = frozen(holds, Preinit::new(), "call:stop").unwrap_err();
    assert!(error.to_string().starts_with("1 handle is alive"), "{error}");
}

/// Programs with the adapter from WASI preview 1: it has not begun when they are frozen, and takes its handles anew.
#[track_caller]
fn a_command_goes_on(program: &str, places: &[&str]) {
    let wasm = command(&test_program(program));
    let run = entry(&wasm);
    let mut original = Running::start(&wasm, &[]);
    let expected = original.run(&run);
    assert!(!original.stdout().is_empty());
    for at in places {
        let wasi = WasiOptions { stdout: Output::Capture, ..WasiOptions::default() };
        let output = Preinit::new().wasi(wasi).at(at.parse().unwrap()).run(&wasm);
        let output = output.unwrap_or_else(|error| panic!("{program}, {at}: {error}"));
        assert_eq!(output.report.frozen.as_ref().unwrap().entry, run);
        let mut snapshot = Running::start(&output.wasm, &[]);
        assert_eq!(snapshot.run(&run), expected, "{program}, {at}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &snapshot.stdout();
        assert_eq!(printed, original.stdout(), "{program}, {at}");
    }
}

#[test]
fn commands_with_the_adapter() {
    a_command_goes_on("c/command.wasm", &["checkpoint", "wasi_snapshot_preview1.fd_write(1, ..)"]);
    let write = "wasi_snapshot_preview1.fd_write";
    a_command_goes_on("wasi/memory.wasm", &[write, "wasi_snapshot_preview1.fd_write#2"]);
    a_command_goes_on("wasi/random.wasm", &["wasi_snapshot_preview1.random_get", write]);
    let clock = "wasi_snapshot_preview1.clock_time_get#2";
    a_command_goes_on("wasi/clocks.wasm", &[clock, "wasi_snapshot_preview1.poll_oneoff", write]);
}

/// What the adapter asks for is no place, since it is not frozen.
#[test]
fn the_adapter_is_no_place() {
    let wasm = command(&test_program("wasi/memory.wasm"));
    let error =
        Preinit::new().wasi(WasiOptions::default()).at("stdin".parse().unwrap()).run(&wasm).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("does not import `wasi_snapshot_preview1.fd_read`"), "{message}");
}

/// A file that is open is named.
#[test]
fn open_files_are_refused() {
    let wasm = command(&test_program("wasi/descriptors.wasm"));
    let directory = |guest: &str, folder: &str| Directory {
        guest: guest.to_string(),
        host: repository().join("test-programs").join(folder),
        access: Access::ReadOnly,
    };
    let dirs = vec![directory("/data", "data"), directory("/scratch", "wat")];
    let wasi = WasiOptions { stdout: Output::Discard, dirs, ..WasiOptions::default() };
    let freeze = |wasm: &[u8], at: &str| Preinit::new().wasi(wasi.clone()).at(at.parse().unwrap()).run(wasm);
    let error = freeze(&wasm, "wasi_snapshot_preview1.path_open#2").unwrap_err();
    let message = error.to_string();
    assert!(error.is_refusal(), "{message}");
    assert!(message.starts_with("the program has descriptors open that the frozen one"), "{message}");
    assert!(message.contains(": file `/data/"), "{message}");
    assert!(freeze(&wasm, "open:/hello.txt").unwrap_err().to_string().contains("lies in no directory"));
    // It has tried `fd_renumber` before.
    let error = freeze(&wasm, "open:/data/hello.txt").unwrap_err();
    assert!(error.to_string().starts_with("init has called `fd_renumber` of core module 1"), "{error}");
    freeze(&command(&test_program("wasi/files.wasm")), "open:/scratch/file").unwrap();
}
