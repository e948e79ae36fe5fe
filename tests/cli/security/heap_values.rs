//! Secrets in objects of the garbage-collected heap are found like those in memories.

use crate::{Place, code, done, stderr, stdout};
use std::process::Output;

const SECRET: &str = "0123456789abcdef0123";

/// Keeps a secret out of what it is given, and then zeros its memory.
const KEEPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    IMPORTS
    (memory (export "memory") 1) DATA
    (data (i32.const 0) "\40\00\00\00\14\00\00\00")
    (type $elements (array (mut WIDTH)))
    (type $string (array (mut i16)))
    (type $holder (struct (field i32) (field (mut (ref null $elements)))))
    (type $list (array (mut (ref null $holder))))
    (global $kept (mut (ref null $list)) (ref.null $list))
    (global $string (mut externref) (ref.null extern))
    (func (export "preinit") (local $i i32) (local $from i32) (local $a (ref $elements)) (local $s (ref $string))
      FETCH
      (local.set $a (array.new_default $elements (i32.const 20)))
      (local.set $s (array.new_default $string (i32.const 20)))
      (loop $l
        (array.set $elements (local.get $a) (local.get $i) (i32.load8_u offset=64 (i32.add (local.get $from) (local.get $i))))
        (array.set $string (local.get $s) (local.get $i) (i32.load8_u offset=64 (i32.add (local.get $from) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 20))))
      KEEP
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 256)))
    (func (export "x") (result i32) (array.get_kind $elements
      (ref.as_non_null (struct.get $holder 1 (array.get $list (global.get $kept) (i32.const 1)))) (i32.const 0))))"#;

const ARRAY: &str =
    "(global.set $kept (array.new $list (struct.new $holder (i32.const 7) (local.get $a)) (i32.const 2)))";
const STRING: &str = "(global.set $string (call $from_array (local.get $s) (i32.const 0) (i32.const 20)))";
const FROM_ARRAY: &str = r#"(import "wasm:js-string" "fromCharCodeArray"
    (func $from_array (param (ref null $string) i32 i32) (result (ref extern))))"#;

/// A way to keep it: the type of elements, and what is done with them.
const WAYS: [(&str, &str); 4] = [("i8", ARRAY), ("i16", ARRAY), ("i32", ARRAY), ("i8", STRING)];

const VARIABLE: &str = "(drop (call $environ (i32.const 48) (i32.const 64))) (local.set $from (i32.const 8))";
const INPUT: &str = "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))";

fn module((width, keep): (&str, &str), fetch: &str, data: &str) -> String {
    let get = if width == "i32" { "array.get" } else { "array.get_u" };
    let imports = if keep == STRING { FROM_ARRAY } else { "" };
    KEEPS
        .replace("IMPORTS", imports)
        .replace("DATA", data)
        .replace("WIDTH", width)
        .replace("FETCH", fetch)
        .replace("KEEP", keep)
        .replace("array.get_kind", get)
}

fn place(way: (&str, &str), fetch: &str, data: &str) -> Place {
    let place = Place::new();
    place.write("x.wat", module(way, fetch, data));
    place
}

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output)).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn secrets_of_the_environment_in_objects_are_found() {
    for way in WAYS {
        let place = place(way, VARIABLE, "");
        let line = format!("--allow-wasi --env API_KEY={SECRET}");
        let output = place.line(&format!("x.wat -o out.wasm --strict {line}"));
        assert_eq!(code(&output), 1, "{way:?}: {}", said(&output));
        let title = "the value of environment variable `API_KEY` is in the output";
        assert!(said(&output).contains(title), "{way:?}: {}", said(&output));
        assert!(!place.join("out.wasm").exists(), "{way:?}");
        let output = place.line(&format!("audit x.wat {line}"));
        let place_of = if way.1 == STRING { "in a string of JavaScript" } else { "in an array of type" };
        assert!(said(&output).contains(&format!("danger {title} {place_of}")), "{way:?}: {}", said(&output));
        let root =
            if way.1 == STRING { "reached from global 1 ($string)" } else { "reached from global 0 ($kept)" };
        assert!(said(&output).contains(root), "{way:?}: {}", said(&output));
    }
}

#[test]
fn input_in_objects_is_found() {
    for way in WAYS {
        let place = place(way, INPUT, "");
        let line = "x.wat -o out.wasm --allow-wasi --inherit-stdio --report report.json";
        done(&place.line_with_stdin(line, SECRET.as_bytes()));
        let report: serde_json::Value = serde_json::from_slice(&place.read("report.json")).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["key"] == "secret.stdin");
        let title = found.unwrap_or_else(|| panic!("{way:?}: {findings:?}"))["title"].to_string();
        assert!(
            title.contains("what init read from standard input (20 bytes) is in the output in a"),
            "{title}"
        );
    }
}

/// What the module has itself, and what is not the whole value, is no secret of the build.
#[test]
fn what_only_looks_like_a_value_is_not_accused() {
    for (data, value) in
        [(format!("(data \"{SECRET}\")"), SECRET.to_string()), (String::new(), format!("{SECRET}4"))]
    {
        for way in WAYS {
            let place = place(way, VARIABLE, &data);
            done(&place.line(&format!("x.wat -o out.wasm --strict --allow-wasi --env API_KEY={value}")));
        }
    }
}
