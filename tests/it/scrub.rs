//! Free memory that the guest's own allocator zeroes: with a first-fit allocator in a few variants, and with real programs.

use preinit::{Error, NotScrubbed, Options, OptionsError, Output, Preinit, wat_to_wasm};
use preinit_testing::guest::{Guest, World, compile, memory};
use wasmtime::Engine;

/// Where the heap begins.
const HEAP: usize = 1024;

/// A first-fit allocator over the rest of memory: before each block stand its size and whether it is free. `$out` is what it does where
/// nothing is left. The program fills 100 blocks, frees every other one, and remembers the first. Address 16 counts failures.
fn program(out: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (memory (export "memory") 4 16)
        (global $first (mut i32) (i32.const 0))
        (global $collected (mut i32) (i32.const 0))
        (func $size (param $at i32) (result i32) (i32.load (local.get $at)))
        (func $end (result i32) (i32.mul (memory.size) (i32.const 65536)))
        (func $malloc (export "malloc") (param $wanted i32) (result i32)
            (local $at i32) (local $next i32) (local $rest i32)
            (local.set $wanted (i32.and (i32.add (local.get $wanted) (i32.const 15)) (i32.const -8)))
            (local.set $at (i32.const {HEAP}))
            (if (i32.eqz (i32.load (i32.const {HEAP})))
                (then
                    (i32.store (i32.const {HEAP}) (i32.sub (call $end) (i32.const {HEAP})))
                    (i32.store offset=4 (i32.const {HEAP}) (i32.const 1))))
            (loop $search
                (if (i32.load offset=4 (local.get $at))
                    (then
                        (block $joined (loop $join
                            (local.set $next (i32.add (local.get $at) (call $size (local.get $at))))
                            (br_if $joined (i32.ge_u (local.get $next) (call $end)))
                            (br_if $joined (i32.eqz (i32.load offset=4 (local.get $next))))
                            (i32.store (local.get $at)
                                (i32.add (call $size (local.get $at)) (call $size (local.get $next))))
                            (br $join)))
                        (if (i32.ge_u (call $size (local.get $at)) (local.get $wanted))
                            (then
                                (local.set $rest (i32.sub (call $size (local.get $at)) (local.get $wanted)))
                                (if (i32.ge_u (local.get $rest) (i32.const 16))
                                    (then
                                        (local.set $next (i32.add (local.get $at) (local.get $wanted)))
                                        (i32.store (local.get $next) (local.get $rest))
                                        (i32.store offset=4 (local.get $next) (i32.const 1))
                                        (i32.store (local.get $at) (local.get $wanted))))
                                (i32.store offset=4 (local.get $at) (i32.const 0))
                                (return (i32.add (local.get $at) (i32.const 8)))))))
                (local.set $at (i32.add (local.get $at) (call $size (local.get $at))))
                (br_if $search (i32.lt_u (local.get $at) (call $end))))
            (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
            {out})
        (func $free (export "free") (param $block i32)
            (i32.store (i32.sub (local.get $block) (i32.const 4)) (i32.const 1)))
        (func (export "preinit") (local $i i32) (local $j i32) (local $block i32) (local $seed i32)
            (loop $fill
                (local.set $block (call $malloc (i32.const 2000)))
                (if (i32.eqz (local.get $i)) (then (global.set $first (local.get $block))))
                (local.set $j (i32.const 0))
                (loop $letter
                    (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1103515245)) (i32.const 12345)))
                    (i32.store8 (i32.add (local.get $block) (local.get $j))
                        (i32.add (i32.const 65) (i32.rem_u (i32.shr_u (local.get $seed) (i32.const 16)) (i32.const 26))))
                    (local.set $j (i32.add (local.get $j) (i32.const 1)))
                    (br_if $letter (i32.lt_u (local.get $j) (i32.const 2000))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $fill (i32.lt_u (local.get $i) (i32.const 100))))
            (local.set $i (i32.const 1))
            (loop $free
                (call $free (i32.add (global.get $first) (i32.mul (local.get $i) (i32.const 2008))))
                (local.set $i (i32.add (local.get $i) (i32.const 2)))
                (br_if $free (i32.lt_u (local.get $i) (i32.const 100)))))
        (func (export "first") (result i32) (i32.load (global.get $first)))
        (func (export "nothing"))
        (func (export "failures") (result i32) (i32.load (i32.const 16)))
        (func (export "collect") (result i32)
            (global.set $collected (i32.add (global.get $collected) (i32.const 1)))
            (i32.const 7))
        (func (export "collected") (result i32) (global.get $collected))
        {more})"#
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

/// Asks for more memory, and returns null without it.
const NULL: &str = "(drop (memory.grow (i32.const 1))) (i32.const 0)";

fn scrubbed(wasm: &[u8]) -> Output {
    Preinit::new().scrub(true).run(wasm).unwrap()
}

fn refused(wasm: &[u8]) -> NotScrubbed {
    match Preinit::new().scrub(true).run(wasm).unwrap_err() {
        Error::NotScrubbed(why) => why,
        error => panic!("{error}"),
    }
}

#[test]
fn what_is_free_is_zero_and_what_is_used_is_not() {
    // One that returns null and one that ends the program, which leaves no more of it than the other.
    for out in [NULL, "unreachable"] {
        let wasm = program(out, "");
        let plain = Preinit::new().run(&wasm).unwrap();
        let output = scrubbed(&wasm);
        let (before, after) = (memory(&plain.wasm), memory(&output.wasm));
        let letters = |memory: &[u8]| memory.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        assert!(letters(&before) >= 100 * 1990 && letters(&after) <= 50 * 2000 + 1000, "{}", letters(&after));
        assert!(letters(&after) >= 50 * 2000, "what is used is as it was");
        assert_eq!(before.len(), after.len(), "memory has not grown");
        let report = output.report.scrubbed.unwrap();
        assert_eq!(report.allocator, "malloc");
        assert!(report.zeroed > 140_000 && report.bytes_after < report.bytes_before / 2 + 8192, "{report:?}");
        assert!(report.deflated_after < report.deflated_before, "{report:?}");
        assert!(output.wasm.len() < plain.wasm.len() / 2 + 8192);
        let mut guest = Guest::start(&compile(&Engine::default(), &output.wasm), &World::default(), &[]);
        let mut original = Guest::start(&compile(&Engine::default(), &plain.wasm), &World::default(), &[]);
        assert_eq!(guest.value("first", &[]), original.value("first", &[]));
        // Nothing is left of the attempts that failed.
        assert_eq!(guest.value("failures", &[]), 0);
        assert_ne!(guest.value("malloc", &[50_000]), 0, "all of it is there again");
    }
}

#[test]
fn the_snapshot_of_a_snapshot_is_scrubbed_and_gains_nothing() {
    let heap_base = format!(r#"(global (export "__heap_base") i32 (i32.const {HEAP}))"#);
    let first = Preinit::new().scrub(true).keep_init_functions(true).run(&program(NULL, &heap_base)).unwrap();
    let again = Preinit::new().scrub(true).init_function("nothing").run(&first.wasm).unwrap();
    let report = again.report.scrubbed.unwrap();
    assert_eq!((report.zeroed, report.bytes_before), (0, report.bytes_after), "{report:?}");
    let plain = Preinit::new().init_function("nothing").run(&first.wasm).unwrap();
    assert!(again.wasm == plain.wasm, "where nothing is gained nothing is changed");
}

#[test]
fn functions_are_called_before_the_state_is_read() {
    let wasm = program(NULL, "");
    let output = Preinit::new().before_capture("collect").before_capture("collect").run(&wasm).unwrap();
    let mut guest = Guest::start(&compile(&Engine::default(), &output.wasm), &World::default(), &[]);
    assert_eq!(guest.value("collected", &[]), 2);
    assert_eq!(guest.value("collect", &[]), 7, "they are exported still");
    for missing in ["collects", "free"] {
        let error = Preinit::new().before_capture(missing).run(&wasm).unwrap_err();
        assert!(matches!(error, Error::Options(OptionsError::NoFunctionBeforeCapture(_))), "{error}");
    }
    let options = Options { scrub: true, at: Some("stdin".parse().unwrap()), ..Options::default() };
    let error = Preinit::from(options).run(&wasm).unwrap_err();
    assert!(matches!(error, Error::Options(OptionsError::CallsIntoFrozen)), "{error}");
}

/// A module whose `malloc` and `free` have these bodies; both have a local `$l`, and there is a global `$g`.
fn other(malloc: &str, free: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "env" "log" (func $log))
        (memory (export "memory") 2)
        (table 1 4 funcref)
        (global $g (mut i32) (i32.const 65536))
        (data (i32.const 70000) "variables")
        (func (export "malloc") (param $size i32) (result i32) (local $l i32) {malloc})
        (func (export "free") (param $at i32) (local $l i32) {free})
        (func (export "preinit") (memory.fill (i32.const 1000) (i32.const 1) (i32.const 60000))))"#
    );
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

/// One block of 40 bytes at most at `$at`, and null while it is away: the byte at 8 says so.
fn single(at: &str) -> String {
    format!(
        "(if (i32.or (i32.load8_u (i32.const 8)) (i32.gt_u (local.get $size) (i32.const 40))) (then (return (i32.const 0))))
        (i32.store8 (i32.const 8) (i32.const 1)) {at}"
    )
}

#[test]
fn what_is_no_allocator_is_refused() {
    let release = "(i32.store8 (i32.const 8) (i32.const 0))";
    assert!(scrubbed(&other(&single("(i32.const 2000)"), release)).report.scrubbed.is_some());
    let bump = "(if (i32.gt_u (local.get $size) (i32.sub (i32.const 65000) (i32.load (i32.const 4)))) (then (return (i32.const 0))))
        (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (local.get $size)))
        (i32.add (i32.const 16) (i32.sub (i32.load (i32.const 4)) (local.get $size)))";
    let cases: [(Vec<u8>, &str); 9] = [
        (other(bump, ""), "Keeps"),
        (other(&single("(i32.const 69984)"), release), "variables are"),
        (other(&single("(i32.const 131060)"), release), "no block can be"),
        (other(&single("(i32.const 2001)"), release), "no block can be"),
        (other(&single("(i32.const 2000)"), "unreachable"), "Free"),
        (other(&single("(i32.const 2000)"), "(call $log)"), "Free"),
        (
            other(
                &single(
                    "(drop (table.grow (ref.null func) (i32.const 0))) (table.set (i32.const 0) (ref.func 2)) (i32.const 2000)",
                ),
                release,
            ),
            "a table",
        ),
        (
            other(
                &single("(i32.const 2000)"),
                "(i32.store8 (i32.const 8) (i32.const 0)) (global.set $g (i32.const 3))",
            ),
            "a global",
        ),
        (
            other(
                "(if (i32.gt_u (i32.load8_u (i32.const 8)) (i32.const 1)) (then (return (i32.const 0))))
                (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))
                (i32.add (i32.const 2000) (i32.mul (i32.const 4) (i32.load8_u (i32.const 8))))",
                "(i32.store8 (i32.const 8) (i32.sub (i32.load8_u (i32.const 8)) (i32.const 1)))",
            ),
            "another block is",
        ),
    ];
    for (wasm, reason) in cases {
        let why = refused_with_stubs(&wasm);
        assert!(format!("{why:?} {why}").contains(reason), "{reason}: {why:?}");
    }
}

fn refused_with_stubs(wasm: &[u8]) -> NotScrubbed {
    match Preinit::new().stub_all(true).scrub(true).run(wasm) {
        Err(Error::NotScrubbed(why)) => why,
        Err(error) => panic!("{error}"),
        Ok(output) => panic!("{:?}", output.report.scrubbed),
    }
}

#[test]
fn what_changes_more_each_time_is_refused() {
    // Writes a diary of its calls.
    let diary = "(i32.store (i32.const 12) (i32.add (i32.load (i32.const 12)) (i32.const 4)))
        (i32.store (i32.add (i32.const 66000) (i32.rem_u (i32.load (i32.const 12)) (i32.const 3000))) (i32.load (i32.const 12)))";
    let release = "(i32.store8 (i32.const 8) (i32.const 0))";
    let malloc = format!("{diary} {}", single("(i32.const 2000)"));
    let free = format!("{}{release}", diary.repeat(20));
    assert!(matches!(refused_with_stubs(&other(&malloc, &free)), NotScrubbed::Restless(_)));
}

#[test]
fn modules_without_a_memory_of_their_own_are_refused() {
    let with = |memory: &str| {
        let text = format!(
            r#"(module {memory} (func (export "malloc") (param i32) (result i32) local.get 0) (func (export "free") (param i32))
                (func (export "preinit")))"#
        );
        wat_to_wasm(text.as_bytes()).unwrap().into_owned()
    };
    assert_eq!(refused(&with("")), NotScrubbed::NoMemory);
    assert_eq!(refused(&with("(memory 1 2 shared)")), NotScrubbed::Shared);
    let provider = wat_to_wasm(br#"(module (memory (export "memory") 1))"#).unwrap().into_owned();
    let wasm = with(r#"(import "env" "memory" (memory 1))"#);
    let error = Preinit::new().preload("env", &*provider).scrub(true).run(&wasm).unwrap_err();
    assert!(matches!(error, Error::NotScrubbed(NotScrubbed::Others)), "{error}");
}
