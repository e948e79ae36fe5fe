//! Reduces scripts that show differences.

use super::VerifyError;
use super::lock_step::ScriptResult;
use super::script::{Script, Step};
use proptest::strategy::ValueTree;
use std::time::{Duration, Instant};

/// Time that the search for a shorter script may take.
const TIME: Duration = Duration::from_secs(5);

/// Runs a script on fresh instances.
pub(super) type Run<'r> = dyn FnMut(&Script) -> Result<ScriptResult, VerifyError> + 'r;

/// A script that shows a difference.
pub(super) struct Counterexample {
    pub script: Script,
    pub result: ScriptResult,
}

/// Reduces a generated script as its strategy does: fewer calls, then simpler arguments.
pub(super) fn generated(
    tree: &mut dyn ValueTree<Value = Vec<Step>>,
    found: Counterexample,
    run: &mut Run<'_>,
) -> Result<Counterexample, VerifyError> {
    let started = Instant::now();
    let mut best = found;
    let mut goes_on = tree.simplify();
    while goes_on && started.elapsed() < TIME {
        let script = Script { steps: tree.current() };
        let result = run(&script)?;
        if result.differences.is_empty() {
            goes_on = tree.complicate();
        } else {
            best = Counterexample { script, result };
            goes_on = tree.simplify();
        }
    }
    fewer_steps(best, run, started)
}

/// Reduces a script whose arguments were given.
pub(super) fn given(found: Counterexample, run: &mut Run<'_>) -> Result<Counterexample, VerifyError> {
    fewer_steps(found, run, Instant::now())
}

fn fewer_steps(
    found: Counterexample,
    run: &mut Run<'_>,
    started: Instant,
) -> Result<Counterexample, VerifyError> {
    let Counterexample { mut script, mut result } = found;
    // The steps after the one that showed the difference were not made.
    script.steps.truncate(result.steps);
    let mut index = 0;
    while index < script.steps.len() && script.steps.len() > 1 && started.elapsed() < TIME {
        let mut shorter = script.clone();
        shorter.steps.remove(index);
        let again = run(&shorter)?;
        match again.differences.is_empty() {
            true => index += 1,
            false => (script, result) = (shorter, again),
        }
    }
    script.steps.truncate(result.steps);
    Ok(Counterexample { script, result })
}
