//! Makes the calls on one engine, and lets other engines watch.

use super::VerifyError;
use super::VerifyOptions;
use super::compared_instance::ComparedInstance;
use super::engine_run::EngineRun;
use super::lock_step::ScriptResult;
use super::observer::{Observer, OriginalReplay};
use super::script::Script;
use super::sequences::Sequences;
use super::shrink::{self, Counterexample};
use super::snapshot_run::SnapshotRun;
use super::unknown_references::Unknown;
use crate::engine::on_guest_thread;
use crate::report::seconds;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rayon::prelude::*;
use std::time::{Duration, Instant};

/// What is called.
#[derive(Clone, Copy)]
pub(super) struct Calls<'c> {
    pub options: &'c VerifyOptions,
    pub sequences: &'c Sequences,
    /// Time for each engine.
    pub share: Duration,
}

/// Engines that do what was done on the first one.
pub(super) struct Observers<'p, 'a, 's> {
    pub all: &'p mut [Observer<'s>],
    pub replay: &'p OriginalReplay<'p, 'a>,
}

/// Both sides on one engine, as calls are made.
pub(super) struct Playing<'p, 'a, 's> {
    run: &'p mut EngineRun<'a>,
    snapshot: &'p mut SnapshotRun<'s>,
    observers: Option<Observers<'p, 'a, 's>>,
    calls: Calls<'p>,
    played: Played,
}

/// What came of the calls on one engine.
#[derive(Default)]
pub(super) struct Played {
    /// A difference, reduced.
    pub found: Option<Counterexample>,
    /// What is not known, and why.
    pub undecided: Vec<String>,
    pub unknown: Unknown,
    /// The exports that were called.
    pub exports: Vec<String>,
    /// For each defined function, whether calls entered it.
    pub entered: Vec<bool>,
}

/// Makes the calls on all engines, beside each other where there are processors for it.
pub(super) fn all(playing: Vec<Playing<'_, '_, '_>>) -> Vec<Result<Played, VerifyError>> {
    match playing.len().min(rayon::current_num_threads()) {
        0 | 1 => playing.into_iter().map(Playing::play).collect(),
        _ => playing.into_par_iter().map(|playing| on_guest_thread(|| playing.play())?).collect(),
    }
}

impl<'p, 'a, 's> Playing<'p, 'a, 's> {
    pub fn new(
        run: &'p mut EngineRun<'a>,
        snapshot: &'p mut SnapshotRun<'s>,
        observers: Option<Observers<'p, 'a, 's>>,
        calls: Calls<'p>,
    ) -> Self {
        Playing { run, snapshot, observers, calls, played: Played::default() }
    }

    /// Makes calls until one shows a difference.
    fn play(mut self) -> Result<Played, VerifyError> {
        let started = Instant::now();
        let found = match self.given_scripts()? {
            Some(found) => Some(found),
            None => self.generated_sequences()?,
        };
        self.snapshot.coverage.seconds = seconds(started.elapsed());
        Ok(Played { found, ..self.played })
    }

    /// Runs the scripts that were given. A difference, reduced.
    fn given_scripts(&mut self) -> Result<Option<Counterexample>, VerifyError> {
        for script in &self.calls.options.scripts {
            let result = self.run_script(script, Duration::MAX)?;
            if !result.differences.is_empty() {
                let found = Counterexample { script: script.clone(), result };
                return shrink::given(found, &mut |script| self.run_again(script)).map(Some);
            }
            self.played.unknown.extend(result.differences.unknown);
            let name = &self.snapshot.coverage.name;
            // A generated call may well need more than it gets; one that was asked for should not.
            for why in result.undecided.iter().chain(&result.limited) {
                self.played.undecided.push(format!("{why} ({name})"));
            }
        }
        Ok(None)
    }

    /// Runs generated sequences as long as there is time. A difference, reduced.
    fn generated_sequences(&mut self) -> Result<Option<Counterexample>, VerifyError> {
        let Calls { options, sequences, share } = self.calls;
        let mut runner = test_runner(options.seed);
        let started = Instant::now();
        for number in 0..options.sequences {
            // The first one has its instances already. A long init is not repeated when there is no time for it.
            let init_time = match number {
                0 => Duration::ZERO,
                _ => self.run.init_time,
            };
            if started.elapsed() + init_time >= share {
                break;
            }
            let Some(strategy) = sequences.strategy(number) else { break };
            let Ok(mut tree) = strategy.new_tree(&mut runner) else { break };
            let script = Script { steps: tree.current() };
            let result = self.run_script(&script, share)?;
            if !result.differences.is_empty() {
                let found = Counterexample { script, result };
                let run: &mut shrink::Run<'_> = &mut |script| self.run_again(script);
                return shrink::generated(&mut tree, found, run).map(Some);
            }
            self.played.unknown.extend(result.differences.unknown);
            if let Some(why) = result.undecided {
                let name = &self.snapshot.coverage.name;
                self.played.undecided.push(format!("{why} ({name})"));
            }
        }
        Ok(None)
    }

    /// Runs a script and counts what it covers. Other engines observe, as long as their time lasts.
    fn run_script(&mut self, script: &Script, share: Duration) -> Result<ScriptResult, VerifyError> {
        let (mut result, original) = self.on_fresh_instances(script)?;
        self.snapshot.count(&result);
        for export in &result.exports {
            if !self.played.exports.contains(export) {
                self.played.exports.push(export.clone());
            }
        }
        if let Some(mut original) = original {
            let entered = &mut self.played.entered;
            entered.resize(original.entered().count(), false);
            for (entered, now) in entered.iter_mut().zip(original.entered()) {
                *entered |= now;
            }
            self.observe(&mut result, &mut original, share)?;
        }
        Ok(result)
    }

    /// Runs a script again, on all engines that showed it before.
    fn run_again(&mut self, script: &Script) -> Result<ScriptResult, VerifyError> {
        let (mut result, original) = self.on_fresh_instances(script)?;
        if let Some(mut original) = original {
            self.observe(&mut result, &mut original, Duration::MAX)?;
        }
        Ok(result)
    }

    fn on_fresh_instances(
        &mut self,
        script: &Script,
    ) -> Result<(ScriptResult, Option<ComparedInstance<'a>>), VerifyError> {
        self.snapshot.run(self.run, script, self.calls.options)
    }

    /// Lets the other engines do the same, unless it is known already to differ, or not known to be equal.
    fn observe(
        &mut self,
        result: &mut ScriptResult,
        original: &mut ComparedInstance<'_>,
        share: Duration,
    ) -> Result<(), VerifyError> {
        let Some(Observers { all, replay }) = &mut self.observers else { return Ok(()) };
        for observer in all.iter_mut() {
            if !result.is_equal() {
                break;
            }
            if observer.has_time(share) {
                let found = observer.observe(replay, result, original)?;
                found.into_iter().for_each(|difference| result.differences.push(difference));
            }
        }
        Ok(())
    }
}

/// The same sequences for the same seed, on every engine.
fn test_runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng)
}
