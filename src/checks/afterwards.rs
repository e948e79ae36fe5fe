//! What an instance shows once its init has run and its state has been read: what libc has cached, and what the constructors
//! would do a second time.

use super::libc_state::LibcState;
use super::{constructors, libc_findings};
use crate::error::Error;
use crate::evidence::{Evidence, Symbols};
use crate::execute::FinishedInit;
use crate::finding::{Finding, Level};
use crate::guest::{AddressMap, Program};
use crate::host::Ledger;
use crate::options::Options;
use preinit_core::snapshot::Snapshot;

/// What is known of the run.
pub(crate) struct Afterwards<'a> {
    pub options: &'a Options,
    pub program: &'a Program<'a>,
    pub ledger: &'a Ledger,
    /// The exports that were called.
    pub init: &'a [String],
}

impl Afterwards<'_> {
    /// Calls functions of the finished instance. Worst first, without notes.
    pub fn findings(&self, mut finished: FinishedInit<'_>) -> Result<Vec<Finding>, Error> {
        let Afterwards { options, program, ledger, init } = *self;
        let symbols = Symbols::none();
        let mut findings = Vec::new();
        if let Some(wasi) = options.host.wasi.as_ref().filter(|_| asks_libc(ledger)) {
            let libc = LibcState::of(&mut finished, &program.libc);
            let (nothing, nowhere) = (Snapshot::default(), AddressMap::unknown());
            let evidence = Evidence::new(program.module, &nothing, ledger, &symbols, &nowhere);
            findings.extend(libc_findings::findings(&evidence, wasi, &libc));
        }
        let exports = constructors::exports(program, options, init);
        // A library user's functions must not be called again.
        if !exports.is_empty() && options.host.linker.is_none() {
            let before = finished.state()?;
            let effect = constructors::ConstructorEffect::of(finished, &program.libc, &before)?;
            let addresses = AddressMap::of(program.module, &program.calls, &before, 0);
            let evidence = Evidence::new(program.module, &before, ledger, &symbols, &addresses);
            let ran = program.runs_constructors(init);
            findings.extend(constructors::finding(&evidence, &exports, ran, &effect));
        }
        findings.retain(|finding| finding.level < Level::Note);
        findings.sort_by_key(|finding| finding.level);
        Ok(findings)
    }
}

fn asks_libc(ledger: &Ledger) -> bool {
    ["fd_prestat_get", "environ_sizes_get"].iter().any(|name| ledger.wasi_calls(name).next().is_some())
}
