//! The runs that an audit compares.

use super::{audited, options, quiet};
use preinit::audit::audit;
use preinit::host::{Access, Directory, WasiOptions};

/// Nothing outside is read or written twice.
#[test]
fn only_the_first_run_touches_the_outside() {
    let directory = tempfile::tempdir().unwrap();
    let module = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 200) "file")
        (data (i32.const 300) "\c8\00\00\00\04\00\00\00")
        (func (export "preinit")
            (drop (call $random (i32.const 400) (i32.const 8)))
            (drop (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 4) (i32.const 1) (i64.const 0x41)
                (i64.const 0) (i32.const 1) (i32.const 8)))
            (i32.store (i32.const 500) (call $write (i32.load (i32.const 8)) (i32.const 300) (i32.const 1) (i32.const 16)))))"#;
    let dir = Directory { guest: "/".into(), host: directory.path().into(), access: Access::ReadWrite };
    let wasi = WasiOptions { dirs: vec![dir], ..quiet() };
    let audit = audit(&wat::parse_str(module).unwrap(), &options("", wasi)).unwrap();
    assert_eq!(std::fs::read(directory.path().join("file")).unwrap(), b"file", "{}", audit.text(true));
    assert!(audit.runs >= 3, "{}", audit.runs);
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.random").unwrap();
    assert_eq!(
        finding.locations.iter().map(|place| (place.address, place.bytes)).collect::<Vec<_>>(),
        [(Some(400), 8)]
    );
}

#[test]
fn audits_are_repeatable() {
    let run = || {
        let audit = audited("sins/rust-sins.wasm", "keeps_hash_keys", quiet());
        (audit.findings, audit.varied, audit.weight)
    };
    assert_eq!(run(), run());
}
