//! The code that an audit runs: that of plain runs, and its time limit.

use super::host::guest;
use super::{Place, done, stderr, stdout};

/// Optimized code does not look at the time; then another audit is made in code that does, whose first run touches nothing.
#[test]
fn a_further_run_that_does_not_end_is_a_finding_in_optimized_code_too() {
    let place = Place::new();
    let loops = guest(
        r#""environ_get" (func $f (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32))"#,
        r#"(drop (call $f (i32.const 400) (i32.const 500)))
            (i32.store (i32.const 300) (i32.const 500)) (i32.store (i32.const 304) (i32.const 3))
            (drop (call $write (i32.const 1) (i32.const 300) (i32.const 1) (i32.const 320)))
            (loop $again (br_if $again (i32.ne (i32.load8_u (i32.const 502)) (i32.const 49))))"#,
    );
    place.write("loops.wat", loops);
    for opt in ["", "--opt", "--opt=false"] {
        let line =
            format!("audit loops.wat -f init --allow-wasi --env A=1 --inherit-stdio --timeout 2s {opt}");
        let output = place.line(&line);
        done(&output);
        let (text, printed) = (stdout(&output), stderr(&output));
        assert!(text.contains("`A`") && text.contains("did not finish"), "{opt}: {text}");
        assert_eq!(
            (text + &printed).matches("A=1").count(),
            1,
            "{opt}: what the first run prints: {printed}"
        );
    }
}

/// The same code runs init, whatever else is compiled for it: an audit takes what a snapshot has left, and the reverse.
#[test]
fn an_audit_has_the_code_of_a_plain_run() {
    let place = Place::new();
    let random = r#""random_get" (func $f (param i32 i32) (result i32))"#;
    place.write("guest.wat", guest(random, "(drop (call $f (i32.const 400) (i32.const 16)))"));
    let entries = || std::fs::read_dir(place.join("cache/compiled")).map_or(0, Iterator::count);
    done(&place.line("guest.wat -f init --allow-wasi --cache-dir cache -o out.wasm"));
    assert_eq!(entries(), 1);
    done(&place.line("audit guest.wat -f init --allow-wasi --cache-dir cache"));
    assert_eq!(entries(), 1);
    done(&place.line("audit guest.wat -f init --allow-wasi --opt=false --cache-dir cache"));
    done(&place.line("guest.wat -f init --allow-wasi --no-opt --cache-dir cache -o out.wasm"));
    assert_eq!(entries(), 2);
    done(&place.line("audit guest.wat -f init --allow-wasi --opt=false --no-cache --cache-dir other"));
    assert!(!place.join("other").exists());
}
