//! Snapshots in which one of preinit's changes is taken back: a function is the original's again, or an export leads to it. Everything
//! that is left is the original's or preinit's.

use preinit::host::{HostOptions, WasiOptions};
use preinit::stages::module::{Module, Replacements, SectionId, is_function, section_of};
use preinit::verify::{Outcome, Verdict, VerifyOptions, verify};
use preinit::{Options, Preinit};
use wasm_encoder::Encode;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};

fn options(at: Option<&str>, rebase_clock: Option<bool>) -> Options {
    let wasi = at != Some("env.ask");
    let host =
        HostOptions { wasi: wasi.then(WasiOptions::default), stub_all: true, ..HostOptions::default() };
    Options { at: at.map(|at| at.parse().unwrap()), rebase_clock, host, ..Options::default() }
}

fn verdict(original: &[u8], snapshot: &[u8], options: &Options) -> Verdict {
    let options = VerifyOptions {
        at: options.at.clone(),
        host: options.host.clone(),
        sequences: 2,
        ..VerifyOptions::default()
    };
    verify(original, snapshot, &options).unwrap()
}

/// The snapshot with one of the original's bodies.
fn with_body(original: &Module<'_>, snapshot: &Module<'_>, at: usize) -> Vec<u8> {
    let mut entries = Vec::new();
    let bodies = snapshot.bodies();
    for (body, own) in bodies.iter().enumerate() {
        let bytes =
            if body == at { original.bodies()[at].as_bytes().to_vec() } else { own.as_bytes().to_vec() };
        bytes.encode(&mut entries);
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::CODE, section_of(bodies.len() as u32, &entries));
    replacements.apply(&snapshot.sections)
}

/// The snapshot with an export that leads to `index`, or without a start function.
fn with_export(snapshot: &Module<'_>, name: &str, index: u32) -> Vec<u8> {
    let mut entries = Vec::new();
    for export in &snapshot.exports {
        export.name.encode(&mut entries);
        RoundtripReencoder.export_kind(export.kind).unwrap().encode(&mut entries);
        if export.name == name { index } else { export.index }.encode(&mut entries);
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::EXPORT, section_of(snapshot.exports.len() as u32, &entries));
    replacements.apply(&snapshot.sections)
}

/// Takes each change back alone. How many there are.
fn taken_back(text: &str, options: &Options) -> usize {
    let original = wat::parse_str(text).unwrap();
    let snapshot = Preinit::from(options.clone()).run(&original).unwrap().wasm;
    let right = verdict(&original, &snapshot, options);
    assert_eq!(right.outcome, Outcome::Equal, "{right}");
    let (before, after) = (Module::parse(&original).unwrap(), Module::parse(&snapshot).unwrap());
    let bodies = before.bodies().into_iter().zip(after.bodies()).enumerate();
    let changed = bodies.filter(|(_, (left, right))| left.as_bytes() != right.as_bytes());
    let mut wrong: Vec<Vec<u8>> = changed.map(|(at, _)| with_body(&before, &after, at)).collect();
    for export in after.exports.iter().filter(|export| is_function(export.kind)) {
        let own = before.functions.len() as u32;
        let ty = after.functions[export.index as usize];
        // To any function of the original's that fits.
        let fitting =
            (before.imported.functions..own).filter(|other| before.functions[*other as usize] == ty);
        let is_added = export.index >= own;
        wrong.extend(fitting.filter(|_| is_added).map(|other| with_export(&after, export.name, other)));
    }
    for wasm in &wrong {
        let verdict = verdict(&original, wasm, options);
        assert_ne!(verdict.outcome, Outcome::Equal, "{verdict}");
    }
    wrong.len()
}

const LICENSE: &str = r#"(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func $read (result i64)
        (drop (call $now (i32.const 1) (i64.const 1) (i32.const 0))) (i64.load (i32.const 0)))
    (func $expired (result i32)
        (drop (call $now (i32.const 1) (i64.const 1) (i32.const 8)))
        (i64.gt_u (i64.load (i32.const 8)) (i64.load (i32.const 16))))
    (func (export "preinit") (i64.store (i32.const 16) (call $read)))
    (func (export "time") (result i64) (call $read))
    (func (export "login") (param i32) (result i32)
        (if (i32.ne (local.get 0) (i32.const 0x1234567)) (then (return (i32.const 0))))
        (i32.eqz (call $expired))))"#;

#[test]
fn a_clock_that_some_functions_ask_as_before() {
    assert_eq!(taken_back(LICENSE, &options(None, Some(true))), 2);
}

/// What is called with one argument only, and with one answer of the host, is seen by no call that is made.
#[test]
fn an_entry_that_does_not_resume() {
    for entry in ["_initialize", "_start"] {
        let text = format!(
            r#"(module (import "env" "ask" (func $ask (result i32)))
                (memory (export "memory") 1)
                (func $wipe (if (i32.eq (call $ask) (i32.const 7)) (then (i32.store (i32.const 0) (i32.const 0)))))
                (func (export "{entry}") (i32.store (i32.const 0) (i32.const 42)) (drop (call $ask)))
                (func (export "value") (result i32) (i32.load (i32.const 0)))
                (func (export "maintenance") (param i32)
                    (if (i32.eq (local.get 0) (i32.const 123456)) (then (call $wipe)))))"#
        );
        // The entry's own function, the one beside it, and each function that resumes.
        assert!(taken_back(&text, &options(Some("env.ask"), None)) >= 2, "{entry}");
    }
}

/// Its entry is the original's, which begins once more in the state that there is.
#[test]
fn a_snapshot_that_adds_nothing_to_resume() {
    let text = |data: &str| {
        wat::parse_str(format!(
            r#"(module (import "env" "ask" (func $ask (result i32)))
                (memory (export "memory") 1) {data}
                (func (export "_start") (local $first i32)
                    (local.set $first (i32.eqz (i32.load (i32.const 4))))
                    (i32.store (i32.const 4) (i32.const 1))
                    (drop (call $ask))
                    (if (i32.eq (call $ask) (i32.const 7))
                        (then (i32.store (i32.const 0) (select (i32.const 1) (i32.const 666) (local.get $first)))))))"#
        ))
        .unwrap()
    };
    let snapshot = text(r#"(data (i32.const 4) "\01")"#);
    let verdict = verdict(&text(""), &snapshot, &options(Some("env.ask"), None));
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    assert!(verdict.to_string().contains("lacks functions that this state needs"), "{verdict}");
}
