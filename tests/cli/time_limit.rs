//! The time limit holds for every command, whatever it is blocked in.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Place;

/// Far above the limit of the cases with its grace, and far below what they would take.
const PATIENCE: Duration = Duration::from_secs(15);

const OPENS_A_PIPE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "pipe")
    (func (export "preinit") (drop (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4)
        (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 0)))))"#;

const READS_INPUT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\08\00\00\00")
    (func (export "preinit") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

const WAITS: &str = r#"(module (memory 1 1 shared) (func (export "preinit")
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"#;

const LOOPS: &str = r#"(module (func (export "preinit") (loop $l (br $l))))"#;

const HOOK_LOOPS: &str = r#"(module (func (export "preinit"))
    (func (export "__wasilibc_reset_preopens") (loop $l (br $l))))"#;

const LOOPS_AFTER_READING: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (loop $l (br $l))))"#;

const COMPONENT_LOOPS: &str = r#"(component
    (core module $m
      (global $round (mut i32) (i32.const 0))
      (func $mark (export "mark"))
      (func (export "set") (global.set $round (i32.const 0)))
      (func (export "init") (call $mark) (loop $l (br_if $l (i32.eqz (global.get $round))))))
    (core instance $i (instantiate $m))
    (func (export "set") (canon lift (core func $i "set")))
    (func (export "init") (canon lift (core func $i "init"))))"#;

const LARGE: &str = r#"(module (memory 4) (func (export "preinit")
    (memory.fill (i32.const 0) (i32.const 7) (i32.const 200000))))"#;

/// Each with the exit code and what the message says.
const CASES: &[(&str, &str, i32, &str)] = &[
    ("a pipe as the module", "pipe -o out.wasm", 2, "still reading"),
    ("a pipe as the module", "audit pipe", 2, "still reading"),
    ("a pipe as the module", "verify pipe in.wasm", 2, "still reading"),
    ("a pipe as the snapshot", "verify in.wasm pipe", 2, "still reading"),
    ("a pipe as a script", "verify in.wasm in.wasm --script pipe", 2, "still reading"),
    ("a pipe as the calls' input", "verify in.wasm in.wasm --run-stdin pipe", 2, "still reading"),
    ("a pipe as a preload", "in.wasm --preload e=pipe -o out.wasm", 2, "still reading"),
    ("a pipe as the output", "in.wasm -o unread", 2, "still reading or opening"),
    ("a pipe as the report", "audit in.wasm --report unread2", 2, "still reading or opening"),
    ("a pipe as the module", "probe pipe -o out.wasm --state-schema out.json", 2, "still reading"),
    (
        "a pipe as the output",
        "probe in.wasm -o unread --state-schema out.json",
        2,
        "still reading or opening",
    ),
    (
        "a pipe as the schema",
        "probe in.wasm -o out.wasm --state-schema unread",
        2,
        "still reading or opening",
    ),
    ("a pipe as the module", "encode pipe --state state.json -o out.wasm", 2, "still reading"),
    ("a pipe as the state", "encode in.wasm --state pipe -o out.wasm", 2, "still reading"),
    ("a pipe as the output", "encode in.wasm --state state.json -o unread", 2, "still reading or opening"),
    ("a pipe as a memory", "encode wide.wat --state pipe.json -o out.wasm", 2, "it is not a file"),
    ("a pipe that nobody empties", "probe wide.wat -o full --state-schema out.json", 2, "still writing"),
    ("a pipe that nobody empties", "encode wide.wat --state wide.json -o full", 2, "still writing"),
    ("a pipe as the ledger", "in.wasm -f init -o out.wasm --ledger unread", 2, "still reading or opening"),
    ("a pipe as the report", "verify in.wasm in.wasm --report unread", 2, "still reading or opening"),
    ("a pipe as the module", "prepare pipe -o out.code", 2, "still reading"),
    ("a pipe as the output", "prepare in.wasm -o unread", 2, "still reading or opening"),
    ("a pipe as the code", "in.wasm --prepared pipe -o out.wasm", 2, "is not a regular file"),
    (
        "a pipe as what init prints",
        "in.wasm -o out.wasm --capture-stdout unread",
        2,
        "still reading or opening",
    ),
    ("a pipe in what is embedded", "in.wasm -o out.wasm --embed /d::pipe", 2, "neither a file"),
    ("a pipe as an archive", "in.wasm -o out.wasm --embed /d::pipe.zip", 2, "neither a file"),
    ("a pipe as the ledger", "audit in.wasm --ledger unread", 2, "still reading or opening"),
    ("a pipe as the jobs", "batch pipe --", 2, "still reading"),
    ("a pipe as the report of jobs", "batch jobs.json --report unread --", 2, "still reading or opening"),
    ("a pipe as the module of jobs", "batch pipe.jobs --", 2, "still reading"),
    ("a pipe as the input of a job", "batch input.jobs --", 2, "jobs read files only"),
    ("the module on a silent input", "-o out.wasm", 2, "still reading"),
    ("the module on a silent input", "audit", 2, "still reading"),
    ("a pipe that nobody empties", "large.wat -o full", 2, "still writing"),
    (
        "opening a pipe",
        "opens.wat -o out.wasm --allow-wasi --dir-rw /::.",
        1,
        "the `preinit` function did not finish",
    ),
    (
        "opening a pipe",
        "audit opens.wat --allow-wasi --dir-rw /::.",
        1,
        "the `preinit` function did not finish",
    ),
    ("opening a pipe", "verify opens.wat opens.wat --allow-wasi --dir-rw /::.", 2, "still comparing"),
    (
        "reading a silent input",
        "reads.wat -o out.wasm --allow-wasi",
        1,
        "the `preinit` function did not finish",
    ),
    ("reading a silent input", "reads.wat -o out.wasm --allow-wasi --no-opt", 1, "still running"),
    (
        "reading a silent input",
        "audit reads.wat --allow-wasi --inherit-stdio",
        1,
        "the `preinit` function did not finish",
    ),
    (
        "reading a silent input",
        "verify reads.wat reads.wat --allow-wasi --inherit-stdio",
        2,
        "still comparing",
    ),
    ("waiting", "waits.wat -o out.wasm", 1, "memory.atomic.wait"),
    ("waiting", "audit waits.wat", 1, "still auditing"),
    // The verifier lets waits time out at once.
    ("waiting", "verify waits.wat waits.wat", 0, ""),
    ("a loop", "loops.wat -o out.wasm", 1, "the `preinit` function did not finish"),
    ("a loop", "audit loops.wat", 1, "the `preinit` function did not finish"),
    ("a loop", "verify loops.wat loops.wat", 2, "time limit"),
    ("a loop in optimized code", "loops.wat --opt -o out.wasm", 1, "the `preinit` function did not finish"),
    ("a loop in baseline code", "loops.wat --no-opt -o out.wasm", 1, "the `preinit` function did not finish"),
    (
        "a hook that loops",
        "hook.wat --reset-libc -o out.wasm",
        1,
        "the `__wasilibc_reset_preopens` function did not",
    ),
    (
        "a hook that loops",
        "audit hook.wat --reset-libc",
        1,
        "the `__wasilibc_reset_preopens` function did not",
    ),
    ("very many functions", "many.wasm -o out.wasm", 1, "time limit"),
    ("very many functions", "audit many.wasm", 1, "time limit"),
    ("very many functions", "verify many.wasm many.wasm", 2, "time limit"),
];

#[test]
fn the_time_limit_holds_whatever_a_command_is_blocked_in() {
    let place = Place::new();
    for (name, text) in [
        ("opens.wat", OPENS_A_PIPE),
        ("reads.wat", READS_INPUT),
        ("waits.wat", WAITS),
        ("loops.wat", LOOPS),
        ("hook.wat", HOOK_LOOPS),
        ("large.wat", LARGE),
    ] {
        place.write(name, text);
    }
    place.write("many.wasm", many_functions(400_000));
    write_wide(&place);
    for (name, jobs) in [
        ("jobs.json", r#"{"module":"in.wasm","jobs":[{"output":"out.wasm"}]}"#),
        ("pipe.jobs", r#"{"module":"pipe","jobs":[{"output":"out.wasm"}]}"#),
        (
            "input.jobs",
            r#"{"module":"in.wasm","options":["--allow-wasi"],"jobs":[{"output":"out.wasm","stdin":"pipe"}]}"#,
        ),
    ] {
        place.write(name, jobs);
    }
    for name in ["pipe", "pipe.zip", "unread", "unread2", "full"] {
        make_pipe(&place.join(name));
    }
    // Open on both sides, so that a writer finds a reader.
    let _reader = File::options().read(true).write(true).open(place.join("full")).unwrap();
    // They mostly wait.
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(&(title, line, code, says)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(fault) = ends(&place, line, code, says) {
                        faults.lock().unwrap().push(format!("{title}: `{line}`: {fault}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let left =
        place.files().into_iter().filter(|file| file.starts_with("out.") || file.starts_with(".preinit"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
}

/// The error is not printed, but the process ends.
#[test]
fn the_time_limit_holds_while_nobody_reads_the_messages() {
    let place = Place::new();
    make_pipe(&place.join("full"));
    let mut full = File::options().read(true).write(true).open(place.join("full")).unwrap();
    // As much as a pipe holds.
    full.write_all(&[b'x'; 1 << 16]).unwrap();
    for line in [
        "in.wasm -f missing",
        "verify missing in.wasm",
        "audit in.wasm -f missing",
        "probe missing -o a --state-schema b",
    ] {
        let words = line.split_whitespace().chain(["--timeout", "300ms"]);
        let child = place.command(words).stdout(Stdio::null()).stderr(full.try_clone().unwrap()).spawn();
        let status = end_of(child.unwrap()).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        assert_eq!(status.code(), Some(2), "{line}");
    }
}

/// A module that is larger than a pipe holds, a state of it, and one whose memory is a pipe.
fn write_wide(place: &Place) {
    let text = "x".repeat(200_000);
    place.write("wide.wat", format!("(module (memory 4) (data (i32.const 0) \"{text}\"))"));
    super::done(&place.line("probe wide.wat -o probed.wasm --state-schema schema.json"));
    let schema: serde_json::Value = serde_json::from_slice(&place.read("schema.json")).unwrap();
    place.write("memory", vec![7; 4 << 16]);
    for (state, memory) in [("wide.json", "memory"), ("pipe.json", "pipe")] {
        let state_of_it = serde_json::json!({
            "version": 1, "module": schema["module"], "functions": [], "globals": [], "memories": [{ "file": memory }],
            "tables": [], "dropped_data": [], "dropped_elements": [], "items": [],
        });
        place.write(state, serde_json::to_vec(&state_of_it).unwrap());
    }
}

#[test]
fn a_program_that_goes_on_for_ever_is_compared_within_the_limit() {
    let place = Place::new();
    place.write("resumes.wat", LOOPS_AFTER_READING);
    super::done(&place.line("resumes.wat -o resumed.wasm --allow-wasi --at stdin"));
    let verify = "verify resumes.wat resumed.wasm --allow-wasi --at stdin";
    ends(&place, verify, 2, "").unwrap();
    // The snapshot alone loops, after the same place.
    place.write("returns.wat", LOOPS_AFTER_READING.replace("(loop $l (br $l))", ""));
    let verify = "verify returns.wat resumed.wasm --allow-wasi --at stdin --ignore function.*";
    ends(&place, verify, 2, "").unwrap();
    place.write("component.wat", COMPONENT_LOOPS);
    super::done(&place.line("component.wat -o resumed.wasm -f init --at export:mark"));
    let verify = "verify component.wat resumed.wasm -f init --at export:mark";
    ends(&place, verify, 2, "").unwrap();
    place.write(
        "once.wat",
        COMPONENT_LOOPS.replace("(call $mark)", "(call $mark) (global.set $round (i32.const 1))"),
    );
    let verify = "verify once.wat resumed.wasm -f init --at export:mark --ignore core.0.function.*";
    ends(&place, verify, 2, "").unwrap();
    // In a later call, and where no fuel ends it.
    super::done(&place.line("component.wat -o resumed.wasm -f set"));
    let verify =
        "verify component.wat resumed.wasm -f set --sequences 0 --call init() --call-fuel 1000000000000000";
    ends(&place, verify, 2, "").unwrap();
}

/// Whether the command ends in time, in the right way.
fn ends(place: &Place, line: &str, code: i32, says: &str) -> Result<(), String> {
    // What ends by itself may take long on a busy machine.
    let limit = if code == 0 { "10s" } else { "300ms" };
    let words = line.split_whitespace().chain(["--timeout", limit, "--no-cache"]);
    // The other commands know no cache.
    let without_cache =
        ["verify", "audit", "probe", "encode", "prepare"].iter().any(|command| line.starts_with(command));
    let words = words.filter(|word| *word != "--no-cache" || !without_cache);
    let stderr = place.join(&format!("stderr of {}", line.replace('/', " ")));
    let mut child = place
        .command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    // It stays open, and nothing comes.
    let _silent = child.stdin.take().unwrap();
    let status = end_of(child)?;
    let message = std::fs::read_to_string(&stderr).unwrap();
    match status.code() == Some(code) && message.contains(says) {
        true => Ok(()),
        false => Err(format!("{status}: {message}")),
    }
}

/// How the process ends, if it does so in time.
fn end_of(mut child: Child) -> Result<ExitStatus, String> {
    let started = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Ok(status),
            None if started.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err(format!("no end after {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A module of empty functions, the first exported as `preinit`.
fn many_functions(count: u32) -> Vec<u8> {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection,
    };
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    types.ty().function([], []);
    exports.export("preinit", ExportKind::Func, 0);
    let mut empty = Function::new([]);
    empty.instructions().end();
    for _ in 0..count {
        functions.function(0);
        code.function(&empty);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}
