//! Compares one snapshot with the original on every engine: first the states, then what calls do.

use super::VerifyError;
use super::added_code::{Account, AddedCode};
use super::boundary_values::BoundaryValues;
use super::compared_instance::ComparedInstance;
use super::differences::{Differences, Sink};
use super::engine_run::EngineRun;
use super::observer::{Observer, OriginalReplay};
use super::playing::{self, Calls, Observers, Played, Playing};
use super::preload_comparison;
use super::probed_module::ProbedModule;
use super::sequences::{self, Sequences};
use super::shrink::Counterexample;
use super::snapshot_clock;
use super::snapshot_run::SnapshotRun;
use super::state_comparison;
use super::tolerance::Tolerance;
use super::verdict::Skipped;
use super::verdict_builder::VerdictBuilder;
use super::verifier::Verifier;
use crate::execute::InitCall;
use preinit_core::addition::Extended;
use preinit_core::module::is_function;
use std::collections::HashMap;
use std::sync::Arc;

/// A snapshot that is being compared.
pub(super) struct Comparison<'c, 'o, 'a, 's> {
    verifier: &'c mut Verifier<'a>,
    program: Arc<ProbedModule<'s>>,
    verdict: &'c mut VerdictBuilder<'o>,
    /// The snapshot on each engine that compiles it, with the index of the engine's run of the original.
    snapshots: Vec<(usize, SnapshotRun<'s>)>,
    observers: Vec<Observer<'s>>,
}

impl<'c, 'o, 'a, 's> Comparison<'c, 'o, 'a, 's> {
    pub fn new(
        verifier: &'c mut Verifier<'a>,
        program: Arc<ProbedModule<'s>>,
        verdict: &'c mut VerdictBuilder<'o>,
    ) -> Self {
        Comparison { verifier, program, verdict, snapshots: Vec::new(), observers: Vec::new() }
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
        let mut snapshot = match SnapshotRun::new(&self.program, run)? {
            Ok(snapshot) => snapshot,
            Err(difference) => {
                self.verdict.extend(difference, name);
                return Ok(());
            }
        };
        let mut original = run.fresh(options)?;
        match snapshot.fresh(run, options)? {
            Ok(mut fresh) => {
                let state = original.state()?;
                let mut sink = Sink::new(options);
                state_comparison::compare(&state, &fresh.state()?, Tolerance::None, &mut sink);
                if self.snapshots.is_empty() {
                    self.verdict.coverage.state = state_comparison::coverage(&state);
                    self.verdict.not_compared(state_comparison::not_compared(&state));
                    self.verdict.changed_descriptors(&run.record.ledger, false);
                    preload_comparison::add_not_compared(&mut original, self.verdict)?;
                }
                preload_comparison::compare(&mut original, &mut fresh, &mut sink)?;
                self.verdict.extend(sink.finish(), name);
                if self.program.module.shared_imports().next().is_some() && !self.verdict.is_different() {
                    let sides = (&mut original, &mut fresh);
                    let differences = later_instances(sides, (&*run, &snapshot), Sink::new(options))?;
                    self.verdict.extend(differences, name);
                }
                snapshot.fresh = Some(fresh);
            }
            Err(difference) => self.verdict.extend(difference, name),
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

    /// Makes calls on all engines beside each other, until one shows a difference.
    fn make_calls(&mut self) -> Result<(), VerifyError> {
        let options = self.verifier.options;
        let boundaries = self.boundary_values()?;
        let sequences = sequences::sequences(&self.program.module, &boundaries, options.depth);
        let engines = self.snapshots.len() + self.observers.len();
        let share = options.time / engines.max(1) as u32;
        let calls = Calls { options, sequences: &sequences, share };
        for (index, played) in self.play(calls).into_iter().enumerate() {
            let Played { found, undecided, unknown, exports, entered } = played?;
            self.verdict.add_unknown(unknown);
            undecided.into_iter().for_each(|why| self.verdict.undecided(why));
            for export in exports {
                if !self.verdict.coverage.exports_called.contains(&export) {
                    self.verdict.coverage.exports_called.push(export);
                }
            }
            if index == 0 {
                self.verdict.coverage.functions_entered =
                    entered.iter().filter(|&&entered| entered).count() as u64;
            }
            if let Some(found) = found {
                return self.add_counterexample(index, found);
            }
        }
        self.verdict.coverage.exports_not_called = self.exports_not_called(&sequences);
        Ok(())
    }

    /// What came of the calls on each engine. Other engines observe the first one.
    fn play(&mut self, calls: Calls<'_>) -> Vec<Result<Played, VerifyError>> {
        let Verifier { program, init_calls, init_exports, runs, .. } = &mut *self.verifier;
        let of_first = self.snapshots.first().map(|(run, _)| runs[*run].record.calls()).unwrap_or_default();
        let replay = OriginalReplay {
            program,
            init_calls: init_exports,
            init_takes_arguments: init_calls.iter().any(InitCall::has_arguments),
            host_calls: of_first,
            is_interrupted: false,
            options: calls.options,
        };
        let mut observers = Some(Observers { all: &mut self.observers, replay: &replay });
        let mut snapshots = self.snapshots.iter_mut().peekable();
        let mut playing = Vec::new();
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some((_, snapshot)) = snapshots.next_if(|(of, _)| *of == index) {
                playing.push(Playing::new(run, snapshot, observers.take(), calls));
            }
        }
        playing::all(playing)
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

    /// Adds the differences that a script shows, on every engine.
    fn add_counterexample(&mut self, index: usize, found: Counterexample) -> Result<(), VerifyError> {
        let Counterexample { script, result } = found;
        // One that an observer found names the observer already.
        self.verdict.extend(result.differences, &self.snapshots[index].1.coverage.name);
        for other in (0..self.snapshots.len()).filter(|other| *other != index) {
            let (run, snapshot) = &mut self.snapshots[other];
            let (result, _) = snapshot.run(&mut self.verifier.runs[*run], &script, self.verifier.options)?;
            self.verdict.extend(result.differences, &snapshot.coverage.name);
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
    (original, snapshot): (&mut ComparedInstance<'_>, &mut ComparedInstance<'_>),
    (run, snapshot_run): (&EngineRun<'_>, &SnapshotRun<'_>),
    mut found: Sink<'_>,
) -> Result<Differences, VerifyError> {
    let left = original.state_of_later_instance(run.compiled())?;
    let right = snapshot.state_of_later_instance(snapshot_run.compiled())?;
    found.below("later.");
    state_comparison::compare(&left, &right, Tolerance::None, &mut found);
    drop((left, right));
    // What it did to the memory that all share.
    found.below("");
    state_comparison::compare(&original.state()?, &snapshot.state()?, Tolerance::None, &mut found);
    Ok(found.finish())
}
