//! Finds out on which source something depends, with few runs that vary many sources each (group testing).
//!
//! Each source is varied in a set of runs of its own. All these sets are of one size, so that none is part of another: what
//! changes in exactly the runs of one source depends on that source alone.

use crate::evidence::Difference;
use preinit_core::snapshot::Shape;
use std::collections::BTreeMap;

/// For each source the runs in which it is varied, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceCodes {
    /// The number of runs.
    pub runs: usize,
    by_source: Vec<u32>,
}

impl SourceCodes {
    /// For this many sources, with as few runs as possible.
    pub fn of(sources: usize) -> SourceCodes {
        let runs = (1..31).find(|&runs| subsets(runs, runs / 2) >= sources as u64).unwrap_or(31);
        let of_size = (0..1u32 << runs).filter(|set| set.count_ones() as usize == (runs / 2).max(1));
        SourceCodes { runs, by_source: of_size.take(sources).collect() }
    }

    /// The sources, by position, that are varied in run number `run`.
    pub fn varied_in(&self, run: usize) -> impl Iterator<Item = usize> {
        let codes = self.by_source.iter().enumerate();
        codes.filter(move |(_, code)| **code >> run & 1 == 1).map(|(at, _)| at)
    }

    /// The sources, by position, that are varied in runs of `mask` only.
    pub fn within(&self, mask: u32) -> Vec<usize> {
        let codes = self.by_source.iter().enumerate();
        codes.filter(|(_, code)| **code & !mask == 0).map(|(at, _)| at).collect()
    }
}

fn subsets(of: usize, size: usize) -> u64 {
    (0..size as u64).fold(1, |number, at| number * (of as u64 - at) / (at + 1))
}

/// What changed, with the runs in which it did. A range whose parts changed in different runs is split.
pub(super) fn signatures(runs: &[&[Difference]]) -> Vec<(u32, Difference)> {
    let mut others: Vec<(u32, Difference)> = Vec::new();
    let mut known: BTreeMap<Item, usize> = BTreeMap::new();
    // By memory and address: the runs in which a range begins or ends there.
    let mut edges: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let mut addresses: BTreeMap<(u32, u64), (u64, bool)> = BTreeMap::new();
    for (run, differences) in runs.iter().enumerate() {
        for difference in *differences {
            if let Difference::Memory { memory, range, addresses: are_addresses } = difference {
                *edges.entry((*memory, range.start)).or_default() ^= 1 << run;
                *edges.entry((*memory, range.end)).or_default() ^= 1 << run;
                let known = addresses.entry((*memory, range.start)).or_insert((range.end, true));
                *known = (known.0.max(range.end), known.1 && *are_addresses);
            } else {
                let at = *known.entry(Item::of(difference)).or_insert(others.len());
                match others.get_mut(at) {
                    Some((mask, _)) => *mask |= 1 << run,
                    None => others.push((1 << run, difference.clone())),
                }
            }
        }
    }
    let mut found = Vec::new();
    let mut mask = 0;
    let mut edges = edges.into_iter().peekable();
    while let Some(((memory, start), change)) = edges.next() {
        mask ^= change;
        if let (Some(&((_, end), _)), true) = (edges.peek(), mask != 0) {
            let covers = addresses.range((memory, 0)..=(memory, start)).next_back();
            let addresses = covers.is_some_and(|(_, (until, all))| *all && *until >= end);
            found.push((mask, Difference::Memory { memory, range: start..end, addresses }));
        }
    }
    found.extend(others);
    found
}

/// What differs outside of memories, whatever is different about it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    MemorySize(u32),
    Global(u32),
    Table(u32),
    Objects(Shape),
    Segments,
}

impl Item {
    pub fn of(difference: &Difference) -> Item {
        match difference {
            Difference::MemorySize(memory) | Difference::Memory { memory, .. } => Item::MemorySize(*memory),
            Difference::Global(global) => Item::Global(*global),
            Difference::Table { table, .. } => Item::Table(*table),
            Difference::Objects { shape, .. } => Item::Objects(*shape),
            Difference::Segments => Item::Segments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceCodes, signatures};
    use crate::evidence::Difference;

    #[test]
    fn no_set_is_part_of_another() {
        for sources in 1..300 {
            let codes = SourceCodes::of(sources);
            assert_eq!(codes.by_source.len(), sources);
            for (at, &code) in codes.by_source.iter().enumerate() {
                assert_eq!(codes.within(code), [at], "of {sources}");
            }
            assert!(codes.runs <= 12, "{sources}: {}", codes.runs);
        }
        assert_eq!(SourceCodes::of(36).runs, 8);
    }

    #[test]
    fn ranges_are_split_by_the_runs_that_changed_them() {
        let spot = |range| Difference::Memory { memory: 0, range, addresses: false };
        let (first, second) =
            ([spot(10..20), spot(40..50), Difference::Global(1)], [spot(15..30), spot(40..50)]);
        let found = signatures(&[&first, &second]);
        let expected = [
            (0b01, spot(10..15)),
            (0b11, spot(15..20)),
            (0b10, spot(20..30)),
            (0b11, spot(40..50)),
            (0b01, Difference::Global(1)),
        ];
        assert_eq!(found, expected);
    }
}
