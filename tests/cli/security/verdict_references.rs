//! The verifier vouches for a reference only where it knows what is behind it on both sides.

use crate::{Place, code, stderr, stdout};

/// Two functions that only the preloaded module has a name for, in a table and in a variable.
const TWO_FUNCTIONS: &str = r#"(module
    (func $a (result i32) (i32.const 1)) (func $b (result i32) (i32.const 2))
    (table (export "t") 4 funcref) (elem (i32.const 0) func $a $b)
    (global (export "gm") (mut funcref) (ref.func $a)) (global (export "gb") funcref (ref.func $b)))"#;

/// What is declared, what init does, and how the answer ends: with the exit code, and a place that it names.
const BEHIND_REFERENCES: [(&str, &str, i32, &str); 4] = [
    (
        r#"(import "p" "t" (table $t 4 funcref))"#,
        "(local funcref) (local.set 0 (table.get $t (i32.const 0)))
         (table.set $t (i32.const 0) (table.get $t (i32.const 1))) (table.set $t (i32.const 1) (local.get 0))",
        1,
        "table.0.0",
    ),
    (
        r#"(import "p" "gm" (global $gm (mut funcref))) (import "p" "gb" (global $gb funcref))"#,
        "(global.set $gm (global.get $gb))",
        1,
        "global.0",
    ),
    (
        "(type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f) (table $t 3 (ref null $c))",
        "(table.set $t (i32.const 1) (cont.new $c (ref.func $f)))",
        2,
        "table.0.0",
    ),
    (
        "(type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f) (global $g (mut (ref null $c)) (ref.null $c))",
        "(global.set $g (cont.new $c (ref.func $f)))",
        2,
        "global.0",
    ),
];

/// A snapshot for which init never ran is not equal because its references look the same.
#[test]
fn what_is_behind_a_reference_is_compared_or_not_vouched_for() {
    let place = Place::new();
    place.write("p.wat", TWO_FUNCTIONS);
    for (declared, init, exit, named) in BEHIND_REFERENCES {
        let module = |export: &str| format!("(module {declared} (func {export} {init}))");
        place.write("original.wat", module(r#"(export "preinit")"#));
        place.write("snapshot.wat", module(""));
        let preload = if declared.contains("import") { "--preload p=p.wat" } else { "" };
        let output = place.line(&format!("verify original.wat snapshot.wat --time 100ms {preload}"));
        let text = stdout(&output);
        assert_eq!(code(&output), exit, "{init}: {text}{}", stderr(&output));
        assert!(text.contains(named), "{init}: {text}");
    }
}

/// The same in a component.
#[test]
fn nor_in_a_component_is_a_continuation_vouched_for() {
    let place = Place::new();
    let component = |init: &str| {
        format!(
            r#"(component
            (core module $m
                (type $f (func)) (type $c (cont $f)) (func $f) (elem declare func $f) (table $t 3 (ref null $c))
                (global $n (mut i32) (i32.const 0))
                (func (export "init") {init})
                (func (export "n") (result i32) (global.get $n)))
            (core instance $i (instantiate $m))
            (func (export "init") (canon lift (core func $i "init")))
            (func (export "n") (result u32) (canon lift (core func $i "n"))))"#
        )
    };
    place.write("original.wat", component("(table.set $t (i32.const 1) (cont.new $c (ref.func $f)))"));
    place.write("snapshot.wat", component("(table.set $t (i32.const 1) (cont.new $c (ref.func $f)))"));
    let output = place.line("verify original.wat snapshot.wat -f init --time 100ms");
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    assert!(
        stderr(&output).contains("the original: core module 0 (`m`): the state holds"),
        "{}",
        stderr(&output)
    );
    // Nor is it written.
    let output = place.line("original.wat -o out.wasm -f init");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("suspended continuation"), "{}", stderr(&output));
}

/// Imports that were one: what declares them, and what init does with the second of them, or not.
const ONE: [(&str, &str, &str, &str); 3] = [
    (
        r#"(import "p" "g" (global $g (mut i32))) (import "p" "h" (global $h (mut i32)))"#,
        "(global.set $h (i32.const 4))",
        "(drop (global.get $h))",
        "the imports `p.g` and `p.h` were one global",
    ),
    (
        r#"(import "p" "t1" (tag $t1 (param i32))) (import "p" "t2" (tag $t2 (param i32)))
           (global $e (mut exnref) (ref.null exn))"#,
        "(block $h (result i32 exnref) (try_table (catch_ref $t2 $h) (throw $t2 (i32.const 7))) (unreachable))
         (global.set $e) (drop)",
        "",
        "the imports `p.t1` and `p.t2` were one tag",
    ),
    (
        r#"(type $s (struct (field i32))) (import "p" "a" (global $a (ref $s))) (import "p" "b" (global $b (ref $s)))
           (table $t 1 (ref null $s))"#,
        "(table.set $t (i32.const 0) (global.get $b))",
        "(drop (global.get $b))",
        "the imports `p.a` and `p.b` held one object",
    ),
];

#[test]
fn imports_that_were_one_are_named() {
    let place = Place::new();
    let numbers = r#"(module
        (global $g (mut i32) (i32.const 0)) (export "g" (global $g)) (export "h" (global $g)))"#;
    let tags = r#"(module (tag $t (param i32)) (export "t1" (tag $t)) (export "t2" (tag $t)))"#;
    // A preloaded module has the proposals that the module uses.
    let objects = r#"(module (type $s (struct (field i32)))
        (global $a (export "a") (ref $s) (struct.new $s (i32.const 1)))
        (global (export "b") (ref $s) (global.get $a)))"#;
    for (declared, init, other, words) in ONE {
        let provider = match declared {
            _ if declared.contains("struct") => objects,
            _ if declared.contains("tag") => tags,
            _ => numbers,
        };
        place.write("p.wat", provider);
        for (init, is_named) in [(init, true), (other, false)] {
            place.write("in.wat", format!(r#"(module {declared} (func (export "preinit") {init}))"#));
            let output = place.line("in.wat -o out.wasm --preload p=p.wat --verify");
            let text = stderr(&output);
            assert_eq!(code(&output), 0, "{init}: {text}");
            assert_eq!(text.contains(words), is_named, "{init}: {text}");
            let output = place.line("verify in.wat out.wasm --preload p=p.wat --time 100ms");
            let text = stdout(&output);
            assert_eq!(code(&output), 0, "{init}: {text}");
            assert!(text.contains("imports are one where init got two"), "{init}: {text}");
            let output = place.line("in.wat -o strict.wasm --preload p=p.wat --strict");
            if is_named {
                assert_ne!(code(&output), 0, "{init}: {}", stderr(&output));
            }
        }
    }
}
