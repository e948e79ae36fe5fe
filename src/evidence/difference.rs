//! Where two snapshots of one module differ.

use super::Contents;
use preinit_core::segments;
use preinit_core::snapshot::{Heap, MemoryState, Shape, Snapshot};
use std::collections::BTreeMap;
use std::ops::Range;

/// Something that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Bytes of a memory.
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
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in segments::difference(&left.image, &right.image, size) {
        match merged.last_mut() {
            Some(last) if range.start - last.end <= GAP => last.end = range.end,
            _ => merged.push(range),
        }
    }
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
