//! The way of a module through the stages:
//!
//! ```text
//! bytes ─parse→ Module ─probe→ Probed ─run→ Initialized ─capture→ Snapshot ─add→ Extended ─plan→ Plan ─encode→ bytes
//! ```

use crate::checks::{self, Afterwards};
use crate::cleaning::{LibcVariables, PutBack, ResetHooks, zero_stack};
use crate::engine;
use crate::error::{Error, OptionsError};
use crate::execute::{AllocatedArgument, Execution, FinishedInit, Initialized, REACTOR_INITIALIZE, execute};
use crate::freeze::{Freeze, StopPoint, StopRun};
use crate::guest::Program;
use crate::host::Ledger;
use crate::options::Options;
use crate::page::{MemoryMap, memory_maps};
use crate::preinit::Output;
use crate::report::{self, Clock, Report, Timings, seconds};
use crate::warning::Warning;
use preinit_core::addition::Extended;
use preinit_core::capture::capture;
use preinit_core::encode::encode;
use preinit_core::module::{Module, is_function};
use preinit_core::plan::{Plan, PlanOptions, plan};
use preinit_core::probe::{ProbeOptions, Probed};
use preinit_core::rebase::rebase_clock;
use preinit_core::snapshot::Snapshot;
use preinit_core::strip::{StripReport, strip};
use wasmparser::{Parser, Payload};

/// Runs `wasm` through all stages. What init called is in `recorded` even if a later stage refuses.
pub(crate) fn run(options: &Options, wasm: &[u8], recorded: &mut Ledger) -> Result<Output, Error> {
    let mut clock = Clock::start();
    options.check()?;
    let module = options.parse(wasm)?;
    let program = Program::of(&module);
    let resets = if options.reset_libc { ResetHooks::of(&module) } else { ResetHooks::default() };
    let functions = resets.indices().chain(program.libc.indices()).collect();
    let probed = Probed::with(&module, &ProbeOptions { functions, ..engine::probe_options() })?;
    let hooks = resets.hooks(&probed);
    let execution = options.execution(&module, &probed, &hooks);
    let stop_run = freezing(options, execution)?;
    clock.timings.parse = clock.lap();

    let (mut initialized, point) = initialized(execution, stop_run.as_ref()).inspect_err(|error| {
        recorded.clone_from(error.ledger().unwrap_or(&Ledger::default()));
    })?;
    let ledger = initialized.store.data_mut().take_ledger();
    recorded.clone_from(&ledger);
    let run = Run::of(&initialized);
    let mut put_back = Vec::new();
    if options.reset_libc {
        let compiled = initialized.compiled();
        put_back = resets.put_back(&LibcVariables::new(execution, &compiled, &program, &ledger), &ledger);
    }
    clock.lap();

    let finished = Finished { options, execution, ledger: &ledger, run: &run, put_back: &put_back };
    let Made { written, maps, mut report } =
        finished.made(&mut initialized, stop_run.zip(point), &mut clock)?;
    if resets.forgets_directories(&put_back) {
        report.warnings.retain(|warning| *warning != Warning::NoDirectories);
    }
    if options.reset_libc && resets.is_empty() && put_back.is_empty() {
        report.warnings.push(Warning::NoResetHooks);
    }
    // A program that is frozen in the middle is warned about by what it holds.
    if options.at.is_none() {
        let mut instance = FinishedInit::new(&module, &probed, initialized, &options.limits);
        for part in &put_back {
            instance.write(part.address, &part.bytes);
        }
        let afterwards = Afterwards { options, program: &program, ledger: &ledger, init: &run.called };
        report.findings.extend(afterwards.findings(instance)?);
        report.findings.sort_by_key(|finding| finding.level);
    }
    if options.strict && !(report.warnings.is_empty() && report.findings.is_empty()) {
        return Err(Error::Strict { warnings: report.warnings, findings: report.findings });
    }
    let report = Report { input_bytes: wasm.len() as u64, timings: run.timings(clock), ..report };
    Ok(run.output(written.wasm, report, ledger, maps))
}

/// An init that has run, and what is asked of its state.
struct Finished<'f> {
    options: &'f Options,
    execution: Execution<'f>,
    ledger: &'f Ledger,
    run: &'f Run,
    put_back: &'f [PutBack],
}

/// What the state was made into.
struct Made {
    written: Written,
    maps: Vec<MemoryMap>,
    report: Report,
}

impl Finished<'_> {
    /// From the state to the output.
    fn made(
        &self,
        initialized: &mut Initialized,
        stopped: Option<(StopRun<'_>, StopPoint)>,
        clock: &mut Clock,
    ) -> Result<Made, Error> {
        let Finished { options, execution: Execution { module, probed, .. }, ledger, run, put_back } = *self;
        let mut instance = initialized.reader();
        let mut snapshot = capture(module, probed, &mut instance)?;
        if options.zero_stack {
            zero_stack(module, &mut snapshot).map_err(Error::StackKept)?;
        }
        clock.timings.capture = clock.lap();

        let mut extended = Extended::new(module, snapshot);
        let mut warnings = Vec::new();
        let mut frozen = None;
        if let Some((stop_run, point)) = stopped {
            let made = stop_run.resume(&point, extended.snapshot(), ledger)?;
            extended.add(made.addition)?;
            warnings = made.warnings;
            frozen = Some(made.report);
        }
        for part in put_back {
            extended.overwrite(0, part.address, &part.bytes);
        }
        let monotonic_clock = self.rebased_clock(&mut extended, &mut warnings)?;
        let added = if extended.is_original() { None } else { Some(extended.module()?) };
        let target = added.as_ref().unwrap_or(module);
        clock.lap();

        let plan = plan(target, extended.snapshot(), &plan_options(options, run, &extended))?;
        check_entries(target, &plan, &extended)?;
        clock.timings.plan = clock.lap();

        let written = Written::of(options, target, extended.snapshot(), &plan)?;
        clock.timings.encode = clock.lap();

        if extended.drops_dwarf() {
            warnings.push(Warning::DwarfDropped);
        }
        let about_run = ledger.warnings(&options.host.policies).into_iter().chain(warnings);
        let maps = if options.maps { memory_maps(target, extended.snapshot()) } else { Vec::new() };
        let stages = Stages { target, snapshot: extended.snapshot(), plan: &plan, ledger };
        let mut findings = checks::findings(target, extended.snapshot(), ledger, options.host.wasi.as_ref());
        if monotonic_clock.is_none() {
            findings.extend(checks::monotonic_clock(ledger));
        }
        let report = Report {
            warnings: output_warnings(module, &plan, &written).into_iter().chain(about_run).collect(),
            findings,
            frozen: frozen.as_ref().map(report::frozen),
            monotonic_clock,
            ..stages.report(run, &written, Timings::default())
        };
        Ok(Made { written, maps, report })
    }

    /// Lets the monotonic clock go on, if that is wanted and init has read it. Where it stands.
    fn rebased_clock(
        &self,
        extended: &mut Extended<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<u64>, Error> {
        let clock = self.ledger.monotonic_clock().filter(|_| self.options.rebases_clock());
        let Some(clock) = clock else { return Ok(None) };
        let rebased = rebase_clock(&extended.module()?, clock);
        match rebased {
            Ok(Some(addition)) => {
                extended.add(addition)?;
                Ok(Some(clock))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                warnings.push(Warning::ClockNotRebased(error.to_string().as_str().into()));
                Ok(None)
            }
        }
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
) -> Result<(Initialized, Option<StopPoint>), Error> {
    match program {
        None => Ok((execute(execution)?, None)),
        Some(program) => {
            let stop = program.run(execution.host, execution.limits)?;
            Ok((stop.initialized, Some(stop.point)))
        }
    }
}

fn plan_options(options: &Options, run: &Run, extended: &Extended<'_>) -> PlanOptions {
    let consumed = if options.keep_init_functions { &[] } else { run.called.as_slice() };
    let removed = [REACTOR_INITIALIZE].into_iter().chain(consumed.iter().map(String::as_str));
    let is_entry = |export: &str| extended.entries().iter().any(|entry| entry == export);
    PlanOptions {
        removed_exports: removed.filter(|export| !is_entry(export)).map(str::to_string).collect(),
        renames: options.renames.clone(),
        internalize: options.internalize,
        layout: options.layout,
        slots: extended.slots().clone(),
        kept_tables: Default::default(),
    }
}

/// What was added must be reached by some name.
fn check_entries(target: &Module<'_>, plan: &Plan<'_>, extended: &Extended<'_>) -> Result<(), OptionsError> {
    for name in extended.entries() {
        if let Some(entry) = target.export(name)
            && !plan.exports.iter().any(|export| is_function(export.kind) && export.index == entry.index)
        {
            return Err(OptionsError::EntryReplaced { entry: name.clone() });
        }
    }
    Ok(())
}

/// What is known about the run once its instance is gone.
struct Run {
    called: Vec<String>,
    arguments: Vec<AllocatedArgument>,
    compiler: &'static str,
    cached: bool,
    compile: f64,
    init: f64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Run {
    fn of(initialized: &Initialized) -> Run {
        let host = initialized.store.data();
        Run {
            called: initialized.called.clone(),
            arguments: initialized.arguments.clone(),
            compiler: initialized.compiler.name(),
            cached: initialized.cached,
            compile: seconds(initialized.compile_time),
            init: seconds(initialized.run_time),
            stdout: host.stdout().to_vec(),
            stderr: host.stderr().to_vec(),
        }
    }

    fn timings(&self, clock: Clock) -> Timings {
        Timings { compile: self.compile, init: self.init, ..clock.finished() }
    }

    fn output(self, wasm: Vec<u8>, report: Report, ledger: Ledger, maps: Vec<MemoryMap>) -> Output {
        Output { wasm, report, ledger, maps, stdout: self.stdout, stderr: self.stderr }
    }
}

/// The output.
struct Written {
    wasm: Vec<u8>,
    stripped: Option<StripReport>,
}

impl Written {
    fn of(
        options: &Options,
        target: &Module<'_>,
        snapshot: &Snapshot<'_>,
        plan: &Plan<'_>,
    ) -> Result<Written, Error> {
        let wasm = encode(target, snapshot, plan)?;
        if !options.strip_init {
            return Ok(Written { wasm, stripped: None });
        }
        let stripped = strip(wasm)?;
        Ok(Written { wasm: stripped.wasm, stripped: Some(stripped.report) })
    }
}

/// What the report is made from.
struct Stages<'s> {
    target: &'s Module<'s>,
    snapshot: &'s Snapshot<'s>,
    plan: &'s Plan<'s>,
    ledger: &'s Ledger,
}

impl Stages<'_> {
    fn report(&self, run: &Run, written: &Written, timings: Timings) -> Report {
        let Stages { target, snapshot, plan, ledger } = *self;
        Report {
            input_bytes: 0,
            output_bytes: written.wasm.len() as u64,
            compiler: run.compiler,
            compile_cached: run.cached,
            init_functions: run.called.clone(),
            init_arguments: run.arguments.clone(),
            clock_start: ledger.clock_start(),
            timings,
            memories: report::memories(target, snapshot, plan),
            globals_changed: report::globals_changed(plan),
            tables: report::tables(target, snapshot, plan),
            heap: report::heap(target, snapshot, plan),
            layout: report::layout(plan),
            stripped: written.stripped.clone(),
            data_segments: plan.data.len(),
            element_segments: plan.elements.len(),
            start_function: plan.start.is_some(),
            warnings: Vec::new(),
            host_calls: report::host_calls(ledger),
            random_bytes: ledger.random_bytes(),
            monotonic_clock: None,
            stdin_bytes: ledger.reads_stdin().then(|| ledger.stdin().len() as u64),
            files_written: ledger.files_written().into_iter().map(|change| change.path).collect(),
            files_lost: ledger.files_lost(),
            findings: Vec::new(),
            frozen: None,
            core_instances: Vec::new(),
        }
    }
}

fn output_warnings(module: &Module<'_>, plan: &Plan<'_>, written: &Written) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = plan.warnings.iter().cloned().map(Warning::Output).collect();
    match &written.stripped {
        Some(report) if !report.dropped_sections.is_empty() => {
            warnings.push(Warning::SectionsStripped(
                report.dropped_sections.iter().map(|name| name.as_str().into()).collect(),
            ));
        }
        Some(_) => {}
        None => warnings.extend(source_map_moved(module, &written.wasm).map(Warning::SourceMapMoved)),
    }
    warnings
}

/// Source maps count bytes from the start of the file (source map specification, "WebAssembly").
fn source_map_moved(module: &Module<'_>, output: &[u8]) -> Option<i64> {
    let is_url = |name: &str| name == "sourceMappingURL";
    module.sections.iter().find(|section| section.custom.is_some_and(|(name, _)| is_url(name)))?;
    let code = |wasm: &[u8]| {
        Parser::new(0).parse_all(wasm).find_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body.range().start as i64),
            _ => None,
        })
    };
    let moved = code(output)? - code(module.bytes)?;
    (moved != 0).then_some(moved)
}
