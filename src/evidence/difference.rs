//! Where two snapshots of one module differ.

use super::Contents;
use preinit_core::segments;
use preinit_core::snapshot::{Heap, MemoryState, Shape, Snapshot};
use std::collections::BTreeMap;
use std::ops::Range;

/// Something that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Bytes of a memory; where very many ranges of it differ, those that begin in one page are one.
    Memory {
        memory: u32,
        range: Range<u64>,
        /// Whether everything that differs is an address: something else moved, and these point to it.
        addresses: bool,
    },
    /// A memory's size.
    MemorySize(u32),
    /// A global.
    Global(u32),
    /// Elements of a table, from the first to the last that differs.
    Table { table: u32, elements: usize, first: usize },
    /// Objects of the garbage-collected heap that are of one type.
    Objects { shape: Shape, objects: usize, first: u32 },
    /// Whether a passive segment was dropped.
    Segments,
}

/// Ranges that are no further apart are one.
const GAP: u64 = 8;

/// Everything that differs.
pub(crate) fn differences(base: &Snapshot<'_>, other: &Snapshot<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (index, (left, right)) in (0u32..).zip(base.globals.iter().zip(&other.globals)) {
        if left.value != right.value {
            found.push(Difference::Global(index));
        }
    }
    for (index, (left, right)) in (0u32..).zip(base.memories.iter().zip(&other.memories)) {
        memory(index, left, right, &mut found);
    }
    for (index, (left, right)) in (0u32..).zip(base.tables.iter().zip(&other.tables)) {
        let longest = left.elements.len().max(right.elements.len());
        let differs: Vec<usize> =
            (0..longest).filter(|&at| left.elements.get(at) != right.elements.get(at)).collect();
        if let Some(&first) = differs.first() {
            found.push(Difference::Table { table: index, elements: differs.len(), first });
        }
    }
    objects(&base.heap, &other.heap, &mut found);
    if base.dropped_data != other.dropped_data || base.dropped_elements != other.dropped_elements {
        found.push(Difference::Segments);
    }
    found
}

/// The number of an object follows from the path that leads to it, so equal numbers mean equal positions.
fn objects(left: &Heap, right: &Heap, found: &mut Vec<Difference>) {
    let mut differing: BTreeMap<Shape, (usize, u32)> = BTreeMap::new();
    let longer = if left.len() < right.len() { right } else { left };
    let common = left.len().min(right.len());
    for (id, object) in longer.objects() {
        let is_common = (id as usize) < common;
        if !is_common || left.object(id) != right.object(id) {
            differing.entry(object.shape).or_insert((0, id)).0 += 1;
        }
    }
    let of_shape = |(shape, (objects, first))| Difference::Objects { shape, objects, first };
    found.extend(differing.into_iter().map(of_shape));
}

fn memory(index: u32, left: &MemoryState<'_>, right: &MemoryState<'_>, found: &mut Vec<Difference>) {
    let size = left.size.max(right.size);
    let mut merged = Ranges::default();
    segments::each_difference(&left.image, &right.image, size, |range| merged.add(range));
    let merged = merged.ranges;
    if left.size != right.size {
        found.push(Difference::MemorySize(index));
    }
    if merged.is_empty() {
        return;
    }
    let (old, new) = (Contents::of(&left.image), Contents::of(&right.image));
    found.extend(merged.into_iter().map(|range| {
        let addresses = are_addresses(&old, &new, &range, left.size.min(right.size));
        Difference::Memory { memory: index, range, addresses }
    }));
}

/// These ranges of a memory, which are in order, with near ones joined.
pub(crate) fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut joined = Ranges::default();
    ranges.for_each(|range| joined.add(range));
    joined.ranges
}

/// Ranges of a memory that differ, near ones joined.
#[derive(Default)]
struct Ranges {
    ranges: Vec<Range<u64>>,
    /// Whether those that begin in one page are joined, because there were too many.
    joins_pages: bool,
}

impl Ranges {
    /// More take more memory than what they say is worth.
    const MOST: usize = 1 << 17;
    const PAGE: u64 = 4096;

    fn add(&mut self, range: Range<u64>) {
        match self.ranges.last_mut() {
            Some(last) if Ranges::are_one(last, &range, self.joins_pages) => last.end = range.end,
            _ => self.ranges.push(range),
        }
        if self.ranges.len() > Ranges::MOST && !self.joins_pages {
            self.joins_pages = true;
            self.ranges.dedup_by(|next, last| {
                let are_one = Ranges::are_one(last, next, true);
                if are_one {
                    last.end = next.end;
                }
                are_one
            });
            self.ranges.shrink_to_fit();
        }
    }

    fn are_one(last: &Range<u64>, next: &Range<u64>, joins_pages: bool) -> bool {
        next.start - last.end <= GAP || joins_pages && last.start / Ranges::PAGE == next.start / Ranges::PAGE
    }
}

/// Whether every aligned word that differs in `range` looks like an address in both.
fn are_addresses(old: &Contents<'_>, new: &Contents<'_>, range: &Range<u64>, size: u64) -> bool {
    const FIRST_PAGE: u64 = 1024;
    let is_address = |word: u32| (FIRST_PAGE..size).contains(&u64::from(word)) && word.is_multiple_of(4);
    let words = (range.start & !3..range.end).step_by(4);
    words
        .map(|at| (old.word(at), new.word(at)))
        .all(|(old, new)| old == new || is_address(old) && is_address(new))
}

impl Difference {
    /// The number of bytes, in memories; 0 elsewhere.
    pub fn bytes(&self) -> u64 {
        match self {
            Difference::Memory { range, .. } => range.end - range.start,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use preinit_core::snapshot::{Chunk, Image};

    /// The ranges in which a memory of zeros differs from one that has a byte at each of these addresses.
    fn ranges(addresses: impl Iterator<Item = u64>, size: u64) -> Vec<Range<u64>> {
        let mut bytes = vec![0; size as usize];
        addresses.for_each(|address| bytes[address as usize] = 1);
        let memory = |image| MemoryState { image, size, maximum: None, import: None };
        let written = Image::new(vec![Chunk { offset: 0, bytes: bytes.into() }]);
        let (left, right) = (memory(Image::default()), memory(written));
        let mut found = Vec::new();
        super::memory(0, &left, &right, &mut found);
        let range = |difference| match difference {
            Difference::Memory { range, .. } => range,
            other => panic!("{other:?}"),
        };
        found.into_iter().map(range).collect()
    }

    #[test]
    fn very_many_ranges_are_one_in_each_page() {
        let few = ranges((0..Ranges::MOST as u64).map(|k| k * 16), 1 << 22);
        assert_eq!((few.len(), &few[1]), (Ranges::MOST, &(16..17)));
        for step in [10, 16, 4000] {
            let size = 1 << 22;
            let found = ranges((0..size).step_by(step), size);
            assert!(found.len() <= size as usize / 4096 + Ranges::MOST, "{step}: {}", found.len());
            let covered = |address: &u64| found.iter().any(|range| range.contains(address));
            assert!((0..size).step_by(step).step_by(1000).all(|address| covered(&address)), "{step}");
            assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start), "{step}");
        }
        let many = ranges((0..1 << 22).step_by(10), 1 << 22);
        assert_eq!((many.len(), many[0].start, many[1].start), (1024, 0, 4100));
    }
}
