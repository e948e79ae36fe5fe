//! Handles that are alive after init: how many, who holds them, and what becomes of them.

use preinit::error::{ComponentRunError, Error};
use preinit::{Output, Preinit, Warning, wat_to_wasm};

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

pub(super) fn refused(wasm: &[u8], preinit: Preinit) -> (usize, Vec<(String, String)>) {
    match preinit.run(wasm) {
        Err(Error::Component(ComponentRunError::Handles(live))) => {
            let places = live.places.iter().map(|place| (place.at.clone(), place.what.clone()));
            (live.alive, places.collect())
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is not refused"),
    }
}

pub(super) fn handles(output: &Output) -> String {
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
