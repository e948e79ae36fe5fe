//! Init functions with arguments and results.

use super::{Place, code, done, failed, stderr};

const STATUS: &str = r#"(module
    (global (export "kept") (mut i32) (i32.const 0))
    (func (export "start") (result i32) (global.set 0 (i32.const 7)) (i32.const 0))
    (func (export "fails") (result i32) (i32.const 5))
    (func (export "minus") (result i64) (i64.const -1))
    (func (export "float") (result f64) (f64.const 0.5))
    (func (export "pair") (result i32 i32) (i32.const 0) (i32.const 2)))"#;

/// Keeps the sum of what it is given, and a text or a list as it came, at 0x1000.
const ARGUMENTS: &str = r#"(module
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 4096))
    (global (export "kept") (mut i64) (i64.const 0))
    (func $malloc (export "malloc") (param i32) (result i32)
        (global.get $free) (global.set $free (i32.add (global.get $free) (local.get 0))))
    (func (export "add") (param i32 i64 f32)
        (global.set 1 (i64.add (local.get 1) (i64.add (i64.extend_i32_s (local.get 0)) (i64.trunc_f32_s (local.get 2))))))
    (func (export "eval") (param i32 i32)
        (global.set 1 (i64.or (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)) (i64.extend_i32_u (local.get 0)))))
    (func (export "puts") (param i32) (global.set 1 (i64.extend_i32_u (local.get 0))))
    (func (export "ruby-init: func(args: list<string>) -> ()") (param i32 i32)
        (global.set 1 (i64.or (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)) (i64.extend_i32_u (local.get 0))))))"#;

#[test]
fn a_status_of_zero_is_success() {
    let place = Place::new();
    place.write("in.wat", STATUS);
    assert!(place.snapshot("-f start -o out.wasm in.wat").contains("(mut i32) i32.const 7)"));
    for (line, text) in [
        (
            "-f fails",
            "the `fails` function returned 5: that is not success; --init-result 5 or --init-result any accepts it",
        ),
        ("-f minus", "the `minus` function returned -1"),
        ("-f float", "the `float` function returned 0.5: that is not success; --init-result any accepts it"),
        ("-f pair", "the `pair` function returned 0, 2"),
        ("-f start --init-result 1", "the `start` function returned 0"),
    ] {
        failed(&place.line(&format!("{line} -o out2.wasm in.wat")), 1, text);
        assert!(!place.join("out2.wasm").exists(), "{line}");
    }
    for line in [
        "-f fails --init-result 5",
        "-f minus --init-result -1",
        "-f minus --init-result=any",
        "-f pair --init-result any",
    ] {
        done(&place.line(&format!("{line} -o out2.wasm in.wat")));
    }
    done(&place.line("verify in.wat out.wasm -f start"));
    done(&place.line("audit in.wat -f start"));
    failed(&place.line("audit in.wat -f fails"), 1, "the `fails` function returned 5");
    done(&place.line("audit in.wat -f fails --init-result any"));
    done(&place.line("-f fails --init-result any --verify -o out.wasm in.wat"));
}

#[test]
fn arguments_are_constants() {
    let place = Place::new();
    place.write("in.wat", ARGUMENTS);
    let snapshot = place.snapshot("-f add(1,-2,10) -o out.wasm in.wat");
    assert!(
        snapshot.contains("(mut i64) i64.const 9)") && !snapshot.contains(r#"(export "add""#),
        "{snapshot}"
    );
    done(&place.run(["verify", "in.wat", "out.wasm", "-f", "add(1, -2, 10)"]));
    for (call, text) in [
        ("add", "the init function `add` takes (i32, i64, f32) and is given nothing"),
        ("add(1)", "takes (i32, i64, f32) and is given 1 argument"),
        ("add(1, 2.5, 3)", "cannot be given `2.5` as i64"),
        ("add(1, 2, \"x\")", "cannot be given `\"x\"` as f32"),
        ("add(1, 2", "cannot be read: a comma or a closing parenthesis is missing"),
        ("ad(1)", "there is no exported function `ad(1)`; did you mean `add`?"),
    ] {
        failed(&place.run(["-f", call, "-o", "x.wasm", "in.wat"]), 2, text);
    }
    failed(
        &place.run(["-f", "add(1,2,3)", "--at", "export:puts", "-o", "x.wasm", "in.wat"]),
        2,
        "leave out --at",
    );
}

#[test]
fn texts_and_lists_are_in_memory_that_the_module_allocates() {
    let place = Place::new();
    place.write("in.wat", ARGUMENTS);
    let kept = |address: u64, length: u64| format!("(mut i64) i64.const {})", length << 32 | address);
    for (call, address, length, said) in [
        ("eval(\"1 + 1\")", 4096, 5, "text of 5 bytes at 0x1000, allocated by `malloc`"),
        ("puts(\"1 + 1\")", 4096, 0, "text of 5 bytes at 0x1000"),
        ("eval([1, -1, 3])", 4096, 3, "list of 3 numbers at 0x1000"),
        (
            "ruby-init: func(args: list<string>) -> ()([\"ab\", \"c\"])",
            4096 + 5,
            2,
            "list of 2 texts at 0x1005",
        ),
        ("ruby-init: func(args: list<string>) -> ()(7, 0)", 7, 0, ""),
        ("eval(\"\")", 4096, 0, "text of 0 bytes"),
    ] {
        let output = place.run(["-v", "-f", call, "-o", "out.wasm", "in.wat"]);
        done(&output);
        let text = wasmprinter::print_bytes(place.read("out.wasm")).unwrap();
        assert!(text.contains(&kept(address, length)), "{call}: {text}");
        assert!(stderr(&output).contains(said), "{call}: {}", stderr(&output));
    }
    let text = place.read("out.wasm");
    assert!(!text.is_empty());
    done(&place.run([
        "-f",
        "ruby-init: func(args: list<string>) -> ()([\"ab\", \"c\"])",
        "-o",
        "out.wasm",
        "in.wat",
    ]));
    let bytes = place.read("out.wasm");
    let expected = b"ab\0c\0\x00\x10\0\0\x02\0\0\0\x03\x10\0\0\x01";
    assert!(bytes.windows(expected.len()).any(|window| window == expected));
    place.write("none.wat", r#"(module (memory 1) (func (export "eval") (param i32 i32)))"#);
    let output = place.run(["-f", "eval(\"x\")", "-o", "x.wasm", "none.wat"]);
    failed(&output, 2, "no memory can be allocated for it: it exports none of preinit_alloc, malloc");
    place.write(
        "null.wat",
        r#"(module (memory 1) (func (export "malloc") (param i32) (result i32) (i32.const 0))
        (func (export "eval") (param i32 i32)))"#,
    );
    failed(&place.run(["-f", "eval(\"x\")", "-o", "x.wasm", "null.wat"]), 2, "`malloc` returned no memory");
}

#[test]
fn the_same_snapshot_is_verified_with_a_text() {
    let place = Place::new();
    place.write("in.wat", ARGUMENTS);
    let output = place.run(["-f", "eval(\"text\")", "--verify", "-o", "out.wasm", "in.wat"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_command_is_told_how_it_can_be_frozen() {
    let place = Place::new();
    place.write("in.wat", r#"(module (func (export "_start")))"#);
    failed(&place.line("in.wat -o out.wasm"), 2, "it is a command: `--at stdin` freezes it");
}
