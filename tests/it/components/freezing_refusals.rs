//! Components that look as if they could be frozen, and whose snapshots would go on otherwise than they do.

use super::running::Running;
use preinit::host::{Access, Directory, WasiOptions};
use preinit::{Error, Preinit, wat_to_wasm};
use preinit_testing::repository;

fn frozen(wat: &str, preinit: Preinit, (init, at): (&[&str], &str)) -> Result<preinit::Output, Error> {
    let wasm = wat_to_wasm(wat.as_bytes()).unwrap();
    init.iter().fold(preinit, |preinit, name| preinit.init_function(*name)).at(at.parse().unwrap()).run(&wasm)
}

#[track_caller]
fn refused(wat: &str, (init, at): (&[&str], &str), message: &str) {
    let error = frozen(wat, Preinit::new(), (init, at)).map(drop).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
}

const TAIL_CALL: &str = r#"(component
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func $mark (export "mark"))
      (func $g (export "g") (result i32) (call $mark) (global.get $n))
      (func (export "run") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (return_call $g)))
    (core instance $i (instantiate $m))
    (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;

const POST_RETURN: &str = r#"(component
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func $mark (export "mark"))
      (func (export "run") (call $mark) (global.set $n (i32.add (global.get $n) (i32.const 1))))
      (func (export "post") (call $mark) (global.set $n (i32.mul (global.get $n) (i32.const 10))))
      (func (export "get") (result i32) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run") (post-return (core func $i "post"))))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))"#;

const TAIL_CALL_OF_ANOTHER: &str = r#"(component
    (core module $b
      (func $mark (export "mark"))
      (func (export "f") (result i32) (call $mark) (i32.const 3)))
    (core instance $b (instantiate $b))
    (core module $a
      (import "b" "f" (func $f (result i32)))
      (global $n (mut i32) (i32.const 0))
      (func (export "run") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (return_call $f)))
    (core instance $a (instantiate $a (with "b" (instance $b))))
    (func (export "run") (result u32) (canon lift (core func $a "run"))))"#;

/// A tail call leaves no frame, and what runs after a call has frames of its own.
#[test]
fn the_outermost_frame_is_that_of_the_export() {
    for wat in [TAIL_CALL, TAIL_CALL_OF_ANOTHER] {
        refused(wat, (&["run"], "export:mark"), "which is not the core function behind `run`");
    }
    refused(POST_RETURN, (&["run"], "export:mark#2"), "which is not the core function behind `run`");
    let output = frozen(POST_RETURN, Preinit::new(), (&["run"], "export:mark")).unwrap();
    let mut snapshot = Running::start(&output.wasm, &[]);
    snapshot.run("run");
    assert_eq!(snapshot.run("get"), "[U32(10)]");
}

/// Something that looks like the adapter, with a function that does this around the program.
fn adapter(handle: &str) -> String {
    format!(
        r#"(component
            (core module $m
              (func $mark (export "mark"))
              (func (export "_start") (call $mark)))
            (core instance $m (instantiate $m))
            (core module $adapter
              (import "m" "_start" (func $s))
              (global $internal_state_ptr (mut i32) (i32.const 0))
              (global $allocation_state (mut i32) (i32.const 0))
              (global $n (mut i32) (i32.const 0))
              (func $once (if (i32.eq (global.get $allocation_state) (i32.const 0))
                (then (global.set $allocation_state (i32.const 2)) (block (br 0)))))
              (func $allocate_stack (if (i32.eq (global.get $n) (i32.const 0)) (then (global.set $n (i32.const 2)))))
              (func $otherwise (if (i32.eq (global.get $allocation_state) (i32.const 0))
                (then (global.set $allocation_state (i32.const 2))) (else (global.set $n (i32.const 2)))))
              (func $again (if (i32.eq (global.get $allocation_state) (i32.const 0)) (then (global.set $n (i32.const 2)))))
              (func $behind (if (i32.eq (global.get $allocation_state) (i32.const 0)) (then))
                (if (i32.eq (i32.const 0) (i32.const 0)) (then (global.set $n (i32.const 2)))))
              (func $other (global.set $n (i32.const 1)))
              (func (export "run") (result i32) {handle}))
            (core instance $a (instantiate $adapter (with "m" (instance $m))))
            (func (export "run") (result u32) (canon lift (core func $a "run"))))"#
    )
}

#[test]
fn an_adapter_does_nothing_but_call() {
    let place = (&["run"][..], "export:mark");
    for harmless in ["(call $s) (i32.const 0)", "(call $once) (call $s) (i32.const 0)"] {
        frozen(&adapter(harmless), Preinit::new(), place).unwrap();
    }
    let others = [
        "(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $s) (i32.const 0)",
        "(call $other) (call $s) (i32.const 0)",
        "(call $allocate_stack) (call $s) (i32.const 0)",
        "(call $otherwise) (call $s) (i32.const 0)",
        "(call $behind) (call $s) (i32.const 0)",
        "(call $again) (call $s) (i32.const 0)",
        "(call $s) (global.get $n)",
        "(call $s) (i32.const 1)",
    ];
    for other in others {
        refused(
            &adapter(other),
            place,
            "of the adapter is in progress, and does more than to call the program",
        );
    }
}

const TWO_EXPORTS: &str = r#"(component
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func $mark (export "mark"))
      (func (export "run") (call $mark) (global.set $n (i32.add (global.get $n) (i32.const 1))))
      (func (export "other") (global.set $n (i32.const 50)))
      (func (export "get") (result i32) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run")))
    (func (export "other") (canon lift (core func $i "other")))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))"#;

#[test]
fn what_resumes_stays_an_export() {
    let again = (&["run", "run"][..], "export:mark#2");
    let output = frozen(TWO_EXPORTS, Preinit::new(), again).unwrap();
    let mut snapshot = Running::start(&output.wasm, &[]);
    snapshot.run("run");
    assert_eq!(snapshot.run("get"), "[U32(2)]");

    let once = (&["run"][..], "export:mark");
    let error = frozen(TWO_EXPORTS, Preinit::new().rename("run", "other"), once).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the program resumes in `run`, and a rename puts another export in its place; give it another name"
    );
    let renames = Preinit::new().rename("run", "other").rename("resume", "run");
    let output = frozen(TWO_EXPORTS, renames, once).unwrap();
    let mut snapshot = Running::start(&output.wasm, &[]);
    snapshot.run("resume");
    assert_eq!(snapshot.run("get"), "[U32(1)]");
}

/// What would be called after the call that is frozen runs neither in the first run nor in the one that reads its frames.
#[test]
fn later_init_functions_are_not_called() {
    let output = frozen(TWO_EXPORTS, Preinit::new(), (&["run", "other"], "export:mark")).unwrap();
    let mut snapshot = Running::start(&output.wasm, &[]);
    assert_eq!(snapshot.run("get"), "[U32(0)]");
    snapshot.run("run");
    assert_eq!(snapshot.run("get"), "[U32(1)]");
}

#[test]
fn objects_that_only_frames_hold_are_not_copied() {
    let shared = r#"(component
        (core module $a
          (type $s (struct (field (mut i32))))
          (global $o (mut (ref null $s)) (ref.null $s))
          (func (export "get") (result (ref null $s))
            (if (ref.is_null (global.get $o)) (then (global.set $o (struct.new $s (i32.const 1)))))
            (global.get $o))
          (func (export "read") (result i32) (struct.get $s 0 (global.get $o))))
        (core module $b
          (type $s (struct (field (mut i32))))
          (import "a" "get" (func $get (result (ref null $s))))
          (import "a" "read" (func $read (result i32)))
          (func $mark (export "mark"))
          (func (export "run") (result i32) (local $l (ref null $s))
            (local.set $l (call $get)) (call $mark)
            (struct.set $s 0 (local.get $l) (i32.const 7)) (call $read)))
        (core instance $a (instantiate $a))
        (core instance $b (instantiate $b (with "a" (instance $a))))
        (func (export "run") (result u32) (canon lift (core func $b "run"))))"#;
    refused(shared, (&["run"], "export:mark"), "both hold objects of the collector, which they might share");
}

#[test]
fn handles_that_only_frames_hold_are_counted() {
    let holds = r#"(component
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core func $rep (canon resource.rep $r))
        (core module $adapter
          (memory 2)
          (data (i32.const 8) "ugh!")
          (data (i32.const 65540) "ugh!")
          (global $internal_state_ptr (mut i32) (i32.const 8))
          (global $allocation_state (mut i32) (i32.const 4)))
        (core instance (instantiate $adapter))
        (core module $b
          (import "r" "new" (func $new (param i32) (result i32)))
          (import "r" "rep" (func $rep (param i32) (result i32)))
          (func $mark (export "mark"))
          (func (export "run") (result i32) (local $h i32)
            (local.set $h (call $new (i32.const 5))) (call $mark) (call $rep (local.get $h))))
        (core instance $b (instantiate $b
          (with "r" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
        (func (export "run") (result u32) (canon lift (core func $b "run"))))"#;
    refused(holds, (&["run"], "export:mark"), "1 handle is alive");
}

#[test]
fn calls_that_failed_before_are_told() {
    let fails = r#"(component
        (core module $m
          (func $mark (export "mark"))
          (func (export "a") (result i32) (i32.const 1))
          (func (export "run") (call $mark)))
        (core instance $i (instantiate $m))
        (func (export "a") (result (result)) (canon lift (core func $i "a")))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    refused(fails, (&["a", "run"], "export:mark"), "the init function `a` returned an error");
}

/// A function `run` that does this, and the import `h.f` of another core module with this parameter.
fn calls(ty: &str, run: &str) -> String {
    format!(
        r#"(component
            (core module $h (func (export "f") (param {ty}) (result i32) (i32.const 5)))
            (core instance $h (instantiate $h))
            (core module $m
              (import "h" "f" (func $f (param {ty}) (result i32)))
              (func (export "run") (result i32) {run}))
            (core instance $m (instantiate $m (with "h" (instance $h))))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))"#
    )
}

#[test]
fn tail_calls_of_an_import_count() {
    let wat = calls("i32", "(drop (call $f (i32.const 1))) (return_call $f (i32.const 2))");
    frozen(&wat, Preinit::new(), (&["run"], "h.f")).unwrap();
    refused(&wat, (&["run"], "h.f#2"), "in the middle of an instruction that is no plain call (ReturnCall)");
}

#[test]
fn a_place_that_two_modules_have_is_not_guessed() {
    let two = r#"(component
        (core module $h (func (export "f") (param i32)))
        (core module $h2 (func (export "f") (param i32 i32)))
        (core instance $h (instantiate $h)) (core instance $h2 (instantiate $h2))
        (core module $a
          (import "h" "f" (func $f (param i32)))
          (func (export "run") (call $f (i32.const 0))))
        (core module $b
          (import "h" "f" (func $f (param i32 i32)))
          (func (export "go") (call $f (i32.const 0) (i32.const 0))))
        (core instance $a (instantiate $a (with "h" (instance $h))))
        (core instance $b (instantiate $b (with "h" (instance $h2))))
        (func (export "run") (canon lift (core func $a "run"))))"#;
    refused(
        two,
        (&["run"], "h.f(0)"),
        "cannot freeze at `h.f(0)`: core module 2 (`a`), core module 3 (`b`) all have it",
    );
}

/// One of these traps by itself in a function of the number of that which ends the run.
#[test]
fn a_trap_of_another_module_is_no_place() {
    for before in 0..16 {
        let others = "(func)".repeat(before);
        let trap = format!(
            r#"(component
                (core module $big {others} (func (export "boom") unreachable))
                (core instance $big (instantiate $big))
                (core module $m
                  (import "b" "boom" (func $boom))
                  (func $mark (export "mark"))
                  (func (export "run") (call $boom) (call $mark)))
                (core instance $m (instantiate $m (with "b" (instance $big))))
                (func (export "run") (canon lift (core func $m "run"))))"#
        );
        refused(&trap, (&["run"], "export:mark"), "the program ended before it came to `export:mark`");
    }
}

/// A function of the host stands in a table, and calls back: its own frame is not to be seen.
#[test]
fn calls_of_the_host_in_between_are_seen() {
    let realloc = r#"(component
        (import "wasi:random/random@0.2.0" (instance $r
          (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $m
          (type $f (func (param i64 i32)))
          (memory (export "mem") 1)
          (table (export "t") 1 funcref)
          (func $mark (export "mark"))
          (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32) (call $mark) (i32.const 1024))
          (func (export "run") (result i32)
            (call_indirect (type $f) (i64.const 4) (i32.const 8) (i32.const 0))
            (i32.load (i32.const 12))))
        (core instance $i (instantiate $m))
        (core func $low (canon lower (func $r "get-random-bytes") (memory $i "mem") (realloc (func $i "realloc"))))
        (core module $fix
          (import "" "t" (table 1 funcref)) (import "" "f" (func $f (param i64 i32)))
          (elem (i32.const 0) func $f))
        (core instance (instantiate $fix
          (with "" (instance (export "t" (table $i "t")) (export "f" (func $low))))))
        (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;
    for at in ["export:mark", "export:realloc"] {
        let wasi = Preinit::new().wasi(WasiOptions::default());
        let error = frozen(realloc, wasi, (&["run"], at)).map(drop).unwrap_err();
        assert!(error.to_string().contains("may have been called back by the host"), "{at}: {error}");
    }
}

/// Imports that have WASI's names alone.
#[test]
fn other_types_than_those_of_wasi_are_no_place() {
    let wat = |function: &str, parameters: &str, memory: &str| {
        format!(
            r#"(component
                (core module $a (func (export "{function}") (param {parameters}) (result i32) (i32.const 0)))
                (core instance $a (instantiate $a))
                (core module $m
                  (import "wasi_snapshot_preview1" "{function}" (func $f (param {parameters}) (result i32)))
                  (memory (export "memory") {memory} 1)
                  (func (export "run")))
                (core instance $m (instantiate $m (with "wasi_snapshot_preview1" (instance $a))))
                (func (export "run") (canon lift (core func $m "run"))))"#
        )
    };
    let guest = Directory {
        guest: "/".to_string(),
        host: repository().join("test-programs/data"),
        access: Access::ReadOnly,
    };
    let message = |wat: &str, at: &str| {
        let wasi = WasiOptions { dirs: vec![guest.clone()], ..WasiOptions::default() };
        frozen(wat, Preinit::new().wasi(wasi), (&["run"], at)).map(drop).unwrap_err().to_string()
    };
    let other = "is imported with another type than WASI's";
    assert!(message(&wat("fd_read", "i64", ""), "stdin").contains(other));
    assert!(message(&wat("path_open", "i64", ""), "open:/x").contains(other));
    let right = "i32 i32 i32 i32 i32 i64 i64 i32 i32";
    assert!(message(&wat("path_open", right, "i64"), "open:/x").contains("has 64-bit addresses"));
    assert!(message(&wat("path_open", right, ""), "open:/x").contains("the program ended before it came to"));
}

/// A program with an adapter that can give descriptors other numbers is not refused for that alone.
#[test]
fn descriptors_may_not_be_renumbered() {
    let wat = |init: &str| {
        format!(
            r#"(component
                (core module $adapter
                  (global $internal_state_ptr (mut i32) (i32.const 8))
                  (global $allocation_state (mut i32) (i32.const 4))
                  (func (export "other"))
                  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 0)))
                (core instance $adapter (instantiate $adapter))
                (core module $m
                  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
                  (import "wasi_snapshot_preview1" "other" (func $other))
                  (func $mark (export "mark"))
                  (func (export "run") {init} (call $mark)))
                (core instance $m (instantiate $m (with "wasi_snapshot_preview1" (instance $adapter))))
                (func (export "run") (canon lift (core func $m "run"))))"#
        )
    };
    let place = (&["run"][..], "export:mark");
    frozen(&wat("(call $other)"), Preinit::new(), place).unwrap();
    let renumbers = wat("(drop (call $renumber (i32.const 3) (i32.const 1)))");
    refused(&renumbers, place, "init has called `fd_renumber` of core module 0 (`adapter`)");
}

/// Those of another run would have no room.
#[test]
fn no_component_waits_for_its_arguments() {
    let wat = r#"(component
        (core module $adapter
          (global $internal_state_ptr (mut i32) (i32.const 8))
          (global $allocation_state (mut i32) (i32.const 4))
          (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
          (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0)))
        (core instance $adapter (instantiate $adapter))
        (core module $m
          (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
          (func (export "run")
            (drop (call $args (i32.const 0) (i32.const 0))) (drop (call $environ (i32.const 0) (i32.const 0)))))
        (core instance $m (instantiate $m (with "wasi_snapshot_preview1" (instance $adapter))))
        (func (export "run") (canon lift (core func $m "run"))))"#;
    for (get, what) in [("args_get", "arguments"), ("environ_get", "environment variables")] {
        let place = format!("wasi_snapshot_preview1.{get}");
        refused(wat, (&["run"], &place), &format!("sizes of its {what} "));
    }
}
