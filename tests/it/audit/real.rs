//! The audit of real programs. What is expected here was checked by hand: snapshots with another seed differ in the audited
//! ranges only, files that the original opens the snapshot does not, and so on.
//!
//! The modules are those of `real_inputs.rs`.

use preinit::audit::{Audit, Level, OTHER_SEED, audit};
use preinit::host::{Access, Directory, HostOptions, Output, Random, WasiOptions};
use preinit::{Options, Preinit};
use preinit_testing::guest::memory as memory_of;
use preinit_testing::{input as read, note, python_library};
use std::time::{Duration, Instant};

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

fn check(file: &str, expected: &[&str]) -> Audit {
    let wasm = read(file);
    let audit = audit(&wasm, &options(Vec::new())).unwrap();
    assert_eq!(accusations(&audit), expected, "{file}: {}", audit.text(true));
    assert!(!audit.findings.iter().any(|finding| finding.key == "unstable"));
    audit
}

/// String hashes are seeded with the time; files and environment of the instance are out of reach.
#[test(needs(Inputs))]
fn lua() {
    check("lua.wasm", &["handle.environment", "handle.preopens.empty", "taint.clock"]);
}

/// `ATTACH` of a file works in the original after init, and does not in the snapshot.
#[test(needs(Inputs))]
fn sqlite() {
    check("sqlite.wasm", &["handle.preopens.empty"]);
}

/// `Math.random` is seeded with the time, and the program shuffles with it.
#[test(needs(Inputs))]
fn quickjs() {
    let audit = check("quickjs.wasm", &["taint.clock"]);
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.clock").unwrap();
    assert!(finding.locations.iter().any(|place| place.owner == "addresses of what moved"), "{finding:?}");
}

/// The keys of hash maps.
#[test(needs(Inputs))]
fn rust_regex() {
    let audit = check("rust-regex.wasm", &["taint.random"]);
    let finding = audit.findings.iter().find(|finding| finding.key == "taint.random").unwrap();
    assert!(finding.locations[0].what.contains("a copy of what the host gave"), "{finding:?}");
}

/// The runtime's seeds, which decide the course of the scheduler too, and its times; `os.Args` and `os.Getenv` answer with what
/// was there when it was initialized.
#[test(needs(Inputs))]
fn go() {
    let expected = ["course.random", "handle.arguments", "handle.environment", "taint.clock", "taint.random"];
    check("go.wasm", &expected);
}

#[test(needs(Inputs))]
fn the_pure_ones_are_clean() {
    check("zig.wasm", &[]);
}

/// What differs between two snapshots with different random numbers lies where the audit says.
#[test(needs(Inputs))]
fn what_is_said_to_depend_is_what_differs() {
    let wasm = read("rust-regex.wasm");
    let found = audit(&wasm, &options(Vec::new())).unwrap();
    let ranges = &found.varied.iter().find(|varied| varied.source == "random numbers").unwrap().ranges;
    let memory = |random: Random, complement_random: bool| {
        let mut options = options(Vec::new());
        if let Some(wasi) = &mut options.host.wasi {
            (wasi.random, wasi.complement_random) = (random, complement_random);
        }
        memory_of(&Preinit::from(options).run(&wasm).unwrap().wasm)
    };
    let base = memory(Random::Module, false);
    let others = [memory(Random::Seed(OTHER_SEED), false), memory(Random::Module, true)];
    let differs = |at: usize| others.iter().any(|other| base[at] != other[at]);
    let differing: Vec<usize> = (0..base.len()).filter(|at| differs(*at)).collect();
    assert!(differing.len() > 200, "{}", differing.len());
    for &at in &differing {
        assert!(ranges.iter().any(|&(_, start, end)| (start..end).contains(&(at as u64))), "{at:#x}");
    }
    for &(_, start, end) in ranges {
        assert!(differs(start as usize) && differs(end as usize - 1), "{start:#x}..{end:#x}");
    }
}

/// In less than five times the time of a plain run.
#[test(needs(Inputs, Python))]
fn cpython() {
    let wasm = read("cpython.wasm");
    let dirs =
        vec![Directory { guest: "/lib/python3.11".into(), host: python_library(), access: Access::ReadOnly }];
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
    note(format!("audit of CPython: {audited:?}, a plain run {plain:?}"));
}
