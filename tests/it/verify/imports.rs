//! Snapshots that take other imports than the original, or write to them what it does not.

use super::{quick, wasm};
use preinit::host::HostOptions;
use preinit::verify::{Outcome, VerifyOptions, verify};
use preinit::{Options, Preinit};
use preinit_core::layout::Layout;

fn host() -> HostOptions {
    HostOptions { stub_all: true, ..HostOptions::default() }
}

fn outcome(original: &[u8], snapshot: &[u8]) -> (Outcome, String) {
    let options = VerifyOptions { host: host(), ..quick() };
    let verdict = verify(original, snapshot, &options).unwrap();
    (verdict.outcome, verdict.to_string())
}

/// An import that takes the index of one before it is another import, whatever both hold while they are compared.
#[test]
fn an_import_with_another_index_is_found() {
    let items = [
        ("global i32", "(global i32 (i32.const 0))", "global.get 0"),
        ("memory 1", "(memory 1)", "i32.const 0 i32.load 0"),
        ("table 1 funcref", "(table 1 funcref)", "i32.const 0 table.get 0 ref.is_null"),
    ];
    for (ty, own, reads) in items {
        let module = |imports: &str, kept: &str, value: i32| {
            wasm(&format!(
                r#"(module {imports} {kept} (global $n (mut i32) (i32.const {value}))
                (func (export "preinit") (global.set $n (i32.const 7)))
                (func (export "reads") (result i32) {reads})
                (func (export "n") (result i32) (global.get $n)))"#
            ))
        };
        let both = format!(r#"(import "env" "a" ({ty})) (import "env" "b" ({ty}))"#);
        let original = module(&both, "", 0);
        let honest =
            Preinit::from(Options { host: host(), ..Options::default() }).run(&original).unwrap().wasm;
        assert_eq!(outcome(&original, &honest).0, Outcome::Equal, "{ty}");
        let moved = module(&format!(r#"(import "env" "b" ({ty}))"#), own, 7);
        let (found, text) = outcome(&original, &moved);
        assert_eq!(found, Outcome::Different, "{ty}: {text}");
        assert!(text.contains("with another index"), "{text}");
    }
}

/// Records of the sparse layout that also cover what init has not written: zeros here, and whatever a host has there elsewhere.
#[test]
fn what_is_copied_over_an_imported_memory_is_compared() {
    let original = wasm(
        r#"(module (import "env" "memory" (memory 1 1))
        (func (export "preinit") (local $i i32)
          (loop $l
            (i32.store8 offset=99 (i32.mul (local.get $i) (i32.const 3)) (i32.const 1))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 3000)))))
        (func (export "peek") (param i32) (result i32) (i32.load8_u (i32.and (local.get 0) (i32.const 0xffff)))))"#,
    );
    let options = Options { host: host(), layout: Layout::Sparse, ..Options::default() };
    let snapshot = Preinit::from(options).run(&original).unwrap().wasm;
    let (equal, text) = outcome(&original, &snapshot);
    assert_eq!(equal, Outcome::Equal, "{text}");
    let mut forged = snapshot.clone();
    let mut at = 0;
    while at + 6 <= forged.len() {
        if forged[at..].starts_with(&[2, 1, 1, 2, 1, 1]) {
            forged[at..at + 6].copy_from_slice(&[2, 4, 1, 0, 0, 1]);
            at += 5;
        }
        at += 1;
    }
    assert_ne!(forged, snapshot);
    assert_ne!(outcome(&original, &forged).0, Outcome::Equal);
}

/// What begins with the value of an import through another global does not begin with what init has left.
#[test]
fn an_import_that_is_read_through_another_global_is_found() {
    let module = |admin: &str, data: &str, body: &str| {
        wasm(&format!(
            r#"(module (type $gc (struct (field i32)))
            (import "env" "mode" (global $mode i32))
            (global $copy i32 (global.get $mode))
            (global $is_admin (mut i32) {admin})
            (global $o (ref $gc) (struct.new $gc (i32.const 1)))
            (memory 1) {data}
            (func {body} (global.set $is_admin (i32.const 0)) (i32.store8 (i32.const 0) (i32.const 65)))
            (func (export "may_delete") (result i32) (global.get $is_admin))
            (func (export "peek") (result i32) (i32.load8_u (i32.const 0))))"#
        ))
    };
    let original = module("(i32.const 5)", "", r#"(export "preinit")"#);
    let honest = Preinit::from(Options { host: host(), ..Options::default() }).run(&original).unwrap().wasm;
    assert_eq!(outcome(&original, &honest).0, Outcome::Equal);
    let at_zero = r#"(data (i32.const 0) "A")"#;
    let at_copy = r#"(data (offset (global.get $copy)) "A")"#;
    for (admin, data) in [("(global.get $copy)", at_zero), ("(i32.const 0)", at_copy)] {
        let (found, text) = outcome(&original, &module(admin, data, ""));
        assert_eq!(found, Outcome::CouldNotTell, "{text}");
    }
}
