//! Reduces a script that shows a difference.

use super::VerifyError;
use super::play::Played;
use super::script::{Script, Step};
use proptest::strategy::ValueTree;
use std::time::{Duration, Instant};

/// Time that the search for a shorter script may take.
const TIME: Duration = Duration::from_secs(5);

/// Plays a script on fresh instances.
pub(super) type Play<'p> = dyn FnMut(&Script) -> Result<Played, VerifyError> + 'p;

/// A script, and what came of it.
pub(super) type Shown = (Script, Played);

/// Reduces a generated script, which shows a difference, in the way that its strategy knows: fewer calls, then plainer
/// arguments.
pub(super) fn generated(
    tree: &mut dyn ValueTree<Value = Vec<Step>>,
    shown: Shown,
    play: &mut Play<'_>,
) -> Result<Shown, VerifyError> {
    let started = Instant::now();
    let mut best = shown;
    let mut goes_on = tree.simplify();
    while goes_on && started.elapsed() < TIME {
        let script = Script { steps: tree.current() };
        let played = play(&script)?;
        if played.differences.is_empty() {
            goes_on = tree.complicate();
        } else {
            best = (script, played);
            goes_on = tree.simplify();
        }
    }
    fewer_steps(best, play, started)
}

/// Reduces a script whose arguments were given.
pub(super) fn given(shown: Shown, play: &mut Play<'_>) -> Result<Shown, VerifyError> {
    fewer_steps(shown, play, Instant::now())
}

fn fewer_steps(shown: Shown, play: &mut Play<'_>, started: Instant) -> Result<Shown, VerifyError> {
    let (mut script, mut played) = shown;
    // What follows the step that showed it was not even played.
    script.steps.truncate(played.steps);
    let mut index = 0;
    while index < script.steps.len() && script.steps.len() > 1 && started.elapsed() < TIME {
        let mut shorter = script.clone();
        shorter.steps.remove(index);
        let replayed = play(&shorter)?;
        match replayed.differences.is_empty() {
            true => index += 1,
            false => (script, played) = (shorter, replayed),
        }
    }
    script.steps.truncate(played.steps);
    Ok((script, played))
}
