//! Where the bytes are that the snapshot adds.

use super::scene::Scene;
use super::symbols::Owner;
use preinit_core::segments::{self, HeaderCost};
use preinit_core::snapshot::{Chunk, Image};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::symbols::static_data;

/// The bytes of one memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// Memory index.
    pub memory: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes that are not zero.
    pub nonzero: u64,
    /// Bytes that are not as the input's data segments make them.
    pub changed: u64,
    /// Bytes that the output writes: those that are not zero and the gaps between them that are not worth a segment.
    pub written: u64,
    /// 4 KiB pages that hold something.
    pub pages: u64,
    /// 4 KiB pages that are not as the input's data segments make them: page number, bytes that differ.
    pub changed_pages: Vec<(u64, u64)>,
    /// Bytes that are not zero on the stack below the stack pointer: nothing reads them.
    pub free_stack: u64,
    /// Bytes by what they belong to, those with most that are not as in the input first.
    pub owners: Vec<Share>,
}

/// What belongs to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// A variable, the stack, the heap.
    pub owner: String,
    /// Bytes that are not zero.
    pub nonzero: u64,
    /// Bytes that are not as the input's data segments make them.
    pub changed: u64,
}

/// Owners that are listed.
const LISTED: usize = 20;

const PAGE: u64 = 4096;

pub(super) fn weigh(scene: &Scene<'_>) -> Vec<Weight> {
    (0u32..)
        .zip(&scene.snapshot.memories)
        .map(|(memory, state)| {
            let contents = &scene.contents[memory as usize];
            let mut weight = Weight {
                memory,
                size: state.size,
                nonzero: 0,
                changed: 0,
                written: 0,
                pages: 0,
                changed_pages: Vec::new(),
                free_stack: 0,
                owners: Vec::new(),
            };
            let mut owners: BTreeMap<Owner, (u64, u64)> = BTreeMap::new();
            for (start, bytes) in contents.stretches() {
                each_owner(scene, memory, start, start + bytes.len() as u64, |owner, from, to| {
                    let part = &bytes[(from - start) as usize..(to - start) as usize];
                    let nonzero = part.iter().filter(|byte| **byte != 0).count() as u64;
                    weight.nonzero += nonzero;
                    if owner == Owner::FreeStack {
                        weight.free_stack += nonzero;
                    }
                    owners.entry(owner).or_default().0 += nonzero;
                });
                let used = |page: &&[u8]| page.iter().any(|byte| *byte != 0);
                weight.pages += bytes.chunks(PAGE as usize).filter(used).count() as u64;
            }
            let cost = HeaderCost { memory, memory64: false };
            let runs = segments::cheapest(&segments::nonzero_runs(&state.image, cost), cost);
            weight.written = runs.iter().map(|run| run.end - run.start).sum();
            let input = input_image(scene, memory, state.size);
            for range in segments::difference(&state.image, &input, state.size) {
                weight.changed += range.end - range.start;
                each_owner(scene, memory, range.start, range.end, |owner, from, to| {
                    owners.entry(owner).or_default().1 += to - from;
                });
                let mut at = range.start;
                while at < range.end {
                    let end = ((at / PAGE + 1) * PAGE).min(range.end);
                    match weight.changed_pages.last_mut() {
                        Some((page, bytes)) if *page == at / PAGE => *bytes += end - at,
                        _ => weight.changed_pages.push((at / PAGE, end - at)),
                    }
                    at = end;
                }
            }
            let mut owners: Vec<(Owner, (u64, u64))> = owners.into_iter().collect();
            owners.retain(|(_, (nonzero, changed))| nonzero + changed > 0);
            owners.sort_by(|(left, a), (right, b)| (b.1, b.0).cmp(&(a.1, a.0)).then(left.cmp(right)));
            let shares = owners.into_iter().take(LISTED);
            weight.owners = shares
                .map(|(owner, (nonzero, changed))| Share { owner: owner.to_string(), nonzero, changed })
                .collect();
            weight
        })
        .collect()
}

/// Calls `visit` with every part of `start..end` that belongs to one owner.
fn each_owner(scene: &Scene<'_>, memory: u32, start: u64, end: u64, mut visit: impl FnMut(Owner, u64, u64)) {
    let mut at = start;
    while at < end {
        let owner = scene.owner(memory, at);
        let next = owner_end(scene, memory, at, &owner).clamp(at + 1, end);
        visit(owner, at, next);
        at = next;
    }
}

/// Where what `owner` owns around `address` ends, or something else may begin.
fn owner_end(scene: &Scene<'_>, memory: u32, address: u64, owner: &Owner) -> u64 {
    if memory != 0 {
        return u64::MAX;
    }
    let variables = scene.symbols.variables();
    let next = variables.partition_point(|variable| variable.address <= address);
    let next = variables.get(next).map_or(u64::MAX, |variable| variable.address);
    let stack = scene.layout.stack.iter().flat_map(|stack| [stack.low, stack.now, stack.top]);
    let edges = stack.chain([scene.layout.heap_base]).filter(|edge| *edge > address);
    let edge = edges.min().unwrap_or(u64::MAX).min(next);
    match owner {
        Owner::Variable(_) => {
            let own = scene.symbols.variable(address);
            edge.min(own.map_or(address + 1, |variable| variable.address + variable.size.max(16)))
        }
        Owner::Segment(_) | Owner::Static => edge.min(address + 64),
        _ => edge,
    }
}

/// What the data segments of the input make of a memory.
pub(super) fn input_image(scene: &Scene<'_>, memory: u32, size: u64) -> Image<'static> {
    let mut bytes = vec![0u8; 0];
    for data in
        static_data(scene.module).into_iter().filter(|data| data.memory == memory && data.range.end <= size)
    {
        let (Ok(start), Ok(end)) = (usize::try_from(data.range.start), usize::try_from(data.range.end))
        else {
            continue;
        };
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(scene.module.data[data.segment as usize].bytes);
    }
    let chunks =
        if bytes.is_empty() { Vec::new() } else { vec![Chunk { offset: 0, bytes: Cow::Owned(bytes) }] };
    Image::new(chunks)
}
