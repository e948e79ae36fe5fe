//! A terminal gets what init prints as it is only where that was asked for.

use crate::{Place, done};
use std::process::{Command, Output, Stdio};

/// Prints an escape sequence that sets the title, in two pieces that part a character, and an override of the direction.
const PRINTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\20\00\00\00\0c\00\00\00\2c\00\00\00\0c\00\00\00")
    (data (i32.const 32) "\1b]0;evil\07a\c3\af\e2\80\aeb\0d\0aend\09\9b\0a")
    (func $print (param $stream i32)
        (drop (call $write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 16)))
        (drop (call $write (local.get $stream) (i32.const 8) (i32.const 1) (i32.const 16))))
    (func (export "preinit") (call $print (i32.const STREAM))))"#;

const RAW: &[u8] = b"\x1b]0;evil\x07a\xc3\xaf\xe2\x80\xaeb\r\nend\t\x9b\n";
const ESCAPED: &str = "\\u{1b}]0;evil\\u{7}a\u{ef}\\u{202e}b\r\nend\t\\x9b\n";

/// The same as a component.
const COMPONENT: &str = r#"(component
    (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $error-type))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (alias outer 1 $error-type (type $e)) (export "error" (type $failure (eq $e)))
        (type $streams-error (variant (case "last-operation-failed" (own $failure)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $streams-error)))
        (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $stream))
            (param "contents" (list u8)) (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $output-stream))
    (import "wasi:cli/STREAM@0.2.0" (instance $cli
        (alias outer 1 $output-stream (type $o)) (export "output-stream" (type $out (eq $o)))
        (export "get-STREAM" (func (result (own $out))))))
    (core module $libc (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $libc (instantiate $libc))
    (core func $get (canon lower (func $cli "get-STREAM")))
    (core func $drop (canon resource.drop $output-stream))
    (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
        (memory $libc "memory") (realloc (func $libc "realloc"))))
    (core module $main
        (import "libc" "memory" (memory 1))
        (import "host" "get" (func $get (result i32)))
        (import "host" "write" (func $write (param i32 i32 i32 i32)))
        (import "host" "drop" (func $drop (param i32)))
        (data (i32.const 32) "\1b]0;evil\07a\c3\af\e2\80\aeb\0d\0aend\09\9b\0a")
        (func (export "init") (local $stream i32)
            (local.set $stream (call $get))
            (call $write (local.get $stream) (i32.const 32) (i32.const 24) (i32.const 64))
            (call $drop (local.get $stream))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
        (with "host" (instance (export "get" (func $get)) (export "write" (func $write)) (export "drop" (func $drop))))))
    (func (export "init") (canon lift (core func $main "init"))))"#;

/// What a terminal gets of a run there.
fn on_a_terminal(place: &Place, line: &str) -> Output {
    let binary = env!("CARGO_BIN_EXE_preinit");
    // The terminal would make `\r\n` of every `\n`.
    let command = format!("stty -opost; exec '{binary}' {line}");
    Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .output()
        .expect("`script` of util-linux")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_init_prints_does_nothing_to_a_terminal() {
    let place = Place::new();
    for (stream, name) in [(1, "stdout"), (2, "stderr")] {
        place.write("prints.wat", PRINTS.replace("STREAM", &stream.to_string()));
        place.write("component.wat", COMPONENT.replace("STREAM", name));
        for input in ["prints.wat", "component.wat -f init"] {
            for (options, is_raw) in [
                ("-o out.wasm --allow-wasi", false),
                ("-o out.wasm --allow-wasi --untrusted", false),
                ("-o out.wasm --allow-wasi --inherit-stdio", true),
            ] {
                if options.contains("untrusted") && input.starts_with("component") {
                    // The preset refuses components.
                    continue;
                }
                let output = on_a_terminal(&place, &format!("{input} --no-cache {options}"));
                let (what, text) = (format!("{input} {options} {name}"), &output.stdout);
                assert!(output.status.success(), "{what}: {}", text.escape_ascii());
                assert_eq!(contains(text, RAW), is_raw, "{what}: {}", text.escape_ascii());
                assert_eq!(contains(text, ESCAPED.as_bytes()), !is_raw, "{what}: {}", text.escape_ascii());
            }
            let output =
                on_a_terminal(&place, &format!("{input} -o out.wasm --allow-wasi --inherit-stdio=false"));
            assert!(output.status.success() && !contains(&output.stdout, b"evil"), "{input} {name}");
        }
    }
}

#[test]
fn held_back_output_does_nothing_to_a_terminal() {
    let place = Place::new();
    place.write("prints.wat", PRINTS.replace("STREAM", "1"));
    for (line, is_raw) in [
        ("prints.wat --allow-wasi --no-cache > out.wasm", false),
        ("prints.wat --allow-wasi --no-cache --inherit-stdio > out.wasm", true),
        ("audit prints.wat --allow-wasi --inherit-stdio", true),
        ("prints.wat --allow-wasi --no-cache -o out.wasm --capture-stdout -", false),
        ("prints.wat --allow-wasi --no-cache -o out.wasm --capture-stdout /dev/tty", false),
    ] {
        let output = on_a_terminal(&place, line);
        let shown = output.stdout.escape_ascii().to_string();
        assert!(output.status.success(), "{line}: {shown}");
        assert_eq!(contains(&output.stdout, RAW), is_raw, "{line}: {shown}");
        assert_eq!(contains(&output.stdout, ESCAPED.as_bytes()), !is_raw, "{line}: {shown}");
    }
}

#[test]
fn a_pipe_gets_what_init_prints_as_it_is() {
    let place = Place::new();
    for stream in [1, 2] {
        place.write("prints.wat", PRINTS.replace("STREAM", &stream.to_string()));
        let output = place.line("prints.wat -o out.wasm --allow-wasi");
        done(&output);
        let printed = if stream == 1 { &output.stdout } else { &output.stderr };
        assert!(contains(printed, RAW), "{}", printed.escape_ascii());
    }
}
