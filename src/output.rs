use crate::engine::WantedCode;
use crate::host::Ledger;
use crate::page::{MemoryMap, run_page};
use crate::report::Report;

/// A snapshot, and what is known about the run that made it. No example: that of [`Preinit`](crate::Preinit) has one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Output {
    /// The new module.
    pub wasm: Vec<u8>,
    /// What was done.
    pub report: Report,
    /// Every host call that init made; a later run of the same init can be answered from it.
    pub ledger: Ledger,
    /// The memories, if [`Options::maps`](crate::Options::maps) asks for them.
    pub maps: Vec<MemoryMap>,
    /// What init wrote to standard output, if that is captured.
    pub stdout: Vec<u8>,
    /// What init wrote to standard error, if that is captured.
    pub stderr: Vec<u8>,
    /// Optimized code from which further runs of this module would gain, if it is not in the cache of the options.
    pub wanted_code: Option<WantedCode>,
}

impl Output {
    /// A self-contained page of HTML about this run on `input`. It shows the memories if [`Options::maps`](crate::Options::maps) was set.
    pub fn page(&self, input: &str) -> String {
        run_page(input, &self.report, &self.maps, &self.ledger)
    }
}
