//! What a stranger says is very large is an error on a machine that has less, and nothing else.

use crate::{Place, code, stderr};
use std::fs::File;
use std::process::{Command, Output};

/// Address space that is enough for all but what is too much, in KiB. An engine reserves four gigabytes for a memory.
const FOR_FILES: u64 = 3_000_000;
const FOR_A_MEMORY: u64 = 6_000_000;
const FOR_A_HEAP: u64 = 5_200_000;

/// Runs the command with so much address space.
fn with_little(place: &Place, line: &str, kib: u64) -> Output {
    let binary = env!("CARGO_BIN_EXE_preinit");
    let mut shell = Command::new("sh");
    shell.current_dir(place.path()).arg("-c").arg(format!("ulimit -v {kib}; exec {binary} {line}"));
    shell.env("XDG_CACHE_HOME", place.join("cache")).output().unwrap()
}

fn ended(output: &Output, line: &str, expected: i32) {
    let message = stderr(output);
    assert_eq!(code(output), expected, "{line}: {message}");
    assert!(message.contains("no memory left"), "{line}: {message}");
    assert!(message.lines().count() <= 2 && !message.contains("backtrace"), "{line}: {message}");
}

#[test]
fn a_file_with_a_hole_is_no_abort() {
    let place = Place::new();
    let sparse = File::create(place.join("sparse.wasm")).unwrap();
    std::io::Write::write_all(&mut &sparse, b"\0asm\x01\0\0\0").unwrap();
    sparse.set_len(4 << 30).unwrap();
    place.write("small.wat", r#"(module (func (export "init")))"#);
    for line in [
        "inspect sparse.wasm",
        "list sparse.wasm",
        "sparse.wasm -f init -o out.wasm",
        "verify sparse.wasm small.wat",
        "probe sparse.wasm -o out.wasm --state-schema schema.json",
        "small.wat -f init -o out.wasm --allow-wasi --stdin sparse.wasm",
    ] {
        ended(&with_little(&place, line, FOR_FILES), line, 2);
        assert!(!place.join("out.wasm").exists(), "{line}");
    }
}

#[test]
fn a_guest_that_asks_for_much_is_no_abort() {
    let place = Place::new();
    std::fs::create_dir(place.join("directory")).unwrap();
    place.write(
        "table.wat",
        r#"(module (table $t 200000000 funcref) (func $f) (elem declare func $f)
            (func (export "init") (table.set $t (i32.const 199999999) (ref.func $f))))"#,
    );
    place.write(
        "file.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $size (param i32 i64) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (memory (export "memory") 1 1) (data (i32.const 0) "ab")
            (func (export "init")
                (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
                    (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 100)))
                (drop (call $size (i32.load (i32.const 100)) (i64.const 4000000000)))))"#,
    );
    for (line, kib, expected) in [
        ("table.wat -f init -o out.wasm --no-cache", FOR_FILES, 2),
        ("file.wat -f init -o out.wasm --no-cache --allow-wasi --dir directory", FOR_A_MEMORY, 1),
    ] {
        ended(&with_little(&place, line, kib), line, expected);
        assert!(!place.join("out.wasm").exists(), "{line}");
    }
}

#[test]
fn a_table_of_a_component_is_no_abort() {
    let place = Place::new();
    place.write(
        "component.wat",
        r#"(component
            (core module $m (table $t 100000000 funcref) (func (export "init")))
            (core instance $i (instantiate $m))
            (func (export "init") (canon lift (core func $i "init"))))"#,
    );
    let line = "component.wat -f init -o out.wasm --no-cache";
    ended(&with_little(&place, line, FOR_FILES), line, 2);
    assert!(!place.join("out.wasm").exists());
}

#[test]
fn what_is_in_the_heap_is_no_abort() {
    let place = Place::new();
    let module = |element: &str, value: &str, len: u32| {
        format!(
            r#"(module (type $a (array (mut {element}))) (global $g (mut (ref null $a)) (ref.null $a))
                (func (export "init") (global.set $g (array.new $a ({value}) (i32.const {len})))))"#
        )
    };
    place.write("bytes.wat", module("i8", "i32.const 5", 600_000_000));
    place.write("numbers.wat", module("i64", "i64.const 5", 60_000_000));
    place.write("references.wat", module("i31ref", "ref.i31 (i32.const 5)", 100_000_000));
    place.write(
        "objects.wat",
        r#"(module (type $s (struct (field (mut i32)) (field (ref null $s)))) (global $g (mut (ref null $s)) (ref.null $s))
            (func (export "init") (local $i i32)
                (loop $l
                    (global.set $g (struct.new $s (local.get $i) (global.get $g)))
                    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000000))))))"#,
    );
    for (name, kib) in [
        // While the array is read, and while it is written.
        ("bytes", FOR_A_HEAP),
        ("bytes", FOR_A_MEMORY),
        ("numbers", FOR_A_HEAP),
        ("numbers", FOR_A_MEMORY),
        ("references", FOR_A_HEAP),
        ("objects", FOR_A_HEAP),
    ] {
        let line = format!("{name}.wat -f init -o out.wasm --no-cache");
        ended(&with_little(&place, &line, kib), &line, 2);
        assert!(!place.join("out.wasm").exists(), "{line}");
    }
}
