//! A frozen program on engines by other people: what the original did from the place on is played there.

use super::VerifyError;
use super::foreign::{self, Failure, Machine, OtherEngine, Outcome, Reply};
use super::pattern::Pattern;
use super::play::{Played, Turn};
use super::side::{Ending, Side};
use super::structure::original_name;
use super::verdict::{Difference, EngineCoverage, Skipped};
use crate::host::Entry;
use crate::report::seconds;
use preinit_core::module::Module;
use preinit_core::plan::Rename;
use std::sync::Arc;
use std::time::Instant;

/// What was done to the original on wasmtime.
pub(super) struct Original<'o> {
    pub module: &'o Module<'o>,
    /// Exports that returned before the one that was interrupted.
    pub consumed: &'o [String],
    /// The host calls up to the place.
    pub before: Vec<Arc<Entry>>,
    pub renames: &'o [Rename],
    pub ignore: &'o [Pattern],
}

/// What came of it.
pub(super) enum Watched {
    Played(EngineCoverage, Option<Difference>),
    /// The engine cannot run it to the end.
    Skipped(Skipped),
    /// It runs the original in another way than wasmtime does, so that nothing is known.
    Withdrawn(Skipped),
}

impl Original<'_> {
    /// Plays what was played on `leader` with `frozen` on `engine`.
    pub fn watch(
        &self,
        engine: OtherEngine,
        frozen: &Module<'_>,
        played: &Played,
        leader: &mut Side<'_>,
    ) -> Result<Watched, VerifyError> {
        let started = Instant::now();
        let skipped = |why: String| Ok(Watched::Skipped(Skipped::new(engine.name(), why)));
        let mut machine = match engine.load(frozen) {
            Ok(machine) => machine,
            Err(why) => return skipped(why),
        };
        let compiled = seconds(started.elapsed());
        let instantiated = machine.answer_with(&[]).and_then(|()| machine.instantiate());
        let outcome = match instantiated {
            Ok(Reply::Returned(_)) => {
                foreign::play(&mut *machine, &played.turns, leader, str::to_string, self.ignore)?
            }
            Ok(Reply::Ended(how) | Reply::Diverged(how)) => {
                Outcome::Different(Difference::new("instantiate", "no error", how))
            }
            Ok(Reply::Exhausted(why)) | Err(Failure(why)) => Outcome::Stopped(why),
        };
        let difference = match outcome {
            Outcome::Stopped(why) => return skipped(why),
            Outcome::Same => None,
            Outcome::Different(difference) => match self.play(engine, &played.turns, leader)? {
                // Only the frozen one does this.
                Outcome::Same => Some(difference),
                Outcome::Stopped(why) => return skipped(format!("the original cannot be run there: {why}")),
                Outcome::Different(other) => {
                    let why =
                        format!("it runs the original in another way: {} is {}", other.key, other.snapshot);
                    return Ok(Watched::Withdrawn(Skipped::new(engine.name(), why)));
                }
            },
        };
        let calls = |turn: &Turn| match turn {
            Turn::Call { calls, .. } => Some(calls.len() as u64),
            Turn::Write { .. } => None,
        };
        let coverage = EngineCoverage {
            name: engine.name().to_string(),
            sequences: 1,
            calls: played.turns.iter().filter_map(calls).count() as u64,
            returned: played.returned,
            host_calls: played.turns.iter().filter_map(calls).sum(),
            seconds: seconds(started.elapsed()) - compiled,
            compile_seconds: compiled,
            tolerances: foreign::TOLERANCES.to_string(),
            ..EngineCoverage::default()
        };
        Ok(Watched::Played(coverage, difference))
    }

    /// The original there, from its beginning.
    fn play(
        &self,
        engine: OtherEngine,
        turns: &[Turn],
        leader: &mut Side<'_>,
    ) -> Result<Outcome, VerifyError> {
        let Some((Turn::Call { prefix, export, ending, calls, .. }, others)) = turns.split_first() else {
            return Ok(Outcome::Same);
        };
        let all: Vec<Arc<Entry>> = self.before.iter().chain(calls).cloned().collect();
        let first = |machine: &mut dyn Machine| {
            foreign::lead_in(machine, self.consumed, &all)?;
            machine.answered()
        };
        let mut machine = match engine.load(self.module) {
            Ok(machine) => machine,
            Err(why) => return Ok(Outcome::Stopped(why)),
        };
        let made = match first(&mut *machine) {
            Ok(made) => made.min(all.len()),
            Err(Failure(why)) => return Ok(Outcome::Stopped(why)),
        };
        let whole = Turn::Call {
            prefix: prefix.clone(),
            export: export.clone(),
            arguments: Vec::new(),
            ending: Ending::clone(ending),
            calls: all[made..].to_vec(),
        };
        let mut turns = vec![whole];
        turns.extend(others.iter().cloned());
        let name = |export: &str| original_name(self.renames, export).to_string();
        Ok(foreign::play(&mut *machine, &turns, leader, name, self.ignore)?)
    }
}
