//! A plain run says whatever the audit finds without another run of init.

use super::{options, quiet, with_data, with_secret};
use preinit::audit::{Level, audit};
use preinit::host::{Stdin, WasiOptions};
use preinit::stages::module::Module;
use preinit::{Options, Preinit};
use preinit_testing::test_program as read;

/// What only another run can show.
fn needs_another_run(key: &str) -> bool {
    ["taint.", "course."].iter().any(|prefix| key.starts_with(prefix)) || key == "unstable"
}

/// The keys of what is worse than a note, in the audit, that a plain run could say.
#[track_caller]
fn said_by_both(wasm: &[u8], options: &Options) -> Vec<String> {
    let Ok(audit) = audit(wasm, options) else { return Vec::new() };
    let report = Preinit::from(options.clone()).run(wasm).unwrap().report;
    let worse = audit.findings.into_iter().filter(|finding| finding.level < Level::Note);
    let mut keys = Vec::new();
    for finding in worse.filter(|finding| !needs_another_run(&finding.key)) {
        let is_said =
            report.findings.iter().any(|said| said.key == finding.key && said.title == finding.title);
        assert!(is_said, "{}: {}\n{:?}", finding.key, finding.title, report.findings);
        keys.push(finding.key);
    }
    keys
}

#[test]
fn of_all_sins() {
    let mut keys = Vec::new();
    for file in ["sins/sins.wasm", "sins/rust-sins.wasm"] {
        let wasm = read(file);
        let module = Module::parse(&wasm).unwrap();
        let functions = module.exports.iter().filter(|export| {
            export.kind == wasmparser::ExternalKind::Func && module.is_nullary(export.index)
        });
        for init in functions.map(|export| export.name).filter(|name| !name.starts_with('_')) {
            for world in [quiet(), with_data(with_secret())] {
                let stdin = Stdin::Bytes(b"correct horse battery staple\nnext\n".to_vec());
                keys.extend(said_by_both(&wasm, &options(init, WasiOptions { stdin, ..world })));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    // As many kinds as there are sins of them.
    for key in [
        "handle.directory",
        "handle.environment",
        "handle.file",
        "handle.preopens",
        "handle.preopens.empty",
        "handle.unflushed",
        "handle.unread",
        "secret.env",
    ] {
        assert!(keys.iter().any(|found| found == key), "{key}: {keys:?}");
    }
}

/// Standard input that is given on purpose may stay. A plain run notes that, and a strict one accepts it.
#[test]
fn of_input_that_is_given() {
    let stdin = Stdin::Bytes(b"correct horse battery\n".to_vec());
    let options = options("keeps_input", WasiOptions { stdin, ..quiet() });
    let strict = Preinit::from(Options { strict: true, ..options });
    let report = strict.run(&read("sins/sins.wasm")).unwrap().report;
    let notes: Vec<(Level, &str)> =
        report.findings.iter().map(|finding| (finding.level, &*finding.key)).collect();
    assert_eq!(notes, [(Level::Note, "secret.stdin")]);
}

/// A file that init was given is there to be used, unless its name, or what is in it, says that it is a secret.
#[test]
fn of_files() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "NAME")
        (data (i32.const 32) "\00\10\00\00\00\10\00\00\00\80\00\00\00\10\00\00")
        (func $open_and_read (param $buffer i32)
          (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const LENGTH) (i32.const 0)
              (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8)) (then unreachable))
          (drop (call $read (i32.load (i32.const 8)) (local.get $buffer) (i32.const 1) (i32.const 12))))
        (func $close_it (drop (call $close (i32.load (i32.const 8)))))
        (func (export "preinit") HOW))"#;
    let once = "(call $open_and_read (i32.const 32)) (call $close_it)";
    let twice = &format!("{once} (call $open_and_read (i32.const 40)) (call $close_it)");
    let again = "(call $open_and_read (i32.const 32))
        (drop (call $pread (i32.load (i32.const 8)) (i32.const 40) (i32.const 1) (i64.const 0) (i32.const 12)))
        (call $close_it)";
    let directory = tempfile::tempdir().unwrap();
    let lines: String = (0..100).map(|line| format!("line {line} of the file\n")).collect();
    // The name of a value is overwritten, and the value stays.
    let cut = &format!("{once} (i64.store (i32.const 4096) (i64.const 0))");
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n";
    let value = "API_KEY=0123456789abcdef\n";
    let of_lines = [
        (".env", 30, once, &["secret.file"][..]),
        (".env", 400, once, &["secret.file"]),
        (".env", 400, twice, &["secret.file"]),
        (".env", 400, again, &["secret.file"]),
        ("tls.key", 1700, once, &["secret.file"]),
        ("tls.key", 1700, twice, &["secret.file"]),
        ("conf", 30, once, &[]),
        ("conf", 1700, twice, &[]),
        // Too short to be looked for.
        (".env", 5, once, &[]),
    ];
    let of_lines = of_lines.map(|(name, length, how, expected)| (name, &lines[..length], how, expected));
    let of_contents = [
        ("plain", key, once, &["secret.file"][..]),
        ("cacert.pem", key, twice, &["secret.file"]),
        (".env", value, cut, &["secret.file"]),
        ("conf", value, cut, &[]),
    ];
    for (name, content, how, expected) in of_lines.into_iter().chain(of_contents) {
        std::fs::write(directory.path().join(name), content).unwrap();
        let text = text.replace("NAME", name).replace("LENGTH", &name.len().to_string()).replace("HOW", how);
        let wasm = wat::parse_str(text).unwrap();
        let access = preinit::host::Access::ReadOnly;
        let host = directory.path().to_path_buf();
        let dirs = vec![preinit::host::Directory { guest: "/".into(), host, access }];
        let options = options("preinit", WasiOptions { dirs, ..quiet() });
        assert_eq!(said_by_both(&wasm, &options), expected, "{name}, {} bytes, {how}", content.len());
    }
}
