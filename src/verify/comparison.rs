//! Compares one snapshot with the original on every engine: first the states, then what calls do.

use super::VerifyError;
use super::added_code::{Account, AddedCode};
use super::boundary_values::BoundaryValues;
use super::compared_instance::ComparedInstance;
use super::engine_run::EngineRun;
use super::lock_step::ScriptResult;
use super::observer::{Observer, OriginalReplay};
use super::probed_module::ProbedModule;
use super::script::Script;
use super::sequences::{self, Sequences};
use super::shrink::{self, Counterexample};
use super::snapshot_clock;
use super::snapshot_run::SnapshotRun;
use super::state_comparison;
use super::tolerance::Tolerance;
use super::verdict::{Difference, Skipped};
use super::verdict_builder::VerdictBuilder;
use super::verifier::Verifier;
use crate::execute::InitCall;
use crate::report::seconds;
use preinit_core::addition::Extended;
use preinit_core::module::is_function;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A snapshot that is being compared.
pub(super) struct Comparison<'c, 'o, 'a, 's> {
    verifier: &'c mut Verifier<'a>,
    program: Arc<ProbedModule<'s>>,
    verdict: &'c mut VerdictBuilder<'o>,
    /// The snapshot on each engine that compiles it, with the index of the engine's run of the original.
    snapshots: Vec<(usize, SnapshotRun<'s>)>,
    observers: Vec<Observer<'s>>,
    /// For each defined function, whether calls entered it.
    entered: Vec<bool>,
}

impl<'c, 'o, 'a, 's> Comparison<'c, 'o, 'a, 's> {
    pub fn new(
        verifier: &'c mut Verifier<'a>,
        program: Arc<ProbedModule<'s>>,
        verdict: &'c mut VerdictBuilder<'o>,
    ) -> Self {
        Comparison {
            verifier,
            program,
            verdict,
            snapshots: Vec::new(),
            observers: Vec::new(),
            entered: Vec::new(),
        }
    }

    /// Compares the states; if they are equal, makes calls.
    pub fn run(mut self) -> Result<(), VerifyError> {
        for run in 0..self.verifier.runs.len() {
            self.compare_states(run)?;
        }
        if self.snapshots.is_empty() {
            self.verdict.undecided("no engine ran both sides");
        } else if !self.verdict.is_different() {
            self.account_for_added_code()?;
            self.load_observers();
            self.make_calls()?;
        }
        let coverage = &mut self.verdict.coverage;
        coverage.engines = self.snapshots.into_iter().map(|(_, snapshot)| snapshot.coverage).collect();
        coverage.functions_entered = self.entered.iter().filter(|&&entered| entered).count() as u64;
        for observer in self.observers {
            observer.finish(self.verifier.options, self.verdict);
        }
        Ok(())
    }

    /// Makes both instances on one engine and compares their states.
    fn compare_states(&mut self, index: usize) -> Result<(), VerifyError> {
        let options = self.verifier.options;
        let run = &mut self.verifier.runs[index];
        let name = run.compiler.name();
        let mut snapshot = match SnapshotRun::new(&self.program, run) {
            Ok(snapshot) => snapshot,
            Err(difference) => {
                self.verdict.extend([difference], name);
                return Ok(());
            }
        };
        let mut original = run.fresh(options)?;
        match snapshot.fresh(run, options)? {
            Ok(mut fresh) => {
                let state = original.state()?;
                let differences = state_comparison::compare(&state, &fresh.state()?, Tolerance::None);
                self.verdict.extend(differences, name);
                if self.snapshots.is_empty() {
                    self.verdict.coverage.state = state_comparison::coverage(&state);
                    self.verdict.not_compared(state_comparison::not_compared(&state));
                }
                if self.program.module.shared_imports().next().is_some() && !self.verdict.is_different() {
                    let differences = later_instances(&mut original, &mut fresh, run, &snapshot)?;
                    self.verdict.extend(differences, name);
                }
                snapshot.fresh = Some(fresh);
            }
            Err(difference) => self.verdict.extend([difference], name),
        }
        run.keep(original);
        self.snapshots.push((index, snapshot));
        Ok(())
    }

    /// Adds to the original's state what preinit adds, to see whether the snapshot has the same.
    fn account_for_added_code(&mut self) -> Result<(), VerifyError> {
        let Verifier { program, options, runs, .. } = &mut *self.verifier;
        let Some(added) = AddedCode::of(&program.module, &self.program.module) else { return Ok(()) };
        let run = &mut runs[self.snapshots[0].0];
        let clock = snapshot_clock::rebased(&run.record.ledger, &program.module, &self.program.module);
        let mut original = run.fresh(options)?;
        let account = original.with_snapshot(|state| {
            let mut extended = Extended::new(&program.module, state.clone());
            if !snapshot_clock::rebase(&mut extended, clock) {
                return Account::Other;
            }
            match extended.module() {
                Ok(target) => added.account(&target, extended.snapshot(), options, &HashMap::new()),
                Err(_) => Account::Other,
            }
        })?;
        run.keep(original);
        self.verdict.add_code(&added, account);
        Ok(())
    }

    fn load_observers(&mut self) {
        for engine in self.verifier.options.other_engines(self.verifier.program.is_small()) {
            match Observer::new(engine, &self.program) {
                Ok(observer) => self.observers.push(observer),
                Err(skipped) => self.verdict.coverage.engines_skipped.push(skipped),
            }
        }
    }

    /// Makes calls on every engine until one shows a difference.
    fn make_calls(&mut self) -> Result<(), VerifyError> {
        let options = self.verifier.options;
        let boundaries = self.boundary_values()?;
        let sequences = sequences::sequences(&self.program.module, &boundaries, options.depth);
        let engines = self.snapshots.len() + self.observers.len();
        let share = options.time / engines.max(1) as u32;
        for index in 0..self.snapshots.len() {
            let started = Instant::now();
            let found = match self.given_scripts(index)? {
                Some(found) => Some(found),
                None => self.generated_sequences(index, &sequences, share)?,
            };
            self.snapshots[index].1.coverage.seconds = seconds(started.elapsed());
            if let Some(found) = found {
                return self.add_counterexample(index, found);
            }
        }
        self.verdict.coverage.exports_not_called = self.exports_not_called(&sequences);
        Ok(())
    }

    /// Runs the scripts that were given. A difference, reduced.
    fn given_scripts(&mut self, index: usize) -> Result<Option<Counterexample>, VerifyError> {
        for script in &self.verifier.options.scripts {
            let result = self.run_script(index, script, Duration::MAX)?;
            if !result.differences.is_empty() {
                let found = Counterexample { script: script.clone(), result };
                return shrink::given(found, &mut |script| self.run_again(index, script)).map(Some);
            }
            let name = &self.snapshots[index].1.coverage.name;
            // A generated call may well need more than it gets; one that was asked for should not.
            for why in result.undecided.iter().chain(&result.limited) {
                self.verdict.undecided(format!("{why} ({name})"));
            }
        }
        Ok(None)
    }

    /// Runs generated sequences as long as there is time. A difference, reduced.
    fn generated_sequences(
        &mut self,
        index: usize,
        sequences: &Sequences,
        share: Duration,
    ) -> Result<Option<Counterexample>, VerifyError> {
        let options = self.verifier.options;
        let mut runner = test_runner(options.seed);
        let started = Instant::now();
        for number in 0..options.sequences {
            // The first one has its instances already. A long init is not repeated when there is no time for it.
            let init_time = match number {
                0 => Duration::ZERO,
                _ => self.verifier.runs[self.snapshots[index].0].init_time,
            };
            if started.elapsed() + init_time >= share {
                break;
            }
            let Some(strategy) = sequences.strategy(number) else { break };
            let Ok(mut tree) = strategy.new_tree(&mut runner) else { break };
            let script = Script { steps: tree.current() };
            let result = self.run_script(index, &script, share)?;
            if !result.differences.is_empty() {
                let found = Counterexample { script, result };
                let run: &mut shrink::Run<'_> = &mut |script| self.run_again(index, script);
                return shrink::generated(&mut tree, found, run).map(Some);
            }
            if let Some(why) = result.undecided {
                let name = &self.snapshots[index].1.coverage.name;
                self.verdict.undecided(format!("{why} ({name})"));
            }
        }
        Ok(None)
    }

    fn exports_not_called(&self, sequences: &Sequences) -> Vec<Skipped> {
        let called = &self.verdict.coverage.exports_called;
        let functions = self.program.module.exports.iter().filter(|export| is_function(export.kind));
        let not_reached = functions.filter(|export| {
            !called.iter().any(|called| called == export.name)
                && !sequences.skipped.iter().any(|skipped| skipped.name == export.name)
        });
        let why = match self.verifier.options.sequences {
            0 => "no generated calls were asked for",
            _ => "there was no time",
        };
        let not_reached = not_reached.map(|export| Skipped::new(export.name, why));
        not_reached.chain(sequences.skipped.iter().cloned()).collect()
    }

    /// Runs a script and counts what it covers. Other engines observe the first one, as long as their time lasts.
    fn run_script(
        &mut self,
        index: usize,
        script: &Script,
        share: Duration,
    ) -> Result<ScriptResult, VerifyError> {
        let (mut result, original) = self.on_fresh_instances(index, script)?;
        self.snapshots[index].1.count(&result);
        for export in &result.exports {
            if !self.verdict.coverage.exports_called.contains(export) {
                self.verdict.coverage.exports_called.push(export.clone());
            }
        }
        if index == 0
            && let Some(mut original) = original
        {
            self.entered.resize(original.entered().count(), false);
            for (entered, now) in self.entered.iter_mut().zip(original.entered()) {
                *entered |= now;
            }
            self.observe(&mut result, &mut original, share)?;
        }
        Ok(result)
    }

    /// Runs a script again, on all engines that showed it before.
    fn run_again(&mut self, index: usize, script: &Script) -> Result<ScriptResult, VerifyError> {
        let (mut result, original) = self.on_fresh_instances(index, script)?;
        if index == 0
            && let Some(mut original) = original
        {
            self.observe(&mut result, &mut original, Duration::MAX)?;
        }
        Ok(result)
    }

    fn on_fresh_instances(
        &mut self,
        index: usize,
        script: &Script,
    ) -> Result<(ScriptResult, Option<ComparedInstance<'a>>), VerifyError> {
        let (run, snapshot) = &mut self.snapshots[index];
        snapshot.run(&mut self.verifier.runs[*run], script, self.verifier.options)
    }

    /// Lets the other engines do the same, unless it is known already to differ, or not known to be equal.
    fn observe(
        &mut self,
        result: &mut ScriptResult,
        original: &mut ComparedInstance<'_>,
        share: Duration,
    ) -> Result<(), VerifyError> {
        let Verifier { program, init_calls, init_exports, options, .. } = &*self.verifier;
        let (run, _) = self.snapshots[0];
        let replay = OriginalReplay {
            program,
            init_calls: init_exports,
            init_takes_arguments: init_calls.iter().any(InitCall::has_arguments),
            host_calls: self.verifier.runs[run].record.calls(),
            is_interrupted: false,
            options,
        };
        for observer in &mut self.observers {
            if !result.is_equal() {
                break;
            }
            if observer.has_time(share) {
                result.differences.extend(observer.observe(&replay, result, original)?);
            }
        }
        Ok(())
    }

    /// Adds the differences that a script shows, on every engine.
    fn add_counterexample(&mut self, index: usize, found: Counterexample) -> Result<(), VerifyError> {
        let Counterexample { script, result } = found;
        for difference in result.differences {
            // One that an observer found names the observer already.
            match difference.engines.is_empty() {
                true => self.verdict.extend([difference], &self.snapshots[index].1.coverage.name),
                false => self.verdict.add(difference),
            }
        }
        for other in (0..self.snapshots.len()).filter(|other| *other != index) {
            let (result, _) = self.on_fresh_instances(other, &script)?;
            self.verdict.extend(result.differences, &self.snapshots[other].1.coverage.name);
        }
        self.verdict.script = self.verdict.is_different().then(|| script.to_string());
        Ok(())
    }

    fn boundary_values(&mut self) -> Result<BoundaryValues, VerifyError> {
        let (original, snapshot) = (&self.verifier.program.module, &self.program.module);
        let mut boundaries = BoundaryValues::of_modules(original, snapshot);
        if let Some(fresh) = self.snapshots.iter_mut().find_map(|(_, snapshot)| snapshot.fresh.as_mut()) {
            boundaries.add(&fresh.state()?);
        }
        Ok(boundaries)
    }
}

/// Compares one more instance of each on the memory that it has, as each thread of a program is one.
fn later_instances(
    original: &mut ComparedInstance<'_>,
    snapshot: &mut ComparedInstance<'_>,
    run: &EngineRun<'_>,
    snapshot_run: &SnapshotRun<'_>,
) -> Result<Vec<Difference>, VerifyError> {
    let left = original.state_of_later_instance(run.compiled())?;
    let right = snapshot.state_of_later_instance(snapshot_run.compiled())?;
    let mut differences = state_comparison::compare(&left, &right, Tolerance::None);
    drop((left, right));
    differences.iter_mut().for_each(|difference| difference.key.insert_str(0, "later."));
    // What it did to the memory that all share.
    differences.extend(state_comparison::compare(&original.state()?, &snapshot.state()?, Tolerance::None));
    Ok(differences)
}

/// The same sequences for the same seed, on every engine.
fn test_runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng)
}
