//! What shared memories grow by counts like that of others, although the engine asks nobody about it.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, done, failed, stderr};
use std::fmt::Write;

const LIMIT: &str = "--max-memory 32MiB";
const OVER: &str = "the limit is 33554432";

/// Code that lets a memory grow to `pages` in steps of `step`, and fills them.
fn grow(memory: usize, (index, pages, step): (&str, u32, u32)) -> String {
    let bytes = pages << 16;
    let grow = format!("(drop (memory.grow {memory} ({index}.const {step})))");
    let growth = grow.repeat(((pages - 1) / step) as usize);
    format!("{growth} (memory.fill {memory} ({index}.const 0) (i32.const 0xaa) ({index}.const {bytes}))")
}

/// A module with these memories that lets each grow, by its index type, to so many pages in such steps. `init` says what does it.
fn module(memories: &[(&str, &str, u32, u32)], init: &str) -> String {
    let (mut declared, mut code) = (String::new(), String::new());
    for (k, &(memory, index, pages, step)) in memories.iter().enumerate() {
        declared += memory;
        write!(code, "(memory.size {k}) drop {}", grow(k, (index, pages, step))).unwrap();
    }
    format!(r#"(module (import "env" "f" (func $f)) {declared} (func $work (export "work") {code}) {init})"#)
}

const CALLED: &str = r#"(func (export "preinit") (call $work))"#;
const DEFINED: &str = "(memory 1 8192 shared)";
const IMPORTED: &str = r#"(import "env" "m" (memory 1 8192 shared))"#;
const WIDE: &str = "(memory i64 1 8192 shared)";

/// How a memory is defined, the type of its indices, the pages that it grows by, and those of one step.
type Growing = (&'static str, &'static str, u32, u32);

/// Each grows by 100 MiB.
const KINDS: &[(&str, &[Growing])] = &[
    ("at once", &[(DEFINED, "i32", 1600, 1599)]),
    ("in steps", &[(DEFINED, "i32", 1600, 41)]),
    ("imported", &[(IMPORTED, "i32", 1600, 1599)]),
    ("of 64 bits", &[(WIDE, "i64", 1600, 1599)]),
    ("several", &[(DEFINED, "i32", 400, 399), (WIDE, "i64", 400, 1), (DEFINED, "i32", 800, 799)]),
    ("beside another", &[("(memory 1)", "i32", 800, 799), (DEFINED, "i32", 800, 799)]),
    ("after another", &[(DEFINED, "i32", 800, 799), ("(memory 1)", "i32", 800, 799)]),
];

fn refused(place: &Place, line: &str) {
    let (output, most) = measured(place, &format!("{line} {LIMIT}"));
    failed(&output, 1, OVER);
    // What was added to the module is no function of its own.
    assert!(!stderr(&output).contains(": function "), "{line}: {}", stderr(&output));
    assert!(most < OWN + 64 * MIB, "{line}: {} MiB", most / MIB);
}

#[test]
fn growth_of_shared_memories_counts() {
    let place = Place::new();
    for (what, memories) in KINDS {
        println!("{what}");
        place.write("in.wat", module(memories, CALLED));
        refused(&place, "in.wat -o out.wasm");
    }
    place.write("started.wat", module(KINDS[0].1, "(start $work)"));
    refused(&place, "started.wat -o out.wasm -f work");
    for options in ["--untrusted", "--opt=true", "--fuel 1000000000", "--frames inspect --at export:work#2"] {
        place.write("in.wat", module(KINDS[0].1, CALLED));
        refused(&place, &format!("in.wat -o out.wasm {options}"));
    }
}

#[test]
fn growth_of_shared_memories_counts_in_every_command() {
    let place = Place::new();
    for (what, memories) in KINDS {
        println!("{what}");
        place.write("in.wat", module(memories, CALLED));
        refused(&place, "audit in.wat");
        // What the verifier adds has room of its own.
        let (output, most) = measured(&place, &format!("verify in.wat in.wat {LIMIT}"));
        failed(&output, 2, "; the limit is 100663296");
        assert!(most < OWN + 128 * MIB, "{what}: {} MiB", most / MIB);
    }
    // In a call that only the verifier makes.
    place.write("in.wat", module(&[(DEFINED, "i32", 6400, 6399)], r#"(func (export "preinit"))"#));
    done(&place.line("in.wat -o out.wasm"));
    let (output, most) = measured(&place, &format!("verify in.wat out.wasm {LIMIT} --call-memory 8MiB"));
    assert!(most < OWN + 64 * MIB, "{} MiB: {}", most / MIB, stderr(&output));

    place.write("in.wat", module(KINDS[0].1, CALLED));
    let batch = serde_json::json!({ "module": "in.wat", "jobs": [{ "output": "out.wasm" }] });
    place.write("jobs.json", batch.to_string());
    let (output, most) = measured(&place, &format!("batch jobs.json --report report.json -- {LIMIT}"));
    assert_ne!(code(&output), 0, "{}", stderr(&output));
    let report = String::from_utf8(place.read("report.json")).unwrap();
    assert!(report.contains(OVER), "{report}");
    assert!(most < OWN + 64 * MIB, "{} MiB", most / MIB);
}

/// A program that is frozen runs in other code, at a call of its own and at one of an import.
#[test]
fn growth_of_shared_memories_counts_in_programs_that_are_frozen() {
    let place = Place::new();
    let (_, memories) = KINDS[0];
    for (init, at) in [
        (r#"(func (export "preinit") (call $work) (call $f))"#, "env.f"),
        (
            r#"(func (export "preinit") (call $work) (call $stop)) (func $stop (export "stop"))"#,
            "export:stop",
        ),
    ] {
        place.write("in.wat", module(memories, init));
        refused(&place, &format!("in.wat -o out.wasm --at {at}"));
        done(&place.line(&format!("in.wat -o out.wasm --at {at}")));
    }
}

/// What is within the limit goes on, and beyond its own maximum a memory answers -1.
#[test]
fn shared_memories_grow_within_the_limit() {
    let place = Place::new();
    for (memory, index, [first, delta, most], limit) in [
        ("(memory 1 3 shared)", "i32", [1, 2, 3], 130_000),
        (r#"(import "env" "m" (memory 1 3 shared))"#, "i32", [1, 2, 3], 130_000),
        ("(memory i64 1 3 shared)", "i64", [1, 2, 3], 130_000),
        // What grows is counted in units of 64 KiB.
        ("(memory 100 70000 shared (pagesize 1))", "i32", [100, 69_900, 70_000], 60_000),
    ] {
        let grows = |delta: i64, expected: i64| {
            format!(
                "(if ({index}.ne (memory.grow ({index}.const {delta})) ({index}.const {expected})) (then unreachable))"
            )
        };
        let code = [
            grows(4_000_000_000, -1),
            grows(-1, -1),
            grows(most, -1),
            grows(delta, first),
            grows(1, -1),
            grows(0, most),
        ];
        place.write("in.wat", format!(r#"(module {memory} (func (export "preinit") {}))"#, code.concat()));
        // What is counted is what there is in the end.
        done(&place.line("in.wat -o out.wasm --internalize --max-memory 196608"));
        let line = format!("in.wat -o out.wasm --max-memory {limit}");
        failed(&place.line(&line), 1, &format!("; the limit is {limit}"));
    }
}

/// An engine has the same memory once for each import of it, and looks among all for the one that was missed.
#[test]
fn what_is_beyond_a_shared_memory_is_a_trap() {
    let place = Place::new();
    let twice = |width: &str, at: &str| {
        format!(
            r#"(module (import "env" "m" (memory $a {width} 1 2 shared)) (import "env" "m" (memory $b {width} 1 2 shared))
            (func (export "init") (drop (i32.load $b ({at}))))
            (func (export "load") (param i32) (result i32) (i32.load $a (local.get 0))))"#
        )
    };
    place.write("near.wat", twice("", "i32.const 131072"));
    place.write("far.wat", twice("", "i32.const 0x7fff0000"));
    place.write(
        "wide.wat",
        twice("i64", "i64.const 0x7fff00000000").replace("(local.get 0)", "(i64.const 0)"),
    );
    for name in ["near.wat", "far.wat", "wide.wat"] {
        for line in [
            format!("{name} -f init -o out.wasm --stub-all --no-opt"),
            format!("{name} -f init -o out.wasm --stub-all --opt"),
            format!("audit {name} -f init --stub-all"),
        ] {
            failed(&place.line(&line), 1, "out of bounds memory access");
        }
    }
    place.write("provider.wat", include_str!("../../golden/providers/shared.wat"));
    place.write("in.wat", include_str!("../../golden/threads-shared-memory-stays-imported.wat"));
    let options = "-f init --preload env=provider.wat";
    done(&place.line(&format!("in.wat -o out.wasm {options}")));
    let calls = "--sequences 0 --call load(8) --call load(131072) --call load(2147418112)";
    done(&place.line(&format!("verify in.wat out.wasm {options} {calls}")));
}
