//! `preinit verify --at`: a frozen program is compared with its original from the place on.

use preinit::host::{HostOptions, Stdin, WasiOptions};
use preinit::verify::{OtherEngine, Outcome, Verdict, VerifyOptions, verify};
use preinit::{Layout, Options, Preinit, Rename, Trigger, wat_to_wasm};

/// Reads bytes of standard input, after work that takes calls and memory, and exits with their sum and that of the work.
const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "\80\00\00\00\01\00\00\00")
    (global $work (mut i32) (i32.const 0))
    (func $next (param $k i32) (result i32)
        (drop (i32.add (local.get $k) (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 100))))
        (i32.mul (i32.load8_u (i32.const 128)) (i32.load (i32.const 100))))
    (func $sum (param $k i32) (result i32) (local $sum i32) (local $bias i32)
        (local.set $sum (local.get $k))
        (local.set $bias (i32.mul (local.get $k) (i32.const 3)))
        (block $end (loop $again
            (local.get $sum)
            (call $next (local.get $k))
            (local.tee $k)
            (i32.add)
            (local.set $sum)
            (br_if $again (local.get $k))))
        (i32.add (local.get $sum) (local.get $bias)))
    (func (export "_start")
        (global.set $work (i32.const 5))
        (i32.store (i32.const 200) (i32.const 7))
        (call $exit (i32.add (i32.load (i32.const 200)) (call $sum (global.get $work))))))"#;

fn original() -> Vec<u8> {
    wat_to_wasm(PROGRAM.as_bytes()).unwrap().into_owned()
}

fn frozen() -> Vec<u8> {
    Preinit::new().allow_wasi(true).at("stdin".parse().unwrap()).run(&original()).unwrap().wasm
}

fn verdict(snapshot: &[u8], at: &str) -> Verdict {
    let options = VerifyOptions {
        at: Some(at.parse().unwrap()),
        run: Some(WasiOptions { stdin: Stdin::Bytes(vec![20, 30]), ..WasiOptions::default() }),
        ..VerifyOptions::default()
    };
    verify(&original(), snapshot, &options).unwrap()
}

#[test]
fn the_rest_is_the_original_s() {
    let verdict = verdict(&frozen(), "stdin");
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    // Two bytes, the end of the input, and the exit.
    let engines = verdict.coverage.engines.iter().map(|engine| (engine.name.as_str(), engine.host_calls));
    assert_eq!(engines.collect::<Vec<_>>(), [("cranelift", 4), ("wasmi", 4)], "{verdict}");
    // Those of three calls, the import, and the wrapper.
    assert_eq!(verdict.coverage.functions_accounted, 5, "{verdict}");
    assert_eq!(verdict.coverage.exports_redirected, ["_start"], "{verdict}");
}

/// Of an older system, on every engine.
#[test(needs(Node))]
fn the_rest_of_a_program_of_snapshot_0_is_the_original_s() {
    let text = PROGRAM.replace("wasi_snapshot_preview1", "wasi_unstable");
    let original = wat_to_wasm(text.as_bytes()).unwrap().into_owned();
    for at in ["stdin", "wasi_unstable.fd_read", "wasi_unstable.fd_read(0, ..)#2", "wasi_unstable.proc_exit"]
    {
        let trigger: Trigger = at.parse().unwrap();
        let input = || WasiOptions { stdin: Stdin::Bytes(vec![20, 30]), ..WasiOptions::default() };
        let snapshot = Preinit::new().wasi(input()).at(trigger.clone()).run(&original).unwrap().wasm;
        let imports = imported_modules(&snapshot);
        assert!(imports.iter().all(|module| module == "wasi_unstable"), "{imports:?}");
        let options = VerifyOptions {
            at: Some(trigger),
            host: HostOptions { wasi: Some(input()), ..HostOptions::default() },
            run: Some(input()),
            other_engines: vec![OtherEngine::Wasmi, OtherEngine::V8],
            ..VerifyOptions::default()
        };
        let verdict = verify(&original, &snapshot, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{at}: {verdict}");
        let engines: Vec<_> = verdict.coverage.engines.iter().map(|engine| &*engine.name).collect();
        assert!(engines.contains(&"wasmi") && engines.contains(&"v8"), "{at}: {verdict}");
    }
}

/// The modules that a module imports from.
fn imported_modules(wasm: &[u8]) -> Vec<String> {
    let module = wasmtime::Module::new(&wasmtime::Engine::default(), wasm).unwrap();
    module.imports().map(|import| import.module().to_string()).collect()
}

/// Whatever else is chosen, the code that resumes is made again.
#[test]
fn other_choices_are_made_again() {
    let renames = vec![Rename { dst: "go".to_string(), src: "_start".to_string() }];
    for (strip_init, layout, renames) in
        [(true, Layout::Auto, vec![]), (false, Layout::Sparse, vec![]), (true, Layout::Compact, renames)]
    {
        let host = HostOptions { wasi: Some(WasiOptions::default()), ..HostOptions::default() };
        let at: Option<Trigger> = Some("stdin".parse().unwrap());
        let what = format!("{strip_init}, {layout:?}, {renames:?}");
        let options = Options {
            at: at.clone(),
            strip_init,
            layout,
            renames: renames.clone(),
            host,
            ..Options::default()
        };
        let snapshot = Preinit::from(options).run(&original()).unwrap().wasm;
        let options =
            VerifyOptions { at, renames, run: Some(WasiOptions::default()), ..VerifyOptions::default() };
        let verdict = verify(&original(), &snapshot, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "{what}: {verdict}");
        // Of the sparse layout, a start function too.
        let added = 5 + u64::from(layout == Layout::Sparse);
        assert_eq!(verdict.coverage.functions_accounted, added, "{what}: {verdict}");
    }
}

/// What the wrapper does from its second call on, only certain inputs show.
#[test]
fn code_that_resumes_has_no_secret() {
    let text = wasmprinter::print_bytes(frozen()).unwrap();
    let call = text.rfind("call").unwrap();
    let secret = "(if (i32.eq (i32.load (i32.const 0x4242)) (i32.const 0x12345678)) (then unreachable)) ";
    let snapshot =
        wat_to_wasm(format!("{}{secret}{}", &text[..call], &text[call..]).as_bytes()).unwrap().into_owned();
    let verdict = verdict(&snapshot, "stdin");
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    assert!(verdict.to_string().contains("(export `_start`)"), "{verdict}");
}

#[test]
fn an_engine_that_has_no_room_is_left_out() {
    let (original, frozen) = deep(1000);
    let options = VerifyOptions { other_engines: vec![OtherEngine::Wasmi], ..at_stdin() };
    let verdict = verify(&original, &frozen, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    // An engine that came to the end of nothing has compared nothing.
    assert_eq!(verdict.coverage.engines_skipped[0].name, "wasmi", "{verdict}");
    assert!(verdict.coverage.engines.iter().all(|engine| engine.name != "wasmi"), "{verdict}");
}

/// Each is one wrong byte in the code that resumes or in the state.
#[test]
fn what_is_wrong_is_found() {
    let frozen = frozen();
    let replaced = |from: &[u8], to: &[u8]| {
        let at: Vec<usize> = (0..frozen.len()).filter(|at| frozen[*at..].starts_with(from)).collect();
        let mut wrong = frozen.clone();
        // The last one: what was added comes behind everything.
        let at = *at.last().unwrap();
        wrong[at..at + to.len()].copy_from_slice(to);
        wrong
    };
    // i32.const 15; local.set 2: a local of a frame.
    let local = replaced(&[0x41, 15, 0x21, 2], &[0x41, 16]);
    // i32.const 7; call: an operand below the call.
    let operand = replaced(&[0x41, 7, 0x10], &[0x41, 8]);
    // Of the call itself: i32.const 64.
    let argument = replaced(&[0x41, 0xc0, 0, 0x41, 1], &[0x41, 0xc4, 0]);
    let memory = replaced(&[0x0b, 1, 7], &[0x0b, 1, 9]);
    for (wrong, key) in [
        (local, "resumed.host_call"),
        (operand, "resumed.host_call"),
        (argument, "resumed.host_call.0"),
        (memory, "memory.0."),
    ] {
        let verdict = verdict(&wrong, "stdin");
        assert_eq!(verdict.outcome, Outcome::Different, "{key}: {verdict}");
        assert!(verdict.differences[0].key.starts_with(key), "{key}: {verdict}");
    }
}

#[test]
fn frozen_somewhere_else() {
    // The state is the same, and nothing happens in between; but the code that resumes is not that of the place.
    let verdict = verdict(&frozen(), "call:sum");
    assert_eq!(verdict.outcome, Outcome::CouldNotTell, "{verdict}");
    assert!(verdict.undecided[0].contains("not those which this state needs"), "{verdict}");
    let entry =
        Preinit::new().allow_wasi(true).at("export:_start".parse().unwrap()).run(&original()).unwrap();
    let verdict = self::verdict(&entry.wasm, "stdin");
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert_eq!(verdict.differences[0].key, "global.0", "{verdict}");
}

#[test]
fn a_place_that_the_original_does_not_come_to() {
    let options = VerifyOptions { at: Some("stdin#9".parse().unwrap()), ..VerifyOptions::default() };
    let error = verify(&original(), &frozen(), &options).unwrap_err();
    assert_eq!(error.to_string(), "the original did not reach the point at which it was frozen");
}

/// A program that reads so deep in recursion, and what it is when it is frozen there.
fn deep(depth: usize) -> (Vec<u8>, Vec<u8>) {
    let wat = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "\80\00\00\00\01\00\00\00")
        (func $down (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then
                (return (call $read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 100)))))
            (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (func (export "_start") (call $exit (i32.rem_u (call $down (i32.const {depth})) (i32.const 100)))))"#
    );
    let original = wat_to_wasm(wat.as_bytes()).unwrap().into_owned();
    let output = Preinit::new().allow_wasi(true).at("stdin".parse().unwrap()).run(&original).unwrap();
    assert_eq!(output.report.frozen.unwrap().frames, depth + 2);
    (original, output.wasm)
}

fn at_stdin() -> VerifyOptions {
    VerifyOptions {
        at: Some("stdin".parse().unwrap()),
        run: Some(WasiOptions::default()),
        ..VerifyOptions::default()
    }
}

#[test]
fn deep_in_recursion() {
    let (original, frozen) = deep(15_000);
    let verdict = verify(&original, &frozen, &at_stdin()).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
}
