//! What is known of a run once its instance is gone.

use crate::execute::{AllocatedArgument, Initialized};
use crate::host::Ledger;
use crate::page::MemoryMap;
use crate::preinit::Output;
use crate::report::{Report, Timings, seconds};

/// A run of init.
pub(super) struct FinishedRun {
    /// The exports that were called, in order.
    pub called: Vec<String>,
    pub arguments: Vec<AllocatedArgument>,
    pub compiler: &'static str,
    pub cached: bool,
    compile: f64,
    init: f64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl FinishedRun {
    pub fn of(initialized: &Initialized) -> FinishedRun {
        let host = initialized.store.data();
        FinishedRun {
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

    /// The times of this run, beside those of the other stages.
    pub fn timings(&self, others: Timings) -> Timings {
        Timings { compile: self.compile, init: self.init, ..others }
    }

    pub fn output(self, wasm: Vec<u8>, report: Report, ledger: Ledger, maps: Vec<MemoryMap>) -> Output {
        Output { wasm, report, ledger, maps, stdout: self.stdout, stderr: self.stderr }
    }
}
