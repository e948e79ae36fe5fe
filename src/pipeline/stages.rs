//! What the stages have made, and the report of it.

use super::additions::Additions;
use super::finished_run::FinishedRun;
use super::written::Written;
use crate::checks;
use crate::embedded_files::embedded_files;
use crate::finding::Finding;
use crate::host::Ledger;
use crate::options::Options;
use crate::report::{self, Report, ScrubReport, Timings};
use crate::warning::Warning;
use preinit_core::module::Module;
use preinit_core::plan::Plan;

/// From the original module to the output.
pub(super) struct Stages<'s> {
    pub options: &'s Options,
    pub module: &'s Module<'s>,
    pub ledger: &'s Ledger,
    pub additions: &'s Additions<'s>,
    /// The module with what was added.
    pub target: &'s Module<'s>,
    pub plan: &'s Plan<'s>,
    pub written: &'s Written,
    pub scrubbed: Option<ScrubReport>,
}

impl Stages<'_> {
    /// What was done, without times.
    pub fn report(&self, run: &FinishedRun) -> Report {
        let Stages { module, ledger, additions, target, plan, written, .. } = *self;
        let snapshot = additions.extended.snapshot();
        Report {
            input_bytes: module.bytes.len() as u64,
            output_bytes: written.wasm.len() as u64,
            compiler: run.compiler,
            compile_cached: run.cached,
            compiler_choice: run.tier.to_string(),
            init_functions: run.called.clone(),
            init_arguments: run.arguments.clone(),
            clock_start: ledger.clock_start(),
            timings: Timings::default(),
            memories: report::memories(target, snapshot, plan),
            globals_changed: report::globals_changed(plan),
            tables: report::tables(target, snapshot, plan),
            heap: report::heap(target, snapshot, plan),
            layout: report::layout(plan),
            scrubbed: self.scrubbed.clone(),
            stripped: written.stripped.clone(),
            data_segments: plan.data.len(),
            element_segments: plan.elements.len(),
            start_function: plan.start.is_some(),
            warnings: self.warnings(),
            host_calls: report::host_calls(ledger),
            stubs: ledger.stubs(),
            random_bytes: ledger.random_bytes(),
            monotonic_clock: additions.monotonic_clock,
            stdin_bytes: ledger.reads_stdin().then(|| ledger.stdin().len() as u64),
            files_written: ledger.files_written().into_iter().map(|change| change.path).collect(),
            files_lost: ledger.files_lost(),
            findings: self.findings(),
            frozen: additions.frozen.as_ref().map(report::frozen),
            embedded: embedded_files(module),
            handles: None,
            core_instances: Vec::new(),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.written.warnings(self.module, self.plan);
        warnings.extend(self.ledger.warnings(&self.options.host.policies));
        warnings.extend(self.additions.warnings.iter().cloned());
        if self.additions.extended.drops_dwarf() {
            warnings.push(Warning::DwarfDropped);
        }
        warnings
    }

    /// What the state and the host calls show.
    fn findings(&self) -> Vec<Finding> {
        let wasi = self.options.host.wasi.as_ref();
        let snapshot = self.additions.extended.snapshot();
        let mut findings = checks::findings(self.target, snapshot, self.ledger, wasi);
        if self.additions.monotonic_clock.is_none() {
            findings.extend(checks::monotonic_clock(self.ledger));
        }
        findings
    }
}
