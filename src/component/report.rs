use super::clock::ClockStart;
use super::execution::Executed;
use super::findings::Findings;
use super::handles::HandlesReport;
use super::init_call::InitCall;
use super::part::name;
use crate::embedded_files::{EmbeddedFile, embedded_files};
use crate::engine::TierReason;
use crate::freeze::FrozenReport;
use crate::options::Options;
use crate::report::{self, HeapReport, LayoutReport, MemoryReport, Report, TableReport, Timings, seconds};
use crate::warning::Warning;
use crate::wording::nearest;
use preinit_core::component::{Component, CoreInstance};
use preinit_core::module::Module;
use preinit_core::plan::{Plan, Warning as OutputWarning};
use preinit_core::printable::Name;
use preinit_core::snapshot::Snapshot;
use serde::Serialize;

/// One core instance of a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CoreInstanceReport {
    /// The core module, and the component instance that it is in.
    pub name: String,
    /// Size of its module in the input.
    pub input_bytes: u64,
    /// Size of its module in the output.
    pub output_bytes: u64,
    /// Whether its module is not byte for byte the one of the input.
    pub is_changed: bool,
    /// The memories that it defines.
    pub memories: Vec<MemoryReport>,
    /// The tables that it defines.
    pub tables: Vec<TableReport>,
    /// Globals whose value is not the one that the input gives them.
    pub globals_changed: usize,
}

/// What is known of the core instances, one after the other.
#[derive(Default)]
pub struct Summary {
    instances: Vec<CoreInstanceReport>,
    layouts: Vec<LayoutReport>,
    heaps: Vec<HeapReport>,
    data_segments: usize,
    element_segments: usize,
    start_function: bool,
    pub warnings: Vec<Warning>,
    pub findings: Findings,
    /// How the component was frozen, if it was.
    pub frozen: Option<FrozenReport>,
    /// Who shifts the monotonic clock.
    pub clock: ClockStart,
    /// What the monotonic clock goes on from, if it does.
    pub monotonic_clock: Option<u64>,
    embedded: Vec<EmbeddedFile>,
    /// What becomes of the handles that are alive.
    pub handles: Option<HandlesReport>,
}

impl Summary {
    pub fn add(
        &mut self,
        (component, instance): (&Component<'_>, &CoreInstance),
        (original, module): (&Module<'_>, &Module<'_>),
        (snapshot, plan): (&Snapshot<'_>, &Plan<'_>),
        bytes: &[u8],
    ) {
        if self.embedded.is_empty() {
            self.embedded = embedded_files(original);
        }
        let memories = report::memories(module, snapshot, plan);
        let tables = report::tables(module, snapshot, plan);
        self.instances.push(CoreInstanceReport {
            name: name(component, instance),
            input_bytes: original.bytes.len() as u64,
            output_bytes: bytes.len() as u64,
            is_changed: bytes != original.bytes,
            memories: memories.into_iter().skip(module.imported.memories as usize).collect(),
            tables: tables.into_iter().skip(module.imported.tables as usize).collect(),
            globals_changed: report::globals_changed(plan),
        });
        self.layouts.push(report::layout(plan));
        self.heaps.push(report::heap(module, snapshot, plan));
        self.data_segments += plan.data.len();
        self.element_segments += plan.elements.len();
        self.start_function |= plan.start.is_some();
        // What a core module imports of another one does not depend on where the snapshot runs.
        let own =
            plan.warnings.iter().filter(|warning| !matches!(warning, OutputWarning::DependsOnImport { .. }));
        self.warnings.extend(own.cloned().map(Warning::Output));
    }

    pub fn report(
        self,
        (executed, tier): (&Executed, TierReason),
        (before, after): (usize, usize),
        timings: Timings,
    ) -> Report {
        let all = |of: fn(&CoreInstanceReport) -> &Vec<MemoryReport>| {
            self.instances.iter().flat_map(of).cloned().collect::<Vec<_>>()
        };
        let ledger = &executed.ledger;
        let memories = all(|instance| &instance.memories);
        let tables = self.instances.iter().flat_map(|instance| &instance.tables).cloned().collect();
        let globals_changed = self.instances.iter().map(|instance| instance.globals_changed).sum();
        // That of the instance with the most data stands for all.
        let layout = self.layouts.into_iter().max_by_key(|layout| layout.data_bytes);
        Report {
            input_bytes: before as u64,
            output_bytes: after as u64,
            compiler: executed.compiler.name(),
            compile_cached: executed.cached,
            compiler_choice: tier.to_string(),
            init_functions: executed.called.iter().map(InitCall::name).collect(),
            init_arguments: Vec::new(),
            clock_start: ledger.clock_start(),
            timings: Timings {
                compile: seconds(executed.compile_time),
                init: seconds(executed.run_time),
                ..timings
            },
            memories,
            globals_changed,
            tables,
            heap: self.heaps.into_iter().max_by_key(|heap| heap.objects).unwrap_or_default(),
            layout: layout.unwrap_or_else(LayoutReport::empty),
            scrubbed: None,
            stripped: None,
            data_segments: self.data_segments,
            element_segments: self.element_segments,
            start_function: self.start_function,
            warnings: self.warnings,
            host_calls: report::host_calls(ledger),
            stubs: ledger.stubs(),
            random_bytes: ledger.random_bytes(),
            monotonic_clock: self.monotonic_clock,
            stdin_bytes: ledger.reads_stdin().then(|| ledger.stdin().len() as u64),
            files_written: ledger.files_written().into_iter().map(|change| change.path).collect(),
            files_lost: ledger.files_lost(),
            findings: self.findings.finished(ledger, self.monotonic_clock.is_some()),
            frozen: self.frozen.as_ref().map(report::frozen),
            embedded: self.embedded,
            handles: self.handles,
            core_instances: self.instances,
        }
    }
}

/// The renames that have no effect.
pub fn useless_renames(options: &Options, component: &Component<'_>) -> impl Iterator<Item = OutputWarning> {
    let useless = options.renames.iter().filter(|rename| component.exports().all(|name| name != rename.src));
    useless.map(|rename| OutputWarning::NoSuchExport {
        dst: rename.dst.as_str().into(),
        src: rename.src.as_str().into(),
        near: nearest(&rename.src, component.exports()).map(Name::from),
    })
}
