//! Generated components: the snapshot and the original after init are asked the same, before and after more has happened.

use preinit_core::component::{Component, with_shifted_clock, without_export, without_imports};
use preinit_testing::property::components::{Graph, check};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

const CASES: u32 = 200;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

#[test]
fn snapshots_answer_as_the_originals_do() {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let with_init = Cell::new(0);
    let test = |bytes: Vec<u8>| {
        with_init.set(with_init.get() + u32::from(matches!(check(&bytes), Ok(true))));
        Ok(())
    };
    runner.run(&bytes(), test).unwrap();
    assert!(with_init.get() > CASES / 2, "{}", with_init.get());
}

/// Whatever is cut off or changed, the tree is read without a panic, and what is read can be written.
#[test]
fn no_corruption_panics() {
    let strategy =
        (bytes(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), any::<prop::sample::Index>());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let test = |(bytes, changes, end): (Vec<u8>, Vec<(prop::sample::Index, u8)>, prop::sample::Index)| {
        let Some(graph) = Graph::of(&bytes) else { return Ok(()) };
        let mut wasm = wat::parse_str(graph.text().text).unwrap();
        if changes.is_empty() {
            wasm.truncate(end.index(wasm.len()));
        }
        for (place, byte) in changes {
            let place = place.index(wasm.len());
            wasm[place] = byte;
        }
        take_apart(&wasm);
        Ok(())
    };
    runner.run(&strategy, test).unwrap();
}

/// What is read can be written, and changed in every way that there is.
fn take_apart(wasm: &[u8]) {
    let Ok(component) = Component::parse(wasm) else { return };
    let Ok(instances) = component.elaborate() else { return };
    let modules: Vec<_> =
        instances.iter().map(|instance| component.modules()[instance.module].bytes.to_vec()).collect();
    match component.with_instances(&modules) {
        Ok(same) => assert!(same == wasm),
        Err(error) => panic!("{error}"),
    }
    component.with_taken_handles(&[], 3).unwrap();
    for name in component.exports().chain(component.imports()) {
        let _ = without_export(wasm, name);
        let _ = without_imports(wasm, &[name.to_string()]);
    }
    let _ = with_shifted_clock(wasm, 1);
}

/// Every golden case, cut off at every byte, and with each of its bytes changed.
#[test]
fn golden_cases_are_cut_off_and_changed_without_a_panic() {
    let folder = preinit_testing::repository().join("tests/golden/components");
    let cases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut changed = 0;
    for path in cases.filter(|path| path.extension().is_some_and(|ending| ending == "wat")) {
        let wasm = wat::parse_file(&path).unwrap();
        take_apart(&wasm);
        for at in 8..wasm.len() {
            take_apart(&wasm[..at]);
            let mut wasm = wasm.clone();
            wasm[at] ^= 1 << (at % 8);
            take_apart(&wasm);
            changed += 1;
        }
    }
    assert!(changed > 10_000, "{changed}");
}
