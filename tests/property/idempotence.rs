//! A snapshot of a snapshot, with an init that does nothing, is the same file. For every accepted golden case that
//! makes no start function.

use crate::harness::case::Case;
use preinit::module::{Module, Replacements, SectionId, section_of};
use std::path::Path;
use wasm_encoder::Encode;

pub const EMPTY_INIT: &str = "an init that does nothing";

#[test]
fn snapshots_of_snapshots_are_the_same() {
    let mut compared = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let mut case = Case::read(&path);
            let wasm = with_empty_init(&preinit::wat_to_wasm(&case.text).unwrap());
            case.keep_init = true;
            let first = case.preinit().run(&wasm).unwrap();
            if first.report.start_function || names_another(&case) {
                continue;
            }
            assert_same(&case, &first.wasm);
            compared += 1;
        }
    }
    assert!(compared >= 60, "only {compared} were compared");
}

/// A renamed `_initialize` would run again, as it should.
fn names_another(case: &Case) -> bool {
    case.renames.iter().any(|(dst, _)| dst == "_initialize")
}

fn assert_same(case: &Case, first: &[u8]) {
    let mut again = Case::read(&case.path);
    again.init = vec![EMPTY_INIT.to_string()];
    again.keep_init = true;
    again.renames.clear();
    let second = again.preinit().run(first).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    if second.wasm != first {
        let text = |wasm| wasmprinter::print_bytes(wasm).unwrap();
        assert_eq!(text(first), text(&second.wasm), "{}", case.name);
        panic!("{}: the same text but other bytes", case.name);
    }
}

/// Appends an exported function that does nothing.
pub fn with_empty_init(wasm: &[u8]) -> Vec<u8> {
    let module = Module::parse(wasm).unwrap();
    let mut replacements = Replacements::default();
    let mut append = |id: SectionId, entry: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        entry(&mut bytes);
        let contents = match module.section(id) {
            Some(section) => section.with_entries(1, &bytes),
            None => section_of(1, &bytes),
        };
        replacements.set(id, contents);
    };
    append(SectionId::TYPE, &|out| out.extend([0x60, 0, 0]));
    append(SectionId::FUNCTION, &|out| (module.types.len() as u32).encode(out));
    append(SectionId::EXPORT, &|out| {
        EMPTY_INIT.encode(out);
        out.push(0);
        (module.functions.len() as u32).encode(out);
    });
    append(SectionId::CODE, &|out| out.extend([2, 0, 0x0b]));
    replacements.apply(&module.sections)
}
