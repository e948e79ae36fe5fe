//! What is said, and where.

use super::{Place, code, done, failed, stderr, stdout};

#[test]
fn a_trap_names_the_function_and_the_way_there() {
    let place = Place::new();
    let output = place.line("-f bad -o out.wasm in.wasm");
    failed(&output, 1, "the `bad` function trapped");
    let message = stderr(&output);
    assert!(message.lines().any(|line| line.contains("deepest")), "{message}");
    assert!(message.lines().any(|line| line.ends_with("1: bad")), "{message}");
}

#[test]
fn a_forbidden_import_is_named() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(module (import "env" "log" (func $log (param i32)))
            (func (export "init") (call $log (i32.const 1))))"#,
    );
    failed(&place.line("-f init -o out.wasm in.wat"), 1, "`env.log`");
}

#[test]
fn the_summary_goes_to_standard_error() {
    let place = Place::new();
    // Nobody is watching.
    assert_eq!(stderr(&place.line("-f init in.wasm")), "");
    let output = place.line("-v -f init in.wasm");
    let message = stderr(&output);
    for part in
        ["snapshot  standard output\n", "size ", "memory ", "globals   1 changed\n", "in `init`\n", "total "]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains(['\r', '\x1b']), "{message}");
    let verbose = stderr(&place.line("-v -f init -o out.wasm in.wasm"));
    for part in ["snapshot  out.wasm\n", "compiler ", "stages    parse "] {
        assert!(verbose.contains(part), "{part}: {verbose}");
    }
}

#[test]
fn warnings_are_printed_unless_told_twice() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(module (import "wasi_snapshot_preview1" "random_get" (func $f (param i32 i32) (result i32)))
            (memory (export "memory") 1) (func (export "init") (drop (call $f (i32.const 0) (i32.const 8)))))"#,
    );
    let warning = "warning: init read 8 random bytes, which every instance of the snapshot will share\n";
    for (line, expected) in [("", warning), ("-q", warning), ("-qq", ""), ("-q -q", "")] {
        let output = place.line(&format!("{line} --allow-wasi -f init -o out.wasm in.wat"));
        done(&output);
        assert_eq!(stderr(&output), expected, "{line}");
    }
}

#[test]
fn quiet_is_quiet() {
    let place = Place::new();
    let output = place.line("-qq --dir . -f init -o out.wasm in.wasm");
    done(&output);
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
    failed(&place.line("-q -f bad -o out.wasm in.wasm"), 1, "the `bad` function trapped");
}

#[test]
fn options_without_effect_are_named() {
    let place = Place::new();
    let message = stderr(&place.line("--dir . --env A=1 --inherit-stdio -f init -o out.wasm in.wasm"));
    assert!(message.starts_with("warning: without --allow-wasi, no effect: --env, --dir\n"), "{message}");
    let message = stderr(&place.line("--allow-wasi --env PREINIT_TEST_UNSET -f init -o out.wasm in.wasm"));
    assert!(
        message.starts_with("warning: environment variable `PREINIT_TEST_UNSET` is not set"),
        "{message}"
    );
}

#[test]
fn a_source_map_that_is_off_is_told() {
    let place = Place::new();
    let module = |global: &str| {
        format!(
            r#"(module (@custom "sourceMappingURL" "\08in.map")
                (global $g (mut i32) (i32.const {global}))
                (func (export "init") (global.set $g (i32.const 1000))) (func (export "g") (result i32) global.get $g))"#
        )
    };
    place.write("in.wat", module("0"));
    let message = stderr(&place.line("-f init -o out.wasm in.wat"));
    assert!(
        message.contains("warning: the source map is off: code moved by -6 bytes in the file\n"),
        "{message}"
    );
    place.write("in.wat", module("1"));
    let message = stderr(&place.line("--keep-init-func -f init -o out.wasm in.wat"));
    assert!(
        message.contains("warning: the source map is off: code moved by +1 bytes in the file\n"),
        "{message}"
    );
    place.write("in.wat", module("1000"));
    let message = stderr(&place.line("--keep-init-func -f init -o out.wasm in.wat"));
    assert!(!message.contains("source map"), "{message}");
}

#[test]
fn the_report_is_json() {
    let place = Place::new();
    let output = place.line("-f init in.wasm -o out.wasm --report -");
    done(&output);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["init_functions"], serde_json::json!(["init"]));
    assert_eq!(report["globals_changed"], 1);
    assert_eq!(report["output_bytes"], place.read("out.wasm").len());
    done(&place.line("-f init in.wasm -o out.wasm --report report.json"));
    let file: serde_json::Value = serde_json::from_slice(&place.read("report.json")).unwrap();
    assert_eq!(file["memories"], report["memories"]);
}

#[test]
fn completions_and_man_page_know_the_options() {
    let place = Place::new();
    for line in [
        "man",
        "completions bash",
        "completions zsh",
        "completions fish",
        "completions powershell",
        "completions elvish",
    ] {
        let output = place.line(line);
        done(&output);
        // The man page writes a hyphen as `\-`, fish leaves them out.
        assert!(stdout(&output).replace('\\', "").contains("keep-init-func"), "{line}");
    }
}

/// What the audit would find without running init again.
#[test]
fn a_run_says_what_is_frozen_of_the_host() {
    let place = Place::new();
    place.write("caches.wasm", preinit_testing::test_program("c/host_caches.wasm"));
    let line = "caches.wasm -f looks_for_both --allow-wasi -o out.wasm";
    let output = place.line(line);
    done(&output);
    let message = stderr(&output);
    for part in [
        "danger: libc has cached that there are no preopened directories: every file access of an instance fails\n",
        "warning: libc has cached an empty environment: getenv finds nothing in an instance, whatever its host sets\n",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    failed(&place.line(&format!("{line} --strict")), 1, "refused, since warnings are errors");
    let output = place.line(&format!("{line} --strict --reset-libc"));
    done(&output);
    assert!(!stderr(&output).contains("cached"), "{}", stderr(&output));
}

/// A clock that an instance's would go back from.
#[test]
fn a_run_says_where_the_clock_stood() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 24) "\00\ca\9a\3b")
            (func (export "init")
                (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
                (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 136)))))"#,
    );
    let line = "in.wat -f init --allow-wasi -o out.wasm";
    let output = place.line(line);
    done(&output);
    let warning = "init has read the monotonic clock at 1.000 s, moved by sleeps";
    assert!(stderr(&output).contains(warning), "{}", stderr(&output));
    failed(&place.line(&format!("{line} --strict")), 1, "refused, since warnings are errors");
    let output = place.line(&format!("{line} -v --strict --rebase-clock"));
    done(&output);
    let clock = "clock     an instance's monotonic clock goes on from 1.00 s\n";
    assert!(stderr(&output).contains(clock), "{}", stderr(&output));
}

/// Two preloaded modules on one shared memory and an access out of its bounds: the engine takes that for a fault of its own. Where the
/// module itself imports such a memory, code checks bounds.
#[test]
fn a_fault_of_the_engine_is_an_error_of_one_line() {
    let place = Place::new();
    place.write("memory.wat", "(module (memory (export \"memory\") 1 2 shared))");
    let load = "(func (export \"load\") (drop (i32.load (i32.const 0x200000))))";
    place.write("user.wat", format!("(module (import \"env\" \"memory\" (memory 1 2 shared)) {load})"));
    let init = "(func (export \"preinit\") (call $load))";
    place.write("in.wat", format!("(module (import \"user\" \"load\" (func $load)) {init})"));
    place.write("out.wasm", "before");
    let line = "in.wat -o out.wasm --preload env=memory.wat --preload user=user.wat";
    let output = place.command(line.split_whitespace()).env_remove("RUST_BACKTRACE").output().unwrap();
    let message = stderr(&output);
    assert_eq!(code(&output), 2, "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    assert_eq!(place.read("out.wasm"), b"before");
}
