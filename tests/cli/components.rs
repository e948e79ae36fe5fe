//! Components on the command line.

use super::{Place, done, failed, stderr};

const COMPONENT: &str = r#"(component
    (core module $m (global $g (mut i32) (i32.const 1)) (func (export "init") (global.set $g (i32.const 2))))
    (core instance $i (instantiate $m))
    (func (export "wizer-initialize") (canon lift (core func $i "init"))))"#;

#[test]
fn a_component_is_recognized_by_itself() {
    let place = Place::new();
    place.write("in.wat", COMPONENT);
    let output = place.line("-v in.wat -o out.wasm");
    done(&output);
    let message = stderr(&output);
    assert!(message.contains("core      core module 0 (`m`): "), "{message}");
    failed(&place.line("out.wasm -o again.wasm"), 2, "name one with --init-func");
}

#[test]
fn options_that_components_do_not_have_are_named() {
    let place = Place::new();
    place.write("in.wat", COMPONENT);
    for (options, words) in [
        ("--ledger calls.jsonl", "--ledger is not there for components yet"),
        ("--report page.html", "a page of HTML is not there for components yet"),
        ("--verify", "--verify is not there for components yet"),
        ("--strip-init", "no support for stripping in components"),
        ("--at stdin", "no support for freezing in the middle of a call in components"),
    ] {
        failed(&place.line(&format!("in.wat -o out.wasm {options}")), 2, words);
    }
    for command in ["verify in.wat in.wat", "audit in.wat"] {
        failed(&place.line(command), 2, "the input is a component, and this works on core modules only");
    }
}

#[test]
fn warnings_of_components_can_be_refused() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(component
            (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
            (alias export $random "get-random-u64" (func $f))
            (core func $f (canon lower (func $f)))
            (core module $m
              (import "" "f" (func $f (result i64)))
              (global $g (mut i64) (i64.const 0))
              (func (export "init") (global.set $g (call $f))))
            (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
            (func (export "preinit") (canon lift (core func $i "init"))))"#,
    );
    failed(&place.line("in.wat -o out.wasm"), 1, "use --allow-wasi");
    let output = place.line("in.wat -o out.wasm --allow-wasi");
    done(&output);
    assert!(stderr(&output).contains("init read 8 random bytes"), "{}", stderr(&output));
    failed(&place.line("in.wat -o out.wasm --allow-wasi --strict"), 1, "init read 8 random bytes");
    failed(&place.line("in.wat -o out.wasm --allow-wasi --random deny"), 1, "init asked for random bytes");
}
