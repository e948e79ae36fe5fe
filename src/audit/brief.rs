//! The part of an audit that costs next to nothing, for every run.

use super::finding::{Finding, Level};
use super::layout::Layout;
use super::scene::Scene;
use super::symbols::Symbols;
use super::{handles, secrets};
use crate::host::{Ledger, WasiOptions};
use preinit_core::module::Module;
use preinit_core::snapshot::Snapshot;

/// What can be said of a snapshot without running init again: values that are in it word for word, open files, output
/// that was not written. Worst first.
pub fn brief(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    ledger: &Ledger,
    wasi: Option<&WasiOptions>,
) -> Vec<Finding> {
    let Some(wasi) = wasi.filter(|_| !ledger.is_empty()) else { return Vec::new() };
    let symbols = Symbols::none();
    let layout = Layout { stack: None, heap_base: u64::MAX, heap_is_known: false, lowest_data: None };
    let scene = Scene::new(module, snapshot, ledger, &symbols, &layout);
    let mut findings = secrets::values(&scene, wasi);
    findings.extend(handles::findings(&scene, wasi, None));
    findings.retain(|finding| finding.level < Level::Note);
    findings.sort_by_key(|finding| finding.level);
    findings
}
