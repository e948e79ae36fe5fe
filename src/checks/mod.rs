//! What of the build is in a snapshot, as far as it shows without running init again. Every run makes these checks, and the
//! audit begins with them.

mod afterwards;
pub(crate) mod constructors;
mod embedded_secrets;
mod file_contents;
mod handles;
pub(crate) mod libc_findings;
mod libc_state;
mod monotonic_clock;
mod needles;
mod read_contents;
mod secret_file;
mod secret_search;
mod secret_values;
mod source;
mod standard_input;
mod value_forms;
mod value_kind;
mod values;

pub(crate) use afterwards::Afterwards;
pub(crate) use embedded_secrets::findings as embedded_secrets;
pub(crate) use file_contents::FileSearch;
pub(crate) use handles::findings as handles;
#[cfg(feature = "audit")]
pub(crate) use libc_state::LibcState;
pub(crate) use monotonic_clock::finding as monotonic_clock;
pub use source::OTHER_SEED;
pub(crate) use source::{Given, Source};
#[cfg(feature = "audit")]
pub(crate) use values::{FoundRanges, Reported};
pub(crate) use values::{SHORTEST, ValuePlace, ValueSearch};

use crate::evidence::{Evidence, Symbols};
use crate::finding::{Finding, Level};
use crate::guest::AddressMap;
use crate::host::{Ledger, WasiOptions};
use preinit_core::module::Module;
use preinit_core::snapshot::Snapshot;

/// Values and small files that are in the snapshot byte for byte, open files, output that was not written. Worst first; the only notes are about standard input.
pub(crate) fn findings(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    ledger: &Ledger,
    wasi: Option<&WasiOptions>,
) -> Vec<Finding> {
    let mut findings = embedded_secrets(module);
    let Some(wasi) = wasi.filter(|_| !ledger.is_empty()) else {
        // The adapter of a component can close what it has without asking the host.
        findings.extend(handles::changed_descriptors(ledger));
        return findings;
    };
    let symbols = Symbols::none();
    let addresses = AddressMap::unknown();
    let evidence = Evidence::new(module, snapshot, ledger, &symbols, &addresses);
    let values = ValueSearch::run(&evidence, Given { wasi, stubs: &[] }, |_, _| true);
    findings.extend(values.findings);
    findings.extend(handles(&evidence));
    findings.retain(|finding| finding.level < Level::Note);
    findings.extend(FileSearch::run(&evidence, &wasi.stdin, false).findings);
    findings.sort_by_key(|finding| finding.level);
    findings
}
