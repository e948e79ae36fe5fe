//! Compares a program that was frozen in the middle of a call with its original: the state at that point, and everything that
//! happens from there on.

use super::added_code::{Account, AddedCode};
use super::call_result::{CallLimit, CallResult};
use super::compared_instance::ComparedInstance;
use super::differences::Sink;
use super::fresh::{self, Source};
use super::lock_step::{Answers, LockStep, ScriptResult};
use super::module_comparison;
use super::observer::{Observer, OriginalReplay};
use super::preload_comparison;
use super::probed_module::ProbedModule;
use super::script::{Script, Step};
use super::snapshot_clock::{self, SnapshotClock};
use super::start::{self, ENGINE_OPTIONS, InitRecord};
use super::state_comparison;
use super::tolerance::Tolerance;
use super::verdict::{Difference, EngineCoverage, Verdict};
use super::verdict_builder::VerdictBuilder;
use super::{VerifyError, VerifyOptions, failure};
use crate::engine::{self, Compiled, Compiler};
use crate::execute::{Compilation, ExecuteError, Execution, Initialized, REACTOR_INITIALIZE};
use crate::freeze::{FrameReader, Freeze, OriginalEnded, OriginalRun, StopRun, StoppedRun, Trigger};
use crate::host::{Ledger, Limits};
use crate::report::seconds;
use crate::temporary::TemporaryDirectory;
use preinit_core::addition::Extended;
use preinit_core::capture::capture;
use preinit_core::probe::Probed;
use std::sync::Arc;
use std::time::Instant;

/// Tables that freezing may add: for objects, externalized values and exceptions that calls in progress hold.
const MAX_ADDED_TABLES: usize = 3;

/// Compares `snapshot` with `original` as it is at `trigger`.
///
/// # Errors
/// [`VerifyError`], if the original does not get there.
pub(super) fn verify(
    original: &[u8],
    snapshot: &[u8],
    trigger: &Trigger,
    options: &VerifyOptions,
) -> Result<Verdict, VerifyError> {
    let mut verdict = VerdictBuilder::new(options);
    let original = Arc::new(ProbedModule::new(options.parse(original)?, &options.host.preloads)?);
    match options.parse(snapshot) {
        Err(error) => verdict.add(Difference::new("snapshot", "a valid module", error)),
        Ok(module) => {
            let frozen = Arc::new(ProbedModule::new(module, &options.host.preloads)?);
            let comparison = FrozenComparison { original, frozen, trigger, options };
            let engines = match &options.engines[..] {
                [] => &[Compiler::Cranelift],
                engines => engines,
            };
            let mut has_ended = true;
            for &compiler in engines {
                has_ended = has_ended && comparison.run(compiler, &mut verdict)?;
            }
            if options.fresh && has_ended && !verdict.is_different() {
                comparison.run_fresh(engines[0], &mut verdict)?;
            }
        }
    }
    verdict.not_compared(["calls of other exports than the one that was in progress".to_string()]);
    Ok(verdict.finish())
}

struct FrozenComparison<'c, 'a, 's> {
    original: Arc<ProbedModule<'a>>,
    frozen: Arc<ProbedModule<'s>>,
    trigger: &'c Trigger,
    options: &'c VerifyOptions,
}

/// The original on both sides of the point at which it was frozen.
struct OriginalRuns {
    stopped: Initialized,
    record: InitRecord,
    ended: OriginalEnded,
}

impl FrozenComparison<'_, '_, '_> {
    /// Compares on one engine. Whether the original has ended within the time limit, as it would on others.
    fn run(&self, compiler: Compiler, verdict: &mut VerdictBuilder<'_>) -> Result<bool, VerifyError> {
        let started = Instant::now();
        let OriginalRuns { stopped, record, ended } = self.run_original(compiler)?;
        self.compare_modules(&ended, verdict);
        if verdict.coverage.engines.is_empty() {
            verdict.changed_descriptors(&record.ledger, true);
            self.account_for_added_code(&record.ledger, verdict)?;
        }

        let compiled = start::compile(&self.frozen, compiler).map_err(ExecuteError::Compile)?;
        let mut snapshot = match start::instantiate(&self.frozen, &compiled, &record, self.options)? {
            Ok(snapshot) => snapshot,
            Err(error) => {
                verdict.add(failure::difference("instantiate", &error)?);
                return Ok(true);
            }
        };
        // The tables after these hold what the calls in progress do.
        snapshot.num_tables = self.original.module.tables.len();
        self.compare_states(stopped, &mut snapshot, compiler, verdict)?;
        if verdict.is_different() {
            return Ok(true);
        }

        let OriginalEnded { initialized, entry, consumed, error, results } = ended;
        let mut original = ComparedInstance::new(Arc::clone(&self.original), initialized)?;
        let ending = original.result_of(error, &results)?;
        if ending == CallResult::Stopped(CallLimit::Time) {
            verdict.undecided(format!("resumed: out of time in the original ({})", compiler.name()));
            return Ok(false);
        }
        let renamed = self.options.renames.iter().find(|rename| rename.src == entry);
        let entry = renamed.map_or(&entry, |rename| &rename.dst);
        // The original has had no other limit of fuel either.
        let clock = SnapshotClock::new(&record.ledger, &self.original.module, &self.frozen.module);
        let answers = Answers::Recorded(clock);
        let mut lock_step = LockStep { original, snapshot, options: self.options, fuel: u64::MAX, answers };
        let mut result = ScriptResult::default();
        let goes_on = lock_step.complete("resumed", entry, ending, &mut result)?;
        if goes_on && result.is_equal() {
            self.call_again(entry, &mut lock_step, &mut result)?;
        }
        verdict.extend(std::mem::take(&mut result.differences), compiler.name());
        let is_to_observe = verdict.coverage.engines.is_empty() && result.undecided.is_none();
        let observers = match is_to_observe && !verdict.is_different() {
            true => {
                let replay = OriginalReplay {
                    program: &self.original,
                    init_calls: &consumed,
                    init_takes_arguments: false,
                    host_calls: record.calls(),
                    is_interrupted: true,
                    options: self.options,
                };
                self.observe(&replay, &mut result, &mut lock_step.original, verdict)?
            }
            false => Vec::new(),
        };
        verdict.coverage.exports_called = vec![entry.clone()];
        verdict.coverage.engines.push(EngineCoverage {
            name: compiler.name().to_string(),
            sequences: 1,
            calls: result.calls,
            returned: result.returned,
            cut_short: result.limited.len() as u64,
            host_calls: result.host_calls,
            seconds: seconds(started.elapsed()),
            ..EngineCoverage::default()
        });
        for observer in observers {
            observer.finish(self.options, verdict);
        }
        if let Some(why) = result.undecided {
            verdict.undecided(why);
        }
        Ok(true)
    }

    /// Compares with an original that was started in another world.
    fn run_fresh(&self, compiler: Compiler, verdict: &mut VerdictBuilder<'_>) -> Result<(), VerifyError> {
        let folder = match TemporaryDirectory::new() {
            Ok(folder) => folder,
            Err(error) => {
                verdict.undecided(format!("no other directory could be made: {error}"));
                return Ok(());
            }
        };
        let asked = Source::asked(&self.run_original(compiler)?.record.ledger, self.options);
        let compiled = start::compile(&self.frozen, compiler).map_err(ExecuteError::Compile)?;
        for source in asked {
            verdict.coverage.fresh.push(source.describe().to_string());
            let varied = source.varied(self.options, folder.path());
            let there = FrozenComparison {
                original: Arc::clone(&self.original),
                frozen: Arc::clone(&self.frozen),
                trigger: self.trigger,
                options: &varied,
            };
            match there.resume_fresh(source, compiler, &compiled, verdict) {
                Err(error @ (VerifyError::Freeze(_) | VerifyError::Init(_))) => {
                    fresh::add_stopped(source, &error, verdict);
                }
                result => result?,
            }
        }
        Ok(())
    }

    /// Lets both sides go on here, each on a host of its own.
    fn resume_fresh(
        &self,
        source: Source,
        compiler: Compiler,
        compiled: &Compiled,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let OriginalRuns { record, ended, .. } = self.run_original(compiler)?;
        let mut snapshot = match start::instantiate(&self.frozen, compiled, &record, self.options)? {
            Ok(snapshot) => snapshot,
            Err(error) => return Err(VerifyError::Init(error)),
        };
        snapshot.host().restart(&self.options.run_host(), self.original.module.digest(), None)?;
        let OriginalEnded { initialized, entry, error, results, .. } = ended;
        let mut original = ComparedInstance::new(Arc::clone(&self.original), initialized)?;
        let ending = original.result_of(error, &results)?;
        let renamed = self.options.renames.iter().find(|rename| rename.src == entry);
        let entry = renamed.map_or(&entry, |rename| &rename.dst);
        let answers = Answers::Own;
        let mut lock_step = LockStep { original, snapshot, options: self.options, fuel: u64::MAX, answers };
        let mut result = ScriptResult::default();
        lock_step.complete("resumed", entry, ending, &mut result)?;
        fresh::add(source, result.into(), verdict);
        Ok(())
    }

    /// Runs the original to the point at which it was frozen, and in a second instance to the end of the interrupted call.
    fn run_original(&self, compiler: Compiler) -> Result<OriginalRuns, VerifyError> {
        let options = self.options;
        let fuel = Some(options.limits.fuel.unwrap_or(u64::MAX));
        let limits = Limits { fuel, ..start::with_deadline(&options.limits) };
        let host = options.init_host(options.ledger.clone());
        let execution = Execution {
            init_names: options.init_names(),
            ..start::execution(&self.original, &host, &limits)
        };
        let original = OriginalRun { trigger: self.trigger, execution };
        let compile = |wasm: &[u8]| engine::compile_with(compiler, wasm, ENGINE_OPTIONS, None);
        let (stopped, ledger, ended) = original.run(&options.run_host(), compile)?;
        let record = InitRecord::new(ledger, ended.initialized.preload_calls);
        Ok(OriginalRuns { stopped, record, ended })
    }

    /// Compares the modules. The entry is still exported, even where an init function would not be.
    fn compare_modules(&self, ended: &OriginalEnded, verdict: &mut VerdictBuilder<'_>) {
        let (original, frozen) = (&self.original.module, &self.frozen.module);
        let reactor = format!("export.{REACTOR_INITIALIZE}");
        // It says whether the program was resumed.
        let of_clock = module_comparison::globals_of_clock(original, frozen);
        let added_global = frozen.globals.len() == original.globals.len() + 1 + of_clock;
        let added_tables = frozen.tables.len().checked_sub(original.tables.len());
        let added_tables = added_tables.is_some_and(|added| added <= MAX_ADDED_TABLES);
        let sink = Sink::new(self.options).without(|key| match key {
            "globals.count" => added_global,
            "tables.count" => added_global && added_tables,
            key => ended.entry == REACTOR_INITIALIZE && key == reactor,
        });
        let called = (&ended.consumed[..], &self.options.renames[..]);
        verdict.add_modules(module_comparison::compare(original, frozen, called, sink));
    }

    /// Freezes the original here, answered from the record of its run, to see whether the snapshot has the same code.
    fn account_for_added_code(
        &self,
        ledger: &Arc<Ledger>,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let added = AddedCode::any(&self.original.module, &self.frozen.module);
        match self.account(&added, ledger) {
            Ok(account) => verdict.add_code(&added, account),
            Err(VerifyError::Freeze(error)) => {
                verdict.undecided(format!("the code that resumes could not be made again: {error}"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn account(&self, added: &AddedCode<'_, '_, '_>, ledger: &Arc<Ledger>) -> Result<Account, VerifyError> {
        let (module, options) = (&self.original.module, self.options);
        // Marks and waits that end would move the places of calls.
        let probed = Probed::with(module, &engine::probe_options())?;
        let host = options.init_host(Some(Arc::clone(ledger)));
        let limits = Limits { fuel: None, ..start::with_deadline(&options.limits) };
        let execution = Execution {
            module,
            probed: &probed,
            init_names: options.init_names(),
            init_result: crate::execute::InitResult::Any,
            on_init: None,
            hooks: &[],
            host: &host,
            limits: &limits,
            compilation: Compilation::default(),
        };
        let reader = FrameReader::default();
        let program = StopRun::new(Freeze { trigger: self.trigger, reader, execution })?;
        let StoppedRun { mut initialized, point } = program.run(&host, &limits)?;
        let ledger = initialized.store.data_mut().take_ledger();
        let mut instance = initialized.reader();
        let mut extended = Extended::new(module, capture(module, &probed, &mut instance)?);
        let frozen = program.resume(&point, extended.snapshot(), &ledger)?;
        if extended.add(frozen.addition).is_err() {
            return Ok(Account::Other);
        }
        let clock = snapshot_clock::rebased(&ledger, module, &self.frozen.module);
        if !snapshot_clock::rebase(&mut extended, clock) {
            return Ok(Account::Other);
        }
        let target = extended.module()?;
        Ok(added.account(&target, extended.snapshot(), options, extended.slots()))
    }

    fn compare_states(
        &self,
        stopped: Initialized,
        snapshot: &mut ComparedInstance<'_>,
        compiler: Compiler,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<(), VerifyError> {
        let mut stopped = ComparedInstance::new(Arc::clone(&self.original), stopped)?;
        let state = stopped.state()?;
        let mut sink = Sink::new(self.options);
        state_comparison::compare(&state, &snapshot.state()?, Tolerance::None, &mut sink);
        verdict.coverage.state = state_comparison::coverage(&state);
        verdict.not_compared(state_comparison::not_compared(&state));
        preload_comparison::compare(&mut stopped, snapshot, &mut sink)?;
        verdict.extend(sink.finish(), compiler.name());
        preload_comparison::add_not_compared(&mut stopped, verdict)?;
        Ok(())
    }

    /// Calls the entry once more, and then what was asked for.
    fn call_again(
        &self,
        entry: &str,
        lock_step: &mut LockStep<'_, '_, '_>,
        result: &mut ScriptResult,
    ) -> Result<(), VerifyError> {
        lock_step.fuel = self.options.fuel;
        let again = Step { export: entry.to_string(), arguments: Vec::new(), expected: None };
        lock_step.run(&Script { steps: vec![again] }, result)?;
        for script in &self.options.scripts {
            lock_step.run(script, result)?;
        }
        Ok(())
    }

    /// Lets other engines do the same.
    fn observe(
        &self,
        replay: &OriginalReplay<'_, '_>,
        result: &mut ScriptResult,
        original: &mut ComparedInstance<'_>,
        verdict: &mut VerdictBuilder<'_>,
    ) -> Result<Vec<Observer<'_>>, VerifyError> {
        let mut observers = Vec::new();
        for engine in self.options.other_engines(self.original.is_small()) {
            match Observer::new(engine, &self.frozen) {
                Ok(mut observer) => {
                    if let Some(difference) = observer.observe(replay, result, original)? {
                        verdict.add(difference);
                    }
                    observers.push(observer);
                }
                Err(skipped) => verdict.coverage.engines_skipped.push(skipped),
            }
        }
        Ok(observers)
    }
}
