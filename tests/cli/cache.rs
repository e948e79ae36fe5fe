//! What is kept between runs.

use super::{Place, done, failed, stderr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const CACHED: &str = ", from the cache";
const REUSED: &str = "an earlier run made it";

fn compiles(place: &Place, line: &str) -> bool {
    let output = place.line(&format!("in.wasm -o out.wasm -v --cache-dir cache {line}"));
    done(&output);
    let message = stderr(&output);
    assert!(message.contains("compiler  "), "{message}");
    !message.contains(CACHED)
}

/// The files of compiled code.
fn code_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(code_files(&path));
        } else if path.components().any(|part| part.as_os_str() == "modules") && path.extension().is_none() {
            found.push(path);
        }
    }
    found
}

#[test]
fn code_is_compiled_once() {
    let place = Place::new();
    assert!(compiles(&place, ""));
    let first = place.read("out.wasm");
    assert!(!compiles(&place, ""));
    assert_eq!(place.read("out.wasm"), first);
    // Other code is needed to count instructions, and the code of another module.
    assert!(compiles(&place, "--fuel 1000000"));
    assert!(!compiles(&place, "--fuel 1000000"));
    place.write("in.wasm", wat::parse_str(r#"(module (func (export "preinit")))"#).unwrap());
    assert!(compiles(&place, ""));
}

#[test]
fn no_cache_keeps_nothing() {
    let place = Place::new();
    for _ in 0..2 {
        assert!(compiles(&place, "--no-cache"));
        assert_eq!(place.files(), ["in.wasm", "in.wat", "out.wasm"]);
    }
}

/// The engine would run a damaged file as it is.
#[test]
fn damaged_code_is_not_run() {
    let place = Place::new();
    assert!(compiles(&place, ""));
    let first = place.read("out.wasm");
    let [file] = &code_files(&place.join("cache"))[..] else { panic!("one file of code") };
    let whole = std::fs::read(file).unwrap();
    for at in [0, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(file, damaged).unwrap();
        assert!(compiles(&place, ""), "a flipped bit at {at} of {}", whole.len());
        assert_eq!(place.read("out.wasm"), first);
        assert!(!compiles(&place, ""), "what was compiled anew is kept");
    }
    std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
    assert!(compiles(&place, ""), "half a file");
}

/// As a run leaves it that was killed in between: not trusted, and replaced.
#[test]
fn unsealed_code_is_not_run() {
    let place = Place::new();
    assert!(compiles(&place, ""));
    let entry = std::fs::read_dir(place.join("cache/compiled")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(entry.join("sealed")).unwrap();
    let lock = std::fs::File::open(entry.join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(compiles(&place, ""));
    assert!(compiles(&place, ""), "another run is still writing it");
    drop(lock);
    assert!(compiles(&place, ""));
    assert!(!compiles(&place, ""), "what was abandoned is replaced");
}

/// Where there are no locks, or if a run was killed before it had one.
#[test]
fn an_entry_without_a_lock_is_abandoned_after_a_while() {
    let place = Place::new();
    assert!(compiles(&place, ""));
    let entry = std::fs::read_dir(place.join("cache/compiled")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(entry.join("sealed")).unwrap();
    std::fs::remove_file(entry.join("lock")).unwrap();
    assert!(compiles(&place, "") && compiles(&place, ""), "it could be that another run is still writing it");
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    std::fs::File::open(&entry).unwrap().set_modified(old).unwrap();
    assert!(compiles(&place, ""));
    assert!(!compiles(&place, ""), "what was abandoned is replaced");
}

#[test]
fn many_at_once() {
    let place = Place::new();
    let mut expected = None;
    for _ in 0..3 {
        let _ = std::fs::remove_dir_all(place.join("cache"));
        let run = |k: usize| {
            let name = format!("out{k}.wasm");
            let mut command = place.command(["in.wasm", "-o", &name, "--cache-dir", "cache"]);
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = (0..6).map(run).collect();
        for child in children {
            done(&child.wait_with_output().unwrap());
        }
        for k in 0..6 {
            let wasm = place.read(&format!("out{k}.wasm"));
            assert_eq!(&wasm, expected.get_or_insert(wasm.clone()));
        }
    }
}

fn reuses(place: &Place, line: &str) -> bool {
    let output = place.line(&format!("in.wasm -o out.wasm -v --cache-dir cache --result-cache {line}"));
    done(&output);
    stderr(&output).contains(REUSED)
}

#[test]
fn results_are_reused() {
    let place = Place::new();
    assert!(!reuses(&place, ""));
    let first = place.read("out.wasm");
    std::fs::remove_file(place.join("out.wasm")).unwrap();
    assert!(reuses(&place, "--report report.json"));
    assert_eq!(place.read("out.wasm"), first);
    let report: serde_json::Value = serde_json::from_slice(&place.read("report.json")).unwrap();
    assert_eq!(report["init_functions"][0], "wizer-initialize");
    // Whatever could give another output.
    for line in ["-f init", "--keep-init-func", "--layout compact", "--fuel 100000", "-r a=spin"] {
        assert!(!reuses(&place, line), "{line}");
        assert!(reuses(&place, line), "{line}");
    }
    place.write("in.wasm", wat::parse_str(r#"(module (func (export "preinit")))"#).unwrap());
    assert!(!reuses(&place, ""));
    // Whatever needs a run.
    for line in ["--verify", "--ledger ledger.json"] {
        assert!(!reuses(&place, line) && !reuses(&place, line), "{line}");
    }
    assert!(reuses(&place, ""));
    assert!(!compiles(&place, ""), "without the option it runs");
}

#[test]
fn a_damaged_result_is_made_anew() {
    let place = Place::new();
    assert!(!reuses(&place, ""));
    let first = place.read("out.wasm");
    let entry = std::fs::read_dir(place.join("cache/results")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(&entry, bytes).unwrap();
    assert!(!reuses(&place, ""));
    assert_eq!(place.read("out.wasm"), first);
    assert!(reuses(&place, ""));
}

/// Reads the first byte of `a` in its first directory.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "a")
    (data (i32.const 16) "\40\00\00\00\01\00\00\00")
    (func (export "preinit")
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
      (drop (call $read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))))"#;

#[test]
fn results_depend_on_visible_files() {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(READER).unwrap());
    std::fs::create_dir(place.join("dir")).unwrap();
    let change = |name: &str, text: &str| {
        place.write(&format!("dir/{name}"), text);
        // What has just changed could change again unseen.
        assert!(!reuses(&place, "--allow-wasi --dir dir"));
        std::thread::sleep(Duration::from_millis(2100));
    };
    change("a", "x");
    assert!(!reuses(&place, "--allow-wasi --dir dir"));
    assert!(reuses(&place, "--allow-wasi --dir dir"));
    let x = place.read("out.wasm");
    change("a", "y");
    assert!(!reuses(&place, "--allow-wasi --dir dir"));
    let y = place.read("out.wasm");
    assert!(x != y && reuses(&place, "--allow-wasi --dir dir"));
    assert_eq!(place.read("out.wasm"), y);
    // Seen in a listing, so it counts.
    change("b", "");
    assert!(!reuses(&place, "--allow-wasi --dir dir"));
}

/// A program that reads the first byte of `a`, and closes it.
const COMMAND: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "a")
    (data (i32.const 16) "\40\00\00\00\01\00\00\00")
    (func (export "_start")
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
      (drop (call $read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))
      (drop (call $close (i32.load (i32.const 32))))))"#;

/// Also where the component's words for it are others: what a file holds counts, not only that it was looked at.
#[test]
fn results_of_components_depend_on_files() {
    let place = Place::new();
    let component = preinit_testing::command_component::command(&wat::parse_str(COMMAND).unwrap());
    let run = wasmprinter::print_bytes(&component).unwrap();
    let run = run.split('"').find(|text| text.starts_with("wasi:cli/run@")).unwrap().to_string();
    place.write("in.wasm", component);
    std::fs::create_dir(place.join("dir")).unwrap();
    let line = format!("--allow-wasi --dir dir -f {}#run", run.trim_end_matches("#run"));
    let change = |text: &str| {
        place.write("dir/a", text);
        assert!(!reuses(&place, &line));
        std::thread::sleep(Duration::from_millis(2100));
        assert!(!reuses(&place, &line));
        assert!(reuses(&place, &line));
        place.read("out.wasm")
    };
    let x = change("x");
    let y = change("y");
    assert!(x != y, "the byte is part of the snapshot");
    assert_eq!(change("x"), x);
}

#[test]
fn runs_that_are_one_of_a_kind_are_not_kept() {
    let place = Place::new();
    let call = |name: &str, ty: &str, args: &str| {
        let wat = format!(
            r#"(module (import "wasi_snapshot_preview1" "{name}" (func $f {ty} (result i32)))
                (memory (export "memory") 1)
                (func (export "preinit") (drop (call $f {args}))))"#
        );
        place.write("in.wasm", wat::parse_str(wat).unwrap());
    };
    let twice = |line: &str| (reuses(&place, line), reuses(&place, line));
    call("random_get", "(param i32 i32)", "(i32.const 0) (i32.const 8)");
    assert_eq!(twice("--allow-wasi --random os"), (false, false));
    assert_eq!(twice("--allow-wasi --random seed:1"), (false, true));
    call("clock_time_get", "(param i32 i64 i32)", "(i32.const 0) (i64.const 0) (i32.const 0)");
    assert_eq!(twice("--allow-wasi --clock real"), (false, false));
    assert_eq!(twice("--allow-wasi"), (false, true));
    let iovec = "(i32.const 64) (i32.const 1) (i32.const 32)";
    call("fd_write", "(param i32 i32 i32 i32)", &format!("(i32.const 1) {iovec}"));
    assert_eq!(twice("--allow-wasi"), (false, false));
    call("fd_read", "(param i32 i32 i32 i32)", &format!("(i32.const 0) {iovec}"));
    assert_eq!(twice("--allow-wasi"), (false, false));
    assert_eq!(twice("--allow-wasi --inherit-stdio=false"), (false, true));
}

/// One that was named is; see `security::cache_directory`.
#[test]
fn without_the_platform_s_cache_everything_is_compiled() {
    let place = Place::new();
    place.write("cache", "a file");
    for line in ["in.wasm -o out.wasm", "in.wasm -o out.wasm --result-cache"] {
        for _ in 0..2 {
            let output =
                place.command(line.split(' ')).env("XDG_CACHE_HOME", place.join("cache")).output().unwrap();
            done(&output);
            assert!(!stderr(&output).contains("cache"), "{}", stderr(&output));
        }
    }
    let mut command = place.command("in.wasm -o out.wasm -f bad --result-cache".split(' '));
    failed(&command.env("XDG_CACHE_HOME", place.join("cache")).output().unwrap(), 1, "trapped");
}

#[test]
fn the_cache_is_bounded() {
    let place = Place::new();
    let mut cache = preinit::stages::cache::CompileCache::new(place.join("cache"));
    let bytes = || -> u64 {
        let files = code_files(&place.join("cache"));
        files.iter().map(|file| file.metadata().unwrap().len()).sum()
    };
    let mut cached = Vec::new();
    for k in 0..12 {
        let wat = format!(r#"(module (func (export "preinit") (drop (i32.const {k}))))"#);
        let wasm = wat::parse_str(wat).unwrap();
        let preinit = preinit::Preinit::new().compile_cache(Some(cache.clone()));
        preinit.run(&wasm).unwrap();
        cached.push(preinit.run(&wasm).unwrap().report.compile_cached);
        if k == 0 {
            // Room for four or so, the seals and the statistics included.
            cache = cache.max_bytes(bytes() * 9 / 2);
        }
    }
    assert!(cached.contains(&true), "it is a cache all the same");
    let left = code_files(&place.join("cache")).len();
    assert!((1..=4).contains(&left), "{left} are left");
}
