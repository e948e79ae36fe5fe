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
use preinit_testing::test_program;
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
    let options = verify_options(init, wasi);
    verify(original, snapshot, &options).unwrap_or_else(|error| panic!("{error}"))
}

fn verify_options(init: &[&str], wasi: WasiOptions) -> VerifyOptions {
    VerifyOptions {
        init_functions: init.iter().map(ToString::to_string).collect(),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        engines: vec![Compiler::Cranelift],
        sequences: 6,
        depth: 6,
        time: Duration::from_secs(2),
        fuel: 1_000_000,
        ..VerifyOptions::default()
    }
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
    assert_eq!(kept(&output.wasm, &[1068, 1072, 1080]), ["23", "16", "10"]);
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
    let calls: Vec<String> = ledger
        .component_calls()
        .iter()
        .map(|call| {
            let result = call.result.as_ref().map_or(String::new(), |result| format!(" -> {result}"));
            format!("{call}{result}")
        })
        .collect();
    let expected = [
        "wasi:cli/stdin@0.3.0.read-via-stream() -> (<stream 0>, <future 0>)",
        "wasi:cli/stdin@0.3.0.[stream-read]read-via-stream(<stream 0>, 4) -> ok(\"nine\")",
        "wasi:cli/stdin@0.3.0.[stream-read]read-via-stream(<stream 0>, 4) -> ok(\" byt\")",
        "wasi:cli/stdin@0.3.0.[stream-read]read-via-stream(<stream 0>, 4) -> ok(\"es\")",
        "wasi:cli/stdin@0.3.0.[stream-read]read-via-stream(<stream 0>, 4) -> ok",
        "wasi:cli/stdin@0.3.0.[future-read]read-via-stream(<future 0>) -> ok",
        "wasi:cli/stdin@0.3.0.[stream-drop]read-via-stream(<stream 0>)",
        "wasi:cli/stdout@0.3.0.write-via-stream(<stream>) -> <future 1>",
        "wasi:cli/stdout@0.3.0.[stream-write]write-via-stream(<stream 1>, \"hello, world\\n\") -> ok",
    ];
    let text = calls.join("\n");
    assert!(text.starts_with(&expected.join("\n")), "{text}");
    let waits = [
        ".wait-for(3000000000) -> 3000000002",
        ".[return]wait-for(3000000002)",
        ".wait-until(5000000001)",
        ".[return]wait-until(5000000001)",
        ".[stream-read][method]descriptor.read-directory(<stream 9>) -> ok(some({type: regular-file, name: \"words.txt\"}))",
        ".[stream-write][method]descriptor.append-via-stream(<stream 6>, \"words\") -> ok",
        ".[future-read][method]descriptor.read-directory(<future 8>) -> err(not-directory)",
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
        (Class::Stdin, "wasi:cli/stdin@0.3.0.[stream-read]read-via-stream"),
        (Class::Output, "wasi:cli/stdout@0.3.0.[stream-write]write-via-stream"),
        (Class::Files, "wasi:filesystem/preopens@0.3.0.get-directories"),
        (Class::Clock, "wasi:clocks/monotonic-clock@0.3.0.now"),
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
    ["handle.end_of_input", "taint.stdin", "clock.monotonic"]
        .iter()
        .for_each(|key| assert!(keys.contains(key), "{keys:?}"));
    let output = Preinit::from(options).init_function("peek").run(&wasm).unwrap();
    let keys: Vec<&str> = output.report.findings.iter().map(|finding| finding.key.as_str()).collect();
    assert!(keys.contains(&"handle.unread"), "{keys:?}");
}

/// Calls that go on beside each other.
fn tasks() -> Vec<u8> {
    component(include_str!("wasi-0-3-tasks.wat"))
}

fn run_tasks(init: &str) -> Result<preinit::Output, Error> {
    let folder = folder();
    Preinit::new().wasi(wasi(folder.path())).init_function(init).run(&tasks())
}

#[test]
fn time_passes_to_the_first_point_that_is_waited_for() {
    let output = run_tasks("waits").unwrap();
    // The short wait, the long one; the third was cancelled before it returned.
    assert_eq!(kept(&output.wasm, &[1024, 1028, 1032]), ["1", "1", "4"]);
    assert_eq!(kept(&output.wasm, &[1036]), ["2"], "it has returned already");
    let returns: Vec<String> = output.ledger.component_calls().iter().map(ToString::to_string).collect();
    let returns: Vec<&String> = returns.iter().filter(|call| call.contains("[return]")).collect();
    assert_eq!(returns.len(), 2, "{returns:?}");
    // Four bytes that are there come before a wait, however short.
    let output = run_tasks("race").unwrap();
    assert_eq!(kept(&output.wasm, &[1024]), [(4 << 4).to_string()]);
    let (wasm, folder) = (tasks(), folder());
    for init in ["waits", "race"] {
        let output = run_tasks(init).unwrap();
        let equal = verdict(&wasm, &output.wasm, &[init], wasi(folder.path()));
        assert_eq!(equal.outcome, Outcome::Equal, "{init}: {equal}");
    }
}

#[test]
fn streams_of_the_host_can_be_connected() {
    let output = run_tasks("connect").unwrap();
    assert_eq!(output.stdout, INPUT);
    assert_eq!(kept(&output.wasm, &[1024, 1028, 96]), ["0", "0", "0"]);
    assert_eq!(output.report.handles.unwrap().alive, 0);
}

#[test]
fn names_of_hosts_are_not_resolved() {
    let output = run_tasks("resolve").unwrap();
    // An error: that of a resolver, for good.
    assert_eq!(kept(&output.wasm, &[1024, 1028]), ["1", "4"]);
}

#[test]
fn asynchronous_functions_of_others_trap_by_name_or_are_stubbed() {
    let error = run_tasks("think").map(drop).unwrap_err();
    assert!(error.to_string().contains("my:own/things") && error.to_string().contains("think"), "{error}");
    let stubbed = |preinit: Preinit, init: &str| preinit.allow_wasi(true).init_function(init).run(&tasks());
    let output = stubbed(Preinit::new().stub("my:own/things", "think"), "think").unwrap();
    assert_eq!(kept(&output.wasm, &[1024]), ["1"]);
    assert_eq!(output.ledger.stubs().len(), 1);
    // The stream that a stub is given is closed: nothing was written, and nobody waits.
    let output = stubbed(Preinit::new().stub_all(true), "give").unwrap();
    assert_eq!(kept(&output.wasm, &[1024]), ["1"]);
    assert_eq!(output.report.handles.unwrap().alive, 0);
    let without = Preinit::new().stub_all(true).init_function("race");
    assert!(without.run(&tasks()).is_err(), "a stub cannot make a stream");
}

#[test]
fn imports_with_asynchronous_functions_can_be_cut() {
    const CUT: [&str; 2] = ["my:own/things", "wasi:clocks/monotonic-clock@0.3.0"];
    let cut = Preinit::new().allow_wasi(true).init_function("waits");
    let output = cut.cut_import(CUT[0]).cut_import(CUT[1]).run(&tasks()).unwrap();
    assert_eq!(kept(&output.wasm, &[1024]), ["1"]);
    assert_eq!(Running::start(&output.wasm, &[]).call("think", ""), "trap");
    let options = VerifyOptions {
        cut_imports: CUT.map(str::to_string).to_vec(),
        sequences: 2,
        depth: 3,
        ..verify_options(&["waits"], WasiOptions::default())
    };
    let verdict = verify(&tasks(), &output.wasm, &options).unwrap();
    // Who waits after init has a clock in the original only.
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
}

#[test]
fn what_stays_open_is_refused_or_told() {
    // Who has the other end of a stream that the host reads can write on.
    let Err(Error::Component(ComponentRunError::Handles(live))) = run_tasks("keep") else {
        panic!("a handle is alive")
    };
    assert_eq!(live.alive, 1);
    let output = run_tasks("forget").unwrap();
    assert_eq!(output.report.handles.unwrap().to_string(), "1 alive after init and held nowhere");
    // A call that goes on when init returns is over when init is, but its handle is there.
    let Err(Error::Component(ComponentRunError::Handles(live))) = run_tasks("start") else {
        panic!("a handle is alive")
    };
    assert_eq!(live.alive, 1);
    // Nobody ends what the guest waits for.
    let error = run_tasks("hang").map(drop).unwrap_err();
    assert!(error.to_string().contains("deadlock"), "{error}");
}

#[test]
fn a_clock_that_waits_does_not_go_on() {
    let (wasm, folder) = (everything(), folder());
    let rebased = Preinit::new().wasi(wasi(folder.path())).rebase_clock(true).run(&wasm);
    let error = rebased.map(drop).unwrap_err();
    assert!(error.to_string().contains("wait-for") || error.to_string().contains("wait-until"), "{error}");
    let frozen = Preinit::new().wasi(wasi(folder.path())).at("stdin".parse().unwrap()).run(&wasm);
    let error = frozen.map(drop).unwrap_err();
    assert!(error.to_string().contains("freezing asynchronous functions"), "{error}");
}

/// A component of `wasip3` and `wit-bindgen`: its functions have callbacks, and their tasks are the guest's own.
fn program() -> Vec<u8> {
    test_program("wasip3/index.wasm")
}

#[test]
fn a_program_in_rust_reads_lists_waits_and_prints() {
    let folder = folder();
    std::fs::write(folder.path().join("other"), "").unwrap();
    let options = || wasi(folder.path());
    let output = Preinit::new().wasi(options()).run(&program()).unwrap();
    assert_eq!(output.stdout, b"5 words\n");
    assert_eq!(output.report.handles.unwrap().to_string(), "0 alive after init");
    let mut running = Running::start(&output.wasm, &[]);
    assert_eq!(running.call("query", "\"nine\""), "[U32(1)]");
    assert_eq!(running.call("query", "\"four\""), "[U32(0)]");
    assert_eq!(running.call("files", ""), r#"[List([String("other"), String("words.txt")])]"#);
    let equal = verdict(&program(), &output.wasm, &[], options());
    assert_eq!(equal.outcome, Outcome::Equal, "{equal}");
    assert!(equal.to_string().contains("print"), "asynchronous functions are called: {equal}");
    let changed = replaced(&output.wasm, b"three", b"tree ");
    let different = verdict(&program(), &changed, &[], options());
    assert_eq!(different.outcome, Outcome::Different, "{different}");
}

#[test]
fn core_instances_are_read_and_called_beside_asynchronous_functions() {
    let output = run_tasks("drop").unwrap();
    let call = |name: &str| Running::start(&output.wasm, &[]).call(name, "");
    assert_eq!(call("copy"), format!("[U32({})]", number("copi")));
    assert_eq!([call("copy-dropped"), call("table-dropped")], ["trap", "trap"]);
    let folder = folder();
    let preinit = Preinit::new().wasi(wasi(folder.path())).init_function("drop").reset_libc(true);
    assert_eq!(kept(&preinit.run(&tasks()).unwrap().wasm, &[1024]), ["77"]);
}

#[test]
fn streams_that_nobody_drops_and_waits_without_an_end_come_to_a_limit() {
    let folder = folder();
    let preinit = || Preinit::new().wasi(wasi(folder.path())).max_memory(16 << 20);
    let hoarding = preinit().init_function("hoard").run(&tasks()).map(drop).unwrap_err();
    let text = "its tasks, threads and streams could need more than 8 call stacks";
    assert!(hoarding.is_refusal() && hoarding.to_string().contains(text), "{hoarding}");
    let ticking = preinit().init_function("tick").run(&tasks()).map(drop).unwrap_err();
    assert!(
        ticking.is_refusal() && ticking.to_string().contains("over the limit of 16777216 bytes"),
        "{ticking}"
    );
}
