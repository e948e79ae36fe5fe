//! Handles that are alive after init: how many, who holds them, and what becomes of them.

use super::running::Running;
use preinit::error::{ComponentRunError, Error};
use preinit::host::{Access, Directory, WasiOptions};
use preinit::{Output, Preinit, Warning, wat_to_wasm};
use preinit_testing::command_component::reactor;

/// A component whose init takes handles. Its only core module has `items`, and `take` is its init.
fn taking(items: &str, take: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (type $r (resource (rep i32)))
            (core func $new (canon resource.new $r))
            (core func $drop (canon resource.drop $r))
            (core func $rep (canon resource.rep $r))
            (core module $m
              (import "" "new" (func $new (param i32) (result i32)))
              (import "" "drop" (func $drop (param i32)))
              (import "" "rep" (func $rep (param i32) (result i32)))
              {items}
              (func (export "init") {take}))
            (core instance $i (instantiate $m (with "" (instance
              (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
            (func (export "preinit") (canon lift (core func $i "init"))))"#
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

fn refused(wasm: &[u8], preinit: Preinit) -> (usize, Vec<(String, String)>) {
    match preinit.run(wasm) {
        Err(Error::Component(ComponentRunError::Handles(live))) => {
            let places = live.places.iter().map(|place| (place.at.clone(), place.what.clone()));
            (live.alive, places.collect())
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is not refused"),
    }
}

fn handles(output: &Output) -> String {
    output.report.handles.unwrap().to_string()
}

/// Each form in which init can keep the number of a handle, and where it is found.
#[test]
fn what_holds_a_handle_is_found() {
    const NEW: &str = "(call $new (i32.const 7))";
    let set = |value: &str| format!("(global.set $h {value})");
    let forms = [
        ("(global $h (mut i32) (i32.const 0))", set(NEW), "global 0 ($h)", "handle 1"),
        (
            "(global $h (mut i64) (i64.const 0))",
            set(&format!("(i64.extend_i32_u {NEW})")),
            "global 0 ($h)",
            "handle 1",
        ),
        ("(memory 1)", format!("(i32.store (i32.const 64) {NEW})"), "memory 0 + 0x40", "handle 1"),
        // Not at a multiple of four, and as one byte of four.
        ("(memory 1)", format!("(i32.store (i32.const 67) {NEW})"), "memory 0 + 0x40", "handle 1"),
        ("(memory 1)", format!("(i32.store8 (i32.const 70) {NEW})"), "memory 0 + 0x44", "handle 1"),
        // With a bit beside it, as tagged values have it.
        (
            "(memory 1)",
            format!("(i32.store (i32.const 64) (i32.or (i32.shl {NEW} (i32.const 1)) (i32.const 1)))"),
            "memory 0 + 0x40",
            "handle 1",
        ),
        (
            "(memory 1)",
            format!("(i32.store (i32.const 64) (i32.mul {NEW} (i32.const 3)))"),
            "memory 0 + 0x40",
            "depends on the number of a handle",
        ),
        ("(memory i64 1)", format!("(i32.store (i64.const 64) {NEW})"), "memory 0 + 0x40", "handle 1"),
        (
            "(memory 1) (memory $b 1)",
            format!("(i32.store $b (i32.const 128) {NEW})"),
            "memory 1 + 0x80",
            "handle 1",
        ),
        (
            "(table $t 9 i31ref)",
            format!("(table.set $t (i32.const 5) (ref.i31 {NEW}))"),
            "table 0 ($t), element 5",
            "depends on the number of a handle",
        ),
        (
            "(type $o (struct (field i32))) (global $h (mut (ref null $o)) (ref.null $o))",
            set(&format!("(struct.new $o {NEW})")),
            "an object of the collector",
            "depends on the number of a handle",
        ),
        // What its own start function has taken.
        (
            "(global $h (mut i32) (i32.const 0)) (func $s (global.set $h (call $new (i32.const 1)))) (start $s)",
            String::new(),
            "global 0 ($h)",
            "handle 1",
        ),
    ];
    for (items, take, at, what) in forms {
        let found = refused(&taking(items, &take), Preinit::new());
        let at = format!("component / · core module 0 (`m`) · {at}");
        assert_eq!(found, (1, vec![(at, what.to_string())]), "{items} {take}");
    }
}

/// Also of components in components, each with a table of its own.
#[test]
fn what_holds_a_handle_is_found_in_every_component() {
    let wasm = wat_to_wasm(
        br#"(component
            (core module $shared (memory (export "m") 1))
            (component $c
              (alias outer 1 $shared (core module $shared))
              (core instance $memory (instantiate $shared))
              (type $r (resource (rep i32)))
              (core func $new (canon resource.new $r))
              (core module $m
                (import "" "new" (func $new (param i32) (result i32)))
                (import "memory" "m" (memory 1))
                (func (export "init") (i32.store offset=32 (i32.const 0) (call $new (i32.const 7)))))
              (core instance $i (instantiate $m (with "memory" (instance $memory))
                (with "" (instance (export "new" (func $new))))))
              (func (export "init") (canon lift (core func $i "init"))))
            (instance $unused (instantiate $c))
            (instance $a (instantiate $c))
            (export "preinit" (func $a "init")))"#,
    );
    let found = refused(&wasm.unwrap(), Preinit::new());
    let at = "component /1 · core module 0 (`shared`) · memory 0 + 0x20".to_string();
    assert_eq!(found, (1, vec![(at, "handle 1".to_string())]));
}

/// What nobody holds does no harm, and is mentioned all the same.
#[test]
fn handles_that_nobody_holds_are_mentioned() {
    let wasm = taking(
        "(memory 1) (func (export \"get\") (result i32) (i32.load (i32.const 0)))",
        "(drop (call $new (i32.const 1))) (drop (call $new (i32.const 2))) (i32.store (i32.const 0) (i32.const 5))",
    );
    let output = Preinit::new().run(&wasm).unwrap();
    assert_eq!(output.report.warnings, [Warning::HandlesLeft(2)]);
    assert_eq!(handles(&output), "2 alive after init and held nowhere");
    assert!(Preinit::new().strict(true).run(&wasm).unwrap_err().is_refusal());
    // Dropped ones are not alive.
    let dropped = taking("(global (mut i32) (i32.const 0))", "(call $drop (call $new (i32.const 1)))");
    let output = Preinit::new().run(&dropped).unwrap();
    assert_eq!(output.report.warnings, []);
    assert_eq!(handles(&output), "0 alive after init");
}

/// What functions have left on the stack is not held; but only where it is certain what the stack is.
#[test]
fn what_is_left_on_the_stack_is_not_held() {
    let left = "(local $at i32)
        (local.set $at (i32.sub (global.get 0) (i32.const 16)))
        (global.set 0 (local.get $at))
        (i32.store (local.get $at) (call $new (i32.const 1)))
        (global.set 0 (i32.add (local.get $at) (i32.const 16)))";
    let stack = |data: u32| {
        format!(
            r#"(memory 1) (global $__stack_pointer (mut i32) (i32.const 1024)) (data (i32.const {data}) "kept")
               (func $left {left})"#
        )
    };
    let output = Preinit::new().run(&taking(&stack(1024), "(call $left)")).unwrap();
    assert_eq!(output.report.warnings, [Warning::HandlesLeft(1)]);
    let (alive, places) = refused(&taking(&stack(16), "(call $left)"), Preinit::new());
    assert_eq!((alive, places.len()), (1, 1));
}

/// A snapshot that was asked for has what init has left, numbers of handles included.
#[test]
fn live_handles_can_be_allowed() {
    let wasm = taking(
        r#"(memory 1)
           (func (export "use") (result i32) (call $rep (i32.load (i32.const 64))))"#,
        "(i32.store (i32.const 64) (call $new (i32.const 7)))",
    );
    let output = Preinit::new().allow_live_handles(true).run(&wasm).unwrap();
    let [Warning::LiveHandles(live)] = &output.report.warnings[..] else {
        panic!("{:?}", output.report.warnings)
    };
    assert_eq!((live.alive, live.places.len()), (1, 1));
    assert_eq!(handles(&output), "1 alive after init, which instances do not have");
    assert!(Preinit::new().allow_live_handles(true).strict(true).run(&wasm).unwrap_err().is_refusal());
    // Without one there is nothing to allow.
    let none = taking("(global (mut i32) (i32.const 0))", "");
    assert_eq!(Preinit::new().allow_live_handles(true).run(&none).unwrap().report.warnings, []);
}

/// Calls in progress can hold what nothing else does.
#[test]
fn calls_in_progress_can_hold_handles() {
    let wasm = taking("(func $stop (param i32))", "(call $stop (call $new (i32.const 7)))");
    let stopped = || Preinit::new().at("call:stop".parse().unwrap()).init_function("preinit");
    let (alive, places) = refused(&wasm, stopped());
    let at = "component / · core module 0 (`m`) · argument 0 of function 3 ($stop)".to_string();
    assert_eq!((alive, places), (1, vec![(at, "handle 1".to_string())]));
    // In a local, and below the operands of the call; also by what is computed from the number.
    for (call, at, what) in [
        ("(local $h i32) (local.set $h (call $new (i32.const 7))) (call $stop (i32.const 0)) (call $drop (local.get $h))", "local 0", "handle 1"),
        ("(call $new (i32.const 7)) (call $stop (i32.const 0)) (call $drop)", "operand 0", "handle 1"),
        (
            "(local $h i64) (local.set $h (i64.mul (i64.extend_i32_u (call $new (i32.const 7))) (i64.const 3)))
             (call $stop (i32.const 0)) (drop (local.get $h))",
            "local 0",
            "depends on the number of a handle",
        ),
    ] {
        let wasm = taking("(func $stop (param i32))", call);
        let (alive, places) = refused(&wasm, stopped());
        let at = format!("component / · core module 0 (`m`) · frame 0, function 4, {at}");
        assert_eq!((alive, places), (1, vec![(at, what.to_string())]), "{call}");
    }
    // Nobody holds it, and the calls in progress do not either.
    let left = taking(
        "(global $done (mut i32) (i32.const 0)) (func $stop (param i32))",
        "(drop (call $new (i32.const 7))) (call $stop (i32.const 5)) (global.set $done (i32.const 1))",
    );
    let output = stopped().run(&left).unwrap();
    assert!(output.report.warnings.contains(&Warning::HandlesLeft(1)), "{:?}", output.report.warnings);
    let held = taking(
        "(global $h (mut i32) (i32.const 0)) (func $stop)",
        "(global.set $h (call $new (i32.const 7))) (call $stop)",
    );
    let (alive, places) = refused(&held, stopped());
    assert_eq!((alive, places.len()), (1, 1));
    let output = stopped().allow_live_handles(true).run(&held).unwrap();
    assert!(matches!(&output.report.warnings[..], [Warning::LiveHandles(_)]), "{:?}", output.report.warnings);
}

/// Init that goes another way if handles have other numbers is refused with that reason.
#[test]
fn init_that_looks_at_numbers_is_refused() {
    let wasm = taking(
        "(global $h (mut i32) (i32.const 0))",
        "(global.set $h (call $new (i32.const 7))) (if (i32.gt_u (global.get $h) (i32.const 50)) (then unreachable))",
    );
    let error = Preinit::new().run(&wasm).unwrap_err().to_string();
    assert!(error.contains("where is not known, because init with other numbers"), "{error}");
}

/// Threads have numbers of their own, which do not move with the others. So it is not said that nobody holds one.
#[cfg(feature = "component-calls")]
#[test]
fn a_thread_that_has_not_ended_is_refused() {
    let wasm = wat_to_wasm(
        br#"(component
          (core module $t (table (export "t") 1 funcref))
          (core instance $t (instantiate $t))
          (core type $start (func (param i32)))
          (alias core export $t "t" (core table $table))
          (core func $new (canon thread.new-indirect $start (core table $table)))
          (core module $m
            (import "" "new" (func $new (param i32 i32) (result i32)))
            (import "" "t" (table 1 funcref))
            (func $f (param i32))
            (elem (i32.const 0) func $f)
            (global $h (mut i32) (i32.const 0))
            (func (export "init") (global.set $h (call $new (i32.const 0) (i32.const 0)))))
          (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "t" (table $table))))))
          (func (export "preinit") async (canon lift (core func $i "init"))))"#,
    );
    let wasm = wasm.unwrap();
    let error = Preinit::new().run(&wasm).map(drop).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(error.to_string().contains("a thread that has not ended can be among them"), "{error}");
    let output = Preinit::new().allow_live_handles(true).run(&wasm).unwrap();
    assert!(matches!(&output.report.warnings[..], [Warning::LiveHandles(_)]), "{:?}", output.report.warnings);
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
          (drop (call $print))
          (drop (call $put (i32.const 5)))))"#;
    let wasm = reactor(
        &wat_to_wasm(text.as_bytes()).unwrap(),
        "package test:putting;
         world putting { import put: func(x: s32) -> s32; export preinit: func(); export print: func() -> s32; }",
    );
    let place = tempfile::tempdir().unwrap();
    for directories in 0..3 {
        let dirs = (0..directories).map(|number| Directory {
            guest: format!("/{number}"),
            host: place.path().to_path_buf(),
            access: Access::ReadOnly,
        });
        let wasi = WasiOptions { dirs: dirs.collect(), ..WasiOptions::default() };
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
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
        (memory (export "memory") 1)
        (global $__stack_pointer (mut i32) (i32.const 4096))
        (global $internal_state_ptr (mut i32) (i32.const 0))
        (global $allocation_state (mut i32) (i32.const 0))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)))
        (func (export "preinit")
          (drop (call $write (i32.const 1) (i32.const 100) (i32.const 0) (i32.const 108)))
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
    // Without directories there are more handles than an adapter has. With some there are not.
    for directories in 0..3 {
        let dirs = (0..directories).map(|number| Directory {
            guest: format!("/{number}"),
            host: place.path().to_path_buf(),
            access: Access::ReadOnly,
        });
        let wasi = WasiOptions { dirs: dirs.collect(), ..WasiOptions::default() };
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

#[cfg(feature = "audit")]
#[test]
fn the_audit_says_where_handles_are_held() {
    let wasm = taking("(memory 1)", "(i32.store (i32.const 64) (call $new (i32.const 7)))");
    let audit = preinit::audit::audit(&wasm, &preinit::Options::default()).unwrap();
    let finding = audit.findings.iter().find(|finding| finding.key == "handle.component").unwrap();
    assert_eq!(finding.locations[0].at, "component / · core module 0 (`m`) · memory 0 + 0x40");
    let left = taking("(memory 1)", "(drop (call $new (i32.const 7)))");
    let audit = preinit::audit::audit(&left, &preinit::Options::default()).unwrap();
    assert!(audit.findings.iter().any(|finding| finding.key == "handle.left"), "{:?}", audit.findings);
}
