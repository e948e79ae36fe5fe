//! WASI 0.3: streams, files and asynchronous functions of the host.

use super::running::Running;
use preinit::audit::audit;
use preinit::error::{ComponentRunError, Error};
use preinit::host::{
    Access, Class, DescriptorKind, Directory, HostOptions, Ledger, Output, Policy, Stdin, WasiOptions,
};
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, Verdict, VerifyOptions, verify};
use preinit::{Preinit, wat_to_wasm};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const INPUT: &[u8] = b"nine bytes";

/// Reads, writes, lists and waits.
fn everything() -> Vec<u8> {
    component(include_str!("wasi-0-3-streams.wat"))
}

fn component(text: &str) -> Vec<u8> {
    wat_to_wasm(text.as_bytes()).unwrap().into_owned()
}

fn wasi(folder: &Path) -> WasiOptions {
    let directory = Directory { guest: "/".to_string(), host: folder.to_path_buf(), access: Access::Overlay };
    WasiOptions {
        stdin: Stdin::Bytes(INPUT.to_vec()),
        stdout: Output::Capture,
        dirs: vec![directory],
        ..WasiOptions::default()
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.txt"), "one two three\n").unwrap();
    folder
}

/// What the component has kept at these addresses.
fn kept(wasm: &[u8], addresses: &[u32]) -> Vec<String> {
    let mut running = Running::start(wasm, &[]);
    let value = |text: String| text.trim_start_matches("[U32(").trim_end_matches(")]").to_string();
    addresses.iter().map(|at| value(running.call("at", &at.to_string()))).collect()
}

fn verdict(original: &[u8], snapshot: &[u8], init: &[&str], wasi: WasiOptions) -> Verdict {
    let options = VerifyOptions {
        init_functions: init.iter().map(ToString::to_string).collect(),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        engines: vec![Compiler::Cranelift],
        sequences: 6,
        depth: 6,
        time: Duration::from_secs(2),
        fuel: 1_000_000,
        ..VerifyOptions::default()
    };
    verify(original, snapshot, &options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn streams_files_and_waits_are_answered() {
    let (wasm, folder) = (everything(), folder());
    let preinit = Preinit::new().wasi(wasi(folder.path()));
    let output = preinit.run(&wasm).unwrap();
    // The number of bytes of standard input, and how its future was read, and ended.
    assert_eq!(kept(&output.wasm, &[1024, 1028, 1032]), ["10", "0", "0"]);
    assert_eq!(kept(&output.wasm, &[4096, 4104]), [u32::from_le_bytes(*b"nine").to_string(), "29541".into()]);
    // What was printed: 13 bytes at once, and the future.
    assert_eq!(kept(&output.wasm, &[1036, 1040]), [(13 << 4).to_string(), "0".into()]);
    assert_eq!(output.stdout, b"hello, world\n");
    // A regular file, from the third byte on; another one that was written; it is no directory; three names.
    assert_eq!(kept(&output.wasm, &[1044, 1048, 1052, 1056, 1060, 1064]), ["5", "12", "0", "0", "0", "10"]);
    assert_eq!(kept(&output.wasm, &[8192, 12288]), ["e tw", "hell"].map(number));
    assert_eq!(kept(&output.wasm, &[1068, 1072]), ["23".to_string(), (9 + 7).to_string()]);
    // Five seconds have gone by, of which one wait was a part.
    assert_eq!(kept(&output.wasm, &[1076]), ["5"]);
    assert!(!folder.path().join("out.txt").exists(), "the directory itself has not changed");
    assert_eq!(output.report.handles.unwrap().alive, 0);
    assert_eq!(preinit.run(&wasm).unwrap().wasm, output.wasm);
}

fn number(text: &str) -> String {
    u32::from_le_bytes(text.as_bytes().try_into().unwrap()).to_string()
}

#[test]
fn the_ledger_has_what_passed_through_streams() {
    let (wasm, folder) = (everything(), folder());
    let preinit = Preinit::new().wasi(wasi(folder.path()));
    let ledger = preinit.run(&wasm).unwrap().ledger;
    let calls: Vec<String> = ledger.component_calls().iter().map(|call| {
        let result = call.result.as_ref().map_or(String::new(), |result| format!(" -> {result}"));
        format!("{call}{result}")
    }).collect();
    let expected = [
        "wasi:cli/stdin@0.3.0#read-via-stream() -> (<stream 0>, <future 0>)",
        "wasi:cli/stdin@0.3.0#[stream-read]read-via-stream(<stream 0>, 4) -> ok(\"nine\")",
        "wasi:cli/stdin@0.3.0#[stream-read]read-via-stream(<stream 0>, 4) -> ok(\" byt\")",
        "wasi:cli/stdin@0.3.0#[stream-read]read-via-stream(<stream 0>, 4) -> ok(\"es\")",
        "wasi:cli/stdin@0.3.0#[stream-read]read-via-stream(<stream 0>, 4) -> ok",
        "wasi:cli/stdin@0.3.0#[stream-drop]read-via-stream(<stream 0>)",
        "wasi:cli/stdin@0.3.0#[future-read]read-via-stream(<future 0>) -> ok",
        "wasi:cli/stdout@0.3.0#write-via-stream(<stream>) -> <future 1>",
        "wasi:cli/stdout@0.3.0#[stream-write]write-via-stream(<stream 1>, \"hello, world\\n\") -> ok",
    ];
    let text = calls.join("\n");
    assert!(text.starts_with(&expected[..5].join("\n")), "{text}");
    for call in expected {
        assert!(calls.iter().any(|found| found == call), "{call} is not in\n{text}");
    }
    let waits = [
        "#wait-for(3000000000) -> 3000000001",
        "#[return]wait-for(3000000001)",
        "#[return]wait-until(",
        "#[stream-read][method]descriptor.read-directory(",
        "#[stream-write][method]descriptor.append-via-stream(",
    ];
    for call in waits {
        assert!(calls.iter().any(|found| found.contains(call)), "{call} is not in\n{text}");
    }
    // By preview 1: for warnings, policies and audits.
    assert_eq!(ledger.stdin(), INPUT);
    assert!(ledger.stdin_ended() && ledger.slept());
    assert_eq!(ledger.output(DescriptorKind::Stdout), b"hello, world\n");
    // A file is closed once neither a descriptor nor a stream has it.
    let count = |name: &str| ledger.wasi_calls(name).count();
    assert_eq!(count("fd_close"), count("path_open"));
    let mut replayed = Ledger::default();
    preinit.clone().replay(Arc::new(ledger.clone())).run_recorded(&wasm, &mut replayed).unwrap();
    assert_eq!(replayed.component_calls(), ledger.component_calls());
    assert_eq!(replayed.unreplayed(), Some(0));
}

#[test]
fn snapshots_are_verified() {
    let (wasm, folder) = (everything(), folder());
    let snapshot = Preinit::new().wasi(wasi(folder.path())).run(&wasm).unwrap().wasm;
    let equal = verdict(&wasm, &snapshot, &[], wasi(folder.path()));
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    // What calls print by streams is compared, and what init has kept.
    let pieces = [(&b"hello, world"[..], &b"hello, there"[..]), (b"nine byt", b"nine bat")];
    for (from, to) in pieces {
        let changed = replaced(&snapshot, from, to);
        let different = verdict(&wasm, &changed, &[], wasi(folder.path()));
        assert_eq!(different.outcome, Outcome::Different, "{different}");
    }
}

/// The same bytes with the last of these in another form.
fn replaced(wasm: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = wasm.windows(from.len()).rposition(|window| window == from).unwrap();
    let mut wasm = wasm.to_vec();
    wasm[at..at + from.len()].copy_from_slice(to);
    wasm
}

#[test]
fn ends_that_are_alive_are_handles() {
    let (wasm, folder) = (everything(), folder());
    let preinit = Preinit::new().wasi(wasi(folder.path())).init_function("leave");
    let Err(Error::Component(ComponentRunError::Handles(live))) = preinit.run(&wasm) else {
        panic!("two handles are alive")
    };
    assert_eq!(live.alive, 2, "a stream and a future");
    assert!(live.places.iter().any(|place| place.at.contains("memory 0 + 0x120")), "{live:?}");
    let allowed = preinit.allow_live_handles(true).run(&wasm).unwrap();
    assert_eq!(allowed.report.handles.unwrap().alive, 2);
}

#[test]
fn each_class_of_calls_can_be_denied() {
    let (wasm, folder) = (everything(), folder());
    for (class, function) in [
        (Class::Stdin, "wasi:cli/stdin@0.3.0#[stream-read]read-via-stream"),
        (Class::Output, "wasi:cli/stdout@0.3.0#[stream-write]write-via-stream"),
        (Class::Files, "wasi:filesystem/preopens@0.3.0#get-directories"),
        (Class::Clock, "wasi:clocks/monotonic-clock@0.3.0#now"),
    ] {
        let denying = Preinit::new().wasi(wasi(folder.path())).policy(class, Policy::Deny);
        let error = denying.run(&wasm).map(drop).unwrap_err();
        assert!(error.is_refusal(), "{class}: {error}");
        assert!(error.to_string().contains(&format!("asked for `{function}`, which is denied")), "{error}");
    }
}

#[test]
fn what_streams_carry_counts_towards_the_memory_limit() {
    let (wasm, folder) = (everything(), folder());
    let input = WasiOptions { stdin: Stdin::Bytes(vec![b'x'; 1 << 20]), ..wasi(folder.path()) };
    let limited = Preinit::new().wasi(input).init_function("input").max_memory(1 << 20);
    let error = limited.run(&wasm).map(drop).unwrap_err();
    assert!(error.is_refusal() && error.to_string().contains("over the limit of 1048576 bytes"), "{error}");
}

/// Init has read what an instance would read again.
#[test]
fn leftovers_of_standard_input_and_sources_are_found() {
    let (wasm, folder) = (everything(), folder());
    let mut options = preinit::Options::default();
    options.host.wasi = Some(wasi(folder.path()));
    let audit = audit(&wasm, &options).unwrap();
    let keys: Vec<&str> = audit.findings.iter().map(|finding| finding.key.as_str()).collect();
    assert!(keys.iter().any(|key| key.contains("stdin") || key.contains("input")), "{keys:?}");
    let output = Preinit::from(options).run(&wasm).unwrap();
    let keys: Vec<&str> = output.report.findings.iter().map(|finding| finding.key.as_str()).collect();
    assert!(keys.contains(&"handle.end_of_input"), "{keys:?}");
}
