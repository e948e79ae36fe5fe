//! The audit of real programs. What is expected here was checked by hand: snapshots with another seed differ in the audited
//! ranges only, files that the original opens the snapshot does not, and so on.
//!
//! The modules are those of `real_inputs.rs`.

use preinit::audit::{Audit, Level, OTHER_SEED, audit};
use preinit::host::{Directory, HostOptions, Output, Random, WasiOptions};
use preinit::{Options, Preinit};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn read(file: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder =
        std::env::var_os("PREINIT_INPUTS").map_or_else(|| root.join("../shared/inputs"), PathBuf::from);
    let bytes = std::fs::read(folder.join(file)).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED: there is no {}", folder.join(file).display());
    }
    bytes
}

fn python_library() -> Option<PathBuf> {
    let named = std::env::var_os("PREINIT_PYTHON_LIB").map(PathBuf::from);
    let asked = || {
        let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
        let output = Command::new("python3.11").args(["-c", script]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
    };
    named.or_else(asked).filter(|path| path.join("os.py").exists())
}

fn options(dirs: Vec<Directory>) -> Options {
    let wasi =
        WasiOptions { dirs, stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() };
    Options { host: HostOptions { wasi: Some(wasi), ..HostOptions::default() }, ..Options::default() }
}

/// Keys of what is worse than a note, in order.
fn accusations(audit: &Audit) -> Vec<&str> {
    let worse = audit.findings.iter().filter(|finding| finding.level < Level::Note);
    let mut keys: Vec<&str> = worse.map(|finding| finding.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

fn check(file: &str, expected: &[&str]) -> Option<Audit> {
    let wasm = read(file)?;
    let audit = audit(&wasm, &options(Vec::new())).unwrap();
    assert_eq!(accusations(&audit), expected, "{file}: {}", audit.text(true));
    assert!(!audit.findings.iter().any(|finding| finding.key == "unstable"));
    Some(audit)
}

/// String hashes are seeded with the time; files and environment of the instance are out of reach.
#[test]
fn lua() {
    check("lua.wasm", &["handle.environment", "handle.preopens.empty", "taint.clock"]);
}

/// `ATTACH` of a file works in the original after init, and does not in the snapshot.
#[test]
fn sqlite() {
    check("sqlite.wasm", &["handle.preopens.empty"]);
}

/// `Math.random` is seeded with the time, and the program shuffles with it.
#[test]
fn quickjs() {
    let Some(audit) = check("quickjs.wasm", &["taint.clock"]) else { return };
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.clock").unwrap();
    assert!(finding.locations.iter().any(|place| place.owner == "addresses of what moved"), "{finding:?}");
}

/// The keys of hash maps.
#[test]
fn rust_regex() {
    let Some(audit) = check("rust-regex.wasm", &["taint.random"]) else { return };
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.random").unwrap();
    assert!(finding.locations[0].what.contains("a copy of what the host gave"), "{finding:?}");
}

/// The runtime's seeds, which decide the course of the scheduler too, and its times; `os.Args` and `os.Getenv` answer with what
/// was there when it was initialized.
#[test]
fn go() {
    let expected = ["course.random", "handle.arguments", "handle.environment", "taint.clock", "taint.random"];
    check("go.wasm", &expected);
}

#[test]
fn the_pure_ones_are_clean() {
    check("zig.wasm", &[]);
}

/// What differs between two snapshots with different random numbers lies where the audit says.
#[test]
fn what_is_said_to_depend_is_what_differs() {
    let Some(wasm) = read("rust-regex.wasm") else { return };
    let found = audit(&wasm, &options(Vec::new())).unwrap();
    let ranges = &found.varied.iter().find(|varied| varied.source == "random numbers").unwrap().ranges;
    let memory = |random: Random| {
        let mut options = options(Vec::new());
        if let Some(wasi) = &mut options.host.wasi {
            wasi.random = random;
        }
        let output = Preinit::from(options).run(&wasm).unwrap();
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, &output.wasm).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let mut linker = wasmtime::Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        instance.get_memory(&mut store, "memory").unwrap().data(&store).to_vec()
    };
    let base = memory(Random::Module);
    let other = memory(Random::Seed(OTHER_SEED));
    let differing = (0u64..).zip(base.iter().zip(&other)).filter(|(_, (a, b))| a != b).map(|(at, _)| at);
    let differing: Vec<u64> = differing.collect();
    assert!(differing.len() > 200, "{}", differing.len());
    for at in differing {
        assert!(ranges.iter().any(|&(_, start, end)| (start..end).contains(&at)), "{at:#x}");
    }
    for &(_, start, end) in ranges {
        let (start, end) = (start as usize, end as usize);
        assert!(base[start] != other[start] && base[end - 1] != other[end - 1], "{start:#x}..{end:#x}");
    }
}

/// In less than five times the time of a plain run.
#[test]
fn cpython() {
    let Some(wasm) = read("cpython.wasm") else { return };
    let Some(library) = python_library() else {
        eprintln!("SKIPPED: there is no Python 3.11");
        return;
    };
    let dirs = vec![Directory { guest: "/lib/python3.11".into(), host: library, writable: false }];
    let mut plain = Duration::MAX;
    let mut audited = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        Preinit::from(options(dirs.clone())).run(&wasm).unwrap();
        plain = plain.min(started.elapsed());
        let started = Instant::now();
        let found = audit(&wasm, &options(dirs.clone())).unwrap();
        audited = audited.min(started.elapsed());
        let expected = ["handle.environment", "handle.preopens", "taint.clock"];
        assert_eq!(accusations(&found), expected, "{}", found.text(true));
        let clock = found.varied.iter().find(|varied| varied.source == "the time").unwrap();
        assert!(clock.bytes <= 8, "one reading of the monotonic clock: {clock:?}");
        if audited < plain * 5 {
            break;
        }
    }
    assert!(audited < plain * 5, "{audited:?} against {plain:?}");
    eprintln!("audit of CPython: {audited:?}, a plain run {plain:?}");
}
