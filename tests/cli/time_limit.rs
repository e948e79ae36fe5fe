//! The time limit holds for every command, whatever it is blocked in.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
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
    ("the module on a silent input", "-o out.wasm", 2, "still reading"),
    ("the module on a silent input", "audit", 2, "still reading"),
    ("a pipe that nobody empties", "large.wat -o full", 2, "still writing"),
    (
        "opening a pipe",
        "opens.wat -o out.wasm --allow-wasi --dir-rw /::.",
        1,
        "the `preinit` function did not finish",
    ),
    ("opening a pipe", "audit opens.wat --allow-wasi --dir-rw /::.", 1, "still auditing"),
    ("opening a pipe", "verify opens.wat opens.wat --allow-wasi --dir-rw /::.", 2, "still comparing"),
    (
        "reading a silent input",
        "reads.wat -o out.wasm --allow-wasi",
        1,
        "the `preinit` function did not finish",
    ),
    ("reading a silent input", "reads.wat -o out.wasm --allow-wasi --no-opt", 1, "still running"),
    ("reading a silent input", "audit reads.wat --allow-wasi --inherit-stdio", 1, "still auditing"),
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
    for name in ["pipe", "unread", "unread2", "full"] {
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
    assert!(!place.files().iter().any(|file| file.starts_with("out.") || file.starts_with(".preinit")));
}

#[test]
fn a_program_that_goes_on_for_ever_is_compared_within_the_limit() {
    let place = Place::new();
    place.write("resumes.wat", LOOPS_AFTER_READING);
    super::done(&place.line("resumes.wat -o resumed.wasm --allow-wasi --at stdin"));
    ends(&place, "verify resumes.wat resumed.wasm --allow-wasi --at stdin", 2, "").unwrap();
}

/// Whether the command ends in time, in the right way.
fn ends(place: &Place, line: &str, code: i32, says: &str) -> Result<(), String> {
    let words = line.split_whitespace().chain(["--timeout", "300ms", "--no-cache"]);
    // The other commands know no cache.
    let words = words
        .filter(|word| *word != "--no-cache" || !(line.starts_with("verify") || line.starts_with("audit")));
    let stderr = place.join(&format!("stderr of {}", line.replace('/', " ")));
    let started = Instant::now();
    let mut child = place
        .command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    // It stays open, and nothing comes.
    let _silent = child.stdin.take().unwrap();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err(format!("no end after {PATIENCE:?}"));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let message = std::fs::read_to_string(&stderr).unwrap();
    match status.code() == Some(code) && message.contains(says) {
        true => Ok(()),
        false => Err(format!("{status}: {message}")),
    }
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A module of empty functions, the first exported as `preinit`.
fn many_functions(count: u32) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    let number = |mut value: u32| {
        let mut bytes = Vec::new();
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                bytes.push(byte);
                return bytes;
            }
            bytes.push(byte | 0x80);
        }
    };
    let mut section = |id: u8, items: u32, bytes: Vec<u8>| {
        let body = [number(items), bytes].concat();
        wasm.push(id);
        wasm.write_all(&number(body.len() as u32)).unwrap();
        wasm.extend(body);
    };
    section(1, 1, vec![0x60, 0, 0]);
    section(3, count, vec![0; count as usize]);
    section(7, 1, b"\x07preinit\x00\x00".to_vec());
    section(10, count, [2, 0, 0x0b].repeat(count as usize));
    wasm
}
