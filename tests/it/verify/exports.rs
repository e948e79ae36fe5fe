//! Exports that an output does not have any more.

use super::{keys, quick, wasm};
use preinit::Preinit;
use preinit::verify::{Outcome, verify};

/// What goes is the function that has run, and nothing else of its name.
#[test]
fn exports_that_are_no_functions_stay_whatever_they_are_called() {
    let items = [
        ("(global", "i32 (i32.const 7))", "global"),
        ("(global", "(mut i32) (i32.const 7))", "global"),
        ("(memory", "1)", "memory"),
        ("(table", "1 funcref)", "table"),
        ("(tag", "(param i32))", "tag"),
    ];
    for name in ["_initialize", "_start", "wizer-initialize", "wizer.initialize"] {
        for (kind, ty, word) in items {
            let module = |exported: &str, init: &str| {
                wasm(&format!(
                    r#"(module (global $n (mut i32) (i32.const 0))
                    (func {init} (global.set $n (i32.const 5))) {kind} {exported} {ty}
                    (func (export "a") (result i32) (global.get $n)))"#
                ))
            };
            let original = module(&format!(r#"(export "{name}")"#), r#"(export "preinit")"#);
            let made = Preinit::new().run(&original).unwrap().wasm;
            let text = wasmprinter::print_bytes(&made).unwrap();
            assert!(text.contains(&format!(r#"(export "{name}" ({word} "#)), "{text}");
            let verdict = verify(&original, &made, &quick()).unwrap();
            assert_eq!(verdict.outcome, Outcome::Equal, "{name}, {word}: {verdict}");
            let export = text.lines().find(|line| line.contains(&format!(r#"(export "{name}""#))).unwrap();
            let without = wasm(&text.replacen(export, "", 1));
            let verdict = verify(&original, &without, &quick()).unwrap();
            assert_eq!(keys(&verdict), [format!("export.{name}")], "{verdict}");
        }
    }
}
