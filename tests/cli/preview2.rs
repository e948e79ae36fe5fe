//! WASI in other forms than preview 1's own: preview 2 and snapshot 0 in core modules, and 64-bit parameters in halves.

use super::{Place, code, done, failed, stderr, stdout};

/// Asks for what preview 2 has, and keeps it.
const ASKS: &str = r#"(module
    (import "wasi:random/random@0.2.10" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:clocks/wall-clock@0.2.3" "now" (func $wall (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $monotonic (result i64)))
    (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.3" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stdin@0.2.3" "get-stdin" (func $stdin (result i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.3" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.3" "[resource-drop]output-stream" (func $drop (param i32)))
    (import "wasi:cli/terminal-stdout@0.2.3" "get-terminal-stdout" (func $terminal (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "printed\n")
    (global $free (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.get $free) (global.set $free (i32.add (global.get $free) (local.get 3))))
    (func (export "init")
        (i64.store (i32.const 100) (call $random))
        (call $bytes (i64.const 5) (i32.const 112))
        (call $wall (i32.const 128))
        (i64.store (i32.const 144) (call $monotonic))
        (call $environment (i32.const 160))
        (call $arguments (i32.const 168))
        (i32.store8 (i32.const 180) (i32.const 9))
        (call $terminal (i32.const 180))
        (call $write (call $stdout) (i32.const 8) (i32.const 8) (i32.const 184))
        (call $read (call $stdin) (i64.const 100) (i32.const 200))
        (call $drop (i32.const 2)))
    (func (export "word") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "long") (param i32) (result i64) (i64.load (local.get 0))))"#;

const OPTIONS: &str = "--allow-wasi --env A=bc --arg prog -f init -o out.wasm in.wat";

#[test]
fn preview_2_in_a_core_module_is_answered_by_the_same_host() {
    let place = Place::new();
    place.write("in.wat", ASKS);
    let output = place.line_with_stdin(OPTIONS, b"typed");
    done(&output);
    assert_eq!(stdout(&output), "printed\n");
    assert!(stderr(&output).starts_with("warning: init read 13 random bytes"), "{}", stderr(&output));
    let first = place.read("out.wasm");
    done(&place.line_with_stdin(OPTIONS, b"typed"));
    assert_eq!(place.read("out.wasm"), first, "the same in every run");
    let text = wasmprinter::print_bytes(&first).unwrap();
    // 946,684,800 seconds; the environment, the arguments and what was typed.
    for part in ["\\80Cm8", "bc", "prog", "typed"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (seconds, call) in [
        ("946684800", "long(128) => 946684800"),
        ("1", "word(164) => 1"),
        ("1", "word(172) => 1"),
        ("5", "word(116) => 5"),
        ("5", "word(208) => 5"),
    ] {
        let mut command = place.command([
            "verify",
            "in.wat",
            "out.wasm",
            "-f",
            "init",
            "--allow-wasi",
            "--env",
            "A=bc",
            "--arg",
            "prog",
            "--inherit-stdio",
            "--call",
            call,
            "--engine",
            "cranelift",
            "--sequences",
            "0",
        ]);
        let mut child =
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"typed").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 0, "{seconds} {call}: {}", stdout(&output));
    }
}

#[test]
fn policies_and_audits_know_preview_2() {
    let place = Place::new();
    place.write("in.wat", ASKS);
    for (policy, text) in [
        ("random", "`random_get`"),
        ("clock", "`clock_time_get`"),
        ("env", "`environ_sizes_get`"),
        ("output", "`fd_write`"),
    ] {
        failed(&place.line(&format!("--policy {policy}=deny {OPTIONS}")), 1, text);
    }
    let output = place.line("audit in.wat -f init --allow-wasi --env API_KEY=0123456789 --arg prog -v");
    done(&output);
    let text = stdout(&output);
    for part in
        ["depend on random numbers", "environment variable `API_KEY` is in the output", "depend on the time"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    done(&place.line("--clock fixed:77 --allow-wasi -f init -o out.wasm in.wat -qq"));
    assert!(wasmprinter::print_bytes(place.read("out.wasm")).unwrap().contains("\"M\""), "77 seconds");
    failed(&place.line("--clock deny --allow-wasi -f init -o out.wasm in.wat"), 1, "denied");
}

#[test]
fn what_preview_2_has_besides_is_named() {
    let place = Place::new();
    let module = |import: &str| {
        format!(r#"(module (import {import}) (memory (export "memory") 1) (func (export "init") (call 0)))"#)
    };
    place.write("in.wat", module(r#""wasi:filesystem/preopens@0.2.3" "get-directories" (func)"#));
    let text = "`wasi:filesystem/preopens@0.2.3.get-directories`, which is of WASI preview 2, which preinit does not provide to core modules";
    for line in ["-f init -o out.wasm in.wat", "--allow-wasi -f init -o out.wasm in.wat"] {
        let output = place.line(line);
        failed(&output, 1, text);
        assert!(stderr(&output).contains("use --stub wasi:filesystem/preopens@0.2.3.get-directories"));
    }
    done(&place.line(
        "--allow-wasi --stub wasi:filesystem/preopens@0.2.3.get-directories -f init -o out.wasm in.wat",
    ));
    done(&place.line("--allow-wasi --stub-all -f init -o out.wasm in.wat"));
    place.write(
        "in.wat",
        module(r#""wasi:random/random@0.2.3" "get-random-u64" (func (result i64))"#)
            .replace("(call 0)", "(drop (call 0))"),
    );
    failed(&place.line("-f init -o out.wasm in.wat"), 1, "use --allow-wasi");
    // Another type than preview 2 has is none of it.
    place.write("in.wat", module(r#""wasi:random/random@0.2.3" "get-random-u64" (func)"#));
    failed(&place.line("--allow-wasi -f init -o out.wasm in.wat"), 1, "init called the import");
    place.write(
        "in.wat",
        module(r#""wasi:cli/exit@0.2.3" "exit" (func (param i32))"#)
            .replace("(call 0)", "(call 0 (i32.const 1))"),
    );
    let output = place.line("--allow-wasi -f init -o out.wasm in.wat");
    assert!(stderr(&output).ends_with("    1: Exited with i32 exit status 1\n"), "{}", stderr(&output));
}

/// Seeks in a file with a 64-bit offset in two halves.
const HALVES: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 TWO TWO i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 TWO i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 64) "file")
    (global (export "kept") (mut i64) (i64.const -1))
    (func (export "init")
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 4) (i32.const 0)
            RIGHTS RIGHTS (i32.const 0) (i32.const 0)))
        (drop (call $seek (i32.load (i32.const 0)) OFFSET (i32.const 0) (i32.const 8)))
        (global.set 0 (i64.load (i32.const 8)))))"#;

#[test]
fn wide_parameters_in_halves() {
    let place = Place::new();
    place.write("file", "text");
    let plain = HALVES
        .replace("TWO", "i64")
        .replace("RIGHTS", "(i64.const 2)")
        .replace("OFFSET", "(i64.const 12884901889)");
    let halves = HALVES
        .replace("TWO", "i32 i32")
        .replace("RIGHTS", "(i32.const 2) (i32.const 0)")
        .replace("OFFSET", "(i32.const 1) (i32.const 3)");
    for module in [&plain, &halves] {
        place.write("in.wat", module);
        let text = place.snapshot("--allow-wasi --dir . -f init -o out.wasm in.wat");
        assert!(text.contains("(mut i64) i64.const 12884901889)"), "{text}");
        let stub = "--allow-wasi --dir . --stub wasi_snapshot_preview1.fd_seek -f init -o out.wasm in.wat";
        assert!(place.snapshot(stub).contains("(mut i64) i64.const 0)"), "an explicit stub wins");
    }
    done(
        &place.line(
            "verify in.wat out.wasm -f init --allow-wasi --dir . --stub wasi_snapshot_preview1.fd_seek",
        ),
    );
    // A type that WASI has in no form: stubs win, and without them the types are told.
    place.write(
        "in.wat",
        r#"(module (import "wasi_snapshot_preview1" "fd_seek" (func $f (param i32) (result i32)))
        (func (export "init") (drop (call $f (i32.const 1)))))"#,
    );
    failed(
        &place.line("--allow-wasi -f init -o out.wasm in.wat"),
        2,
        "the imports do not fit: incompatible import type",
    );
    done(&place.line("--allow-wasi --stub-all -f init -o out.wasm in.wat"));
    done(&place.line("--allow-wasi --stub wasi_snapshot_preview1.fd_seek -f init -o out.wasm in.wat"));
}

/// Asks in the words of snapshot 0, and keeps what it gets.
const SNAPSHOT_0: &str = r#"(module
    (import "wasi_unstable" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_unstable" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_unstable" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\20\00\00\00\08\00\00\00") (data (i32.const 16) "file")
    (func (export "_start")
        (if (call $random (i32.const 256) (i32.const 4)) (then unreachable))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0)
                (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 64)) (then unreachable))
        (if (call $stat (i32.load (i32.const 64)) (i32.const 128)) (then unreachable))
        (if (i64.ne (i64.load (i32.const 152)) (i64.const 10)) (then unreachable))
        (if (call $seek (i32.load (i32.const 64)) (i64.const -3) (i32.const 1) (i32.const 72))
            (then unreachable))
        (if (call $read (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 4))
            (then unreachable))
        (drop (call $close (i32.load (i32.const 64))))
        (i32.store (i32.const 4) (i32.const 3))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 80)))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 84)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 80)))))"#;

#[test]
fn snapshot_0_is_answered_by_the_same_host() {
    let place = Place::new();
    place.write("in.wat", SNAPSHOT_0);
    std::fs::create_dir(place.join("data")).unwrap();
    place.write("data/file", "0123456789");
    const OPTIONS: &str = "--allow-wasi --dir data --at stdin -o out.wasm in.wat";
    failed(&place.line("-f _start -o out.wasm in.wat"), 1, "use --allow-wasi");
    let output = place.line(OPTIONS);
    done(&output);
    assert_eq!(stdout(&output), "789");
    let text = stderr(&output);
    assert!(text.contains("init read 4 random bytes"), "{text}");
    let first = place.read("out.wasm");
    done(&place.line(OPTIONS));
    assert_eq!(place.read("out.wasm"), first, "the same in every run");
    assert!(!wasmprinter::print_bytes(&first).unwrap().contains("wasi_snapshot_preview1"));
    failed(&place.line(&format!("--strict {OPTIONS}")), 1, "random");
    for (policy, function) in [("random", "random_get"), ("files", "path_open"), ("output", "fd_write")] {
        failed(&place.line(&format!("--policy {policy}=deny {OPTIONS}")), 1, &format!("`{function}`"));
    }
    done(&place.line("--allow-wasi --dir data --at wasi_unstable.fd_read#2 -o other.wasm in.wat"));
    assert_eq!(place.read("other.wasm"), first, "the same place by another name");
    done(&place.line("verify in.wat out.wasm --allow-wasi --dir data --at stdin"));
    let audit = place.line("audit in.wat --allow-wasi --dir data --at stdin -v");
    assert!(stdout(&audit).contains("depend on random numbers"), "{}{}", stdout(&audit), stderr(&audit));
}
