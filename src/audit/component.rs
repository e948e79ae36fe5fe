//! The audit of a component: that of core modules, over all of its core instances. What changes when init runs again is compared as
//! if they were one module, whose memories, globals and tables are those of all of them, one after the other.

use super::audit_report::{Audit, Timings};
use super::changes::without_names;
use super::rerun::{Divergence, Repeat, Variation, divergence, patient, varied_host};
use super::{first_run, search, taint, variations, varied, weight};
use crate::checks::{self, FileSearch, Given, LibcState, Source, ValueSearch, libc_findings};
use crate::component::part::path;
use crate::component::{ComponentRunError, Handles, Prepared};
use crate::engine::on_guest_thread;
use crate::error::Error;
use crate::evidence::{Difference, Evidence, Symbols, differences};
use crate::execute::Cached;
use crate::execute::InitStage;
use crate::finding::{Finding, Level};
use crate::freeze::{CallSite, FreezeError};
use crate::guest::{AddressMap, Program};
use crate::host::{HostOptions, Ledger, Limits};
use crate::options::Options;
use crate::report::{self, seconds};
use crate::stage_clock::StageClock;
use preinit_core::module::Module;
use preinit_core::snapshot::{Heap, Snapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run of init has left.
struct Left {
    snapshots: Vec<Snapshot<'static>>,
    /// Of the first run.
    handles: Option<Handles>,
    /// The calls in progress, the innermost first, if it was stopped.
    in_progress: Vec<CallSite>,
    /// Whether the monotonic clock of an instance goes on; `None` if it cannot.
    shifts_clock: Option<bool>,
    stdout: Vec<u8>,
    run_time: std::time::Duration,
}

/// Audits what a snapshot of the component `wasm` would freeze.
pub(super) fn audit(wasm: &[u8], options: &Options) -> Result<Audit, Error> {
    let mut clock = StageClock::start();
    let mut timings = Timings::default();
    let host = first_run::repeatable(&options.host);
    let wasi = host.wasi.clone().unwrap_or_default();
    let options = Options { host, ..options.clone() };
    let prepared = Prepared::new(&options, wasm)?;
    timings.compile = seconds(prepared.compile_time);
    timings.parse = clock.lap() - timings.compile;
    if let Some(hook) = &options.on_init {
        hook.call(InitStage::Begins { interruptible: true });
    }
    let mut ledger = Ledger::default();
    let left = run(&prepared, &options, (&mut ledger, true))?;
    timings.init = seconds(left.run_time);
    timings.capture = (clock.lap() - timings.init).max(0.0);

    let ledger = Arc::new(ledger);
    let given = Given { wasi: &wasi, stubs: &[] };
    let repeated = Repeated {
        prepared: &prepared,
        options: &options,
        first: joined(&left.snapshots),
        in_progress: &left.in_progress,
        ledger: Arc::clone(&ledger),
        limits: patient(&options.limits, left.run_time),
        given,
        runs: AtomicUsize::new(0),
    };
    let sources = Source::fetched(given, &ledger);
    let variations = variations::variations(&repeated, &sources)?;
    let unstable = repeated.vary(&[])?;
    timings.reruns = clock.lap();

    let search = Search { prepared: &prepared, left: &left, ledger: &ledger, given };
    let mut found = search.run(&variations, &unstable);
    found.findings.extend(left.handles.as_ref().and_then(finding_of_handles));
    if left.shifts_clock != Some(true) {
        found.findings.extend(checks::monotonic_clock(&ledger).map(|finding| match left.shifts_clock {
            None => finding.advise("read the clock anew at run time".into()),
            Some(_) => finding,
        }));
    }
    found.findings.sort_by_key(|finding| finding.level);
    let mut not_covered = search::not_covered(&[], found.too_short, left.in_progress.len());
    not_covered.push("whether constructors run again, and what libc has cached for certain".to_string());
    if !ledger.stubs().is_empty() {
        not_covered.push("what depends on the answers of stubs".to_string());
    }
    not_covered.push(
        "descriptors that the adapter of preview 1 gives other numbers, which a run refuses".to_string(),
    );
    Ok(Audit {
        findings: found.findings,
        varied: variations.iter().map(|variation| varied(variation, given)).collect(),
        not_covered,
        weight: found.weight,
        stubs: ledger.stubs(),
        host_calls: ledger.component_calls().len(),
        runs: 1 + repeated.runs(),
        maps: Vec::new(),
        timings: Timings { search: clock.lap(), total: clock.total(), ..timings },
        ledger: Ledger::clone(&ledger),
        stdout: left.stdout,
    })
}

fn run(
    prepared: &Prepared<'_>,
    options: &Options,
    (ledger, is_first): (&mut Ledger, bool),
) -> Result<Left, ComponentRunError> {
    let mut clock = StageClock::start();
    let mut timings = report::Timings::default();
    prepared.run(options, ledger, (&mut clock, &mut timings), |run| {
        let handles = is_first.then(|| run.state.handles(run.executed)).transpose()?;
        let snapshots = run.state.captured_all(run.executed)?;
        Ok(Left {
            in_progress: run.state.calls_in_progress(run.executed)?,
            shifts_clock: run.state.shifts_clock()?,
            snapshots,
            handles,
            stdout: run.executed.store.data().stdout(),
            run_time: run.executed.run_time,
        })
    })
}

/// All core instances as one.
fn joined(snapshots: &[Snapshot<'static>]) -> Snapshot<'static> {
    let mut all = Snapshot::default();
    for snapshot in snapshots {
        all.globals.extend(snapshot.globals.iter().cloned());
        all.memories.extend(snapshot.memories.iter().cloned());
        all.tables.extend(snapshot.tables.iter().cloned());
        all.dropped_data.extend(&snapshot.dropped_data);
        all.dropped_elements.extend(&snapshot.dropped_elements);
        // Only one of them may hold objects.
        if !snapshot.heap.is_empty() {
            all.heap = Heap::clone(&snapshot.heap);
        }
    }
    all
}

/// Init of a component, again.
struct Repeated<'r, 'a> {
    prepared: &'r Prepared<'a>,
    options: &'r Options,
    first: Snapshot<'static>,
    in_progress: &'r [CallSite],
    ledger: Arc<Ledger>,
    limits: Limits,
    given: Given<'r>,
    runs: AtomicUsize,
}

impl Repeat for Repeated<'_, '_> {
    fn vary(&self, sources: &[Source]) -> Result<Variation, Error> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let host: HostOptions = varied_host(&self.options.host, &self.ledger, (sources, self.given));
        let options = Options { host, limits: self.limits, on_init: None, ..self.options.clone() };
        let mut ledger = Ledger::default();
        let ran =
            on_guest_thread(|| run(self.prepared, &options, (&mut ledger, false))).map_err(Error::Thread)?;
        let mut is_elsewhere = false;
        let (changed, how) = match ran {
            Ok(left) => {
                is_elsewhere = left.in_progress != self.in_progress;
                let (first, other) = (&self.first, &joined(&left.snapshots));
                let renamed = Source::renamed(sources, self.given);
                (without_names(differences(first, other), (first, other), &renamed), None)
            }
            Err(error) if is_other_end(&error) => {
                (Vec::new(), error.to_string().lines().next().map(str::to_string))
            }
            Err(error) => return Err(error.into()),
        };
        let elsewhere = || Divergence {
            call: self.ledger.len(),
            how: "other functions were in progress where it was stopped".to_string(),
            finished: true,
        };
        let found = divergence(&self.ledger, &ledger, how);
        let divergence = found.or_else(|| is_elsewhere.then(elsewhere));
        Ok(Variation { sources: sources.to_vec(), changed, divergence })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

/// Whether a run ended otherwise than the first: with other sources that says what it depends on.
fn is_other_end(error: &ComponentRunError) -> bool {
    match error {
        ComponentRunError::Stopped(_) | ComponentRunError::Failed { .. } => true,
        ComponentRunError::Freeze(error) => {
            matches!(**error, FreezeError::NotReached(_) | FreezeError::Refused(_))
        }
        _ => false,
    }
}

/// How many of each kind a core instance has, and those before it.
#[derive(Clone, Copy, Default)]
struct Counts {
    globals: u32,
    memories: u32,
    tables: u32,
}

impl Counts {
    fn of(snapshot: &Snapshot<'_>) -> Counts {
        let [globals, memories, tables] =
            [snapshot.globals.len(), snapshot.memories.len(), snapshot.tables.len()].map(|len| len as u32);
        Counts { globals, memories, tables }
    }

    fn after(self, other: Counts) -> Counts {
        Counts {
            globals: self.globals + other.globals,
            memories: self.memories + other.memories,
            tables: self.tables + other.tables,
        }
    }
}

/// What of `difference` is in the core instance that comes after `before` and has `own`, by its own numbers.
fn within(difference: &Difference, before: Counts, own: Counts, has_objects: bool) -> Option<Difference> {
    let of = |index: u32, before: u32, own: u32| index.checked_sub(before).filter(|index| *index < own);
    Some(match difference.clone() {
        Difference::Memory { memory, range, addresses } => {
            let memory = of(memory, before.memories, own.memories)?;
            Difference::Memory { memory, range, addresses }
        }
        Difference::MemorySize(memory) => Difference::MemorySize(of(memory, before.memories, own.memories)?),
        Difference::Global(global) => Difference::Global(of(global, before.globals, own.globals)?),
        Difference::Table { table, elements, first } => {
            Difference::Table { table: of(table, before.tables, own.tables)?, elements, first }
        }
        objects @ Difference::Objects { .. } if has_objects => objects,
        Difference::Objects { .. } | Difference::Segments => return None,
    })
}

/// What is searched.
struct Search<'s, 'a> {
    prepared: &'s Prepared<'a>,
    left: &'s Left,
    ledger: &'s Ledger,
    given: Given<'s>,
}

#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    weight: Vec<weight::Weight>,
    too_short: usize,
}

impl Search<'_, '_> {
    fn run(&self, variations: &[Variation], unstable: &Variation) -> Found {
        let mut found = Found::default();
        let mut before = Counts::default();
        for (instance, snapshot) in self.prepared.instances.iter().zip(&self.left.snapshots) {
            let own = Counts::of(snapshot);
            let Some(module) = self.prepared.module(instance) else { continue };
            let has_objects = !snapshot.heap.is_empty();
            let of_instance = |variation: &Variation| Variation {
                changed: variation
                    .changed
                    .iter()
                    .filter_map(|difference| within(difference, before, own, has_objects))
                    .collect(),
                sources: variation.sources.clone(),
                divergence: variation.divergence.clone(),
            };
            let variations: Vec<Variation> = variations.iter().map(of_instance).collect();
            let path = path(&self.prepared.component, instance);
            let first = found.weight.len();
            let inside = self.instance(module, snapshot, (&variations, &of_instance(unstable)), &mut found);
            for finding in inside {
                add(&mut found.findings, finding, &path);
            }
            for (number, weight) in (0u32..).zip(&mut found.weight[first..]) {
                weight.memory = before.memories + number;
            }
            before = before.after(own);
        }
        found
    }

    /// What is in one core instance.
    fn instance(
        &self,
        module: &Module<'_>,
        snapshot: &Snapshot<'_>,
        (variations, unstable): (&[Variation], &Variation),
        found: &mut Found,
    ) -> Vec<Finding> {
        let program = Program::of(module);
        let symbols = Symbols::of(module);
        let end = symbols.end_of_variables();
        let addresses = match module.memories.len() > module.imported.memories as usize {
            true => AddressMap::of(module, &program.calls, snapshot, end),
            false => AddressMap::unknown(),
        };
        let evidence = Evidence::new(module, snapshot, self.ledger, &symbols, &addresses);
        let dependent = search::Dependent::of(variations);
        let values = ValueSearch::run(&evidence, self.given, |source, place| dependent.may_be(source, place));
        let files = FileSearch::run(&evidence, &self.given.wasi.stdin, true);
        found.too_short = found.too_short.max(values.too_short + files.too_short);
        let mut findings = taint::findings(&evidence, self.given, variations, &values.reported);
        findings.extend(values.findings);
        findings.extend(files.findings);
        findings.extend(checks::handles(&evidence));
        findings.extend(checks::embedded_secrets(module));
        let libc =
            LibcState { preopens: Cached::Unknown, environment: Cached::Unknown, is_go: program.libc.is_go };
        findings.extend(libc_findings::findings(&evidence, self.given.wasi, &libc));
        findings.extend(search::unstable(&evidence, &unstable.changed));
        found.weight.extend(weight::weights(&evidence).into_iter().filter(|weight| weight.size > 0));
        findings
    }
}

/// Adds a finding in one core instance; the same one in several is one, with the locations of all.
fn add(findings: &mut Vec<Finding>, mut finding: Finding, path: &str) {
    for location in &mut finding.locations {
        location.at = format!("{path} · {}", location.at);
    }
    let same = |other: &&mut Finding| other.key == finding.key && other.title == finding.title;
    match findings.iter_mut().find(same) {
        Some(other) => {
            let more = other.more_locations + finding.more_locations;
            *other = Finding { more_locations: more, ..other.clone() }.at(finding.locations);
        }
        None => findings.push(finding),
    }
}

/// Handles that are alive after init.
fn finding_of_handles(handles: &Handles) -> Option<Finding> {
    let are = |count: usize| match count {
        1 => "1 handle is".to_string(),
        count => format!("{count} handles are"),
    };
    let Handles { alive, leaked, live } = handles;
    Some(match live {
        _ if *alive == 0 => return None,
        None if *leaked > 0 => {
            let title = format!("{} alive after init and held nowhere", are(*leaked));
            Finding::new(Level::Note, "handle.left", title)
        }
        None => {
            let title = format!(
                "{} held by the adapter from preview 1, which takes them anew in an instance",
                are(*alive)
            );
            Finding::new(Level::Note, "handle.adapter", title)
                .advise("give the same directories in the same order when the snapshot runs".into())
        }
        Some(live) => {
            let title = format!(
                "{} alive after init, which no instance has: `unknown handle index` at the first use",
                are(*alive)
            );
            Finding::new(Level::Danger, "handle.component", title)
                .at(live.places.clone())
                .advise("let init drop the resources, streams and files that it takes".into())
        }
    })
}
