//! Another engine's part in a round: it watches what is played on wasmtime and does the same with the snapshot.

use super::VerifyError;
use super::foreign::{self, Failure, Machine, OtherEngine, Outcome, Reply};
use super::pattern::Pattern;
use super::play::{Played, Turn};
use super::side::Side;
use super::structure::original_name;
use super::verdict::{Difference, EngineCoverage, Skipped};
use super::verifier::Verifier;
use crate::report::seconds;
use preinit_core::module::Module;
use std::time::{Duration, Instant};

/// The snapshot on another engine.
pub(super) struct Spectator {
    pub engine: OtherEngine,
    machine: Box<dyn Machine>,
    spent: Duration,
    pub coverage: EngineCoverage,
    /// Why it does not play any more.
    pub withdrawn: Option<Skipped>,
}

impl Spectator {
    pub fn new(engine: OtherEngine, snapshot: &Module<'_>) -> Result<Self, Skipped> {
        let started = Instant::now();
        let machine = engine.load(snapshot).map_err(|why| Skipped::new(engine.name(), why))?;
        let coverage = EngineCoverage {
            name: engine.name().to_string(),
            compile_seconds: seconds(started.elapsed()),
            tolerances: foreign::TOLERANCES.to_string(),
            ..EngineCoverage::default()
        };
        Ok(Spectator { engine, machine, spent: Duration::ZERO, coverage, withdrawn: None })
    }

    /// Whether it should go on, with this much time in all.
    pub fn plays(&self, share: Duration) -> bool {
        self.withdrawn.is_none() && self.spent < share
    }

    /// Does what was done to `leader`.
    pub fn follow(
        &mut self,
        verifier: &Verifier<'_>,
        played: &Played,
        leader: &mut Side<'_>,
    ) -> Result<Option<Difference>, VerifyError> {
        let started = Instant::now();
        let outcome = self.on_fresh_instance(&played.turns, leader, &verifier.options.ignore);
        self.spent += started.elapsed();
        self.coverage.seconds = seconds(self.spent);
        self.coverage.sequences += 1;
        for turn in &played.turns {
            if let Turn::Call { calls, .. } = turn {
                self.coverage.calls += 1;
                self.coverage.host_calls += calls.len() as u64;
            }
        }
        let difference = match outcome? {
            Outcome::Same => {
                self.coverage.returned += played.returned;
                return Ok(None);
            }
            Outcome::Stopped(_) => {
                self.coverage.cut_short += 1;
                return Ok(None);
            }
            Outcome::Different(difference) => difference,
        };
        let why = match self.with_original(verifier, &played.turns, leader)? {
            // Only the snapshot does this.
            Outcome::Same => return Ok(Some(difference)),
            Outcome::Stopped(why) => format!("the original cannot be run there: {why}"),
            Outcome::Different(same) if same == difference => {
                format!("it runs the original in this way too: {} is {}", same.key, same.snapshot)
            }
            Outcome::Different(other) => {
                format!("it runs the original in another way: {} is {}", other.key, other.snapshot)
            }
        };
        let Difference { key, original, snapshot, .. } = difference;
        let why = format!("{key} is {original} on wasmtime and {snapshot} here; but {why}");
        self.withdrawn = Some(Skipped::new(self.engine.name(), why));
        Ok(None)
    }

    fn on_fresh_instance(
        &mut self,
        turns: &[Turn],
        leader: &mut Side<'_>,
        ignore: &[Pattern],
    ) -> Result<Outcome, VerifyError> {
        let machine = &mut *self.machine;
        let started = machine.answer_with(&[]).and_then(|()| machine.instantiate());
        let how = match started {
            Ok(Reply::Returned(_)) => {
                return Ok(foreign::play(machine, turns, leader, |export| export.to_string(), ignore)?);
            }
            Ok(Reply::Ended(how) | Reply::Diverged(how)) => how,
            Ok(Reply::Exhausted(why)) | Err(Failure(why)) => return Ok(Outcome::Stopped(why)),
        };
        Ok(Outcome::Different(Difference::new("instantiate", "no error", how)))
    }

    /// The same with the original behind its init.
    fn with_original(
        &self,
        verifier: &Verifier<'_>,
        turns: &[Turn],
        leader: &mut Side<'_>,
    ) -> Result<Outcome, VerifyError> {
        let mut machine = match self.engine.load(&verifier.program.module) {
            Ok(machine) => machine,
            Err(why) => return Ok(Outcome::Stopped(why)),
        };
        if let Err(Failure(why)) = foreign::lead(&mut *machine, verifier.calls(), &verifier.recorded()) {
            return Ok(Outcome::Stopped(why));
        }
        let renames = &verifier.options.renames;
        let original = |export: &str| original_name(renames, export).to_string();
        Ok(foreign::play(&mut *machine, turns, leader, original, &verifier.options.ignore)?)
    }
}
