//! The state after init, compared part by part.

use super::{COUNTER, assert_equal, keys, quick, wasm};
use preinit::Preinit;
use preinit::verify::{Outcome, Pattern, VerifyOptions, verify};
use preinit_testing::test_program as program;

#[test]
fn a_snapshot_is_equal_and_the_coverage_says_why() {
    let verdict = assert_equal(Preinit::new(), &wasm(COUNTER), &quick());
    let coverage = &verdict.coverage;
    let engines: Vec<&str> = coverage.engines.iter().map(|engine| &*engine.name).collect();
    assert_eq!(engines, ["cranelift", "winch", "pulley", "wasmi"]);
    assert!(coverage.engines.iter().all(|engine| engine.calls > 6 && engine.returned > 0), "{verdict}");
    assert_eq!(coverage.state.memory_bytes, 65536);
    assert_eq!(coverage.state.globals, 2);
    assert_eq!(coverage.state.table_slots, 4);
    assert_eq!(coverage.state.segments, 2);
    assert_eq!(coverage.function_bodies, 3);
    assert_eq!(coverage.exports_called.len(), 2);
    assert_eq!(coverage.functions_entered, 2, "all but init");
    assert_eq!(verdict.differences_found, 0);
}

#[test]
fn the_test_programs_are_equal() {
    for path in ["c/primes.wasm", "wat/state.wat", "assemblyscript/guest.wasm"] {
        assert_equal(Preinit::new(), &program(path), &quick());
    }
    let original = program("rust/guest.wasm");
    assert_equal(Preinit::new().allow_wasi(true), &original, &quick());
    let original = program("cpp/constructors.wasm");
    assert_equal(Preinit::new().allow_wasi(true), &original, &quick());
}

#[test]
fn differences_in_the_state_have_exact_keys() {
    let original = wasm(COUNTER);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let text = wasmprinter::print_bytes(&snapshot).unwrap();
    let cases = [
        ("f64.const 0x1p-1 (;=0.5;)", "f64.const -0x1p-1", vec!["global.1"]),
        (r#"\04\03\02\01"#, r#"\04\ff\02\00"#, vec!["memory.0.0xea61"]),
        ("(export \"step\" (func $step))", "", vec!["export.step"]),
        ("(memory (;0;) 1)", "(memory (;0;) 2)", vec!["memory.0.size"]),
        ("(table $t (;0;) 4 funcref)", "(table $t (;0;) 5 funcref)", vec!["table.0.size"]),
        ("(elem (;0;) (i32.const 2)", "(elem (;0;) (i32.const 1)", vec!["table.0.1", "table.0.2"]),
        ("(data $text (;0;) \"passive\")", "(data $text (;0;) \"\")", vec!["data.0.dropped"]),
        ("(data $text (;0;) \"passive\")", "(data $text (;0;) \"pazzive\")", vec!["data.0.bytes"]),
        (
            "(data (;1;) (i32.const 16) \"dropped\")",
            "(data (;1;) \"dropped\")",
            vec!["memory.0.0x10", "data.1.dropped"],
        ),
        ("i32.const 64\n    i32.load", "i32.const 60\n    i32.load", vec!["function.0.body"]),
    ];
    for (right, wrong, expected) in cases {
        assert!(text.contains(right), "{right}\n{text}");
        let verdict = verify(&original, &wasm(&text.replacen(right, wrong, 1)), &quick()).unwrap();
        assert_eq!(verdict.outcome, Outcome::Different);
        assert!(keys(&verdict).starts_with(&expected), "{right}: {verdict}");
        assert_eq!(verdict.script, None);
    }
}

#[test]
fn what_is_ignored_does_not_count() {
    let original = wasm(COUNTER);
    let snapshot = Preinit::new().run(&original).unwrap().wasm;
    let text = wasmprinter::print_bytes(&snapshot).unwrap();
    let wrong = wasm(&text.replacen("f64.const 0x1p-1 (;=0.5;)", "f64.const -0x1p-1", 1));
    let ignore = vec![Pattern::new("global.*")];
    let verdict = verify(&original, &wrong, &VerifyOptions { ignore, ..quick() }).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    assert!(verdict.differences_ignored >= 1);
    assert!(verdict.coverage.engines[0].calls > 1, "an ignored difference does not end the game");
}

#[test]
fn what_is_no_module_is_a_difference() {
    let verdict = verify(&wasm(COUNTER), b"\0asm\x01\0\0\0\x01", &quick()).unwrap();
    assert_eq!(keys(&verdict), ["snapshot"]);
}
