//! More differences than anybody reads: all are counted, and the first are listed.

use super::{keys, quick, verdict};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Pattern, VerifyOptions};

/// An original, and what is said to be its snapshot.
struct Case {
    original: String,
    snapshot: String,
    /// The key of what differs first, and how many such differences there are.
    first: &'static str,
    count: u64,
}

/// The module itself, whose init has not run, as its snapshot.
fn not_run(fields: &str, init: &str, (first, count): (&'static str, u64)) -> Case {
    let module = format!(r#"(module {fields} (func (export "preinit") (local $i i32) {init}))"#);
    Case { original: module.clone(), snapshot: module, first, count }
}

/// Does something for each tenth number below `end`.
fn each_tenth(end: u32, what: &str) -> String {
    format!(
        "(loop $l {what} (local.set $i (i32.add (local.get $i) (i32.const 10)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {end}))))"
    )
}

fn cases() -> Vec<Case> {
    let store = each_tenth(65536, "(i32.store8 (local.get $i) (i32.const 1))");
    let set = each_tenth(30000, "(array.set $a (global.get $g) (local.get $i) (i32.const 1))");
    let array = "(type $a (array (mut i8))) (global $g (ref $a) (array.new_default $a (i32.const 30000)))";
    let globals: String = (0..500).map(|k| format!("(global.set {k} (i32.const 1))")).collect();
    let drops: String = (0..300).map(|k| format!("(data.drop {k})")).collect();
    let functions = |params: &str| {
        format!(r#"(module (func (export "preinit")) {})"#, format!("(func {params})").repeat(400))
    };
    let table = "(table 5000 funcref) (elem declare func $f) (func $f)";
    vec![
        not_run("(memory 1)", &store, ("memory.0.0x0", 6554)),
        not_run(table, "(table.fill (i32.const 0) (ref.func $f) (i32.const 5000))", ("table.0.0", 5000)),
        not_run(array, &set, ("object.0.0x0", 3000)),
        not_run(&"(global (mut i32) (i32.const 0))".repeat(500), &globals, ("global.0", 500)),
        not_run(&"(data \"x\")".repeat(300), &drops, ("data.0.dropped", 300)),
        Case {
            original: functions(""),
            snapshot: functions("(param i32)"),
            first: "function.1.type",
            count: 400,
        },
    ]
}

fn options(max_differences: usize, ignore: &[&str]) -> VerifyOptions {
    let ignore = ["type.*", "import.*"].iter().chain(ignore).copied().map(Pattern::new).collect();
    VerifyOptions { max_differences, ignore, engines: vec![Compiler::Cranelift], ..quick() }
}

#[test]
fn all_are_counted_and_the_first_are_listed() {
    for Case { original, snapshot, first, count } in cases() {
        let verdict = |options: &VerifyOptions| verdict(&original, &snapshot, options);
        for most in [0, 1, 7] {
            let verdict = verdict(&options(most, &[]));
            assert_eq!(verdict.outcome, Outcome::Different, "{first}: {verdict}");
            assert_eq!((verdict.differences_found, verdict.differences.len()), (count, most), "{verdict}");
            assert_eq!(keys(&verdict).first().copied(), (most > 0).then_some(first));
        }
        let all = verdict(&options(usize::MAX, &[]));
        assert_eq!((all.differences_found, all.differences.len() as u64), (count, count), "{first}");
        // What is ignored takes no place of what is listed.
        let rest = verdict(&options(1, &[first]));
        assert_eq!(
            (rest.differences_found, rest.differences_ignored),
            (count - 1, 1 + all.differences_ignored)
        );
        assert_eq!(keys(&rest), [&*all.differences[1].key]);
        let kind = format!("{}.*", first.split('.').next().unwrap());
        let none = verdict(&options(1, &[&kind]));
        assert_eq!((none.differences_found, none.differences.len()), (0, 0), "{none}");
        assert!(none.differences_ignored >= count, "{none}");
    }
}

#[test]
fn so_are_those_that_a_call_makes() {
    let module = |body: &str| {
        format!(
            r#"(module (memory 1) (func (export "preinit")) (func (export "work") (local $i i32) {body}))"#
        )
    };
    let snapshot = module(&each_tenth(65536, "(i32.store8 (local.get $i) (i32.const 1))"));
    let options = options(3, &["function.*", "memory.0.0x0"]);
    let verdict = verdict(&module(""), &snapshot, &options);
    assert_eq!(verdict.differences_found, 6553, "{verdict}");
    assert_eq!(keys(&verdict), ["step.0.memory.0.0xa", "step.0.memory.0.0x14", "step.0.memory.0.0x1e"]);
    assert!(verdict.script.is_some());
}
