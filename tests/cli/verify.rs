//! `preinit verify` and `--verify`.

use super::{Place, code, done, failed, stderr, stdout};

const COUNTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $count (mut i32) (i32.const 0))
    (func (export "init") (global.set $count (i32.const 40)))
    (func (export "add") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0)))
        (global.get $count)))"#;

fn place() -> Place {
    let place = Place::new();
    place.write("counter.wat", COUNTER);
    done(&place.line("counter.wat -o counter.wasm -f init"));
    place
}

#[test]
fn an_equal_snapshot() {
    let place = place();
    let output = place.line("verify counter.wat counter.wasm -f init");
    done(&output);
    assert!(stdout(&output).starts_with("equal: "), "{}", stdout(&output));
    assert!(stdout(&output).contains("called: add"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_different_snapshot() {
    let place = place();
    let text = wasmprinter::print_bytes(place.read("counter.wasm")).unwrap();
    place.write("wrong.wat", text.replacen("i32.const 40", "i32.const 41", 1));
    let output = place.line("verify counter.wat wrong.wat -f init --report verdict.json");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("global.0: i32 40 in the original, i32 41 in the snapshot"));
    let verdict: serde_json::Value = serde_json::from_slice(&place.read("verdict.json")).unwrap();
    assert_eq!(verdict["differences"][0]["key"], "global.0");

    let output =
        place.line("verify counter.wat wrong.wat -f init --ignore global.* --call add(2) --sequences 0");
    assert_eq!(code(&output), 1, "what it returns is not ignored");
    assert!(stdout(&output).contains("step.0.result: i32 42"), "{}", stdout(&output));
    assert!(stdout(&output).contains("\n  add(2)\n"), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("put them into a file and give it to `preinit verify --script`\n"));
}

/// A misspelt key leaves nothing out, and one that is needed no more hides what comes later.
#[test]
fn what_ignores_nothing_is_said() {
    let place = place();
    let text = wasmprinter::print_bytes(place.read("counter.wasm")).unwrap();
    place.write("wrong.wat", text.replacen("i32.const 40", "i32.const 41", 1));
    let nothing = |key: &str| format!("nothing to ignore: no difference has a key like `{key}`\n");
    for (snapshot, keys, vain) in [
        ("counter.wasm", "--ignore global.0 --ignore memory.*", &["global.0", "memory.*"][..]),
        ("wrong.wat", "--ignore globals.0 --ignore global.*", &["globals.0"]),
        ("wrong.wat", "--ignore globals.*", &["globals.*"]),
        ("wrong.wat", "--ignore *.0 --ignore global.*", &[]),
    ] {
        let line =
            format!("verify counter.wat {snapshot} -f init --sequences 0 {keys} --report verdict.json");
        let output = place.line(&line);
        let said = stdout(&output);
        assert_eq!(said.matches("nothing to ignore").count(), vain.len(), "{keys}: {said}");
        vain.iter().for_each(|key| assert!(said.contains(&nothing(key)), "{keys}: {said}"));
        let verdict: serde_json::Value = serde_json::from_slice(&place.read("verdict.json")).unwrap();
        let listed = verdict["ignore_unmatched"].as_array().map_or(0, Vec::len);
        assert_eq!(listed, vain.len(), "{keys}: {verdict}");
    }
}

#[test]
fn calls_and_scripts() {
    let place = place();
    place.write("script.txt", "# on one instance\nadd(1) => 41\nadd(-1) => 40\n");
    let line = "verify counter.wat counter.wasm -f init --sequences 0 --engine winch";
    done(&place.line(&format!("{line} --call add(2)=>42 --call add(0)=>42 --script script.txt")));
    let output = place.line(&format!("{line} --call add(2)=>43"));
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("step.0.expected: i32 42 (43 was expected)"), "{}", stdout(&output));
    let output = place.line(&format!("{line} --call add()"));
    assert_eq!(code(&output), 2);
    assert!(stdout(&output).contains("it takes 1 argument, not 0"), "{}", stdout(&output));
    failed(&place.line(&format!("{line} --call add")), 2, "cannot read --call");
}

#[test]
fn what_cannot_be_verified() {
    let place = place();
    failed(&place.line("verify counter.wat counter.wasm"), 2, "init function");
    failed(&place.line("verify counter.wat nothing.wasm -f init"), 2, "nothing.wasm");
    failed(&place.line("verify in.wasm counter.wasm -f bad"), 2, "the original's init");
}

#[test]
fn a_snapshot_is_written_if_it_verifies() {
    let place = place();
    done(&place.line("counter.wat -o out.wasm -f init --verify"));
    assert_eq!(place.read("out.wasm"), place.read("counter.wasm"));
}

/// The provider's own state is not in the snapshot, so an init that changes it leaves something else than the snapshot
/// has.
#[test]
fn a_snapshot_is_not_written_if_it_does_not() {
    let place = place();
    place.write(
        "provider.wat",
        r#"(module
            (global $count (mut i32) (i32.const 0))
            (func (export "next") (result i32)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (global.get $count)))"#,
    );
    place.write(
        "user.wat",
        r#"(module
            (import "env" "next" (func $next (result i32)))
            (func (export "init") (drop (call $next)))
            (func (export "get") (result i32) (call $next)))"#,
    );
    let line = "user.wat -o user.wasm -f init --preload env=provider.wat";
    failed_verification(&place.line(&format!("{line} --verify")));
    assert!(!place.files().contains(&"user.wasm".to_owned()));
    done(&place.line(line));
    let output = place.line("verify user.wat user.wasm -f init --preload env=provider.wat");
    assert_eq!(code(&output), 1);
    // Where that is ignored, calls show it.
    let output =
        place.line("verify user.wat user.wasm -f init --preload env=provider.wat --ignore preload.*");
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("step.0.result: i32 2 in the original, i32 1"), "{}", stdout(&output));
}

fn failed_verification(output: &std::process::Output) {
    let message = stderr(output);
    assert_eq!(code(output), 1, "{message}");
    assert!(
        message.contains("preload.env.global.0: i32 1 in the original, i32 0 in the snapshot"),
        "{message}"
    );
    assert!(message.ends_with("error: the snapshot was not written: it is not the module after init\n"));
}

/// How far a program that never ends comes is no difference.
#[test]
fn a_frozen_program_that_never_ends_cannot_be_told_of() {
    let place = Place::new();
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (loop $forever
            (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))
            (br $forever))))"#;
    place.write("in.wat", wat);
    let output = place.line("in.wat -o out.wasm --allow-wasi --at stdin --verify --timeout 1s");
    let message = stderr(&output);
    assert_eq!(code(&output), 2, "{message}");
    assert!(message.contains("out of time in the original"), "{message}");
    assert!(!message.contains("different:"), "{message}");
    assert_eq!(place.files(), ["in.wasm", "in.wat"]);
}
