//! Programs that test a WASI host, frozen at host calls and run on in a stock engine with its real clocks: what they have printed
//! until then and what they print afterwards is what they print in one go. `tests/wasi/run.py` freezes them at every call, and
//! runs them on in Wasmtime as it is released.

use preinit::host::{Access, Directory, Ledger, Output as Stream, Stdin, WasiOptions};
use preinit::{Error, Preinit};
use preinit_testing::guest::{Answer, Guest, World, compile};
use preinit_testing::{repository, test_program as read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wasmtime::{Engine, Module};

const ARGUMENTS: [&str; 3] = ["program", "one", "two words"];
const ENVIRONMENT: [(&str, &str); 3] = [("WORD", "a=b"), ("EMPTY", ""), ("LAST", "é")];
const INPUT: &[u8] = b"first line\n42\nlast line\n";

/// What a program does: what it prints by stream, and how it ends.
type Behavior = (String, String, Answer);

/// Host calls of one program at which it is frozen, at most; they are spread over all.
const FROZEN: usize = 12;

fn data() -> PathBuf {
    repository().join("test-programs/data")
}

/// Runs a module on; `stdin` is what is left to read.
fn run(module: &Module, scratch: &Path, stdin: &'static [u8]) -> Behavior {
    let world = World {
        args: ARGUMENTS.to_vec(),
        env: ENVIRONMENT.to_vec(),
        dirs: vec![("/data", data()), ("/scratch", scratch.to_path_buf())],
        is_writable: true,
        stdin,
    };
    let mut guest = Guest::start(module, &world, &[]);
    let ended = guest.call("_start", &[]);
    (guest.stdout(), guest.stderr(), ended)
}

fn preinit(scratch: &Path) -> Preinit {
    preinit_with(scratch, Access::ReadWrite)
}

fn preinit_with(scratch: &Path, access: Access) -> Preinit {
    let directory = |guest: &str, host: PathBuf, access| Directory { guest: guest.into(), host, access };
    Preinit::new().init_function("_start").wasi(WasiOptions {
        args: ARGUMENTS.map(str::to_string).to_vec(),
        env: ENVIRONMENT.map(|(name, value)| (name.to_string(), value.to_string())).to_vec(),
        stdin: Stdin::Bytes(INPUT.to_vec()),
        stdout: Stream::Capture,
        stderr: Stream::Capture,
        dirs: vec![
            directory("/data", data(), Access::ReadOnly),
            directory("/scratch", scratch.to_path_buf(), access),
        ],
        ..WasiOptions::default()
    })
}

/// The imports that a program calls, in order.
fn host_calls(wasm: &[u8]) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    // It returns, or it ends with an exit code.
    let _ = preinit(scratch.path()).run_recorded(wasm, &mut ledger);
    ledger.entries().map(|entry| entry.call.import.to_string()).collect()
}

/// Why a program is not frozen at a call: it has files open there, or room for arguments that it does not have yet.
const REFUSED: [&str; 2] = ["has descriptors open", "it has room for those of this run"];

/// Freezes a program at a call; `None` if it cannot be.
fn frozen(engine: &Engine, wasm: &[u8], trigger: &str) -> Option<Behavior> {
    let scratch = tempfile::tempdir().unwrap();
    let made = preinit(scratch.path()).at(trigger.parse().unwrap()).run(wasm);
    let output = match made {
        Ok(output) => output,
        Err(Error::Freeze(error)) if REFUSED.iter().any(|why| error.to_string().contains(why)) => {
            return None;
        }
        Err(error) => panic!("{trigger}: {error}"),
    };
    // Libc reads all of it at once.
    let rest = if output.ledger.stdin().is_empty() { INPUT } else { b"" };
    let (stdout, stderr, ended) = run(&compile(engine, &output.wasm), scratch.path(), rest);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout) + &stdout, text(&output.stderr) + &stderr, ended))
}

fn program_goes_on(name: &str, least: usize) {
    let wasm = read(&format!("wasi/{name}.wasm"));
    let engine = Engine::default();
    let scratch = tempfile::tempdir().unwrap();
    let expected = run(&compile(&engine, &wasm), scratch.path(), INPUT);
    assert_ne!(expected.2, Answer::Exited(99), "{expected:?}");
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let calls = host_calls(&wasm);
    let mut triggers = Vec::new();
    for call in &calls {
        let number = numbers.entry(call).or_default();
        *number += 1;
        triggers.push(format!("{call}#{number}"));
    }
    let mut equal = 0;
    for at in 0..FROZEN.min(triggers.len()) {
        let trigger = &triggers[at * triggers.len() / FROZEN.min(triggers.len())];
        if let Some(found) = frozen(&engine, &wasm, trigger) {
            assert_eq!(found, expected, "{name}, frozen at {trigger}");
            equal += 1;
        }
    }
    assert!(equal >= least, "{name}: frozen only {equal} times at {calls:?}");
}

#[test]
fn clocks_and_waits() {
    program_goes_on("clocks", 12);
    program_goes_on("deadlines", 12);
    program_goes_on("poll", 12);
}

#[test]
fn files_and_directories() {
    program_goes_on("files", 7);
    program_goes_on("directories", 7);
    program_goes_on("descriptors", 7);
}

#[test]
fn streams_and_the_end() {
    program_goes_on("stdio", 11);
    program_goes_on("exit", 8);
}

#[test]
fn arguments_random_numbers_and_memory() {
    program_goes_on("arguments", 10);
    program_goes_on("random", 12);
    program_goes_on("memory", 8);
}

/// What init changes, really or in memory, answers as it does in Wasmtime. Numbers of links and times of access are the same for
/// every init.
#[test]
fn files_of_init_answer_as_those_of_wasmtime() {
    let wasm = read("wasi/file_cases.wasm");
    let scratch = tempfile::tempdir().unwrap();
    let (expected, ..) = run(&compile(&Engine::default(), &wasm), scratch.path(), INPUT);
    assert!(expected.lines().count() > 190, "{expected}");
    let expected = expected.replace("links 2", "links 1").replace("times 1000 2000", "times 2000 2000");
    for access in [Access::ReadWrite, Access::Overlay] {
        let scratch = tempfile::tempdir().unwrap();
        let made = preinit_with(scratch.path(), access).run(&wasm).unwrap();
        assert_eq!(String::from_utf8(made.stdout).unwrap(), expected, "{access:?}");
        let is_changed = std::fs::read_dir(scratch.path()).unwrap().next().is_some();
        assert_eq!(is_changed, access == Access::ReadWrite);
    }
}
