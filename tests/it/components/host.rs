//! The host of components. Programs for preview 1 become components with the adapter that toolchains ship: so everything that they
//! do is asked for in the words of preview 2.

use preinit::host::{
    Access, Class, DescriptorKind, Directory, Ledger, LedgerHash, Output, Policy, Stdin, WasiOptions,
};
use preinit::{Error, Preinit};
use preinit_testing::command_component::command;
use preinit_testing::{repository, test_program};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

pub const ARGUMENTS: [&str; 3] = ["program", "one", "two words"];
const ENVIRONMENT: [(&str, &str); 3] = [("WORD", "a=b"), ("EMPTY", ""), ("LAST", "é")];
const INPUT: &[u8] = b"first line\n42\nlast line\n";

/// What a program prints, by stream.
type Printed = (String, String);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn data() -> PathBuf {
    repository().join("test-programs/data")
}

fn program(name: &str) -> Vec<u8> {
    command(&test_program(&format!("wasi/{name}.wasm")))
}

/// The export that runs a command.
pub fn entry(wasm: &[u8]) -> String {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, wasm).unwrap();
    let ty = component.component_type();
    let name =
        ty.exports(&engine).map(|(name, _)| name.to_string()).find(|name| name.starts_with("wasi:cli/run@"));
    format!("{}#run", name.unwrap())
}

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What a program prints on a host that knows nothing of preinit.
fn elsewhere(wasm: &[u8], scratch: &Path) -> Printed {
    elsewhere_with(wasm, &[(&data(), "/data", FsPerms::ReadOnly), (scratch, "/scratch", FsPerms::ReadWrite)])
}

/// The same with these directories.
pub fn elsewhere_with(wasm: &[u8], dirs: &[(&Path, &str, FsPerms)]) -> Printed {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, wasm).unwrap();
    let mut linker = Linker::<Host>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
    let (stdout, stderr) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let mut builder = WasiCtxBuilder::new();
    builder.args(&ARGUMENTS).envs(&ENVIRONMENT).stdin(MemoryInputPipe::new(INPUT));
    builder.stdout(stdout.clone()).stderr(stderr.clone());
    for (host, guest, permissions) in dirs {
        builder.preopened_dir(host, guest, *permissions).unwrap();
    }
    let mut store = Store::new(&engine, Host { wasi: builder.build(), table: ResourceTable::new() });
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let entry = entry(wasm);
    let (interface, function) = entry.split_once('#').unwrap();
    let interface = instance.get_export_index(&mut store, None, interface).unwrap();
    let function = instance.get_export_index(&mut store, Some(&interface), function).unwrap();
    let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut store, function).unwrap();
    // A program may end with an exit code.
    let _ = run.call(&mut store, ());
    (text(&stdout.contents()), text(&stderr.contents()))
}

fn preinit(wasm: &[u8], scratch: &Path, access: Access) -> Preinit {
    let directory = |guest: &str, host: PathBuf, access| Directory { guest: guest.into(), host, access };
    Preinit::new().init_function(entry(wasm)).wasi(WasiOptions {
        args: ARGUMENTS.map(str::to_string).to_vec(),
        env: ENVIRONMENT.map(|(name, value)| (name.to_string(), value.to_string())).to_vec(),
        stdin: Stdin::Bytes(INPUT.to_vec()),
        stdout: Output::Capture,
        stderr: Output::Capture,
        dirs: vec![
            directory("/data", data(), Access::ReadOnly),
            directory("/scratch", scratch.to_path_buf(), access),
        ],
        ..WasiOptions::default()
    })
}

/// The host calls of a run, which may end with an exit code.
fn ledger(preinit: &Preinit, wasm: &[u8]) -> Ledger {
    let mut ledger = Ledger::default();
    let _ = preinit.run_recorded(wasm, &mut ledger);
    ledger
}

fn printed(ledger: &Ledger) -> Printed {
    let stream = |kind| text(&ledger.output(kind));
    (stream(DescriptorKind::Stdout), stream(DescriptorKind::Stderr))
}

fn behaves_as_elsewhere(name: &str) {
    let wasm = program(name);
    let scratch = tempfile::tempdir().unwrap();
    let expected = elsewhere(&wasm, scratch.path());
    assert!(!expected.0.is_empty(), "{name} prints nothing: {}", expected.1);
    for access in [Access::Overlay, Access::ReadWrite] {
        let scratch = tempfile::tempdir().unwrap();
        let preinit = preinit(&wasm, scratch.path(), access);
        let first = ledger(&preinit, &wasm);
        assert_eq!(printed(&first), expected, "{name}");
        let left = std::fs::read_dir(scratch.path()).unwrap().count();
        if access == Access::Overlay {
            assert_eq!(left, 0, "{name} has changed the directory itself");
            let second = ledger(&preinit, &wasm);
            assert_eq!(first.first_difference(&second), None, "{name}");
            assert_eq!(first.component_calls(), second.component_calls(), "{name}");
        }
        // The record is enough: nothing outside is asked, and nothing differs.
        std::fs::remove_dir_all(scratch.path()).unwrap();
        let replayed = ledger(&preinit.clone().replay(Arc::new(first.clone())), &wasm);
        assert_eq!(replayed.component_calls(), first.component_calls(), "{name}");
        assert_eq!(replayed.unreplayed(), Some(0), "{name}");
    }
}

#[test]
fn clocks_and_waits() {
    ["clocks", "deadlines", "poll"].into_iter().for_each(behaves_as_elsewhere);
}

#[test]
fn files_and_directories() {
    ["files", "directories", "descriptors"].into_iter().for_each(behaves_as_elsewhere);
}

#[test]
fn streams_arguments_random_numbers_and_the_end() {
    ["stdio", "exit", "arguments", "random", "memory"].into_iter().for_each(behaves_as_elsewhere);
}

#[test]
fn each_class_of_calls_can_be_denied() {
    for (class, name) in [
        (Class::Random, "random"),
        (Class::Clock, "clocks"),
        (Class::Stdin, "stdio"),
        (Class::Files, "files"),
        (Class::Environment, "arguments"),
        (Class::Arguments, "arguments"),
        (Class::Output, "memory"),
    ] {
        let wasm = program(name);
        let scratch = tempfile::tempdir().unwrap();
        let denying = preinit(&wasm, scratch.path(), Access::Overlay).policy(class, Policy::Deny);
        let error = denying.run(&wasm).unwrap_err();
        assert!(error.is_refusal(), "{class}: {error}");
        let (text, denied) = (error.to_string(), "which is denied");
        assert!(text.contains("asked for `wasi:") && text.contains(denied), "{class}: {text}");
    }
}

#[test]
fn a_class_of_calls_can_be_warned_of() {
    let wasm = program("memory");
    let scratch = tempfile::tempdir().unwrap();
    let warning = preinit(&wasm, scratch.path(), Access::Overlay).policy(Class::Output, Policy::Warn);
    let output = warning.run(&wasm).unwrap();
    let warnings: Vec<String> = output.report.warnings.iter().map(ToString::to_string).collect();
    let expected = "output-stream.blocking-write-and-flush";
    assert!(warnings.iter().any(|warning| warning.contains(expected)), "{warnings:?}");
    assert!(output.report.host_calls.iter().any(|calls| calls.import.ends_with(expected)));
    assert_eq!(output.stdout, output.ledger.output(DescriptorKind::Stdout));
}

#[test]
fn the_ledger_names_every_call_and_holds_no_texts() {
    let wasm = program("arguments");
    let scratch = tempfile::tempdir().unwrap();
    let ledger = ledger(&preinit(&wasm, scratch.path(), Access::Overlay), &wasm);
    let mut lines = Vec::new();
    ledger.write_json_lines(&mut lines, LedgerHash::Plain).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert!(!lines.contains("two words") && !lines.contains("a=b"), "{lines}");
    let calls: Vec<serde_json::Value> =
        lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(calls.len(), ledger.component_calls().len());
    let call = calls.iter().find(|call| call["import"].as_str().unwrap().ends_with("get-arguments")).unwrap();
    assert_eq!(call["result"].as_array().unwrap().len(), ARGUMENTS.len());
    assert_eq!(call["answered_by"][1]["import"], "wasi_snapshot_preview1.args_get");
    assert!(call["backtrace"].is_null());
}

/// Makes a timer in an endless loop, and drops none.
const HOARDER: &str = r#"(component
    (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
      (alias outer 1 $pollable (type $p))
      (export "pollable" (type $q (eq $p)))
      (export "subscribe-instant" (func (param "when" u64) (result (own $q))))))
    (alias export $clock "subscribe-instant" (func $subscribe))
    (core func $subscribe (canon lower (func $subscribe)))
    (core module $m
      (import "" "f" (func $f (param i64) (result i32)))
      (func (export "init") (loop (drop (call $f (i64.const 1))) (br 0))))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $subscribe))))))
    (func (export "preinit") (canon lift (core func $i "init"))))"#;

#[test]
fn resources_count_towards_the_memory_limit() {
    let wasm = preinit::wat_to_wasm(HOARDER.as_bytes()).unwrap();
    let hoarding = Preinit::new().wasi(WasiOptions::default()).max_memory(1 << 20);
    let error = hoarding.run(&wasm).unwrap_err();
    let Error::Component(_) = &error else { panic!("{error}") };
    assert!(error.is_refusal(), "{error}");
    assert!(error.to_string().contains("over the limit of 1048576 bytes"), "{error}");
}

/// What WASI 0.3 has without streams is answered by the same host; what nobody provides is no obstacle until it is called.
#[test]
fn functions_of_wasi_0_3_are_answered() {
    let text = include_str!("wasi-0-3.wat");
    let wasm = wat::parse_str(text).unwrap();
    let with = |wasi: WasiOptions| Preinit::new().init_function("init").wasi(wasi);
    let made = with(WasiOptions::default()).run(&wasm).unwrap();
    let mut running = super::running::Running::start(&made.wasm, &[]);
    assert_eq!(running.call("get", ""), "[S64(1)]");
    let names: Vec<String> =
        made.ledger.component_calls().iter().map(|call| call.import.to_string()).collect();
    assert!(names.iter().any(|name| name.contains("get-insecure-seed")), "{names:?}");
    // The time and the random numbers are those that core modules get.
    assert_eq!(with(WasiOptions::default()).run(&wasm).unwrap().wasm, made.wasm);
    let called = Preinit::new().init_function("later").allow_wasi(true).run(&wasm).map(drop).unwrap_err();
    assert!(called.to_string().contains("my:own/later"), "{called}");
    let stub = Preinit::new().init_function("later").allow_wasi(true).stub("my:own/later", "run");
    assert!(stub.run(&wasm).is_ok());
}
