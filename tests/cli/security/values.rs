//! Messages do not tell what init was given.

use crate::{Place, code, done, stderr, stdout};

const SECRET: &str = "hunter2-hunter2";

/// Asks for its environment and prints it to the stream of the first argument of `print`.
const PRINTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\01\00\00\18\00\00\00")
    (global $g (mut i32) (i32.const 49))
    (func $print (export "print")
        (i32.store8 (i32.const 270) (global.get $g))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
    (func $fetch (export "fetch") (drop (call $environ (i32.const 64) (i32.const 256))))
    (func $other (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))
    INIT)"#;

/// A function that another path of init leads to, the command, and what is said instead of the value.
const CASES: &[(&str, &str, &str)] = &[
    // Another value of the variable leads to another call.
    (
        r#"(func (export "preinit") (call $fetch)
            (if (i32.eq (i32.load8_u (i32.const 262)) (i32.const 104)) (then (call $print)) (else (call $other))))"#,
        "audit x.wat -v --allow-wasi --env TOKEN=SECRET",
        "instead of wasi_snapshot_preview1.fd_write(1, 0, 1, 16) with 8 bytes at 0x0, 24 bytes at 0x100",
    ),
    (
        r#"(func (export "preinit") (call $fetch)
            (if (i32.eq (i32.load8_u (i32.const 262)) (i32.const 104)) (then (call $print))))"#,
        "audit x.wat -v --allow-wasi --env TOKEN=SECRET",
        "it did not call wasi_snapshot_preview1.fd_write(1, 0, 1, 16) with 8 bytes at 0x0, 24 bytes at 0x100",
    ),
    (
        r#"(func (export "preinit")) (func (export "run") (call $fetch) (call $print))"#,
        "verify x.wat snapshot.wat --allow-wasi --env TOKEN=SECRET --call run() --ignore global.0",
        "24 bytes at 0x100 in the original",
    ),
    // The program does not come to the place.
    (
        r#"(func (export "_start") (call $fetch) (call $print))"#,
        "x.wat -o out.wasm --allow-wasi --env TOKEN=SECRET --at stdin",
        "fd_write(1, 0, 1, 16) with 8 bytes at 0x0, 24 bytes at 0x100",
    ),
];

#[test]
fn messages_have_no_value_that_was_not_asked_for() {
    for (init, line, says) in CASES {
        let place = Place::new();
        let module = PRINTS.replace("INIT", init);
        place.write("x.wat", &module);
        // Prints another byte.
        place.write("snapshot.wat", module.replace("(mut i32) (i32.const 49)", "(mut i32) (i32.const 50)"));
        let line = line.replace("SECRET", SECRET);
        let text = printed(&place, &line);
        assert!(text.contains(says), "{line}: `{says}` is missing: {text}");
        assert!(!text.contains("hunter"), "{line}: {text}");
        let text = printed(&place, &format!("{line} --show-values"));
        assert!(text.contains("hunter"), "{line}: {text}");
    }
}

fn printed(place: &Place, line: &str) -> String {
    let output = place.line(line);
    // What init prints itself is another matter.
    let (printed, said) = (stdout(&output), stderr(&output));
    let text = if line.starts_with("x.wat") { said } else { format!("{said}{printed}") };
    // In one line: long ones are broken.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a run says of buffers that every instance will print, or read.
#[test]
fn what_is_left_in_buffers_is_counted_only() {
    let place = Place::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/test-programs/c/host_caches.wasm");
    std::fs::copy(program, place.join("x.wasm")).unwrap();
    for (options, is_shown) in [("", false), (" --show-values", true)] {
        let line = format!("audit x.wasm -v --allow-wasi --inherit-stdio -f reads_a_line{options}");
        let output = place.line_with_stdin(&line, format!("first\n{SECRET}\n").as_bytes());
        done(&output);
        let text = stdout(&output);
        assert!(text.contains("of standard input that init did not consume"), "{text}");
        assert_eq!(text.contains("hunter"), is_shown, "{text}");
        assert_eq!(code(&output), 0);
    }
}
