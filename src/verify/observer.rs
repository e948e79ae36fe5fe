//! Engines other than wasmtime: they do with the snapshot what was done with the original.
//!
//! What differs there counts only if the same engine, given the original and its init, does not differ in the same way. So a
//! fault of an engine is not taken for a difference.

use super::action::{Action, RecordedCall};
use super::compared_instance::ComparedInstance;
use super::lock_step::ScriptResult;
use super::other_engines::{self, Driver, DriverError, DriverResult, OtherEngine, Replay};
use super::probed_module::ProbedModule;
use super::verdict::{Difference, EngineCoverage, Skipped};
use super::verdict_builder::VerdictBuilder;
use super::{VerifyError, VerifyOptions};
use crate::host::Entry;
use crate::report::seconds;
use preinit_core::plan::effective_renames;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reasons for which sequences were cut short that are listed at most.
const MAX_REASONS: usize = 4;

/// The snapshot on another engine.
pub(super) struct Observer<'s> {
    engine: OtherEngine,
    driver: Box<dyn Driver + 's>,
    spent: Duration,
    coverage: EngineCoverage,
    /// Why sequences were cut short.
    stopped: Vec<String>,
    /// Why the engine is not used any more.
    withdrawn: Option<Skipped>,
}

/// How the original gets to the state in which the snapshot begins.
pub(super) struct OriginalReplay<'r, 'a> {
    pub program: &'r Arc<ProbedModule<'a>>,
    /// The exports that are called.
    pub init_calls: &'r [String],
    /// Whether one of them is given arguments, which only the engines that run in lock step pass.
    pub init_takes_arguments: bool,
    /// The host calls until then.
    pub host_calls: Vec<Arc<Entry>>,
    /// Whether the snapshot begins in the middle of the first call that is observed.
    pub is_interrupted: bool,
    pub options: &'r VerifyOptions,
}

impl<'s> Observer<'s> {
    /// Loads the snapshot.
    pub fn new(engine: OtherEngine, snapshot: &Arc<ProbedModule<'s>>) -> Result<Self, Skipped> {
        let started = Instant::now();
        let driver = engine.load(snapshot).map_err(|why| Skipped::new(engine.name(), why))?;
        let coverage = EngineCoverage {
            name: engine.name().to_string(),
            compile_seconds: seconds(started.elapsed()),
            not_compared: other_engines::NOT_COMPARED.map(str::to_string).to_vec(),
            ..EngineCoverage::default()
        };
        Ok(Observer { engine, driver, spent: Duration::ZERO, coverage, stopped: Vec::new(), withdrawn: None })
    }

    /// Whether it is to go on, with this much time in all.
    pub fn has_time(&self, limit: Duration) -> bool {
        self.withdrawn.is_none() && self.spent < limit
    }

    /// Does what was done with `original`, and compares.
    pub fn observe(
        &mut self,
        replay: &OriginalReplay<'_, '_>,
        result: &ScriptResult,
        original: &mut ComparedInstance<'_>,
    ) -> Result<Option<Difference>, VerifyError> {
        let started = Instant::now();
        let replayed = self.on_fresh_instance(replay.options, result, original);
        self.spent += started.elapsed();
        self.coverage.seconds = seconds(self.spent);
        self.coverage.sequences += 1;
        for call in result.actions.iter().filter_map(Action::call) {
            self.coverage.calls += 1;
            self.coverage.host_calls += call.host_calls.len() as u64;
        }
        let difference = match replayed? {
            Replay::Same => {
                self.coverage.returned += result.returned;
                return Ok(None);
            }
            Replay::Stopped(why) => {
                self.cut_short(why);
                return Ok(None);
            }
            Replay::Different(difference) => difference,
        };
        let why = match replay.run(self.engine, &result.actions, original)? {
            // Only the snapshot does this.
            Replay::Same => {
                let engines = vec![self.engine.name().to_string()];
                return Ok(Some(Difference { engines, ..difference }));
            }
            Replay::Stopped(why) => format!("the original cannot be run there: {why}"),
            Replay::Different(same) if same == difference => {
                format!("it runs the original in this way too: {} is {}", same.key, same.snapshot)
            }
            Replay::Different(other) => {
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
        options: &VerifyOptions,
        result: &ScriptResult,
        original: &mut ComparedInstance<'_>,
    ) -> Result<Replay, VerifyError> {
        let driver = &mut *self.driver;
        let how = match driver.answer_with(&[]).and_then(|()| driver.instantiate()) {
            Ok(DriverResult::Returned(_)) => {
                let actions: Vec<Action> = result.actions.iter().map(Action::of_snapshot).collect();
                let (replay, unseen) = other_engines::replay(driver, &actions, original, &[], options)?;
                self.not_compared(unseen);
                return Ok(replay);
            }
            Ok(DriverResult::Ended(how) | DriverResult::Diverged(how)) => how,
            Ok(DriverResult::Exhausted(why)) | Err(DriverError(why)) => return Ok(Replay::Stopped(why)),
        };
        Ok(Replay::Different(Difference::new("instantiate", "no error", how)))
    }

    fn cut_short(&mut self, why: String) {
        self.coverage.cut_short += 1;
        if self.stopped.len() < MAX_REASONS && !self.stopped.contains(&why) {
            self.stopped.push(why);
        }
    }

    fn not_compared(&mut self, what: impl IntoIterator<Item = String>) {
        for what in what {
            if !self.coverage.not_compared.contains(&what) {
                self.coverage.not_compared.push(what);
            }
        }
    }

    /// Adds what it covered, and why it was withdrawn. An engine that came to the end of nothing has compared nothing.
    pub fn finish(mut self, options: &VerifyOptions, verdict: &mut VerdictBuilder<'_>) {
        if let Some(why) = self.stopped.first()
            && self.coverage.cut_short == self.coverage.sequences
        {
            verdict.coverage.engines_skipped.push(Skipped::new(self.engine.name(), why));
            return;
        }
        let stopped = std::mem::take(&mut self.stopped);
        self.not_compared(stopped.into_iter().map(|why| format!("calls that were cut short: {why}")));
        verdict.coverage.engines.push(self.coverage);
        let Some(withdrawn) = self.withdrawn else { return };
        if options.other_engines.contains(&self.engine) {
            verdict.undecided(format!("{}: {}", withdrawn.name, withdrawn.why));
        }
        verdict.coverage.engines_skipped.push(withdrawn);
    }
}

impl OriginalReplay<'_, '_> {
    /// Does with the original on `engine` what was done with it on wasmtime.
    fn run(
        &self,
        engine: OtherEngine,
        actions: &[Action],
        original: &mut ComparedInstance<'_>,
    ) -> Result<Replay, VerifyError> {
        let mut driver = match engine.load(self.program) {
            Ok(driver) => driver,
            Err(why) => return Ok(Replay::Stopped(why)),
        };
        let actions = match self.init(&mut *driver, actions) {
            Ok(actions) => actions,
            Err(DriverError(why)) => return Ok(Replay::Stopped(why)),
        };
        let renames = effective_renames(&self.program.module, &self.options.renames);
        let renames: Vec<_> = renames.cloned().collect();
        Ok(other_engines::replay(&mut *driver, &actions, original, &renames, self.options)?.0)
    }

    /// Runs init. What is to be done then.
    fn init(&self, driver: &mut dyn Driver, actions: &[Action]) -> Result<Vec<Action>, DriverError> {
        let mut actions = actions.to_vec();
        match actions.first_mut() {
            Some(Action::Call(interrupted)) if self.is_interrupted => {
                let all: Vec<_> = self.host_calls.iter().chain(&interrupted.host_calls).cloned().collect();
                let made = self.call_init(driver, &all)?.min(all.len());
                // There it begins at its beginning.
                let host_calls = all[made..].to_vec();
                *interrupted = RecordedCall { host_calls, ..interrupted.clone() };
            }
            _ => match self.call_init(driver, &self.host_calls)? {
                made if made == self.host_calls.len() => {}
                made => {
                    let why = format!("init makes {made} of {} host calls", self.host_calls.len());
                    return Err(DriverError(why));
                }
            },
        }
        Ok(actions)
    }

    /// Instantiates and makes the calls of init. The number of host calls that were made.
    fn call_init(&self, driver: &mut dyn Driver, answers: &[Arc<Entry>]) -> Result<usize, DriverError> {
        driver.answer_with(answers)?;
        returned("the start function", driver.instantiate()?)?;
        if self.init_takes_arguments {
            return Err(DriverError(
                "init is given arguments, which are not passed on this engine".to_string(),
            ));
        }
        for name in self.init_calls {
            returned(name, driver.call(name, &[])?)?;
        }
        driver.answered()
    }
}

fn returned(what: &str, result: DriverResult) -> Result<(), DriverError> {
    match result {
        DriverResult::Returned(_) => Ok(()),
        DriverResult::Ended(how) | DriverResult::Exhausted(how) => {
            Err(DriverError(format!("{what} ends with {how}")))
        }
        DriverResult::Diverged(called) => Err(DriverError(format!("{what} calls {called}"))),
    }
}
