//! The way of a module through the stages:
//!
//! ```text
//! bytes ─parse→ Module ─probe→ Probed ─run→ Initialized ─capture→ Snapshot ─add→ Extended ─plan→ Plan ─encode→ bytes
//! ```

mod additions;
mod finished_run;
mod shared_objects;
mod stages;
mod written;

use crate::checks::Afterwards;
use crate::cleaning::{self, BeforeCapture, PutBack, ResetHooks, zero_stack};
use crate::engine::{self, Compilation, Compiled, EngineOptions, TierReason, Tiered};
use crate::error::Error;
use crate::execute::{
    self, Execution, FinishedInit, Hook, Initialized, REACTOR_INITIALIZE, execute, execute_compiled,
};
use crate::freeze::{Freeze, StopPoint, StopRun};
use crate::guest::{CallGraph, LibcFunctions, Program, stack_pointer_of};
use crate::host::Ledger;
use crate::options::Options;
use crate::output::Output;
use crate::page::{MemoryMap, memory_maps};
use crate::preloaded;
use crate::report::{Report, ScrubReport, Timings};
use crate::stage_clock::StageClock;
use crate::warning::Warning;
use additions::Additions;
use finished_run::FinishedRun;
use preinit_core::addition::Extended;
use preinit_core::capture::capture;
use preinit_core::embed::EmbeddedTree;
use preinit_core::module::Module;
use preinit_core::plan::{PlanOptions, plan};
use preinit_core::probe::{ProbeOptions, Probed};
use stages::Stages;
use std::time::Duration;
use written::Written;

/// Runs `wasm` through all stages. What init called is in `recorded` even if a later stage refuses.
pub(crate) fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
    let clock = StageClock::start();
    Ready::new(options, wasm)?.run(options, (None, clock), recorded)
}

/// What all runs of a module have in common.
pub(crate) struct Ready<'w> {
    module: Module<'w>,
    libc: LibcFunctions,
    resets: ResetHooks,
    before_capture: BeforeCapture,
    probed: Probed,
}

impl<'w> Ready<'w> {
    /// Reads `wasm` and makes the form of it that runs.
    pub fn new(options: &Options, wasm: &'w [u8]) -> Result<Ready<'w>, Error> {
        options.check()?;
        let module = options.parse(wasm)?;
        let libc = LibcFunctions::of(&module, &CallGraph::of(&module));
        let resets = ResetHooks::of(&module, options.reset_libc);
        let before_capture = BeforeCapture::of(&module, options)?;
        let functions = resets.indices().chain(libc.indices()).chain(before_capture.indices()).collect();
        let lowest_of = options.zero_stack.then(|| stack_pointer_of(&module)).flatten();
        let probing =
            ProbeOptions { functions, tables_functions: true, lowest_of, ..engine::probe_options() };
        let probed = Probed::with(&module, &probing)?;
        Ok(Ready { module, libc, resets, before_capture, probed })
    }

    /// What is called after init, in order.
    fn hooks(&self) -> Vec<Hook> {
        let mut hooks = self.before_capture.hooks(&self.probed);
        hooks.extend(self.resets.hooks(&self.probed));
        hooks
    }

    /// Code that runs with these options can share.
    pub fn compile(&self, options: &Options) -> Result<SharedCode, Error> {
        let hooks = self.hooks();
        let execution = options.execution(&self.module, &self.probed, &hooks);
        let Tiered { compiled, reason, .. } = execute::compile(execution)?;
        Ok(SharedCode { settings: SharedCode::settings(execution), compiled, reason })
    }

    /// Runs init, in this code if it suits the options, and everything after it. The clock was started with the run.
    pub fn run(
        &self,
        options: &Options,
        (code, mut clock): (Option<&SharedCode>, StageClock),
        recorded: &mut Ledger,
    ) -> Result<Output, Error> {
        let Ready { module, libc, resets, before_capture, probed } = self;
        // Prepared code runs with other options than those that it was prepared with.
        if options.scrub {
            cleaning::check_others(&options.host)?;
        }
        let mut timings = Timings::default();
        let program = Program { module, calls: CallGraph::of(module), libc: libc.clone() };
        let hooks = self.hooks();
        let execution = options.execution(module, probed, &hooks);
        let stop_run = freezing(options, execution)?;
        timings.parse = clock.lap();

        let (mut initialized, point) =
            initialized(execution, stop_run.as_ref(), code).inspect_err(|error| {
                recorded.clone_from(error.ledger().unwrap_or(&Ledger::default()));
            })?;
        let ledger = initialized.store.data_mut().take_ledger();
        recorded.clone_from(&ledger);
        let preloads = preloaded::changes(&mut initialized, &options.host.preloads)?;
        let run = FinishedRun::of(&mut initialized);
        let put_back = resets.put_back(execution, &initialized.compiled(), &program, &ledger);
        clock.lap();

        let allocator = before_capture.allocator.as_ref();
        let scrubbed = allocator.map(|allocator| cleaning::scrub(execution, allocator, &mut initialized));
        let scrubbed = scrubbed.transpose()?;
        let state =
            FinishedState { options, execution, ledger: &ledger, run: &run, put_back: &put_back, scrubbed };
        let Made { wasm, maps, mut report } =
            state.written(&mut initialized, stop_run.zip(point), (&mut clock, &mut timings))?;
        let has_files = !EmbeddedTree::all_in(module).is_empty();
        if has_files || resets.forgets_directories(&put_back) {
            report.warnings.retain(|warning| *warning != Warning::NoDirectories);
        }
        if report.heap.objects > 0 {
            let givers = shared_objects::givers(module, &options.host.preloads);
            report.warnings.extend(givers.into_iter().map(Warning::PreloadedObjects));
        }
        let preloads = preloads.into_iter().map(Box::new).map(Warning::PreloadedChange);
        report.warnings.extend(preloads);
        if resets.have_no_effect(&put_back) {
            report.warnings.push(Warning::NoResetHooks);
        }
        // A program that is frozen in the middle is warned about by what it holds.
        if options.at.is_none() {
            let mut instance = FinishedInit::new(module, probed, initialized, &options.limits);
            for part in &put_back {
                instance.write(part.address, &part.bytes);
            }
            let afterwards = Afterwards { options, program: &program, ledger: &ledger, init: &run.called };
            report.findings.extend(afterwards.findings(instance)?);
            report.findings.sort_by_key(|finding| finding.level);
        }
        let report = if options.strict { report.without_warnings()? } else { report };
        let report = Report { timings: run.timings(Timings { total: clock.total(), ..timings }), ..report };
        Ok(run.output(Made { wasm, maps, report }, ledger, &probed.wasm))
    }
}

/// Code that runs of a module have in common.
pub(crate) struct SharedCode {
    compiled: Compiled,
    reason: TierReason,
    settings: (EngineOptions, Option<bool>, bool),
}

impl SharedCode {
    /// What decides which code a run needs.
    fn settings(execution: Execution<'_>) -> (EngineOptions, Option<bool>, bool) {
        let Compilation { optimize, supervised, .. } = execution.compilation;
        (execution.engine_options(), optimize, supervised)
    }
}

/// The state that init has left, and what is asked of it.
struct FinishedState<'f> {
    options: &'f Options,
    execution: Execution<'f>,
    ledger: &'f Ledger,
    run: &'f FinishedRun,
    put_back: &'f [PutBack],
    scrubbed: Option<ScrubReport>,
}

/// What the state was made into.
struct Made {
    wasm: Vec<u8>,
    maps: Vec<MemoryMap>,
    report: Report,
}

impl FinishedState<'_> {
    /// From the state to the output.
    fn written(
        &self,
        initialized: &mut Initialized,
        stopped: Option<(StopRun<'_>, StopPoint)>,
        (clock, timings): (&mut StageClock, &mut Timings),
    ) -> Result<Made, Error> {
        let FinishedState { options, execution, ledger, run, put_back, .. } = *self;
        let Execution { module, probed, .. } = execution;
        let mut instance = initialized.reader();
        let lowest_stack = instance.lowest();
        let mut snapshot = capture(module, probed, &mut instance)?;
        if options.zero_stack {
            zero_stack(module, &mut snapshot, lowest_stack).map_err(Error::StackKept)?;
        }
        timings.capture = clock.lap();

        let mut additions = Additions::to(module, snapshot, options, stopped, ledger)?;
        // Only now: what resumes was compared with the state as it was.
        put_back.iter().for_each(|part| part.apply(additions.extended.snapshot_mut()));
        let Additions { extended, .. } = &additions;
        let added = if extended.is_original() { None } else { Some(extended.module()?) };
        let target = added.as_ref().unwrap_or(module);
        clock.lap();

        let plan = plan(target, extended.snapshot(), &plan_options(options, run, extended))?;
        additions.check_entries(target, &plan)?;
        timings.plan = clock.lap();

        let written = Written::of(target, extended.snapshot(), &plan, options.strip_init)?;
        timings.encode = clock.lap();

        let maps = if options.maps { memory_maps(target, extended.snapshot()) } else { Vec::new() };
        let stages = Stages {
            scrubbed: self.scrubbed.clone(),
            options,
            module,
            ledger,
            additions: &additions,
            target,
            plan: &plan,
            written: &written,
        };
        let report = stages.report(run);
        Ok(Made { wasm: written.wasm, maps, report })
    }
}

/// The program that is to be frozen, compiled; `None` if init runs to its end.
fn freezing<'e>(options: &'e Options, execution: Execution<'e>) -> Result<Option<StopRun<'e>>, Error> {
    let Some(trigger) = &options.at else { return Ok(None) };
    Ok(Some(StopRun::new(Freeze { trigger, reader: options.frames, execution })?))
}

/// Runs init, or the program that is to be frozen until it is stopped.
fn initialized(
    execution: Execution<'_>,
    program: Option<&StopRun<'_>>,
    code: Option<&SharedCode>,
) -> Result<(Initialized, Option<StopPoint>), Error> {
    let code = code.filter(|code| code.settings == SharedCode::settings(execution));
    match (program, code) {
        (None, None) => Ok((execute(execution)?, None)),
        (None, Some(SharedCode { compiled, reason, .. })) => {
            let prepared = execution.prepared(compiled, Duration::ZERO);
            Ok((execute_compiled(prepared, *reason)?, None))
        }
        (Some(program), _) => {
            let stop = program.run(execution.host, execution.limits)?;
            Ok((stop.initialized, Some(stop.point)))
        }
    }
}

fn plan_options(options: &Options, run: &FinishedRun, extended: &Extended<'_>) -> PlanOptions {
    let consumed = if options.keep_init_functions { &[] } else { run.called.as_slice() };
    let removed = [REACTOR_INITIALIZE].into_iter().chain(consumed.iter().map(String::as_str));
    let is_entry = |export: &str| extended.entries().iter().any(|entry| entry == export);
    PlanOptions {
        removed_exports: removed.filter(|export| !is_entry(export)).map(str::to_string).collect(),
        renames: options.renames.clone(),
        internalize: options.internalize,
        fresh_imports: options.fresh_imports,
        layout: options.layout,
        slots: extended.slots().clone(),
        ..PlanOptions::default()
    }
}
