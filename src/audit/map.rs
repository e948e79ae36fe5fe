//! A picture of a memory: cells of equal size, each with what is in it.

use super::code::Code;
use super::layout::Layout;
use super::scene::Scene;
use super::symbols::{Owner, Symbols};
use super::taint::Varied;
use super::weight::input_image;
use crate::host::Ledger;
use crate::segments;
use preinit_core::module::Module;
use preinit_core::snapshot::Snapshot;
use serde::Serialize;
use std::collections::HashMap;

/// The cells of one memory, from address 0 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryMap {
    /// Memory index.
    pub memory: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes in a cell.
    pub cell: u64,
    /// How much of each cell is not zero, in 255ths; at least 1 if anything is.
    pub filled: Vec<u8>,
    /// How much of each cell is not as the data segments of the input make it, in 255ths; at least 1 if anything is.
    pub changed: Vec<u8>,
    /// What depends on which source: bit N for the N-th of [`super::Audit::varied`] that has ranges, bit 30 for all
    /// from the 31st on.
    pub tainted: Vec<u32>,
    /// What each cell belongs to, mostly: an index into `owners`.
    pub owner: Vec<u16>,
    /// The owners.
    pub owners: Vec<String>,
}

/// Cells of one memory, at most.
const CELLS: u64 = 16384;

/// Bytes in a cell, at least.
const SMALLEST: u64 = 32;

/// The memories of a snapshot.
pub fn maps(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<MemoryMap> {
    let symbols = Symbols::of(module);
    let layout = Layout::of(module, &Code::of(module), snapshot, symbols.end_of_variables());
    let ledger = Ledger::default();
    of(&Scene::new(module, snapshot, &ledger, &symbols, &layout), &[])
}

/// Sources that the bits of [`MemoryMap::tainted`] can tell apart. JavaScript has signed integers of 32 bits.
const MOST: usize = 31;

/// What each bit of [`MemoryMap::tainted`] stands for: those that something depends on.
pub(super) fn legend(varied: &[Varied]) -> Vec<String> {
    let hit: Vec<&Varied> = varied.iter().filter(|varied| !varied.ranges.is_empty()).collect();
    let shown = if hit.len() > MOST { MOST - 1 } else { hit.len() };
    let mut names: Vec<String> = hit[..shown].iter().map(|varied| varied.source.clone()).collect();
    if shown < hit.len() {
        names.push(format!("one of {} others", hit.len() - shown));
    }
    names
}

pub(super) fn of(scene: &Scene<'_>, varied: &[Varied]) -> Vec<MemoryMap> {
    let memories = (0u32..).zip(&scene.snapshot.memories).filter(|(_, state)| state.size > 0);
    memories.map(|(memory, state)| map(scene, varied, memory, state.size)).collect()
}

fn map(scene: &Scene<'_>, varied: &[Varied], memory: u32, size: u64) -> MemoryMap {
    let cell = size.div_ceil(CELLS).next_power_of_two().max(SMALLEST);
    let count = size.div_ceil(cell) as usize;
    let mut filled = vec![0u64; count];
    for (start, bytes) in scene.contents[memory as usize].stretches() {
        for (address, _) in (start..).zip(bytes).filter(|(_, byte)| **byte != 0) {
            filled[(address / cell) as usize] += 1;
        }
    }
    let mut changed = vec![0u64; count];
    let input = input_image(scene, memory, size);
    let image = &scene.snapshot.memories[memory as usize].image;
    for range in segments::difference(image, &input, size) {
        each_cell(range.start, range.end, cell, |index, bytes| changed[index] += bytes);
    }
    let mut tainted = vec![0u32; count];
    let hit = varied.iter().filter(|varied| !varied.ranges.is_empty());
    for (bit, varied) in hit.enumerate().map(|(at, varied)| (at.min(MOST - 1), varied)) {
        for &(other, start, end) in &varied.ranges {
            if other == memory {
                each_cell(start, end.min(size), cell, |index, _| tainted[index] |= 1 << bit);
            }
        }
    }
    let mut owners: Vec<String> = Vec::new();
    let mut known: HashMap<String, u16> = HashMap::new();
    let owner = (0..count as u64).map(|index| {
        let name = cell_owner(scene, memory, index * cell, cell);
        *known.entry(name).or_insert_with_key(|name| {
            owners.push(name.clone());
            (owners.len() - 1).min(usize::from(u16::MAX)) as u16
        })
    });
    let owner = owner.collect();
    let share = |bytes: Vec<u64>| {
        let share = |bytes: u64| if bytes == 0 { 0 } else { (bytes * 255 / cell).clamp(1, 255) as u8 };
        bytes.into_iter().map(share).collect()
    };
    MemoryMap { memory, size, cell, filled: share(filled), changed: share(changed), tainted, owner, owners }
}

/// Calls `visit` with every cell that `start..end` touches, and the bytes in it.
fn each_cell(start: u64, end: u64, cell: u64, mut visit: impl FnMut(usize, u64)) {
    let mut at = start;
    while at < end {
        let next = ((at / cell + 1) * cell).min(end);
        visit((at / cell) as usize, next - at);
        at = next;
    }
}

/// The variables in a cell, or what else it is.
fn cell_owner(scene: &Scene<'_>, memory: u32, start: u64, cell: u64) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<String> = Vec::new();
    let mut more = 0;
    let mut at = start;
    while memory == 0 && at < start + cell {
        if let Owner::Variable(name) = scene.owner(memory, at) {
            if names.len() < SHOWN { names.push(name) } else { more += 1 }
        }
        at = scene.symbols.boundary(at);
    }
    names.dedup();
    match (names.is_empty(), more) {
        (true, _) if memory != 0 => String::new(),
        (true, _) => scene.owner(memory, start).to_string(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}
