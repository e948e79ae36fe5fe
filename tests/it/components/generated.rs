//! Generated components: the snapshot and the original after init are asked the same, before and after more has happened.

use super::graph::{Graph, graphs};
use super::running::Running;
use preinit::Preinit;
use preinit_core::component::Component;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const CASES: u32 = 200;

/// What is called, as numbers that choose an export.
type Steps = Vec<usize>;

fn chosen(exports: &[String], steps: &Steps) -> Vec<String> {
    if exports.is_empty() {
        return Vec::new();
    }
    steps.iter().map(|step| format!("step-{}", exports[step % exports.len()])).collect()
}

fn check(graph: &Graph, init: &Steps, later: &Steps) -> Result<(), TestCaseError> {
    let made = graph.text();
    let original = wat::parse_str(&made.text).unwrap();
    let init = chosen(&made.exports, init);
    if init.is_empty() {
        return Ok(());
    }
    let make = |wasm: &[u8], init: &[String]| {
        let mut preinit = Preinit::new().keep_init_functions(true);
        for name in init {
            preinit = preinit.init_function(name);
        }
        preinit.run(wasm).map(|output| output.wasm)
    };
    let refused = |error: preinit::Error| TestCaseError::fail(format!("refused: {error}\n{}", made.text));
    let snapshot = make(&original, &init).map_err(refused)?;
    prop_assert!(snapshot == make(&original, &init).map_err(refused)?, "a second run gives other bytes");

    let mut running = [Running::start(&original, &[]), Running::start(&snapshot, &[])];
    for name in &init {
        running[0].call(name, "");
    }
    let mut answers = [String::new(), String::new()];
    for (running, answers) in running.iter_mut().zip(&mut answers) {
        let mut sums = |running: &mut Running| {
            for export in &made.exports {
                answers.push_str(&format!("sum-{export} = {}\n", running.call(&format!("sum-{export}"), "")));
            }
        };
        sums(running);
        for name in chosen(&made.exports, later) {
            running.call(&name, "");
        }
        sums(running);
    }
    let [expected, found] = answers;
    prop_assert_eq!(found, expected, "{}", made.text);

    // In two steps as in one: a snapshot is a component like any other.
    let (first, second) = init.split_at(init.len() / 2);
    if !first.is_empty() {
        let halfway = make(&original, first).map_err(refused)?;
        let twice = make(&halfway, second).map_err(refused)?;
        let mut running = [Running::start(&snapshot, &[]), Running::start(&twice, &[])];
        for export in &made.exports {
            let name = format!("sum-{export}");
            let [expected, found] = running.each_mut().map(|running| running.call(&name, ""));
            prop_assert_eq!(found, expected, "{} of a snapshot of a snapshot of {}", name, &made.text);
        }
    }
    Ok(())
}

#[test]
fn snapshots_answer_as_the_originals_do() {
    let strategy = (graphs(), vec(0usize..40, 1..6), vec(0usize..40, 0..4));
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    runner.run(&strategy, |(graph, init, later)| check(&graph, &init, &later)).unwrap();
}

/// Whatever is cut off or changed, the tree is read without a panic, and what is read can be written.
#[test]
fn no_corruption_panics() {
    let strategy =
        (graphs(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), any::<prop::sample::Index>());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let test = |(graph, changes, end): (Graph, Vec<(prop::sample::Index, u8)>, prop::sample::Index)| {
        let mut wasm = wat::parse_str(graph.text().text).unwrap();
        if changes.is_empty() {
            wasm.truncate(end.index(wasm.len()));
        }
        for (place, byte) in changes {
            let place = place.index(wasm.len());
            wasm[place] = byte;
        }
        if let Ok(component) = Component::parse(&wasm)
            && let Ok(instances) = component.elaborate()
        {
            let modules: Vec<_> = instances
                .iter()
                .map(|instance| component.modules()[instance.module].bytes.to_vec())
                .collect();
            prop_assert!(component.with_instances(&modules).unwrap() == wasm);
            for export in component.exports() {
                let _ = preinit_core::component::without_export(&wasm, export);
                let _ = preinit_core::component::without_imports(&wasm, &[export.to_string()]);
            }
        }
        Ok(())
    };
    runner.run(&strategy, test).unwrap();
}
