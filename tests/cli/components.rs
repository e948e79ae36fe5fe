//! Components on the command line.

use super::{Place, done, failed, stderr};

pub const COMPONENT: &str = r#"(component
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
    failed(
        &place.line("verify in.wat in.wat --fresh-imports"),
        2,
        "no support for imported memories that are fresh in every instance in components; leave out --fresh-imports",
    );
    failed(&place.line("verify in.wat in.wat --internalize"), 2, "leave out --internalize");
}

#[test]
fn components_are_audited_and_have_pages() {
    let place = Place::new();
    place.write("in.wat", PRINTER);
    let output = place.line("audit in.wat --allow-wasi --report audit.html --ledger calls.jsonl");
    done(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("monotonic clock at 5.000 s"), "{text}");
    assert!(text.contains("component / · core module 1 (`m`) · global 0"), "{text}");
    assert_eq!(place.line("audit in.wat --allow-wasi --strict").status.code(), Some(1));
    done(&place.line("in.wat -o out.wasm --allow-wasi --report page.html"));
    let page = String::from_utf8(place.read("page.html")).unwrap();
    assert!(page.contains("Core instances") && page.contains("core module 1 (`m`)"), "{page}");
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
    failed(
        &place.line("in.wat -o out.wasm --allow-wasi --random deny"),
        1,
        "init asked for `wasi:random/random@0.2.0.get-random-u64`, which is denied",
    );
}

/// Prints a line, and reads the clock after a sleep.
const PRINTER: &str = r#"(component
    (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $error-t))
    (import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $p (sub resource)))
      (export "[method]pollable.block" (func (param "self" (borrow $p))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:io/streams@0.2.0" (instance $streams
      (alias outer 1 $error-t (type $e0))
      (export "error" (type $e (eq $e0)))
      (type $failure (variant (case "last-operation-failed" (own $e)) (case "closed")))
      (export "stream-error" (type $stream-error (eq $failure)))
      (export "output-stream" (type $out (sub resource)))
      (export "[method]output-stream.blocking-write-and-flush"
        (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $output))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
      (alias outer 1 $output (type $o0))
      (export "output-stream" (type $o (eq $o0)))
      (export "get-stdout" (func (result (own $o))))))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
      (alias outer 1 $pollable (type $p0))
      (export "pollable" (type $q (eq $p0)))
      (export "now" (func (result u64)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $q))))))
    (alias export $poll "[method]pollable.block" (func $block))
    (alias export $streams "[method]output-stream.blocking-write-and-flush" (func $write))
    (alias export $stdout "get-stdout" (func $get-stdout))
    (alias export $clock "now" (func $now))
    (alias export $clock "subscribe-duration" (func $sleep))
    (core module $memory (memory (export "memory") 1) (data (i32.const 16) "hello\n"))
    (core instance $mem (instantiate $memory))
    (core func $block (canon lower (func $block)))
    (core func $write (canon lower (func $write) (memory $mem "memory")))
    (core func $get-stdout (canon lower (func $get-stdout)))
    (core func $now (canon lower (func $now)))
    (core func $sleep (canon lower (func $sleep)))
    (core func $drop-p (canon resource.drop $pollable))
    (core func $drop-o (canon resource.drop $output))
    (core module $m
      (import "" "block" (func $block (param i32)))
      (import "" "write" (func $write (param i32 i32 i32 i32)))
      (import "" "get-stdout" (func $get-stdout (result i32)))
      (import "" "now" (func $now (result i64)))
      (import "" "sleep" (func $sleep (param i64) (result i32)))
      (import "" "drop-p" (func $drop-p (param i32)))
      (import "" "drop-o" (func $drop-o (param i32)))
      (global $time (mut i64) (i64.const 0))
      (func (export "init") (local $h i32)
        (local.set $h (call $get-stdout))
        (call $write (local.get $h) (i32.const 16) (i32.const 6) (i32.const 32))
        (call $drop-o (local.get $h))
        (local.set $h (call $sleep (i64.const 5000000000)))
        (call $block (local.get $h))
        (call $drop-p (local.get $h))
        (global.set $time (call $now)))
      (func (export "time") (result i64) (global.get $time)))
    (core instance $i (instantiate $m (with "" (instance
      (export "block" (func $block)) (export "write" (func $write)) (export "get-stdout" (func $get-stdout))
      (export "now" (func $now)) (export "sleep" (func $sleep)) (export "drop-p" (func $drop-p))
      (export "drop-o" (func $drop-o))))))
    (func (export "preinit") (canon lift (core func $i "init")))
    (func (export "time") (result u64) (canon lift (core func $i "time"))))"#;

#[test]
fn calls_of_components_are_recorded_and_captured() {
    let place = Place::new();
    place.write("in.wat", PRINTER);
    let output = place.line(
        "in.wat -o out.wasm --allow-wasi --ledger calls.jsonl --capture-stdout printed.txt --report report.json",
    );
    done(&output);
    // Nothing waits for a virtual sleep, and no instance's clock stands where that of init stood.
    assert!(
        stderr(&output).contains("init has read the monotonic clock at 5.000 s, moved by sleeps"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains("--rebase-clock"), "{}", stderr(&output));
    assert_eq!(place.read("printed.txt"), b"hello\n");
    let calls = String::from_utf8(place.read("calls.jsonl")).unwrap();
    assert_eq!(calls.lines().count(), 8, "{calls}");
    assert!(!calls.contains("hello"), "{calls}");
    let report = String::from_utf8(place.read("report.json")).unwrap();
    assert!(
        report.contains("wasi:io/streams@0.2.0.[method]output-stream.blocking-write-and-flush"),
        "{report}"
    );
    failed(&place.line("in.wat -o out.wasm --allow-wasi --strict"), 1, "monotonic clock at 5.000 s");
    let denied = place.line("in.wat -o denied.wasm --allow-wasi --policy output=deny --ledger denied.jsonl");
    failed(&denied, 1, "asked for `wasi:io/streams@0.2.0.[method]output-stream.blocking-write-and-flush`");
    let calls = String::from_utf8(place.read("denied.jsonl")).unwrap();
    assert!(calls.lines().last().unwrap().contains("denied"), "{calls}");
}

/// Compiled code, and whole results.
#[test]
fn what_was_made_before_is_reused() {
    let place = Place::new();
    place.write("in.wat", COMPONENT);
    let run = |options: &str| {
        let output = place.line(&format!("in.wat -o out.wasm -v --allow-wasi --cache-dir cache {options}"));
        done(&output);
        (place.read("out.wasm"), stderr(&output))
    };
    let (first, message) = run("");
    assert!(
        message.contains("compiler  cranelift, optimizing (the module is small)")
            && !message.contains("from the cache"),
        "{message}"
    );
    let (second, message) = run("--result-cache");
    assert!(message.contains("cranelift, optimizing, from the cache") && second == first, "{message}");
    let (third, message) = run("--result-cache");
    assert!(message.contains("an earlier run made it") && third == first, "{message}");
    let (_, message) = run("--fuel 1000000");
    assert!(!message.contains("from the cache") && !message.contains("an earlier run made it"), "{message}");
    let (_, message) = run("--no-cache");
    assert!(!message.contains("from the cache") && !message.contains("an earlier run made it"), "{message}");
}

#[test]
fn stripping_a_component_is_summarized() {
    let place = Place::new();
    place.write("in.wat", COMPONENT);
    let output = place.line("-v in.wat -o out.wasm --strip-init --report report.json");
    done(&output);
    let report = String::from_utf8(place.read("report.json")).unwrap();
    assert!(
        report.replace([' ', '\n'], "").contains(r#""stripped":{"functions":1,"functions_before":1,"#),
        "{report}"
    );
}

#[test]
fn untrusted_components_are_held_to_default_proposals_and_limits() {
    let place = Place::new();
    place.write("in.wat", COMPONENT);
    done(&place.line("in.wat -o out.wasm --untrusted"));
    place.write(
        "proposal.wat",
        r#"(component
            (core module $m
              (type $f (func)) (type $c (cont $f))
              (func (export "init")) (func (param (ref null $c))))
            (core instance $i (instantiate $m))
            (func (export "wizer-initialize") (canon lift (core func $i "init"))))"#,
    );
    done(&place.line("proposal.wat -o out.wasm"));
    failed(&place.line("proposal.wat -o out.wasm --untrusted"), 1, "stack switching");
}

#[test]
fn snapshots_of_components_are_verified() {
    let place = Place::new();
    place.write("in.wat", PRINTER);
    let output = place.line("in.wat -o out.wasm --allow-wasi --verify");
    done(&output);
    let output = place.line("verify in.wat out.wasm --allow-wasi --call time()");
    done(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("equal: "), "{text}");
    assert!(text.contains("called: time"), "{text}");
    // Its clock stands where that of init stood: the number is in the core module.
    let snapshot = place.read("out.wasm");
    let wrong =
        String::from_utf8(wat_of(&snapshot)).unwrap().replace("i64.const 50000000", "i64.const 60000000");
    place.write("wrong.wat", wrong);
    let output = place.line("verify in.wat wrong.wat --allow-wasi");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("different: ") && text.contains("core.2.function.7.body"), "{text}");
}

fn wat_of(wasm: &[u8]) -> Vec<u8> {
    wasmprinter::print_bytes(wasm).unwrap().into_bytes()
}

/// Functions of interfaces are stubbed by name, and a name that nothing imports is an error.
#[test]
fn functions_of_interfaces_are_stubbed() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(component
            (import "my:host/config@1.0.0" (instance $config (export "limit" (func (result u32)))))
            (core func $limit (canon lower (func $config "limit")))
            (core module $m
              (import "" "limit" (func $limit (result i32)))
              (global $g (mut i32) (i32.const 9))
              (func (export "init") (global.set $g (i32.add (i32.const 100) (call $limit)))))
            (core instance $i (instantiate $m (with "" (instance (export "limit" (func $limit))))))
            (func (export "init") (canon lift (core func $i "init"))))"#,
    );
    failed(&place.line("in.wat -o out.wasm -f init"), 1, "which nothing provides");
    done(&place.line("in.wat -o out.wasm -f init --stub my:host/config@1.0.0#limit"));
    let text = wasmprinter::print_bytes(place.read("out.wasm")).unwrap();
    assert!(text.contains("i32.const 100)"), "{text}");
    let misspelt = place.line("in.wat -o out.wasm -f init --stub my:host/confg@1.0.0#limit");
    failed(&misspelt, 2, "did you mean `my:host/config@1.0.0`?");
}

/// So are functions that are in no interface; and a misspelt function is an error, with the nearest name.
#[test]
fn functions_by_themselves_are_stubbed() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(component
            (import "my:host/config@1.0.0" (instance $config (export "limit" (func (result u32)))))
            (import "log-it" (func $log (param "level" u8) (result u32)))
            (core func $limit (canon lower (func $config "limit")))
            (core func $log (canon lower (func $log)))
            (core module $m
              (import "" "log" (func $log (param i32) (result i32)))
              (global $g (mut i32) (i32.const 9))
              (func (export "init") (global.set $g (i32.add (i32.const 100) (call $log (i32.const 1))))))
            (core instance $i (instantiate $m (with "" (instance (export "log" (func $log))))))
            (func (export "init") (canon lift (core func $i "init"))))"#,
    );
    failed(&place.line("in.wat -o out.wasm -f init"), 1, "which nothing provides");
    for stub in ["log-it", "#log-it"] {
        done(&place.line(&format!("in.wat -o out.wasm -f init --stub {stub}")));
        let text = wasmprinter::print_bytes(place.read("out.wasm")).unwrap();
        assert!(text.contains("i32.const 100)"), "{text}");
    }
    for (misspelt, words) in [
        ("log-if", "--stub: the component has no imported function `log-if`; did you mean `log-it`?"),
        (
            "my:host/config@1.0.0#limt",
            "has no imported function `my:host/config@1.0.0#limt`; did you mean `my:host/config@1.0.0#limit`?",
        ),
        ("my:host/config@1.0.0", "has no imported function `my:host/config@1.0.0`"),
        (
            "my:host/confg@1.0.0#limit",
            "has no import `my:host/confg@1.0.0`; did you mean `my:host/config@1.0.0`?",
        ),
    ] {
        failed(&place.line(&format!("in.wat -o out.wasm -f init --stub {misspelt}")), 2, words);
    }
}
