//! Shapes of command lines, among them Wizer's.

use super::{MODULE, Place, code, done, failed, stderr};

#[test]
fn every_shape_makes_the_same_snapshot() {
    let place = Place::new();
    done(&place.line("-f init -o expected.wasm in.wasm"));
    let expected = place.read("expected.wasm");
    for line in [
        "in.wasm -o out.wasm --init-func init",
        "-f init -o=out.wasm in.wasm",
        "-finit -oout.wasm in.wasm",
        "--init-func=init -o out.wasm -- in.wasm",
        "-f init -o out.wasm in.wat",
        "--allow-wasi -f init -o out.wasm in.wasm",
        "--allow-wasi -f init --inherit-stdio true --inherit-env true -o out.wasm in.wasm",
        "--allow-wasi --inherit-stdio false -f init in.wasm -o out.wasm",
        "--inherit-stdio in.wasm -f init -o out.wasm",
        "--inherit-env=true --inherit-stdio=true --dir . --mapdir /x::. -f init -o out.wasm in.wasm",
        "--wasm-bulk-memory=false -f init in.wasm -o out.wasm",
        "--wasm-bulk-memory true in.wasm --wasm-simd -f init -o out.wasm",
        "--wasm-multi-memory --wasm-multi-value=true --wasm-reference-types false --wasm-relaxed-simd in.wasm \
         --relaxed-simd-deterministic=true -f init -o out.wasm",
        "--keep-init-func=false -f init -o out.wasm in.wasm",
        "--keep-init-func false -f init -o out.wasm in.wasm",
        "--internalize --opt false -f init -o out.wasm in.wasm",
        "-f init -o out.wasm in.wasm --timeout none --max-memory 1GiB -v",
        "-f init -o out.wasm in.wasm --timeout 1h --stub-all -q",
    ] {
        let output = place.line(line);
        assert_eq!(code(&output), 0, "{line}: {}", stderr(&output));
        assert_eq!(place.read("out.wasm"), expected, "{line}");
        std::fs::remove_file(place.join("out.wasm")).unwrap();
    }
}

#[test]
fn standard_streams() {
    let place = Place::new();
    done(&place.line("-f init -o expected.wasm in.wasm"));
    let expected = place.read("expected.wasm");
    for line in ["-f init", "-f init -", "-f init -o -", "-f init - -o=-", "--keep-init-func false -f init"] {
        for input in ["in.wasm", "in.wat"] {
            let output = place.line_with_stdin(line, &place.read(input));
            done(&output);
            assert_eq!(output.stdout, expected, "{line} < {input}");
        }
    }
    let output = place.line("-f init in.wasm");
    done(&output);
    assert_eq!(output.stdout, expected);
}

#[test]
fn optimized_code_does_the_same() {
    let place = Place::new();
    let expected = place.snapshot("-f init -o out.wasm in.wasm");
    assert_eq!(place.snapshot("-f init -o out.wasm in.wasm --opt"), expected);
}

#[test]
fn a_switch_keeps_the_init_function() {
    let place = Place::new();
    assert!(!place.snapshot("-f init -o out.wasm in.wasm").contains(r#"(export "init""#));
    for switch in ["--keep-init-func", "--keep-init-func=true", "--keep-init-func true"] {
        let snapshot = place.snapshot(&format!("-f init {switch} in.wasm -o out.wasm"));
        assert!(snapshot.contains(r#"(export "init""#), "{switch}");
    }
}

#[test]
fn init_functions_run_in_order() {
    let place = Place::new();
    for (line, value) in [
        ("-o out.wasm in.wasm", 8),
        ("-f init -o out.wasm in.wasm", 7),
        ("-f wizer-initialize -f init -o out.wasm in.wasm", 7),
        ("-f init --init-func wizer-initialize -o out.wasm in.wasm", 8),
    ] {
        assert!(place.snapshot(line).contains(&format!("(mut i32) i32.const {value})")), "{line}");
    }
}

#[test]
fn renames() {
    let place = Place::new();
    for option in
        ["-r bad=spin", "--rename-func bad=spin", "--func-rename=bad=spin", "--rename-func=bad=spin"]
    {
        let snapshot = place.snapshot(&format!("-f init {option} -o out.wasm in.wasm"));
        assert!(snapshot.contains(r#"(export "bad" (func 4))"#), "{option}: {snapshot}");
        assert!(!snapshot.contains(r#"(export "spin""#), "{option}");
    }
}

#[test]
fn an_input_may_be_named_like_a_command() {
    let place = Place::new();
    place.write("man", MODULE);
    for line in
        ["-f init -o out.wasm man", "./man -f init -o out.wasm", "-f init --opt true -o out.wasm -- man"]
    {
        place.snapshot(line);
    }
}

#[test]
fn input_that_cannot_be_used() {
    let place = Place::new();
    place.write("empty", b"");
    place.write("garbage", b"garbage \xff");
    place.write("text.wat", "(module (func $x (");
    place.write("short.wasm", b"\0asm\x01\0");
    for (line, message) in [
        ("-o out.wasm missing.wasm", "cannot read `missing.wasm`"),
        ("-o out.wasm .", "cannot read `.`: it is a directory"),
        ("-o out.wasm empty", "`empty` is empty"),
        ("-o out.wasm garbage", "`garbage` is not a WebAssembly module, neither binary nor text"),
        ("-o out.wasm text.wat", "text.wat:1:19"),
        ("-o out.wasm short.wasm", "not a valid WebAssembly module"),
        ("-o out.wasm -f nothing in.wasm", "`nothing`"),
        ("-o out.wasm -f init --preload env=missing.wat in.wasm", "cannot read `missing.wat`"),
    ] {
        failed(&place.line(line), 2, message);
        assert!(!place.join("out.wasm").exists(), "{line}");
    }
}
