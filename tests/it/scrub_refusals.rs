//! Allocators that lose something, or give away what is in use, when all free memory is taken and given back: each is refused by name.

use preinit::{Error, NotScrubbed, Options, OptionsError, Preinit, wat_to_wasm};

/// A module with this `malloc` and `free`, and `init`; the first has a local `$p`.
fn module(fields: &str, malloc: &str, free: &str, init: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        {fields}
        (memory (export "memory") 4 16)
        (func $malloc (export "malloc") (param $size i32) (result i32) (local $p i32) {malloc})
        (func $free (export "free") (param $at i32) {free})
        (func (export "preinit") (local $i i32) {init}))"#
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

fn why(result: Result<preinit::Output, Error>) -> NotScrubbed {
    match result {
        Err(Error::NotScrubbed(why)) => why,
        Err(error) => panic!("{error}"),
        Ok(output) => panic!("{:?}", output.report.scrubbed),
    }
}

fn refused(wasm: &[u8]) -> NotScrubbed {
    why(Preinit::new().scrub(true).run(wasm))
}

/// Takes the first of the list at 16; `else_` where it is empty.
fn pop(else_: &str) -> String {
    format!(
        "(local.set $p (i32.load (i32.const 16)))
        (if (i32.eqz (local.get $p)) (then {else_} (return (i32.const 0))))
        (i32.store (i32.const 16) (i32.load (local.get $p)))
        (local.get $p)"
    )
}

const PUSH: &str =
    "(i32.store (local.get $at) (i32.load (i32.const 16))) (i32.store (i32.const 16) (local.get $at))";

/// Null for what is larger.
fn at_most(size: u32) -> String {
    format!("(if (i32.gt_u (local.get $size) (i32.const {size})) (then (return (i32.const 0))))")
}

/// Letters at an address, and a block there that is freed.
fn freed(at: u32, letters: u32) -> String {
    format!(
        "(memory.fill (i32.const {at}) (i32.const 65) (i32.const {letters})) (call $free (i32.const {at}))"
    )
}

#[test]
fn memory_that_stays_cut_is_refused() {
    // Lists of powers of two that are never joined.
    let malloc = r#"
        (if (i32.gt_u (local.get $size) (i32.const 0x1000000)) (then (return (i32.const 0))))
        (local.set $size (i32.sub (i32.const 32) (i32.clz (i32.sub (local.get $size) (i32.const 1)))))
        (local.set $p (i32.load offset=32 (i32.mul (local.get $size) (i32.const 4))))
        (if (local.get $p) (then
            (i32.store offset=32 (i32.mul (local.get $size) (i32.const 4)) (i32.load (local.get $p)))
            (return (local.get $p))))
        (if (i32.eqz (i32.load (i32.const 8))) (then (i32.store (i32.const 8) (i32.const 1024))))
        (local.set $p (i32.add (i32.load (i32.const 8)) (i32.const 8)))
        (if (i32.gt_u (i32.add (local.get $p) (i32.shl (i32.const 1) (local.get $size))) (i32.const 262144))
            (then (return (i32.const 0))))
        (i32.store (i32.const 8) (i32.add (local.get $p) (i32.shl (i32.const 1) (local.get $size))))
        (i32.store (i32.sub (local.get $p) (i32.const 8)) (local.get $size))
        (local.get $p)"#;
    let free = r#"
        (i32.store (local.get $at)
            (i32.load offset=32 (i32.mul (i32.load (i32.sub (local.get $at) (i32.const 8))) (i32.const 4))))
        (i32.store offset=32 (i32.mul (i32.load (i32.sub (local.get $at) (i32.const 8))) (i32.const 4)) (local.get $at))"#;
    let why = refused(&module("", malloc, free, "(call $free (call $malloc (i32.const 30000)))"));
    assert!(matches!(why, NotScrubbed::Cut { size: 4096, .. }), "{why}");
    // Blocks of one size: whether they are as large as what was asked for cannot be told.
    for malloc in [
        format!("{} {}", at_most(4096), pop("")),
        format!(
            "(local.set $size (i32.and (local.get $size) (i32.const 0xffff))) {} {}",
            at_most(64),
            pop("")
        ),
    ] {
        let why = refused(&module("", &malloc, PUSH, &freed(65536, 100_000)));
        assert!(matches!(why, NotScrubbed::Cut { .. }), "{why}");
    }
}

#[test]
fn an_allocator_that_goes_on_without_growth_is_refused() {
    let malloc = format!(
        "{} (if (i32.eqz (i32.load (i32.const 12))) (then
            (local.set $p (memory.grow (i32.const 1)))
            (if (i32.ne (local.get $p) (i32.const -1)) (then (return (i32.mul (local.get $p) (i32.const 65536)))))
            (i32.store (i32.const 12) (i32.const 1))))
        {}",
        at_most(32),
        pop("")
    );
    assert_eq!(refused(&module("", &malloc, PUSH, &freed(65536, 32))), NotScrubbed::WithoutGrowth);
    let free = format!("(drop (memory.grow (i32.const 1))) {PUSH}");
    let malloc = format!("{} {}", at_most(32), pop(""));
    let init = "(i32.store (i32.const 16) (i32.const 65536))";
    assert_eq!(refused(&module("", &malloc, &free, init)), NotScrubbed::WithoutGrowth);
}

#[test]
fn functions_of_other_shapes_are_no_allocator() {
    let text = r#"(module (memory 1) (func (export "preinit"))
        (func (export "malloc") (param $alignment i32) (param $size i32) (result i32) i32.const 0)
        (func (export "free") (param i32 i32 i32)))"#;
    assert_eq!(refused(&wat_to_wasm(text.as_bytes()).unwrap()), NotScrubbed::NoAllocator);
}

#[test]
fn freeing_more_than_a_block_is_refused() {
    let malloc = r#"
        (local.set $p (i32.add (i32.const 1024) (i32.load (i32.const 8))))
        (if (i32.gt_u (local.get $size) (i32.sub (i32.const 262144) (local.get $p))) (then (return (i32.const 0))))
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get $size)))
        (local.get $p)"#;
    // Also where next to nothing is in use.
    for live in [100_000, 3000, 16] {
        let init =
            format!("(memory.fill (call $malloc (i32.const {live})) (i32.const 65) (i32.const {live}))");
        let why = refused(&module("", malloc, "(i32.store (i32.const 8) (i32.const 0))", &init));
        assert!(matches!(why, NotScrubbed::FreesMore { .. }), "{live}: {why}");
    }
}

#[test]
fn what_freeing_changes_elsewhere_is_refused() {
    let malloc = format!("{} {}", at_most(32), pop(""));
    let free = format!(
        "(if (i32.load (i32.const 60)) (then (memory.fill (i32.const 150000) (i32.const 0) (i32.const 5000)))) {PUSH}"
    );
    let init = format!(
        "(memory.fill (i32.const 150000) (i32.const 65) (i32.const 5000)) {} (i32.store (i32.const 60) (i32.const 1))",
        freed(100_000, 32)
    );
    assert_eq!(refused(&module("", &malloc, &free, &init)), NotScrubbed::Elsewhere(1250));
}

#[test]
fn a_quarantine_is_refused() {
    let malloc = format!("{} {}", at_most(4096), pop(""));
    let free = format!(
        "(i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.const 1)))
        (if (i32.eqz (i32.rem_u (i32.load (i32.const 20)) (i32.const 50))) (then (return))) {PUSH}"
    );
    let init = "(loop $more
        (call $free (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4096))))
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 60))))";
    let why = refused(&module("", &malloc, &free, init));
    assert!(matches!(why, NotScrubbed::Keeps { .. }), "{why}");
}

#[test]
fn variables_are_not_given_away() {
    const BASE: &str = r#"(global (export "__heap_base") i32 (i32.const 1024))"#;
    let malloc = format!("{} {}", at_most(32), pop(""));
    let init = "(i32.store (i32.const 16) (i32.const 70000))";
    let data = r#"(data (i32.const 70000) "\00\00\00\00 variables variables variables")"#;
    for fields in [data.to_string(), format!("{BASE}{data}")] {
        let why = refused(&module(&fields, &malloc, PUSH, init));
        assert!(matches!(why, NotScrubbed::InUse { what: "variables are", .. }), "{fields}: {why}");
    }
    // Nobody knows where they are.
    let passive = r#"(data "variables")"#;
    let moved = r#"(import "env" "base" (global i32)) (data (global.get 0) "variables")"#;
    for fields in [passive, moved] {
        let why = why(Preinit::new().scrub(true).stub_all(true).run(&module(fields, &malloc, PUSH, init)));
        assert!(matches!(why, NotScrubbed::Variables(_)), "{fields}: {why}");
    }
    let snapshot = |fields: &str| {
        let wasm = module(fields, &malloc, PUSH, init);
        let first = Preinit::new().keep_init_functions(true).run(&wasm).unwrap();
        Preinit::new().scrub(true).run(&first.wasm)
    };
    assert!(matches!(why(snapshot("")), NotScrubbed::Variables(_)));
    snapshot(BASE).unwrap();
}

#[test]
fn limits_hold() {
    let wasm = module("", &format!("{} {}", at_most(32), pop("")), PUSH, &freed(70000, 32));
    let scrub = || Preinit::new().scrub(true);
    let report = scrub().run(&wasm).unwrap().report.scrubbed.unwrap();
    assert_eq!((report.free, report.zeroed, report.lost), (32, 32, 0), "{report:?}");
    let why_large = why(scrub().max_memory(600_000).run(&wasm));
    assert_eq!(why_large, NotScrubbed::TooLarge { size: 262_144, room: 150_000 });
    assert_eq!(why(scrub().fuel(100).run(&wasm)), NotScrubbed::Fuel);
    let endless = module("", "(loop $l (br $l)) (unreachable)", "", "");
    let timeout = std::time::Duration::from_millis(300);
    assert_eq!(why(scrub().timeout(Some(timeout)).run(&endless)), NotScrubbed::Timeout);
}

#[test]
fn prepared_code_is_refused_with_modules_of_others() {
    let wasm = module("", &format!("{} {}", at_most(32), pop("")), PUSH, "");
    let prepared = Preinit::new().scrub(true).prepare(&wasm).unwrap();
    prepared.run(prepared.options()).unwrap();
    let mut other = prepared.options().clone();
    other
        .host
        .preloads
        .push(preinit::host::Preload { name: "env".into(), wasm: b"\0asm\x01\0\0\0".to_vec() });
    assert_eq!(why(prepared.run(&other)), NotScrubbed::Others);
}

#[test]
fn a_name_of_several_functions_is_refused() {
    let text =
        r#"(module (memory 1) (func $collect) (func $other (@name "collect")) (func (export "preinit")))"#;
    let wasm = wat_to_wasm(text.as_bytes()).unwrap();
    let options = Options { before_capture: vec!["collect".to_string()], ..Options::default() };
    let error = Preinit::from(options).run(&wasm).unwrap_err();
    assert!(matches!(error, Error::Options(OptionsError::FunctionsBeforeCapture(_))), "{error}");
}
