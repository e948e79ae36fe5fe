//! What of the build machine a snapshot freezes, and where. Init runs again with other random numbers, times, environment
//! variables, arguments and input; what changes depends on them. The further runs are answered from the record of the
//! first and touch nothing outside.
//!
//! ```
//! use preinit::audit::{Audit, audit};
//!
//! let wasm = preinit::wat_to_wasm(br#"(module (memory (export "memory") 1)
//!     (func (export "preinit") (i32.store (i32.const 64) (i32.const 1))))"#)?;
//! let audit: Audit = audit(&wasm, &preinit::Options::default())?;
//! assert!(audit.is_clean());
//! assert!(audit.page("app.wasm").contains("app.wasm") && !audit.text(true).is_empty());
//! # Ok::<(), preinit::Error>(())
//! ```
//!
//! No example: the other types are what an [`Audit`] holds.

mod audit_page;
mod audit_report;
mod changes;
mod component;
mod first_run;
mod free_stack;
mod init_run;
mod rerun;
mod search;
mod source_codes;
mod taint;
mod text;
mod variations;
mod weight;

pub use crate::checks::OTHER_SEED;
pub use crate::finding::{Finding, Level, Location, Remedy, Site};
pub use crate::page::MemoryMap;
pub use audit_report::{Audit, Timings, Varied};
pub use weight::{Share, Weight};

use crate::checks::constructors::ConstructorEffect;
use crate::checks::{Given, LibcState, Source};
use crate::cleaning::{PutBack, ResetHooks};
use crate::engine::{self, on_guest_thread};
use crate::error::Error;
use crate::evidence::{Difference, Evidence, Symbols, differences};
use crate::execute::{Execution, FinishedInit, InitStage};
use crate::guest::{AddressMap, LibcFunctions, Program};
use crate::host::{Ledger, StubCalls};
use crate::options::Options;
use crate::page::maps_of_evidence;
use crate::preloaded;
use crate::report::seconds;
use crate::stage_clock::StageClock;
use first_run::{FirstRun, Record};
use init_run::{InitEnd, InitRun};
use preinit_core::component::is_component;
use preinit_core::probe::{ProbeOptions, Probed};
use rerun::{Repeat, Rerun, Variation};
use search::{Found, Repeated, Search};

/// Audits what a snapshot of `wasm` with these options would freeze. No snapshot is made.
///
/// Init runs once for real, with a seeded generator instead of the operating system's random numbers, and clocks that stand
/// at the present instead of real ones; or from the recording of the options, if there is one. All further runs are answered from
/// the record of that run.
///
/// ```
/// use preinit::audit::{Level, audit};
/// let wat = r#"(module
///     (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
///     (memory (export "memory") 1)
///     (func (export "preinit") (drop (call $random (i32.const 64) (i32.const 8)))))"#;
/// let mut options = preinit::Options::default();
/// options.host.wasi = Some(preinit::host::WasiOptions::default());
/// let audit = audit(&preinit::wat_to_wasm(wat.as_bytes())?, &options)?;
/// assert_eq!(audit.count(Level::Warning), 1);
/// assert_eq!(audit.findings[0].title, "8 bytes depend on random numbers");
/// # Ok::<(), preinit::Error>(())
/// ```
///
/// # Errors
/// The same as [`crate::Preinit::run`], if init does not come to its end.
pub fn audit(wasm: &[u8], options: &Options) -> Result<Audit, Error> {
    on_guest_thread(|| run(wasm, options)).unwrap_or_else(|error| Err(Error::Thread(error)))
}

fn run(wasm: &[u8], options: &Options) -> Result<Audit, Error> {
    if is_component(wasm) {
        return component::audit(wasm, options);
    }
    let mut clock = StageClock::start();
    let mut timings = Timings::default();
    let module = options.parse(wasm)?;
    let program = Program::of(&module);
    let resets = ResetHooks::of(&module, options.reset_libc);
    // The form that a plain run has, whose code may be in the cache.
    let functions = resets.indices().chain(program.libc.indices()).collect();
    let probing = ProbeOptions { functions, tables_functions: true, ..engine::probe_options() };
    let probed = Probed::with(&module, &probing)?;
    timings.parse = clock.lap();

    let host = first_run::repeatable(&options.host);
    let wasi = host.wasi.clone().unwrap_or_default();
    let hooks = resets.hooks(&probed);
    let execution = Execution { host: &host, ..options.execution(&module, &probed, &hooks) };
    let init = InitRun::compile(options, execution)?;
    timings.compile = clock.lap();

    let mut end = init.run(&host, &options.limits)?;
    clock.lap();
    let preloads = preloaded::changes(&mut end.initialized, &host.preloads)?;
    let record = Record::of(&mut end);
    timings.init = seconds(record.run_time);
    let put_back = resets.put_back(execution, &end.initialized.compiled(), &program, &record.ledger);
    // A copy, so that functions can be called in the instance.
    let snapshot = init.snapshot(&mut end.initialized.reader())?.into_owned();
    let first = FirstRun { snapshot, record };
    first.tell(options);
    timings.capture = clock.lap();

    let mut stubs = first.record.ledger.stubs();
    let valued: Vec<StubCalls> = stubs.iter().filter(|stub| stub.has_number).cloned().collect();
    let given = Given { wasi: &wasi, stubs: &valued };
    let repeated = repeat(&init, (&first, end), given, (&program.libc, &put_back))?;
    if let Some(hook) = &options.on_init {
        hook.call(InitStage::Ended);
    }
    timings.reruns = clock.lap();

    let symbols = Symbols::of(&module);
    let end_of_variables = symbols.end_of_variables();
    let addresses = AddressMap::of(&module, &program.calls, &first.snapshot, end_of_variables);
    let evidence = Evidence::new(&module, &first.snapshot, &first.record.ledger, &symbols, &addresses);
    let weight = weight::weights(&evidence);
    let search = Search {
        evidence: &evidence,
        program: &program,
        options,
        given,
        init_functions: init.calls(),
        repeated: repeated.as_ref(),
        weights: &weight,
        preloads: &preloads,
    };
    let Found { findings, too_short } = search.run();
    let unrecorded = first.record.ledger.unrecorded();
    let not_covered = search::not_covered(unrecorded, too_short, first.record.in_progress.len());
    let variations = repeated.as_ref().map_or(&[][..], |repeated| &repeated.variations);
    let varied: Vec<Varied> = variations.iter().map(|variation| varied(variation, given)).collect();
    mark_kept(&mut stubs, &valued, variations);
    let mapped = varied.iter().map(|varied| &varied.ranges[..]).filter(|ranges| !ranges.is_empty());
    let maps = maps_of_evidence(&evidence, &mapped.collect::<Vec<_>>());
    Ok(Audit {
        findings,
        not_covered,
        weight,
        stubs,
        host_calls: first.record.ledger.len(),
        runs: 1 + repeated.as_ref().map_or(0, |repeated| repeated.runs),
        maps,
        varied,
        timings: Timings { search: clock.lap(), total: clock.total(), ..timings },
        ledger: Ledger::clone(&first.record.ledger),
        stdout: first.record.stdout,
    })
}

/// Runs init again with other sources, and calls functions in its instance and in one whose init was repeated; `None` if not all
/// host calls are recorded.
fn repeat(
    init: &InitRun<'_>,
    (first, end): (&FirstRun, InitEnd),
    given: Given<'_>,
    libc: (&LibcFunctions, &[PutBack]),
) -> Result<Option<Repeated>, Error> {
    if !first.record.ledger.unrecorded().is_empty() {
        return Ok(None);
    }
    let rerun = Rerun::new(init, first, given);
    let sources = Source::fetched(given, &first.record.ledger);
    let (variations, finished) = rayon::join(
        || variations::variations(&rerun, &sources),
        || on_guest_thread(|| finished(&rerun, end, libc)).unwrap_or_else(|error| Err(Error::Thread(error))),
    );
    let Finished { libc, constructors, unstable } = finished?;
    Ok(Some(Repeated { variations: variations?, libc, constructors, unstable, runs: rerun.runs() }))
}

/// What functions show that are called after init.
struct Finished {
    libc: LibcState,
    constructors: ConstructorEffect,
    unstable: Vec<Difference>,
}

/// Repeats init and calls functions of libc in the instance that it leaves; the constructors in that of the first run, since they
/// may leave anything.
fn finished(
    rerun: &Rerun<'_>,
    first: InitEnd,
    (libc, put_back): (&LibcFunctions, &[PutBack]),
) -> Result<Finished, Error> {
    let Execution { module, probed, .. } = rerun.init.execution;
    let finished = |end: InitEnd| FinishedInit::new(module, probed, end.initialized, &rerun.limits);
    let before = &rerun.first.snapshot;
    let constructors = ConstructorEffect::of(finished(first), libc, before)?;
    let mut repeated = finished(rerun.start(&rerun.first.record.ledger, &[])?);
    let unstable = differences(before, &repeated.state()?);
    for part in put_back {
        repeated.write(part.address, &part.bytes);
    }
    let state = LibcState::of(&mut repeated, libc);
    Ok(Finished { libc: state, constructors, unstable })
}

/// Says of each stub whether something depends on its answers, as far as it was varied: `valued` are those that were.
fn mark_kept(stubs: &mut [StubCalls], valued: &[StubCalls], variations: &[Variation]) {
    for (index, varied) in valued.iter().enumerate() {
        let mut of_stub =
            variations.iter().filter(|variation| variation.sources.contains(&Source::Stub(index))).peekable();
        let is_known = of_stub.peek().is_some();
        let kept = is_known.then(|| of_stub.any(Variation::has_effect));
        stubs.iter_mut().filter(|stub| stub.import == varied.import).for_each(|stub| stub.kept = kept);
    }
}

fn varied(variation: &Variation, given: Given<'_>) -> Varied {
    let ranges = variation.changed.iter().filter_map(|difference| match difference {
        Difference::Memory { memory, range, .. } => Some((*memory, range.start, range.end)),
        _ => None,
    });
    Varied {
        source: taint::names(&variation.sources, given),
        bytes: variation.changed.iter().map(Difference::bytes).sum(),
        differences: variation.changed.len(),
        diverged: variation.divergence.is_some(),
        ranges: ranges.collect(),
    }
}
