//! Names and debugging information can be made to take far more than their size, and are read for every trap.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, stderr};
use preinit_testing::dwarf::{
    Dwarf, END, HEADER, base_type, declared_at, function, in_component, inlined, leb, lines, root, scattered,
    unit, variable,
};

const ALL: (u32, u32) = (0, 100_000);

/// A module whose init traps.
const TRAPS: &str = r#"(module (memory 2) (func (export "preinit") unreachable))"#;

/// One that keeps something, for the audit to name.
const KEEPS: &str =
    r#"(module (memory 2) (func (export "preinit") (i32.store (i32.const 2048) (i32.const 5))))"#;

fn in_unit(entries: &[u8]) -> Dwarf {
    Dwarf::of(&[unit(0, &[&root(ALL, "main.c", "", 0)[..], entries, END].concat())])
}

/// Debugging information that takes very much if it is read as if it were honest.
fn hostile() -> Vec<(&'static str, Dwarf)> {
    let first = HEADER + root(ALL, "main.c", "", 0).len() as u32;
    let nested = |depth: usize| {
        let calls = inlined(ALL, first, (1, 1)).repeat(depth);
        in_unit(&[&declared_at(0)[..], &function(ALL, "f"), &calls, &vec![0; depth], END].concat())
    };
    let many_units = |count| Dwarf::of(&vec![unit(0, &[&root(ALL, "", "", 0)[..], END].concat()); count]);
    let rows: Vec<_> = (0..100_000).map(|k| (1_000_000 + k, 1, k)).collect();
    let files = vec![("n", 0); 200_000];
    let long = vec![b'n'; 10 << 20];
    let list = [1u32, 2].map(u32::to_le_bytes).concat().repeat(200_000);
    let variables: Vec<_> = (0..300_000).map(|k| variable("v", 1024 + k, first)).collect();
    vec![
        ("nested", nested(200_000)),
        ("nested with a long name", Dwarf { strings: long, ..nested(1000) }),
        (
            "a list of addresses",
            Dwarf { ranges: list, ..in_unit(&[scattered(0, first), END.to_vec()].concat().repeat(20_000)) },
        ),
        ("a line program", Dwarf { lines: lines(&[], &[("f", 0)], &rows, u32::MAX), ..many_units(30_000) }),
        ("very many files", Dwarf { lines: lines(&[], &files, &[], 0), ..many_units(30_000) }),
        (
            "a type with a long name",
            in_unit(&[base_type(&"n".repeat(5 << 20), 4), variables.concat()].concat()),
        ),
        ("abbreviations", overlapping(4000, 1500, &[0x34, 0, 0, 0, 0])),
        ("wide entries", wide(20_000)),
    ]
}

/// This many abbreviations with the same contents after their number, and units that begin to read them at different places.
fn overlapping(count: u32, places: u32, contents: &[u8]) -> Dwarf {
    let mut dwarf = Dwarf::default();
    let mut starts = Vec::new();
    for number in 1..=count {
        starts.push(dwarf.abbreviations.len() as u32);
        dwarf.abbreviations.extend([&leb(number)[..], contents].concat());
    }
    dwarf.abbreviations.push(0);
    for (number, start) in (1..).zip(&starts).take(places as usize) {
        dwarf.info.extend(unit(*start, &leb(number)).repeat(2));
    }
    dwarf
}

/// Entries of one byte, with attributes that take none.
fn wide(count: usize) -> Dwarf {
    let flag = [leb(0x3f), leb(0x19)].concat();
    let abbreviations =
        [b"\x01\x11\x01\0\0\x02\x34\x00".to_vec(), flag.repeat(100_000), vec![0, 0, 0]].concat();
    let info = unit(0, &[&[1][..], &vec![2; count], END].concat());
    Dwarf { abbreviations, info, ..Dwarf::default() }
}

/// Runs what ends with `expected`, in little memory for a module of these bytes, and in time.
fn is_told(place: &Place, (line, expected): (&str, i32), words: &str, what: &str) {
    let begun = std::time::Instant::now();
    let (output, most) = measured(place, &format!("{line} --no-cache"));
    assert_eq!(code(&output), expected, "{what}: {line}: {}", stderr(&output));
    assert!(stderr(&output).contains(words), "{what}: {line}: {}", stderr(&output));
    assert!(most < OWN + 80 * MIB, "{what}: {line}: {} MiB", most / MIB);
    assert!(begun.elapsed().as_secs() < 60, "{what}: {line}: {:?}", begun.elapsed());
}

#[test]
fn a_trap_is_told_whatever_the_debugging_information_is() {
    let place = Place::new();
    let traps = wat::parse_str(TRAPS).unwrap();
    for (what, dwarf) in hostile() {
        let module = dwarf.in_module(&traps);
        place.write("component.wasm", in_component(&module));
        place.write("in.wasm", module);
        place.write(
            "jobs.json",
            r#"{"module": "in.wasm", "jobs": [{"output": "a.wasm"}, {"output": "b.wasm"}]}"#,
        );
        let words = "unreachable";
        is_told(&place, ("in.wasm -o out.wasm --untrusted", 1), words, what);
        is_told(&place, ("in.wasm -o out.wasm --at export:preinit#2 -f preinit", 1), words, what);
        is_told(&place, ("component.wasm -o out.wasm -f init --untrusted", 1), words, what);
        is_told(&place, ("audit in.wasm", 1), words, what);
        is_told(&place, ("verify in.wasm in.wasm", 2), words, what);
        is_told(&place, ("batch jobs.json --", 1), words, what);
    }
}

#[test]
fn an_audit_ends_whatever_the_debugging_information_is() {
    let place = Place::new();
    let keeps = wat::parse_str(KEEPS).unwrap();
    for (what, dwarf) in hostile() {
        let module = dwarf.in_module(&keeps);
        place.write("component.wasm", in_component(&module));
        place.write("in.wasm", module);
        is_told(&place, ("audit in.wasm", 0), "", what);
        is_told(&place, ("audit component.wasm -f init", 0), "", what);
        is_told(&place, ("in.wasm -o out.wasm --report page.html", 0), "", what);
    }
}

/// A recursion of `depth` calls of a function with a name of `length` bytes, and then `end`.
fn recursion(length: usize, depth: usize, end: &str) -> Vec<u8> {
    recursion_in(r#"(import "env" "y" (func $y))"#, (length, depth), end)
}

/// The same where `first` is `$y`.
fn recursion_in(first: &str, (length, depth): (usize, usize), end: &str) -> Vec<u8> {
    let name = "r".repeat(length);
    let text = format!(
        r#"(module {first} (memory 1)
            (func ${name} (param i32)
                (if (local.get 0) (then (call ${name} (i32.sub (local.get 0) (i32.const 1)))) (else {end})))
            (func (export "preinit") (call ${name} (i32.const {depth}))))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_long_name_is_not_copied_for_each_frame() {
    let place = Place::new();
    // As many frames as a trap shows.
    place.write("in.wasm", recursion(10_000_000, 1000, "(unreachable)"));
    is_told(&place, ("in.wasm -o out.wasm --stub-all --untrusted", 1), "rrr", "a trap");
    is_told(&place, ("in.wasm -o out.wasm --stub-all --ledger l.json", 1), "rrr", "a ledger");
    is_told(&place, ("audit in.wasm --stub-all", 1), "rrr", "an audit");
    // All frames.
    place.write("in.wasm", recursion(1_000_000, 20_000, "(unreachable)"));
    let line = "in.wasm -o out.wasm --stub-all --untrusted -f preinit --at env.y";
    is_told(&place, (line, 1), "(20001 times)", "not reached");
    place.write("in.wasm", recursion(1_000_000, 5000, "(call $y)"));
    let line = "in.wasm -o out.wasm --stub-all --untrusted -f preinit --at env.y";
    is_told(&place, (line, 0), "", "reached");
    assert!(place.read("out.wasm").len() < 5_000_000, "{}", place.read("out.wasm").len());
    is_told(&place, ("audit in.wasm --stub-all -f preinit --at env.y", 0), "", "an audit");
}

#[test]
fn a_long_name_in_a_component_is_not_copied_for_each_frame() {
    let place = Place::new();
    let component = |length, depth, end| in_component(&recursion_in("(func $y)", (length, depth), end));
    place.write("in.wasm", component(10_000_000, 1000, "(unreachable)"));
    is_told(&place, ("in.wasm -o out.wasm -f init --untrusted", 1), "rrr", "a trap");
    place.write("in.wasm", component(1_000_000, 20_000, "(unreachable)"));
    is_told(&place, ("in.wasm -o out.wasm -f init --at call:y", 1), "(20001 times)", "not reached");
    place.write("in.wasm", component(1_000_000, 2000, "(call $y)"));
    is_told(&place, ("in.wasm -o out.wasm -f init --at call:y", 0), "", "reached");
}
