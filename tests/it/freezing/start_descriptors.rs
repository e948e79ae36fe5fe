//! Programs that close or move what every process begins with: the standard streams and the preopened directories.

use preinit::embed::{Source, Sources, Writing, embed_for};
use preinit::finding::Level;
use preinit::host::{Access, Directory, Output, WasiOptions};
use preinit::verify::{VerifyOptions, verify};
use preinit::{Error, Options, Preinit};
use preinit_testing::repository;
use std::time::Duration;

/// Does `body`, then reads standard input. `(call $open)` gives a file that is open to be read.
fn program(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $set_flags (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_fdstat_set_rights" (func $set_rights (param i32 i64 i64) (result i32)))
            (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "hello.txt")
            (func $do (param i32) (if (local.get 0) (then unreachable)))
            (func $open_in (param i32) (result i32)
                (call $do (call $path_open (local.get 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
                    (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 96)))
                (i32.load (i32.const 96)))
            (func $open (result i32) (call $open_in (i32.const 3)))
            (func $_start (export "_start")
                {body}
                (drop (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 100)))))"#
    );
    wat::parse_str(text).unwrap()
}

fn options(at: Option<&str>) -> Options {
    let host = repository().join("test-programs/data");
    let directory = Directory { guest: "/data".to_string(), host, access: Access::ReadOnly };
    let wasi = WasiOptions { dirs: vec![directory], stdout: Output::Capture, ..WasiOptions::default() };
    let mut options = Options { init_functions: vec!["_start".to_string()], ..Options::default() };
    options.host.wasi = Some(wasi);
    options.at = at.map(|place| place.parse().unwrap());
    options
}

/// What a plain run warns of, which a strict one refuses.
#[track_caller]
fn warned(wasm: &[u8]) -> Vec<String> {
    let report = Preinit::from(options(None)).run(wasm).unwrap().report;
    let changed = report.findings.iter().filter(|finding| finding.key == "handle.changed");
    let titles: Vec<String> = changed
        .map(|finding| {
            assert_eq!(finding.level, Level::Warning);
            assert_eq!(finding.sites.len(), 1, "{finding:?}");
            finding.title.clone()
        })
        .collect();
    let strict = Preinit::from(Options { strict: true, ..options(None) }).run(wasm);
    assert_eq!(titles.is_empty(), !matches!(strict, Err(Error::Strict { .. })), "{titles:?}");
    titles
}

/// What every process begins with.
pub const STREAMS: [&str; 4] =
    ["standard input", "standard output", "standard error", "the preopened directory `/data`"];

/// The warnings that these changes of descriptors get.
pub fn warnings(changes: &[String]) -> Vec<String> {
    changes
        .iter()
        .map(|changed| format!("in init, {changed}; an instance has it as it is at the start"))
        .collect()
}

/// What is said where a program that has made them is to be frozen.
pub fn refusal(changes: &[String]) -> String {
    let list: String = changes.iter().map(|changed| format!("\n  {changed}")).collect();
    let message = "the program has changed descriptors that the frozen one would have as they are at the start of a process; freeze \
                   it before it does that, or let it put them back before:";
    format!("{message}{list}")
}

#[track_caller]
fn changed(body: &str, expected: &[String]) {
    let wasm = program(body);
    assert_eq!(warned(&wasm), warnings(expected), "{body}");
    let error = Preinit::from(options(Some("wasi_snapshot_preview1.fd_read"))).run(&wasm).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(error.to_string(), refusal(expected), "{body}");
}

#[test]
fn one_that_was_closed() {
    for (number, what) in STREAMS.iter().enumerate() {
        let body = format!("(call $do (call $close (i32.const {number})))");
        changed(&body, &[format!("descriptor {number} ({what}) was closed")]);
    }
}

#[test]
fn one_that_was_moved_onto_another() {
    for (from, moved) in STREAMS.iter().enumerate() {
        for (to, closed) in STREAMS.iter().enumerate().filter(|(to, _)| *to != from) {
            let body = format!("(call $do (call $renumber (i32.const {from}) (i32.const {to})))");
            let mut expected = [
                (from, format!("descriptor {from} ({moved}) was moved to descriptor {to}")),
                (to, format!("descriptor {to} ({closed}) was closed, and {moved} has its number")),
            ];
            expected.sort();
            changed(&body, &expected.map(|(_, text)| text));
        }
    }
}

#[test]
fn one_that_was_moved_away() {
    for (number, what) in STREAMS.iter().enumerate() {
        let body = format!("(call $do (call $renumber (i32.const {number}) (call $open)))");
        changed(&body, &[format!("descriptor {number} ({what}) was moved to descriptor 4")]);
    }
}

/// Both are said where a file has taken the number.
#[test]
fn one_that_a_file_replaced() {
    let wasm = program("(call $do (call $close (i32.const 2))) (drop (call $open))");
    let error = Preinit::from(options(Some("wasi_snapshot_preview1.fd_read"))).run(&wasm).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the program has descriptors open that the frozen one would not have"),
        "{message}"
    );
    let replaced = "descriptor 2 (standard error) was closed, and the file `/data/hello.txt` has its number";
    assert!(message.ends_with(replaced), "{message}");
    assert!(warned(&wasm)[0].contains(replaced));
}

/// Asking, trying in vain, files of its own, and what is put back.
#[test]
fn nothing_of_that() {
    for body in [
        "",
        "(call $do (call $get (i32.const 1) (i32.const 128))) (drop (call $prestat (i32.const 3) (i32.const 128)))",
        "(call $do (call $renumber (i32.const 1) (i32.const 1)))",
        "(drop (call $close (i32.const 9))) (drop (call $renumber (i32.const 1) (i32.const 9)))",
        // This host lets nobody set flags and rights of these.
        "(drop (call $set_flags (i32.const 0) (i32.const 4))) (drop (call $set_rights (i32.const 3) (i64.const 0) (i64.const 0)))",
        "(call $do (call $set_flags (call $open) (i32.const 5))) (call $do (call $close (i32.load (i32.const 96))))",
        // Away, a file where it was, and back again in the file's place.
        "(call $do (call $renumber (i32.const 1) (call $open))) (drop (call $open))
         (call $do (call $renumber (i32.const 4) (i32.const 1)))",
    ] {
        let wasm = program(body);
        assert_eq!(warned(&wasm), [""; 0], "{body}");
        Preinit::from(options(Some("wasi_snapshot_preview1.fd_read"))).run(&wasm).unwrap();
    }
}

/// Files and directories that the module has are none of a process, whatever number they have.
#[test]
fn what_the_module_has() {
    let embedded = |body: &str| {
        let mut sources = Sources::default();
        sources.add(Source::new("/data", repository().join("test-programs/data"))).unwrap();
        embed_for(&program(body), &sources.tree().unwrap(), Writing::Refused).unwrap().wasm
    };
    let without = |at: Option<&str>| {
        let mut options = options(at);
        options.host.wasi = Some(WasiOptions { stdout: Output::Capture, ..WasiOptions::default() });
        options
    };
    let file = "(call $do (call $prestat (i32.const 3) (i32.const 128))) (drop (call $open))";
    for body in [
        format!("{file} (call $do (call $close (i32.const 3)))"),
        format!("{file} (call $do (call $close (i32.load (i32.const 96))))"),
        format!("{file} (call $do (call $renumber (i32.load (i32.const 96)) (i32.const 3)))"),
    ] {
        let wasm = embedded(&body);
        let report = Preinit::from(without(None)).run(&wasm).unwrap().report;
        assert!(
            report.findings.iter().all(|finding| finding.key != "handle.changed"),
            "{:?}",
            report.findings
        );
        Preinit::from(without(Some("stdin"))).run(&wasm).unwrap();
    }
    // The host's are its own all the same.
    let wasm = embedded(&format!("{file} (call $do (call $close (i32.const 1)))"));
    let error = Preinit::from(without(Some("stdin"))).run(&wasm).unwrap_err();
    assert!(error.to_string().ends_with("\n  descriptor 1 (standard output) was closed"), "{error}");
}

/// Both sides are answered as the original was, so nothing that is compared shows it.
#[test]
fn verify_says_so() {
    let said = |body: &str| {
        let wasm = program(body);
        let made = Preinit::from(options(None)).run(&wasm).unwrap().wasm;
        let comparison = VerifyOptions {
            init_functions: vec!["_start".to_string()],
            host: options(None).host,
            time: Duration::from_millis(1),
            ..VerifyOptions::default()
        };
        verify(&wasm, &made, &comparison).unwrap().to_string()
    };
    let expected = "not compared: calls that depend on this: in init, descriptor 2 (standard error) was closed; an instance has it";
    assert!(said("(call $do (call $close (i32.const 2)))").contains(expected));
    assert!(!said("").contains("in init, "));
}
