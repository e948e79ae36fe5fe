//! Which bytes the snapshot adds, and what they belong to.

use crate::evidence::{Evidence, Owner};
use crate::guest::input_image;
use preinit_core::segments::{self, HeaderCost};
use preinit_core::snapshot::MemoryState;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// The bytes of one memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Weight {
    /// Memory index.
    pub memory: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that are not zero.
    pub nonzero: u64,
    /// Bytes that are not as the input's data segments make them.
    pub changed: u64,
    /// Bytes that the output writes: those that are not zero, and gaps between them that are not worth a new segment.
    pub written: u64,
    /// 4 KiB pages that hold something.
    pub pages: u64,
    /// 4 KiB pages that are not as the input's data segments make them: page number, bytes that differ.
    pub changed_pages: Vec<(u64, u64)>,
    /// Bytes that are not zero on the stack below the stack pointer: nothing reads them.
    pub free_stack: u64,
    /// Bytes by what they belong to, first those with most that are not as in the input.
    pub owners: Vec<Share>,
}

/// What belongs to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// A variable, the stack, the heap.
    pub owner: String,
    /// Bytes that are not zero.
    pub nonzero: u64,
    /// Bytes that are not as the input's data segments make them.
    pub changed: u64,
}

/// Bytes that are not zero, and bytes that are not as in the input.
#[derive(Default, Clone, Copy)]
struct Counts {
    nonzero: u64,
    changed: u64,
}

type CountsByOwner = BTreeMap<Owner, Counts>;

const PAGE: u64 = 4096;

/// The bytes of all memories.
pub(super) fn weights(evidence: &Evidence<'_>) -> Vec<Weight> {
    let memories = (0u32..).zip(&evidence.snapshot.memories);
    memories.map(|(memory, state)| weight(evidence, memory, state)).collect()
}

fn weight(evidence: &Evidence<'_>, memory: u32, state: &MemoryState<'_>) -> Weight {
    let mut owners = CountsByOwner::new();
    let mut pages = 0;
    for (start, bytes) in evidence.contents[memory as usize].stretches() {
        count_nonzero(evidence, memory, (start, bytes), &mut owners);
        let used = |page: &&[u8]| page.iter().any(|byte| *byte != 0);
        pages += bytes.chunks(PAGE as usize).filter(used).count() as u64;
    }
    let input = input_image(evidence.module, memory, state.size);
    let mut changed_pages = Vec::new();
    segments::each_difference(&state.image, &input, state.size, |range| {
        each_owner(evidence, memory, range.clone(), |owner, part| {
            owners.entry(owner).or_default().changed += part.end - part.start;
        });
        count_by_page(range, &mut changed_pages);
    });
    let cost = HeaderCost { memory, memory64: false };
    let runs = segments::cheapest(&segments::nonzero_runs(&state.image, cost), cost);
    Weight {
        memory,
        size: state.size,
        nonzero: owners.values().map(|counts| counts.nonzero).sum(),
        changed: owners.values().map(|counts| counts.changed).sum(),
        written: runs.iter().map(|run| run.end - run.start).sum(),
        pages,
        changed_pages,
        free_stack: owners.get(&Owner::FreeStack).map_or(0, |counts| counts.nonzero),
        owners: shares(owners),
    }
}

fn count_nonzero(
    evidence: &Evidence<'_>,
    memory: u32,
    (start, bytes): (u64, &[u8]),
    owners: &mut CountsByOwner,
) {
    each_owner(evidence, memory, start..start + bytes.len() as u64, |owner, part| {
        let part = &bytes[(part.start - start) as usize..(part.end - start) as usize];
        let nonzero = part.iter().filter(|byte| **byte != 0).count() as u64;
        owners.entry(owner).or_default().nonzero += nonzero;
    });
}

/// Adds the bytes of a range to the pages in which they are. Ranges come in order.
fn count_by_page(range: Range<u64>, pages: &mut Vec<(u64, u64)>) {
    let mut at = range.start;
    while at < range.end {
        let end = ((at / PAGE + 1) * PAGE).min(range.end);
        match pages.last_mut() {
            Some((page, bytes)) if *page == at / PAGE => *bytes += end - at,
            _ => pages.push((at / PAGE, end - at)),
        }
        at = end;
    }
}

/// The owners with most bytes.
fn shares(owners: CountsByOwner) -> Vec<Share> {
    const LISTED: usize = 20;
    let mut owners: Vec<(Owner, Counts)> = owners.into_iter().collect();
    owners.retain(|(_, counts)| counts.nonzero + counts.changed > 0);
    owners.sort_by(|(left, a), (right, b)| {
        (b.changed, b.nonzero).cmp(&(a.changed, a.nonzero)).then(left.cmp(right))
    });
    let listed = owners.into_iter().take(LISTED);
    listed
        .map(|(owner, Counts { nonzero, changed })| Share { owner: owner.to_string(), nonzero, changed })
        .collect()
}

/// Calls `visit` with every part of `range` that belongs to one owner.
fn each_owner(
    evidence: &Evidence<'_>,
    memory: u32,
    range: Range<u64>,
    mut visit: impl FnMut(Owner, Range<u64>),
) {
    let mut at = range.start;
    while at < range.end {
        let owner = evidence.owner(memory, at);
        let next = owner_end(evidence, memory, at, &owner).clamp(at + 1, range.end);
        visit(owner, at..next);
        at = next;
    }
}

/// Where what `owner` owns around `address` ends, or something else may begin.
fn owner_end(evidence: &Evidence<'_>, memory: u32, address: u64, owner: &Owner) -> u64 {
    if memory != 0 {
        return u64::MAX;
    }
    let variables = evidence.symbols.variables();
    let next = variables.partition_point(|variable| variable.address <= address);
    let next = variables.get(next).map_or(u64::MAX, |variable| variable.address);
    let stack = evidence.addresses.stack.iter().flat_map(|stack| [stack.low, stack.pointer, stack.top]);
    let edges = stack.chain([evidence.addresses.heap_base]).filter(|edge| *edge > address);
    let edge = edges.min().unwrap_or(u64::MAX).min(next);
    match owner {
        Owner::Variable(_) => {
            let own = evidence.symbols.variable(address);
            edge.min(
                own.map_or(address + 1, |variable| variable.address.saturating_add(variable.size.max(16))),
            )
        }
        Owner::Segment(_) | Owner::Static => edge.min(address + 64),
        _ => edge,
    }
}
