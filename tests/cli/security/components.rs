//! What components can hold in each other.

use crate::{Place, code, done, failed, stderr, stdout};
use wasm_encoder::Encode;

/// A component whose section of types has these contents.
fn with_types(types: &[u8]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    types.encode(&mut bytes);
    bytes
}

/// Types of components, and of instances, in each other, or a component in a component: the engine and the validator read each by a call
/// of its own.
#[test]
fn nothing_is_nested_too_deep() {
    let place = Place::new();
    let types = |kind: u8| with_types(&[&[1][..], &[kind, 1, 1].repeat(200_000), &[kind, 0]].concat());
    let mut component = with_types(&[0]);
    for _ in 0..200 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        component.encode(&mut outer);
        component = outer;
    }
    for wasm in [types(0x41), types(0x42), component] {
        place.write("in.wasm", wasm);
        for line in [
            "in.wasm -o out.wasm",
            "in.wasm -o out.wasm --stub a",
            "inspect in.wasm",
            "audit in.wasm --untrusted",
            "verify in.wasm in.wasm",
        ] {
            failed(&place.line(line), 2, "are nested more than 100 deep");
        }
    }
}

/// A type of a few bytes can stand for a text of exponential length.
#[cfg(target_os = "linux")]
#[test]
fn the_text_of_a_signature_is_short() {
    use super::memory::{MIB, OWN, measured};
    let place = Place::new();
    let types: String = (1..15).map(|k| format!("(type $u{k} (tuple $u{} $u{0}))", k - 1)).collect();
    place.write(
        "in.wat",
        format!(
            r#"(component
            (core module $m (func (export "init") (param i32)) (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (type $named (record (field "a{}" u8))) (export $u0 "named" (type $named)) {types}
            (func $f (param "value" $u14) (canon lift (core func $i "init")
                (memory $i "memory") (realloc (func $i "realloc"))))
            (export "init" (func $f)))"#,
            "x".repeat(20_000)
        ),
    );
    for line in ["in.wat -f init -o out.wasm", "audit in.wat -f init", "in.wat -f init(1) -o out.wasm"] {
        let (output, most) = measured(&place, line);
        let message = stderr(&output);
        assert!(message.contains("takes (value: "), "{line}: {message}");
        assert!(message.len() < 5000, "{line}: {} bytes", message.len());
        assert!(most < OWN, "{line}: {} MiB", most / MIB);
    }
}

/// Each value has the names of its type for itself.
#[cfg(target_os = "linux")]
#[test]
fn names_of_a_type_are_not_written_for_each_of_its_values() {
    use super::memory::{MIB, OWN, measured};
    let place = Place::new();
    let name = "n".repeat(90_000);
    place.write(
        "in.wat",
        format!(
            r#"(component
            (core module $m (memory (export "memory") 2)
                (func (export "preinit")) (func (export "take") (param i32))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (type $enum (enum "{name}")) (export $named "named" (type $enum))
            (type $many (tuple {many}))
            (func (export "preinit") (canon lift (core func $i "preinit")))
            (func $take (param "many" $many) (canon lift (core func $i "take")
                (memory $i "memory") (realloc (func $i "realloc"))))
            (export "take" (func $take)))"#,
            many = "$named ".repeat(10_000),
        ),
    );
    done(&place.line("in.wat -o out.wasm"));
    let (output, most) = measured(&place, "verify in.wat out.wasm");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("not called: take: "), "{}", stdout(&output));
    assert!(most < 2 * OWN, "{} MiB", most / MIB);
}

/// An exported instance has one name, and its functions are named by that and their own.
#[cfg(target_os = "linux")]
#[test]
fn the_name_of_an_instance_is_not_written_for_each_of_its_functions() {
    use super::memory::{MIB, OWN, measured};
    let place = Place::new();
    let functions: String = (0..10_000).map(|k| format!(r#"(export "init-{k}" (func $f))"#)).collect();
    place.write(
        "in.wat",
        format!(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (instance $all {functions})
            (export "{}" (instance $all)))"#,
            "n".repeat(90_000)
        ),
    );
    let (output, most) = measured(&place, "inspect in.wat");
    assert_eq!(stdout(&output).matches("\ninit ").count(), 100, "{}", stdout(&output));
    assert!(most < OWN, "{} MiB", most / MIB);
}

/// What it is says the header.
#[test]
fn what_is_wrong_with_a_component_is_said_of_a_component() {
    let place = Place::new();
    place.write("in.wasm", b"\0asm\x0d\0\x01\0\x03\x01\x09");
    place.write("version.wasm", b"\0asm\x0e\0\x01\0");
    for name in ["in.wasm", "version.wasm"] {
        for line in [
            "inspect NAME",
            "list NAME",
            "extract NAME files",
            "audit NAME",
            "verify NAME NAME",
            "NAME -o out.wasm",
            "NAME -o out.wasm --embed /a::in.wasm",
        ] {
            let line = line.replace("NAME", name);
            failed(&place.line(&line), 2, "not a valid WebAssembly component: ");
        }
        for line in [
            "probe NAME -o out.wasm --state-schema schema.json",
            "encode NAME --state state.json -o out.wasm",
        ] {
            let message = stderr(&place.line(&line.replace("NAME", name)));
            assert!(
                message.contains("component") && !message.contains("not a valid WebAssembly module"),
                "{message}"
            );
        }
    }
}
