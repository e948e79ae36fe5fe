//! A kept snapshot is used only where init would see the same.

use super::from_results;
use crate::{Place, done, stderr};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Reads the first byte of `a` in its first directory.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "a")
    (data (i32.const 16) "\40\00\00\00\01\00\00\00")
    (func (export "preinit")
      (drop (call $open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
      (drop (call $read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))))"#;

fn place() -> Place {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(READER).unwrap());
    place
}

/// What has just changed could change again unseen.
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}

fn from_results_in(place: &Place, directory: &Path, line: &str) -> bool {
    let input = place.join("in.wasm").display().to_string();
    let cache = place.join("cache").display().to_string();
    let words = [&*input, "-o", "out.wasm", "-v", "--cache-dir", &cache, "--result-cache"];
    let mut command = place.command(words.into_iter().chain(line.split_whitespace()));
    let output = command.current_dir(directory).output().unwrap();
    done(&output);
    stderr(&output).contains("an earlier run made it")
}

/// One relative name, two directories.
#[test]
fn the_working_directory_counts() {
    let place = place();
    for (directory, text) in [("A", "x"), ("B", "y")] {
        fs::create_dir_all(place.join(directory).join("d")).unwrap();
        place.write(&format!("{directory}/d/a"), text);
    }
    settle();
    let reused =
        |directory: &str| from_results_in(&place, &place.join(directory), "--allow-wasi --mapdir /d::d");
    assert!(!reused("A") && reused("A"));
    assert!(!reused("B") && reused("B"));
    assert_ne!(place.read("A/out.wasm"), place.read("B/out.wasm"));
}

/// Without directories there is nothing that could differ.
#[test]
fn the_working_directory_does_not_count_without_directories() {
    let place = Place::new();
    fs::create_dir(place.join("A")).unwrap();
    fs::create_dir(place.join("B")).unwrap();
    assert!(!from_results_in(&place, &place.join("A"), ""));
    assert!(from_results_in(&place, &place.join("B"), ""));
}

#[cfg(unix)]
#[test]
fn a_link_to_another_directory_counts() {
    let place = place();
    for (directory, text) in [("one", "x"), ("two", "x")] {
        fs::create_dir(place.join(directory)).unwrap();
        place.write(&format!("{directory}/a"), text);
    }
    std::os::unix::fs::symlink("one", place.join("d")).unwrap();
    settle();
    let reused = || from_results(&place, "cache", "--allow-wasi --mapdir /d::d");
    assert!(!reused() && reused());
    fs::remove_file(place.join("d")).unwrap();
    std::os::unix::fs::symlink("two", place.join("d")).unwrap();
    settle();
    assert!(!reused() && reused());
}

/// Through a directory within another one, by either name.
#[test]
fn nested_directories_are_told_apart() {
    let place = place();
    fs::create_dir_all(place.join("outer/inner")).unwrap();
    place.write("outer/a", "x");
    place.write("outer/inner/a", "y");
    settle();
    for line in [
        "--allow-wasi --mapdir /o::outer --mapdir /o/i::outer/inner",
        "--allow-wasi --mapdir /::outer/inner --mapdir /o::outer",
        "--allow-wasi --mapdir .::outer",
    ] {
        assert!(!from_results(&place, "cache", line), "{line}");
        assert!(from_results(&place, "cache", line), "{line}");
    }
}

/// It is what init read that counts, and a pipe cannot be read twice.
#[cfg(unix)]
#[test]
fn what_is_not_a_file_is_not_kept() {
    let place = place();
    fs::create_dir(place.join("d")).unwrap();
    let pipe = place.join("d/a");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    settle();
    for _ in 0..2 {
        let writer = pipe.clone();
        let writer = std::thread::spawn(move || fs::write(writer, "x"));
        assert!(!from_results(&place, "cache", "--allow-wasi --mapdir /d::d"));
        // The module may be gone before all is written.
        let _ = writer.join().unwrap();
    }
}
