//! A memory that is full of what is searched for costs no more than another one.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, failed, stderr};
use std::fs;

/// Runs what succeeds with no more memory than this, and hands back what it says.
fn fits(place: &Place, line: &str, most: u64) -> String {
    let (output, taken) = measured(place, line);
    assert_eq!(code(&output), 0, "{line}: {}", stderr(&output));
    assert!(taken < most, "{line}: {} MiB", taken / MIB);
    stderr(&output) + &String::from_utf8(output.stdout).unwrap()
}

/// Words that are what a `FILE` of musl is that has `size` bytes to write, or that holds them unread.
fn stream(words: [(usize, u32); 8]) -> String {
    let mut stream = [0u32; 17];
    words.into_iter().for_each(|(word, value)| stream[word] = value);
    stream.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

fn written(buf: u32, size: u32) -> String {
    stream([
        (4, buf + size),
        (5, buf + size),
        (6, buf),
        (8, 1),
        (10, buf),
        (11, size),
        (14, 1),
        (16, u32::MAX),
    ])
}

fn read(buf: u32, size: u32) -> String {
    stream([(1, buf), (2, buf + size), (7, 1), (10, buf), (11, size), (14, 0), (0, 1), (16, u32::MAX)])
}

/// A module of so many pages with copies of a stream, which reads three bytes of standard input into the first words.
fn streams(pages: u64, stream: &str, copies: u64) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") {pages}) (table 8 funcref) (elem (i32.const 1) $f) (func $f)
            (data (i32.const 0) "\40\00\00\00\03\00\00\00") (data (i32.const 1024) "{stream}")
            (func (export "preinit") (local $i i32)
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 128)))
                (memory.fill (i32.const 0x10000) (i32.const 97) (i32.const 0x10000))
                (loop $l
                    (memory.copy (i32.add (i32.const 0x30000) (i32.mul (local.get $i) (i32.const 68)))
                        (i32.const 1024) (i32.const 68))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $l (i32.lt_u (local.get $i) (i32.const {copies}))))))"#
    )
}

#[test]
fn what_looks_like_a_stream_is_counted_and_not_read() {
    let place = Place::new();
    place.write("stdin", "aaa");
    let line = "in.wat -o out.wasm --allow-wasi --stdin stdin";
    // A buffer that ends behind the memory is none.
    for stream in [written(2048, 100 << 20), read(2048, 100 << 20), written(0x3f0000, 0x20000)] {
        place.write("in.wat", streams(64, &stream, 4));
        let said = fits(&place, line, OWN + 20 * MIB);
        assert!(!said.contains("not written yet") && !said.contains("a buffer of libc"), "{said}");
    }
    // Buffers that are in the memory, many times.
    for (stream, what, more) in [
        (
            written(0x10000, 0x3f0000),
            "init printed 3.9 MiB to standard output that are not written yet",
            "49993 more streams",
        ),
        (read(0x10000, 8), "a buffer of libc holds 8 bytes of standard input", "992 more buffers"),
    ] {
        place.write("in.wat", streams(64, &stream, 50_000));
        let said = fits(&place, line, OWN + 60 * MIB);
        assert!(said.contains(what), "{said}");
        let said = fits(&place, "audit in.wat --allow-wasi --stdin stdin -v", OWN + 60 * MIB);
        assert!(said.contains(what) && said.contains(more), "{said}");
    }
}

/// Fills a memory with what an argument and a variable are, which is what init is given of both.
const COPIES: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 256)
    (func (export "preinit") (local $i i32)
        (drop (call $args (i32.const 0) (i32.const 64)))
        (drop (call $environ (i32.const 32) (i32.const 128)))
        (loop $l
            (i64.store (i32.add (local.get $i) (i32.const 1024)) (i64.load (i32.const GIVEN)))
            (local.set $i (i32.add (local.get $i) (i32.const STEP)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 16000000))))))"#;

#[test]
fn copies_of_a_value_are_counted_and_not_listed() {
    let place = Place::new();
    let given = "--allow-wasi --arg abcdefgh --env TOKEN=X7c-9q!Z";
    for (at, step) in [("64", 8u64), ("64", 9), ("134", 8), ("134", 11)] {
        place.write("in.wat", COPIES.replace("GIVEN", at).replace("STEP", &step.to_string()));
        let said = fits(&place, &format!("in.wat -o out.wasm {given} --layout sparse"), OWN + 100 * MIB);
        let times = 16_000_000u64.div_ceil(step);
        let counted = format!("{} times", times + 1);
        // That an argument is in the output is good to know only.
        assert_eq!(said.contains(&counted), at != "64", "{said}");
        let audited = fits(&place, &format!("audit in.wat {given} -v"), OWN + 260 * MIB);
        assert!(audited.split_whitespace().collect::<Vec<_>>().join(" ").contains(&counted), "{audited}");
    }
}

/// A file is read in very many pieces under a long path.
#[test]
fn what_is_read_in_pieces_has_one_path() {
    let place = Place::new();
    fs::create_dir(place.join("dir")).unwrap();
    place.write("dir/token.key", "x".repeat(300_000));
    let path = format!("{}token.key", "./".repeat(1800));
    place.write(
        "in.wat",
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 4096) "{path}")
            (func (export "preinit") (local $i i32)
                (loop $l
                    (i32.store (i32.add (i32.const 16384) (i32.shl (local.get $i) (i32.const 3))) (i32.const 60000))
                    (i32.store (i32.add (i32.const 16388) (i32.shl (local.get $i) (i32.const 3))) (i32.const 1))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))
                (drop (call $open (i32.const 3) (i32.const 0) (i32.const 4096) (i32.const {len}) (i32.const 0)
                    (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)))
                (local.set $i (i32.const 0))
                (loop $l
                    (drop (call $read (i32.load (i32.const 0)) (i32.const 16384) (i32.const 1000) (i32.const 8)))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $l (i32.lt_u (local.get $i) (i32.const 250))))
                (drop (call $close (i32.load (i32.const 0))))))"#,
            len = path.len()
        ),
    );
    fits(&place, "in.wat -o out.wasm --allow-wasi --mapdir /::dir", OWN + 100 * MIB);
}

/// Exports that begin like those that show the state make no other names long.
#[test]
fn names_of_what_shows_the_state_are_short() {
    let place = Place::new();
    let globals = "(global i32 (i32.const 1))".repeat(50_000);
    let tildes: Vec<String> = (0..1200).map(|k| format!("{}preinit-probe ", "~".repeat(k))).collect();
    let numbers: Vec<String> = (0..5000).map(|k| format!("preinit-probe {k} global 0")).collect();
    for names in [tildes, numbers] {
        let exports: String = names.iter().map(|name| format!(r#"(export "{name}" (func $f))"#)).collect();
        let wat = format!(r#"(module {globals} (func $f (export "preinit")) {exports})"#);
        place.write("in.wasm", wat::parse_str(wat).unwrap());
        for line in
            ["in.wasm -o out.wasm", "audit in.wasm", "probe in.wasm -o out.wasm --state-schema out.json"]
        {
            fits(&place, line, OWN + 160 * MIB);
        }
    }
}

/// The state is full of what cannot be written, in a table with a long name.
#[test]
fn what_cannot_be_written_is_counted_and_not_listed() {
    let place = Place::new();
    place.write(
        "e.wat",
        r#"(module (func $f) (elem declare func $f) (func (export "f") (result funcref) (ref.func $f)))"#,
    );
    let name = "n".repeat(50_000);
    place.write(
        "in.wat",
        format!(
            r#"(module (import "e" "f" (func $f (result funcref))) (table ${name} 500000 funcref)
            (func (export "preinit") (table.fill (i32.const 0) (call $f) (i32.const 500000))))"#
        ),
    );
    let (output, taken) = measured(&place, "in.wat -o out.wasm --preload e=e.wat");
    failed(&output, 1, "and 499900 more");
    assert!(taken < OWN + 60 * MIB, "{} MiB", taken / MIB);
}

/// As many islands as there can be: a byte in each so many.
#[test]
fn islands_take_a_bounded_multiple_of_the_memory() {
    const SIZE: u64 = 32 * MIB;
    let place = Place::new();
    for (step, memory, options, times) in [
        (9, "", "", 6),
        (9, "", "--layout compact", 6),
        (9, "", "--layout sparse", 6),
        (14, "", "", 6),
        // Gaps of an import stay, whatever they are.
        (2, r#"(import "e" "m") "#, "", 20),
        (9, r#"(import "e" "m") "#, "--layout compact", 8),
    ] {
        let wat = format!(
            r#"(module (memory {memory}{pages}) (func (export "preinit") (local $i i32)
                (loop $l
                    (i32.store8 (local.get $i) (i32.const 1))
                    (local.set $i (i32.add (local.get $i) (i32.const {step})))
                    (br_if $l (i32.lt_u (local.get $i) (i32.const {SIZE}))))))"#,
            pages = SIZE >> 16
        );
        place.write("in.wat", wat);
        let what = format!("{step} {memory}{options}");
        let (output, taken) = measured(&place, &format!("in.wat -o out.wasm --stub-all {options}"));
        assert_eq!(code(&output), 0, "{what}: {}", stderr(&output));
        assert!(taken < OWN / 2 + times * SIZE, "{what}: {} MiB", taken / MIB);
    }
}
