//! A picture of a memory: cells of equal size, each with what is in it.

use crate::evidence::{Evidence, Owner, Symbols};
use crate::guest::{AddressMap, CallGraph, input_image};
use crate::host::Ledger;
use preinit_core::module::Module;
use preinit_core::segments;
use preinit_core::snapshot::Snapshot;
use serde::Serialize;
use std::collections::HashMap;

/// The cells of one memory, from address 0 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
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
    /// What depends on which source: bit N for the N-th source on which anything depends, bit 30 for all from the 31st on.
    pub tainted: Vec<u32>,
    /// What most of each cell belongs to: an index into `owners`.
    pub owner: Vec<u16>,
    /// The owners.
    pub owners: Vec<String>,
}

/// Cells of one memory, at most.
const CELLS: u64 = 16384;

/// Bytes in a cell, at least.
const SMALLEST: u64 = 32;

/// Sources that the bits of [`MemoryMap::tainted`] can distinguish. JavaScript has signed integers of 32 bits.
const MOST: usize = 31;

/// A memory, and the first and last address (exclusive) of a range in it.
pub(crate) type MemoryRange = (u32, u64, u64);

/// The memories of a snapshot.
pub(crate) fn memory_maps(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<MemoryMap> {
    let symbols = Symbols::of(module);
    let calls = CallGraph::of(module);
    let addresses = AddressMap::of(module, &calls, snapshot, symbols.end_of_variables());
    let ledger = Ledger::default();
    maps_of_evidence(&Evidence::new(module, snapshot, &ledger, &symbols, &addresses), &[])
}

/// What each bit of [`MemoryMap::tainted`] stands for, given the sources on which anything depends.
pub(crate) fn map_legend(sources: &[&str]) -> Vec<String> {
    let shown = if sources.len() > MOST { MOST - 1 } else { sources.len() };
    let mut names: Vec<String> = sources[..shown].iter().map(ToString::to_string).collect();
    if shown < sources.len() {
        names.push(format!("one of {} others", sources.len() - shown));
    }
    names
}

/// The memories. `tainted` are, for each source on which anything depends, the ranges that depend on it.
pub(crate) fn maps_of_evidence(evidence: &Evidence<'_>, tainted: &[&[MemoryRange]]) -> Vec<MemoryMap> {
    let memories = (0u32..).zip(&evidence.snapshot.memories).filter(|(_, state)| state.size > 0);
    memories.map(|(memory, state)| Grid::new(memory, state.size).map(evidence, tainted)).collect()
}

/// The cells of one memory.
#[derive(Clone, Copy)]
struct Grid {
    memory: u32,
    size: u64,
    /// Bytes in a cell.
    cell: u64,
    /// The number of cells.
    cells: usize,
}

impl Grid {
    fn new(memory: u32, size: u64) -> Grid {
        let cell = size.div_ceil(CELLS).next_power_of_two().max(SMALLEST);
        Grid { memory, size, cell, cells: size.div_ceil(cell) as usize }
    }

    fn map(self, evidence: &Evidence<'_>, tainted: &[&[MemoryRange]]) -> MemoryMap {
        let (owner, owners) = self.owners(evidence);
        MemoryMap {
            memory: self.memory,
            size: self.size,
            cell: self.cell,
            filled: self.shares(self.filled(evidence)),
            changed: self.shares(self.changed(evidence)),
            tainted: self.tainted(tainted),
            owner,
            owners,
        }
    }

    /// For each cell the bytes that are not zero.
    fn filled(self, evidence: &Evidence<'_>) -> Vec<u64> {
        let mut filled = vec![0u64; self.cells];
        for (start, bytes) in evidence.contents[self.memory as usize].stretches() {
            for (address, _) in (start..).zip(bytes).filter(|(_, byte)| **byte != 0) {
                filled[(address / self.cell) as usize] += 1;
            }
        }
        filled
    }

    /// For each cell the bytes that are not as in the input.
    fn changed(self, evidence: &Evidence<'_>) -> Vec<u64> {
        let mut changed = vec![0u64; self.cells];
        let input = input_image(evidence.module, self.memory, self.size);
        let image = &evidence.snapshot.memories[self.memory as usize].image;
        segments::each_difference(image, &input, self.size, |range| {
            self.each_cell(range.start, range.end, |index, bytes| changed[index] += bytes);
        });
        changed
    }

    fn tainted(self, ranges: &[&[MemoryRange]]) -> Vec<u32> {
        let mut tainted = vec![0u32; self.cells];
        for (bit, ranges) in ranges.iter().enumerate().map(|(at, ranges)| (at.min(MOST - 1), ranges)) {
            for &(_, start, end) in ranges.iter().filter(|(memory, ..)| *memory == self.memory) {
                self.each_cell(start, end.min(self.size), |index, _| tainted[index] |= 1 << bit);
            }
        }
        tainted
    }

    fn owners(self, evidence: &Evidence<'_>) -> (Vec<u16>, Vec<String>) {
        let mut owners: Vec<String> = Vec::new();
        let mut known: HashMap<String, u16> = HashMap::new();
        let owner = (0..self.cells as u64).map(|index| {
            let name = self.owner(evidence, index * self.cell);
            *known.entry(name).or_insert_with_key(|name| {
                owners.push(name.clone());
                (owners.len() - 1).min(usize::from(u16::MAX)) as u16
            })
        });
        (owner.collect(), owners)
    }

    /// The variables in the cell from `start` on, or what else it is.
    fn owner(self, evidence: &Evidence<'_>, start: u64) -> String {
        const SHOWN: usize = 4;
        if self.memory != 0 {
            return String::new();
        }
        let mut names: Vec<String> = Vec::new();
        let mut more = 0;
        let mut at = start;
        while at < start + self.cell {
            if let Owner::Variable(name) = evidence.owner(self.memory, at) {
                if names.len() < SHOWN { names.push(name) } else { more += 1 }
            }
            at = evidence.symbols.boundary(at);
        }
        names.dedup();
        match (names.is_empty(), more) {
            (true, _) => evidence.owner(self.memory, start).to_string(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// Bytes of each cell as 255ths of it, at least 1 if there are any.
    fn shares(self, bytes: Vec<u64>) -> Vec<u8> {
        let share = |bytes: u64| if bytes == 0 { 0 } else { (bytes * 255 / self.cell).clamp(1, 255) as u8 };
        bytes.into_iter().map(share).collect()
    }

    /// Calls `visit` with every cell that `start..end` touches, and the bytes in it.
    fn each_cell(self, start: u64, end: u64, mut visit: impl FnMut(usize, u64)) {
        let mut at = start;
        while at < end {
            let next = ((at / self.cell + 1) * self.cell).min(end);
            visit((at / self.cell) as usize, next - at);
            at = next;
        }
    }
}
