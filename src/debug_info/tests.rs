use super::{SourceFrame, source_frames};
use preinit_core::module::Module;
use preinit_testing::dwarf::{
    Dwarf, END, HEADER, block, declared, declared_as, declared_at, function, inlined, lines, root, scattered,
    unit,
};

/// A module with this debugging information; its code does not matter.
fn module(dwarf: &Dwarf) -> Vec<u8> {
    dwarf.in_module(&wat::parse_str("(module (func))").unwrap())
}

/// What is said of each address: `name at file:line`, joined.
fn said(dwarf: &Dwarf, addresses: &[u64]) -> Vec<String> {
    let wasm = module(dwarf);
    let frames = source_frames(&Module::parse(&wasm).unwrap(), addresses);
    let words = |frame: &SourceFrame| {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_string());
        format!("{} at {}", or_none(&frame.name), or_none(&frame.location))
    };
    frames.iter().map(|frames| frames.iter().map(words).collect::<Vec<_>>().join(", ")).collect()
}

/// `main`, into which `inner` was inlined, and into that `deep`; and `far` in two pieces, which a second unit names.
fn program() -> Dwarf {
    let first = [root((0x10, 0x60), "main.c", "/src", 0), declared("inner"), declared("deep")].concat();
    let inner = HEADER + root((0, 0), "main.c", "/src", 0).len() as u32;
    let deep = inner + declared("inner").len() as u32;
    let names = unit(0, &[&root((0x1000, 1), "names.c", "", 0)[..], &declared("far"), END].concat());
    let far = HEADER + root((0, 0), "names.c", "", 0).len() as u32;
    let first = [
        &first[..],
        &function((0x10, 0x20), "_Z4mainv"),
        &block(),
        &inlined((0x14, 0x8), inner, (1, 7)),
        &inlined((0x16, 0x2), deep, (2, 9)),
        END,
        END,
        END,
        END,
        &scattered(0, far),
        END,
        END,
    ]
    .concat();
    let ranges: [u32; 6] = [0x20, 0x28, 0x40, 0x48, 0, 0];
    let rows = [(0x10, 1, 5), (0x14, 2, 20), (0x16, 3, 30), (0x18, 2, 21), (0x1c, 1, 6), (0x30, 1, 50)];
    Dwarf {
        lines: lines(&["include", "/abs"], &[("main.c", 0), ("inner.h", 1), ("deep.h", 2)], &rows, 0x60),
        ranges: ranges.into_iter().flat_map(u32::to_le_bytes).collect(),
        ..Dwarf::of(&[names, unit(0, &first)])
    }
}

#[test]
fn calls_and_their_lines_are_found() {
    let main = "_Z4mainv at /src/main.c";
    let found = said(&program(), &[0x10, 0x14, 0x16, 0x17, 0x18, 0x1b, 0x1c, 0x2f, 0x30, 0x37, 0x51, 0x5f]);
    let inner = |line: u32| format!("inner at /src/include/inner.h:{line}, {main}:7");
    let deep = format!("deep at /abs/deep.h:30, inner at /src/include/inner.h:9, {main}:7");
    let expected = [
        format!("{main}:5"),
        inner(20),
        deep.clone(),
        deep,
        inner(21),
        inner(21),
        format!("{main}:6"),
        format!("{main}:6"),
        // In pieces, which are relative to the unit.
        "far at /src/main.c:50".to_string(),
        "far at /src/main.c:50".to_string(),
        "far at /src/main.c:50".to_string(),
        "? at /src/main.c:50".to_string(),
    ];
    assert_eq!(found, expected);
    assert_eq!(said(&program(), &[0, 0xf, 0x70, 0x1000, u64::MAX]), [""; 5]);
    assert_eq!(said(&Dwarf::default(), &[0x10]), [""]);
    assert!(said(&program(), &[]).is_empty());
}

#[test]
fn no_more_addresses_are_looked_for_than_there_is_room_for() {
    let found = said(&program(), &[0x10; super::MAX_ADDRESSES + 1]);
    assert_eq!(found.iter().filter(|said| !said.is_empty()).count(), super::MAX_ADDRESSES);
    assert_eq!(found.last().unwrap(), "");
}

#[test]
fn what_cannot_be_read_says_nothing_and_does_no_harm() {
    let program = program();
    for end in 0..program.info.len() {
        let info = program.info[..end].to_vec();
        said(&Dwarf { info, ..program.clone() }, &[0x10, 0x16, 0x31]);
    }
    for end in 0..program.lines.len() {
        let lines = program.lines[..end].to_vec();
        assert!(said(&Dwarf { lines, ..program.clone() }, &[0x16])[0].starts_with("deep at "));
    }
    for at in 0..program.info.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut changed = program.clone();
            changed.info[at] = byte;
            said(&changed, &[0x10, 0x16, 0x31]);
        }
    }
    for at in 0..program.lines.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut changed = program.clone();
            changed.lines[at] = byte;
            said(&changed, &[0x10, 0x16, 0x31]);
        }
    }
}

/// The first unit's entries are in front of these.
fn with_entries(entries: &[u8]) -> Dwarf {
    let root = root((0, 1000), "main.c", "", 0);
    Dwarf::of(&[unit(0, &[&root[..], entries, END].concat())])
}

const FIRST: u32 = HEADER + 21;

#[test]
fn calls_that_are_nested_very_deep_are_cut() {
    for depth in [1, super::source_frames::INLINED, 300_000] {
        let nested = inlined((0, 1000), FIRST, (1, 2)).repeat(depth);
        let all = [&declared("f")[..], &function((0, 1000), "outer"), &nested, &vec![0; depth], END].concat();
        let found = said(&with_entries(&all), &[5]);
        let calls = found[0].matches("f at ").count();
        assert_eq!(calls, depth.min(super::source_frames::INLINED), "{depth}");
        assert!(found[0].ends_with("outer at ?"), "{depth}");
    }
}

#[test]
fn names_that_refer_to_each_other_end() {
    // To itself, to the next one, and through more than anybody follows.
    let origin = |index: u32| FIRST + 5 * index;
    let as_self = [declared_as(origin(0)), inlined_in(FIRST)].concat();
    let in_circle = [declared_as(origin(1)), declared_as(origin(0)), inlined_in(FIRST)].concat();
    let chain = |length: u32| {
        let chain: Vec<u8> = (1..=length).flat_map(|next| declared_as(origin(next))).collect();
        [chain, declared("end"), inlined_in(FIRST)].concat()
    };
    for (entries, expected) in [
        (as_self, "? at ?, outer at ?"),
        (in_circle, "? at ?, outer at ?"),
        (chain(3), "end at ?, outer at ?"),
        (chain(1000), "? at ?, outer at ?"),
    ] {
        assert_eq!(said(&with_entries(&entries), &[5]), [expected]);
    }
}

/// A function into which the one at `origin` was inlined.
fn inlined_in(origin: u32) -> Vec<u8> {
    [&function((0, 1000), "outer")[..], &inlined((0, 1000), origin, (1, 2)), END, END].concat()
}

#[test]
fn a_long_name_that_all_share_is_cut() {
    let nested = inlined((0, 1000), FIRST, (1, 2)).repeat(60);
    let entries = [&declared_at(0)[..], &function((0, 1000), "outer"), &nested, &[0; 60], END].concat();
    let dwarf = Dwarf { strings: vec![b'n'; 10 << 20], ..with_entries(&entries) };
    let found = said(&dwarf, &[5; 64]);
    assert!(found.iter().all(|said| said.starts_with("nnn") && said.len() < 61 * 5000), "{}", found[0].len());
}

/// Each of very many refers to the same long list, or the same long program: read for each, that would take hours.
#[test]
fn what_very_many_share_is_read_only_so_often() {
    let ranges = [1u32, 2].map(u32::to_le_bytes).concat().repeat(200_000);
    let entries = [scattered(0, FIRST), END.to_vec()].concat().repeat(100_000);
    let found = said(&Dwarf { ranges, ..with_entries(&[declared("f"), entries].concat()) }, &[5]);
    assert_eq!(found, [""]);

    let rows: Vec<_> = (0..200_000).map(|k| (10_000 + k, 1, k)).collect();
    let lines = lines(&[], &[("f", 0)], &rows, u32::MAX);
    let empty = unit(0, &[&root((0, 1000), "", "", 0)[..], END].concat());
    let found = said(&Dwarf { lines, ..Dwarf::of(&vec![empty; 100_000]) }, &[5]);
    assert_eq!(found, [""]);

    let files: Vec<_> = vec![("file", 0); 100_000];
    let lines = preinit_testing::dwarf::lines(&[], &files, &[], 0);
    let empty = unit(0, &[&root((0, 1000), "", "", 0)[..], END].concat());
    let found = said(&Dwarf { lines, ..Dwarf::of(&vec![empty; 100_000]) }, &[5]);
    assert_eq!(found, [""]);
}
