//! A snapshot of a snapshot, with an init that does nothing, is the same file. For every accepted golden case that
//! makes no start function.

use preinit_testing::added_functions::{EMPTY_INIT, with_empty_init};
use preinit_testing::case::Case;
use preinit_testing::repository;

#[test]
fn snapshots_of_snapshots_are_the_same() {
    let mut compared = 0;
    let folder = repository().join("tests/golden");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let mut case = Case::read(&path);
            let wasm = with_empty_init(&preinit::wat_to_wasm(&case.text).unwrap());
            case.keep_init_functions = true;
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
    again.keep_init_functions = true;
    again.renames.clear();
    let second = again.preinit().run(first).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    if second.wasm != first {
        let text = |wasm| wasmprinter::print_bytes(wasm).unwrap();
        assert_eq!(text(first), text(&second.wasm), "{}", case.name);
        panic!("{}: the same text but other bytes", case.name);
    }
}
