//! Where the bytes are that the snapshot adds.

use super::scene::Scene;
use super::symbols::Owner;
use crate::segments::{self, HeaderCost};
use crate::snapshot::{Chunk, Image};
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
    /// Bytes that are not zero on the stack below the stack pointer: nothing reads them.
    pub free_stack: u64,
    /// Bytes that are not zero, by what they belong to, most first.
    pub owners: Vec<Share>,
}

/// What belongs to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// A variable, the stack, the heap.
    pub owner: String,
    /// Bytes that are not zero.
    pub nonzero: u64,
}

/// Owners that are listed.
const LISTED: usize = 20;

const PAGE: usize = 4096;

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
                free_stack: 0,
                owners: Vec::new(),
            };
            let mut owners: BTreeMap<Owner, u64> = BTreeMap::new();
            for (start, bytes) in contents.stretches() {
                let mut at = 0;
                while at < bytes.len() {
                    let address = start + at as u64;
                    let owner = scene.owner(memory, address);
                    let end = owner_end(scene, memory, address, &owner)
                        .saturating_sub(start)
                        .min(bytes.len() as u64);
                    let end = (end as usize).max(at + 1);
                    let nonzero = bytes[at..end].iter().filter(|byte| **byte != 0).count() as u64;
                    weight.nonzero += nonzero;
                    if owner == Owner::FreeStack {
                        weight.free_stack += nonzero;
                    }
                    *owners.entry(owner).or_default() += nonzero;
                    at = end;
                }
                weight.pages +=
                    bytes.chunks(PAGE).filter(|page| page.iter().any(|byte| *byte != 0)).count() as u64;
            }
            let cost = HeaderCost { memory, memory64: false };
            let runs = segments::cheapest(&segments::nonzero_runs(&state.image, cost), cost);
            weight.written = runs.iter().map(|run| run.end - run.start).sum();
            let input = input_image(scene, memory, state.size);
            let changed = segments::difference(&state.image, &input, state.size);
            weight.changed = changed.iter().map(|range| range.end - range.start).sum();
            let mut owners: Vec<(Owner, u64)> =
                owners.into_iter().filter(|(_, nonzero)| *nonzero > 0).collect();
            owners.sort_by(|(left, a), (right, b)| b.cmp(a).then(left.cmp(right)));
            let shares = owners.into_iter().take(LISTED);
            weight.owners =
                shares.map(|(owner, nonzero)| Share { owner: owner.to_string(), nonzero }).collect();
            weight
        })
        .collect()
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
