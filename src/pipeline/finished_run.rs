//! What is known of a run once its instance is gone.

use super::Made;
use crate::engine::{MissingCode, TierReason};
use crate::execute::{AllocatedArgument, Initialized};
use crate::host::Ledger;
use crate::output::Output;
use crate::report::{Timings, seconds};
use std::time::Duration;

/// A run of init.
pub(super) struct FinishedRun {
    /// The exports that were called, in order.
    pub called: Vec<String>,
    pub arguments: Vec<AllocatedArgument>,
    pub compiler: &'static str,
    pub cached: bool,
    pub tier: TierReason,
    missing: Option<MissingCode>,
    run_time: Duration,
    compile: f64,
    init: f64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl FinishedRun {
    pub fn of(initialized: &mut Initialized) -> FinishedRun {
        let missing = initialized.missing.take();
        let host = initialized.store.data();
        FinishedRun {
            called: initialized.called.clone(),
            arguments: initialized.arguments.clone(),
            compiler: initialized.compiler.name(),
            cached: initialized.cached,
            tier: initialized.tier,
            missing,
            run_time: initialized.run_time,
            compile: seconds(initialized.compile_time),
            init: seconds(initialized.run_time),
            stdout: host.stdout().to_vec(),
            stderr: host.stderr().to_vec(),
        }
    }

    /// The times of this run, beside those of the other stages.
    pub fn timings(&self, others: Timings) -> Timings {
        Timings { compile: self.compile, init: self.init, ..others }
    }

    /// `probed` is what was compiled.
    pub fn output(self, made: Made, ledger: Ledger, probed: &[u8]) -> Output {
        let Made { wasm, maps, report } = made;
        let FinishedRun { stdout, stderr, missing, run_time, .. } = self;
        let wanted_code = missing.and_then(|missing| missing.wanted(run_time, probed));
        Output { wasm, report, ledger, maps, stdout, stderr, wanted_code }
    }
}
