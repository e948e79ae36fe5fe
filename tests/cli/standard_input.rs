//! What init reads from standard input, and whether somebody has given it on purpose.

use super::{Place, code, done, failed, stderr};

/// Keeps its whole input, as a script engine keeps a script; `go` goes on after that.
const ENGINE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\01\00\00\00\04\00\00")
    (func $mark (export "mark"))
    (func $take (export "preinit") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))
    (func (export "go") (call $take) (call $mark)))"#;

const SCRIPT: &[u8] = b"print('the text of a whole script, which is the program of init')\n";

fn place() -> Place {
    let place = Place::new();
    place.write("engine.wat", ENGINE);
    place.write("script.js", SCRIPT);
    place
}

#[test]
fn a_script_that_is_given_on_purpose_may_stay() {
    let place = place();
    for line in
        ["--stdin script.js", "--stdin script.js --inherit-stdio=false", "--untrusted --stdin script.js"]
    {
        let output = place
            .line(&format!("engine.wat -o out.wasm --allow-wasi --strict {line} -v --report report.json"));
        done(&output);
        let report = String::from_utf8(place.read("report.json")).unwrap();
        for text in [stderr(&output), report] {
            assert!(
                text.contains("what init read from standard input (65 bytes) is in the output"),
                "{text}"
            );
            assert!(text.contains("note"), "{text}");
        }
        assert!(place.read("out.wasm").windows(20).any(|part| part == &SCRIPT[..20]));
    }
    let piped = "engine.wat -o out.wasm --allow-wasi --strict";
    done(&place.line_with_stdin(&format!("{piped} --inherit-stdio"), SCRIPT));
    // The same text, and nobody has said that it is for init.
    failed(&place.line_with_stdin(piped, SCRIPT), 1, "what init read from standard input");
    failed(
        &place.line_with_stdin(&format!("{piped} --untrusted"), SCRIPT),
        1,
        "what init read from standard input",
    );
    let output = place.line_with_stdin("engine.wat -o out.wasm --allow-wasi", SCRIPT);
    assert!(stderr(&output).contains("warning: what init read from standard input"), "{}", stderr(&output));
    // Without WASI there is none.
    failed(&place.line("in.wasm -f init -o out.wasm --strict --stdin script.js"), 1, "no effect: --stdin");
    failed(&place.line("engine.wat -o out.wasm --allow-wasi --stdin missing.js"), 2, "missing.js");
}

#[test]
fn so_may_that_of_a_program_that_is_frozen() {
    let place = place();
    let at = "engine.wat -o out.wasm --allow-wasi --strict -f go --at export:mark";
    done(&place.line(&format!("{at} --stdin script.js")));
    failed(&place.line_with_stdin(at, SCRIPT), 1, "the program has read 66 bytes of standard input");
    let output = place.line(&format!("{at} --stdin script.js -v"));
    assert!(stderr(&output).contains("66 bytes of standard input"), "{}", stderr(&output));
    // The verifier and the audit give init the same input.
    done(&place.line("verify engine.wat out.wasm --allow-wasi -f go --at export:mark --stdin script.js"));
    let other = place.line("verify engine.wat out.wasm --allow-wasi -f go --at export:mark");
    assert_eq!(code(&other), 1, "{}", stderr(&other));
    done(&place.line("audit engine.wat --allow-wasi --stdin script.js"));
}

#[test]
fn so_may_those_of_a_batch() {
    let place = place();
    std::fs::create_dir(place.join("scripts")).unwrap();
    place.write("scripts/a.js", SCRIPT);
    done(&place.line("batch --each scripts --into out engine.wat -- --allow-wasi --strict"));
    assert!(!place.read("out/a.js.wasm").is_empty());
}
