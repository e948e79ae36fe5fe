//! What takes how many bytes.

use preinit_core::embed::EmbeddedTree;
use preinit_core::module::{Module, SectionId};
use serde::Serialize;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
}

/// The parts that there are, the largest first.
pub(super) fn of(module: &Module<'_>) -> Vec<Part> {
    let section = |id: SectionId| module.section(id).map_or(0, |section| section.contents.len());
    let custom = |is: &dyn Fn(&str) -> bool| -> usize {
        let customs = module.sections.iter().filter_map(|section| section.custom);
        customs.filter(|(name, _)| is(name)).map(|(_, payload)| payload.len()).sum()
    };
    let files: usize = EmbeddedTree::all_in(module).iter().map(|tree| tree.image().len()).sum();
    let debug: usize = module
        .sections
        .iter()
        .filter(|section| section.is_dwarf())
        .map(|section| section.contents.len())
        .sum();
    let named = [
        ("code", section(SectionId::CODE)),
        ("data", section(SectionId::DATA) - files),
        ("files", files),
        ("names", custom(&|name| name == "name")),
        ("debug information", debug),
    ];
    let known: usize = named.iter().map(|(_, bytes)| bytes).sum();
    let other = ("other", module.bytes.len().saturating_sub(known));
    let parts = named.into_iter().chain([other]).filter(|(_, bytes)| *bytes > 0);
    let mut parts: Vec<Part> = parts.map(|(name, bytes)| Part { name, bytes: bytes as u64 }).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts
}
