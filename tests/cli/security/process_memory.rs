//! The process as a whole takes no more memory than it may, whatever for.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, done, stderr};
use std::fs;

/// What the process takes for itself, as an option.
const LIMIT: u64 = OWN + 64 * MIB;

/// How much more it may have taken before somebody looks, on a machine that does other things as well.
const OVERRUN: u64 = 160 * MIB;

/// Init writes to `pages` of its memory and then never returns.
fn writes(pages: u32) -> String {
    format!(
        r#"(module (memory {pages})
        (func (export "init") (local $at i32)
            (loop $l
                (i32.store8 (local.get $at) (i32.const 1))
                (local.set $at (i32.add (local.get $at) (i32.const 4096)))
                (br_if $l (i32.lt_u (local.get $at) (i32.const {end}))))
            (loop $ever (br $ever))))"#,
        end = u64::from(pages) * 65536,
    )
}

/// Very many functions, which the engine takes much memory to compile.
fn functions(count: usize) -> String {
    let function = r#"(func (param i64) (result i64)
        local.get 0 i64.const 3 i64.mul local.get 0 i64.add local.get 0 i64.xor)"#;
    format!(r#"(module (func (export "init")) {})"#, function.repeat(count))
}

/// A command that takes too much ends with one line, and leaves what was there.
fn ended(place: &Place, line: &str, expected: (i32, &str)) {
    place.write("out.wasm", "as it was");
    let (output, most) = measured(place, &format!("{line} --max-process-memory {LIMIT}"));
    let message = stderr(&output);
    assert_eq!(code(&output), expected.0, "{line}: {message}");
    let begin = "error: the process takes ";
    assert!(message.starts_with(begin) && message.contains(expected.1), "{line}: {message}");
    assert!(message.contains("--max-process-memory allows more"), "{line}: {message}");
    assert_eq!(message.lines().count(), 1, "{line}: {message}");
    assert!(most < LIMIT + OVERRUN, "{line}: {} MiB", most / MIB);
    assert_eq!(place.read("out.wasm"), b"as it was", "{line}");
    let left = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{line}: {left:?}");
}

#[test]
fn the_process_has_a_limit_in_every_phase() {
    let place = Place::new();
    place.write("init.wat", writes(16_384));
    place.write("code.wasm", wat::parse_str(functions(150_000)).unwrap());
    place.write("small.wat", r#"(module (func (export "init")) (func (export "f")))"#);
    let running = (1, "still running");
    ended(&place, "init.wat -f init -o out.wasm --no-opt --no-cache", running);
    ended(&place, "init.wat -f init -o out.wasm --opt --no-cache", running);
    ended(&place, "audit init.wat -f init --no-cache", (1, "still auditing"));
    ended(&place, "code.wasm -f init -o out.wasm --no-cache", (1, "still compiling"));
    ended(&place, "verify init.wat small.wat -f init --no-cache", (2, "still comparing"));
}

#[test]
fn the_limit_takes_nothing_from_those_below_it() {
    let place = Place::new();
    place.write("in.wat", writes(512).replace("(loop $ever (br $ever))", ""));
    done(&place.line("in.wat -f init -o out.wasm --max-process-memory 1GiB"));
    done(&place.line("verify in.wat out.wasm -f init --max-process-memory 1GiB"));
}
