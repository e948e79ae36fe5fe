//! What is compared takes memory in proportion to it, however much of it differs.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, done, stderr};

/// Bytes of what differs in each case.
const SIZE: u64 = 32 * MIB;

/// Makes a byte of each ten another one: near ones would be one difference.
fn each_tenth(what: &str) -> String {
    format!(
        "(loop $l {what} (local.set $i (i32.add (local.get $i) (i32.const 10)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {SIZE}))))"
    )
}

fn store(value: &str) -> String {
    each_tenth(&format!("(i32.store8 (local.get $i) {value})"))
}

/// Compares a module whose init does this with itself, as if it were its snapshot.
fn differs(place: &Place, fields: &str, init: &str) {
    place.write("in.wat", format!(r#"(module {fields} (func (export "preinit") (local $i i32) {init}))"#));
    for options in ["", "--ignore nothing.*", "--max-differences 0"] {
        let line = format!("verify in.wat in.wat --engine cranelift --sequences 0 {options}");
        let (output, most) = measured(place, &line);
        assert_eq!(code(&output), 1, "{fields}: {}", stderr(&output));
        // Both sides, and copies of what is read.
        assert!(most < OWN + 6 * SIZE, "{fields} {options}: {} MiB", most / MIB);
    }
}

#[test]
fn differences_take_no_memory_of_their_own() {
    let place = Place::new();
    let pages = SIZE >> 16;
    differs(&place, &format!("(memory {pages})"), &store("(i32.const 1)"));
    // A slot counts as 16 bytes.
    let slots = SIZE >> 4;
    differs(
        &place,
        &format!("(table {slots} funcref) (elem declare func $f) (func $f)"),
        &format!("(table.fill (i32.const 0) (ref.func $f) (i32.const {slots}))"),
    );
    differs(
        &place,
        &format!("(type $a (array (mut i8))) (global $g (ref $a) (array.new_default $a (i32.const {SIZE})))"),
        &each_tenth("(array.set $a (global.get $g) (local.get $i) (i32.const 1))"),
    );
}

#[test]
fn nor_do_those_of_a_component() {
    let place = Place::new();
    let component = format!(
        r#"(component
            (core module $m (memory {}) (func (export "init") (param $v i32) (local $i i32) {}))
            (core instance $i (instantiate $m))
            (func (export "init") (param "v" u32) (canon lift (core func $i "init"))))"#,
        SIZE >> 16,
        store("(local.get $v)")
    );
    place.write("in.wat", component);
    done(&place.line("in.wat -o out.wasm -f init(1)"));
    for options in ["", "--ignore nothing.*"] {
        let line = format!("verify in.wat out.wasm -f init(0) --engine cranelift --sequences 0 {options}");
        let (output, most) = measured(&place, &line);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(most < OWN + 8 * SIZE, "{options}: {} MiB", most / MIB);
    }
}

/// What depends on random numbers, in as many places as there are.
#[test]
fn nor_does_what_depends_on_the_build() {
    let place = Place::new();
    let module = |fields: &str, init: &str| {
        format!(
            r#"(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (memory (export "memory") {}) {fields}
            (func (export "preinit") (local $i i32) (local $r i32)
                (drop (call $random (i32.const 0) (i32.const 4)))
                (local.set $r (i32.or (i32.load (i32.const 0)) (i32.const 1)))
                {init}))"#,
            SIZE >> 16
        )
    };
    for step in [2, 10] {
        let each =
            store("(i32.shr_u (local.tee $r (i32.mul (local.get $r) (i32.const 747796405))) (i32.const 24))");
        let each = each.replace("(i32.const 10)", &format!("(i32.const {step})"));
        place.write("in.wat", module("", &each));
        let (output, most) = measured(&place, "audit in.wat --allow-wasi");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(most < OWN + 8 * SIZE, "{step}: {} MiB", most / MIB);
    }
}

/// Many exports with many parameters each, and many numbers that are tried as addresses; and a type of few bytes that has very many
/// values.
#[test]
fn nor_do_arguments_of_calls() {
    let place = Place::new();
    let exports: String = (0..500).map(|k| format!("(export \"{k}\" (func $f))")).collect();
    let module = format!(
        r#"(module {} (func $f (param {})) {exports} (func (export "preinit")))"#,
        "(global (mut i32) (i32.const 5))".repeat(4000),
        "i32 ".repeat(100)
    );
    let level = |of: &str| format!("(tuple {})", format!("(list {of}) ").repeat(24));
    let component = format!(
        r#"(component
            (core module $m (memory (export "m") 1) (func (export "init")) (func (export "f") (param i32 i32))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
            (core instance $i (instantiate $m))
            (type $a {}) (type $b {}) (type $c {}) (type $d {})
            (func (export "init") (canon lift (core func $i "init")))
            (func (export "f") (param "v" (list $d))
                (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "realloc")))))"#,
        level("u64"),
        level("$a"),
        level("$b"),
        level("$c")
    );
    for (text, init) in [(module, "preinit"), (component, "init")] {
        place.write("in.wat", text);
        done(&place.line(&format!("in.wat -o out.wasm -f {init}")));
        let (output, most) =
            measured(&place, &format!("verify in.wat out.wasm -f {init} --engine cranelift"));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(most < OWN, "{init}: {} MiB", most / MIB);
    }
}
