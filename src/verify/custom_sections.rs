//! Custom sections do not affect what a module does, but other tools and some engines read them. What differs is said.

use preinit_core::module::Module;
use preinit_core::printable::Printable;
use std::collections::BTreeMap;

/// Sections that are named.
const NAMED: usize = 20;

/// What is not compared of custom sections.
pub(super) fn describe(original: &Module<'_>, snapshot: &Module<'_>) -> String {
    let mut differing = differing(original, snapshot);
    let what = "custom sections (names, debug information), which do not affect what a module does";
    if differing.is_empty() {
        return what.to_string();
    }
    if let more @ 1.. = differing.len().saturating_sub(NAMED) {
        differing.truncate(NAMED);
        differing.push(format!("{more} more"));
    }
    format!("{what}; these differ: {}", differing.join(", "))
}

fn differing(original: &Module<'_>, snapshot: &Module<'_>) -> Vec<String> {
    let mut by_name: BTreeMap<&str, [Vec<&[u8]>; 2]> = BTreeMap::new();
    for (side, module) in [original, snapshot].into_iter().enumerate() {
        for (name, payload) in module.sections.iter().filter_map(|section| section.custom) {
            by_name.entry(name).or_default()[side].push(payload);
        }
    }
    let different = by_name.into_iter().filter(|(_, [original, snapshot])| original != snapshot);
    let described = different.map(|(name, [original, snapshot])| {
        let how = match (original.is_empty(), snapshot.is_empty()) {
            (false, true) => "missing",
            (true, false) => "added",
            _ => "changed",
        };
        format!("`{}` ({how})", Printable(name))
    });
    described.collect()
}
