//! The page about a run.

use super::memory_map::MemoryMap;
use super::template::{Page, Table};
use crate::host::Ledger;
use crate::report::{EmbeddedFile, Report};
use crate::wording::Bytes;
use preinit_core::printable::Printable;

const SUBJECT: &str = "the making of a snapshot";

/// The page about a run that made a snapshot of `input`.
pub(crate) fn run_page(input: &str, report: &Report, maps: &[MemoryMap], ledger: &Ledger) -> String {
    let stages = &report.timings;
    let timings = vec![
        ("parse", stages.parse),
        ("compile", stages.compile),
        ("init", stages.init),
        ("capture", stages.capture),
        ("plan", stages.plan),
        ("encode", stages.encode),
    ];
    Page::new(input, SUBJECT, "nothing was seen that should not be in the snapshot", ledger)
        .findings(&report.findings)
        .warnings(report.warnings.iter().map(ToString::to_string).collect())
        .maps(maps, Vec::new())
        .tables(
            vec![sizes(report), files(report)].into_iter().filter(|table| !table.rows.is_empty()).collect(),
        )
        .timings(timings)
        .render()
}

fn sizes(report: &Report) -> Table {
    let mut rows = vec![
        ("input".to_string(), Bytes(report.input_bytes).to_string()),
        ("output".to_string(), Bytes(report.output_bytes).to_string()),
        ("data segments".to_string(), report.data_segments.to_string()),
        ("element segments".to_string(), report.element_segments.to_string()),
        ("globals changed".to_string(), report.globals_changed.to_string()),
    ];
    for memory in &report.memories {
        let size = |pages: u64| Bytes(pages.saturating_mul(memory.page_size));
        let (before, after) = (size(memory.pages_before), size(memory.pages_after));
        let written = Bytes(memory.written_bytes);
        rows.push((
            format!("memory {}", memory.index),
            format!("{before} before, {after} after, {written} written"),
        ));
    }
    Table { title: "Sizes".to_string(), rows }
}

/// Embedded files, the largest first.
fn files(report: &Report) -> Table {
    const SHOWN: usize = 50;
    let embedded = &report.embedded;
    let row = |file: &EmbeddedFile| (Printable(&file.path).to_string(), Bytes(file.bytes).to_string());
    let mut rows: Vec<_> = embedded.iter().take(SHOWN).map(row).collect();
    if let Some(others) = embedded.get(SHOWN..).filter(|others| !others.is_empty()) {
        let bytes = others.iter().map(|file| file.bytes).sum();
        rows.push((format!("{} more", others.len()), Bytes(bytes).to_string()));
    }
    Table { title: "Files in the module".to_string(), rows }
}

/// The page about a run on `input` that made no snapshot, for the reason `error`.
///
/// ```
/// use preinit::host::Ledger;
/// let page = preinit::stages::page::refusal_page("app.wasm", "init trapped", &Ledger::default());
/// assert!(page.starts_with("<!doctype html>") && page.contains("init trapped"));
/// ```
pub fn refusal_page(input: &str, error: &str, ledger: &Ledger) -> String {
    Page::new(input, SUBJECT, "refused", ledger)
        .warnings(vec![format!("there is no snapshot: {error}")])
        .render()
}
