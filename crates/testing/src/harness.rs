//! The harness of the test binaries that ignore tests where something is missing, and make tests of files.
//!
//! It takes the options of `cargo test` and prints its lines. Output of tests is not captured.

use crate::need::Need;
use libtest_mimic::{Arguments, Completion, Trial};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

/// A function with the attribute `#[test]`.
pub struct Test {
    pub module: &'static str,
    pub name: &'static str,
    pub needs: &'static [Need],
    pub run: fn(),
}

inventory::collect!(Test);

/// What tests have to say although they pass.
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Is printed after the results, in a test that passes too.
pub fn note(text: String) {
    NOTES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(text);
}

/// Tests that were left out, by the reason.
type LeftOut = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Runs everything with the attribute `#[test]`, and `more`.
pub fn run(more: Vec<Trial>) -> ExitCode {
    let arguments = Arguments::from_args();
    let left_out = LeftOut::default();
    let mut trials: Vec<Trial> =
        inventory::iter::<Test>.into_iter().map(|test| trial(test, Arc::clone(&left_out))).collect();
    trials.extend(more);
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    for note in NOTES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
        eprintln!("{note}");
    }
    let left_out = left_out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (reason, tests) in left_out.iter() {
        let plural = if tests.len() == 1 { "" } else { "s" };
        eprintln!("LEFT OUT: {} test{plural}, because {reason}\n    {}", tests.len(), tests.join("\n    "));
    }
    if !left_out.is_empty() {
        eprintln!();
    }
    conclusion.exit_code()
}

fn trial(test: &'static Test, left_out: LeftOut) -> Trial {
    // Without the name of the binary, as everywhere.
    let module = test.module.split_once("::").map_or("", |(_, module)| module);
    let name = if module.is_empty() { test.name.to_string() } else { format!("{module}::{}", test.name) };
    let own = name.clone();
    Trial::ignorable_test(name, move || {
        let Some(reason) = test.needs.iter().find_map(|need| need.missing()) else {
            (test.run)();
            return Ok(Completion::Completed);
        };
        left_out
            .lock()
            .map_err(|_| "another test panicked here")?
            .entry(reason.clone())
            .or_default()
            .push(own);
        Ok(Completion::ignored_with(reason))
    })
}
