//! Zeroes the free memory of a guest, by its own allocator: while memory may not grow, it gives away all that is free, from large
//! blocks to small ones; these are zeroed and given back. A program may do that itself at any time.
//!
//! The state that a failed attempt leaves is put back, and so nothing is left of it: no error number, and nothing of an allocator that
//! ends the program where there is no more.

use super::scrub_guest::{Block, Checkpoint, Guest};
use crate::error::Error;
use crate::execute::{Execution, Initialized};
use crate::guest::{AddressMap, CallGraph, static_data};
use crate::host::HostOptions;
use crate::inspect::is_snapshot;
use preinit_core::allocator::Allocator;
use preinit_core::capture::capture;
use preinit_core::module::Module;
use preinit_core::snapshot::{Image, Snapshot};
use serde::Serialize;
use std::collections::HashSet;
use std::ops::Range;

/// Why free memory cannot be zeroed.
///
/// ```
/// use preinit::{Error, NotScrubbed, Preinit};
///
/// let wasm = preinit::wat_to_wasm(br#"(module (memory 1) (func (export "preinit")))"#)?;
/// let error = Preinit::new().scrub(true).run(&wasm).unwrap_err();
/// assert!(matches!(error, Error::NotScrubbed(NotScrubbed::NoAllocator)), "{error}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotScrubbed {
    /// There are no functions that are known to allocate and to free.
    #[error(
        "no allocator was found among the module's exports and names: none of {}, with the types that these have",
        Allocator::NAMES
    )]
    NoAllocator,
    /// There is no memory.
    #[error("the module has no memory")]
    NoMemory,
    /// Other threads may use the memory.
    #[error("the memory is shared, and other threads may allocate at any time")]
    Shared,
    /// Functions of others may be called, which do something that cannot be undone.
    #[error(
        "other modules, or functions of the program that preinit is part of, provide imports, and what they do cannot be undone"
    )]
    Others,
    /// A block is not free.
    #[error("the allocator returned {size} bytes at {address:#x}, where {what}")]
    InUse {
        /// Its address.
        address: u64,
        /// How many bytes were asked for.
        size: u64,
        /// What is there.
        what: &'static str,
    },
    /// The same call in the same state has another result.
    #[error("the allocator returned something else when it was asked again in the same state")]
    Moody,
    /// A block could not be given back.
    #[error("a block could not be freed: {0}")]
    Free(String),
    /// What was given back is not free again.
    #[error(
        "of {first} bytes that were freed, only {again} could be allocated again: the allocator keeps what it is given back"
    )]
    Keeps {
        /// Bytes that were free first.
        first: u64,
        /// Bytes that were free afterwards.
        again: u64,
    },
    /// The state does not come to rest.
    #[error("allocating and freeing changes {0} other words each time, so it does more than that")]
    Restless(usize),
    /// Something else than memory has changed.
    #[error("allocating and freeing changed {0}")]
    State(&'static str),
    /// There was no time left.
    #[error("the time limit was reached")]
    Timeout,
    /// The engine refused something.
    #[error("{0}")]
    Engine(String),
}

/// What zeroing free memory has gained. It is left as it was where that would gain nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScrubReport {
    /// The function that allocates.
    pub allocator: String,
    /// Bytes of blocks that were free and are zero now; 0 if the state was left as it was.
    pub zeroed: u64,
    /// Bytes of memory 0 that were not zero.
    pub bytes_before: u64,
    /// Bytes of memory 0 that are not zero.
    pub bytes_after: u64,
    /// The size that memory 0 was deflated to, with the feature `embed`.
    pub deflated_before: Option<u64>,
    /// The size that memory 0 is deflated to, with the feature `embed`.
    pub deflated_after: Option<u64>,
}

/// The smallest block that is asked for.
const SMALLEST: u64 = 16;
/// The largest one: half of what addresses of 32 bits reach.
const LARGEST: u64 = 1 << 31;
/// More blocks than this are not collected.
const MOST_BLOCKS: usize = 1 << 22;
/// How often free memory is taken and given back until nothing changes any more.
const ROUNDS: usize = 6;
/// Words that may change each time at other places: an allocator counts something.
const RESTLESS_WORDS: usize = 8;

/// What the allocator of a module is, where its free memory can be zeroed at all.
pub(super) fn allocator(module: &Module<'_>, host: &HostOptions) -> Result<Allocator, NotScrubbed> {
    match module.memories.first() {
        None => return Err(NotScrubbed::NoMemory),
        Some(memory) if memory.shared => return Err(NotScrubbed::Shared),
        Some(_) => {}
    }
    check_others(host)?;
    Allocator::of(module).ok_or(NotScrubbed::NoAllocator)
}

/// Checks that nobody but preinit answers the module.
fn check_others(host: &HostOptions) -> Result<(), NotScrubbed> {
    match host.preloads.is_empty() && host.linker.is_none() {
        true => Ok(()),
        false => Err(NotScrubbed::Others),
    }
}

/// Zeroes the free memory of an instance that is initialized. If that gains nothing, the state stays as it was.
pub(crate) fn scrub(
    execution: Execution<'_>,
    allocator: &Allocator,
    initialized: &mut Initialized,
) -> Result<ScrubReport, Error> {
    let Execution { module, probed, limits, host, .. } = execution;
    // Prepared code runs with other options than those that it was prepared with.
    check_others(host)?;
    let state = |initialized: &mut Initialized| -> Result<Snapshot<'static>, Error> {
        Ok(capture(module, probed, &mut initialized.reader())?.into_owned())
    };
    let before = state(initialized)?;
    let mut guest = Guest::new((module, probed), allocator, initialized, limits)?;
    let first = guest.checkpoint(Vec::new());
    let zeroed = Rounds { guest: &mut guest, taken: taken(module, &before) }.run()?;
    drop(guest);
    let after = state(initialized)?;
    check_rest(&before, &after)?;
    let (before, after) = (measured(&before), measured(&after));
    let gains = match (before.deflated, after.deflated) {
        (Some(before), Some(after)) => after < before,
        _ => after.bytes < before.bytes,
    };
    if !gains {
        Guest::new((module, probed), allocator, initialized, limits)?.restore(&first)?;
    }
    let after = if gains { &after } else { &before };
    Ok(ScrubReport {
        allocator: allocator.name.clone(),
        zeroed: if gains { zeroed } else { 0 },
        bytes_before: before.bytes,
        bytes_after: after.bytes,
        deflated_before: before.deflated,
        deflated_after: after.deflated,
    })
}

struct Rounds<'r, 'g> {
    guest: &'r mut Guest<'g>,
    /// Where variables are, and nothing can be free.
    taken: Vec<Range<u64>>,
}

impl Rounds<'_, '_> {
    /// Takes and gives back until nothing changes. The number of bytes that were zeroed in the last round.
    fn run(&mut self) -> Result<u64, NotScrubbed> {
        let first = self.round()?;
        let mut places = HashSet::new();
        let mut more = 0;
        for _ in 0..ROUNDS {
            let before = self.guest.memory().to_vec();
            let again = self.round()?;
            // Another cut into blocks leaves a little more, or less.
            if again < first - first / 8 {
                return Err(NotScrubbed::Keeps { first, again });
            }
            // Lists of what is free may go round, in the same places.
            let changed = changed_words(&before, self.guest.memory());
            more = changed.filter(|place| places.insert(*place)).count();
            if more <= RESTLESS_WORDS {
                return Ok(again);
            }
        }
        Err(NotScrubbed::Restless(more))
    }

    /// Takes all that is free, zeroes it, and gives it back.
    fn round(&mut self) -> Result<u64, NotScrubbed> {
        let blocks = self.take_all()?;
        self.check(&blocks)?;
        for block in &blocks {
            self.guest.zero(block);
        }
        for block in blocks.iter().rev() {
            self.guest.free(block)?;
        }
        Ok(blocks.iter().map(|block| block.size).sum())
    }

    /// From large to small, until there is nothing left.
    fn take_all(&mut self) -> Result<Vec<Block>, NotScrubbed> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut checkpoint = self.guest.checkpoint(Vec::new());
        let mut size = (checkpoint.memory.len() as u64).clamp(SMALLEST, LARGEST).next_power_of_two() / 2;
        while size >= SMALLEST && blocks.len() < MOST_BLOCKS {
            let of_larger = blocks.len();
            while blocks.len() < MOST_BLOCKS {
                match self.guest.allocate(size)? {
                    Some(block) => blocks.push(block),
                    None => break,
                }
            }
            self.undo_failure(&checkpoint, &blocks[of_larger..])?;
            if blocks.len() > of_larger {
                checkpoint = self.guest.checkpoint(checkpoint.memory);
            }
            size /= 2;
        }
        Ok(blocks)
    }

    /// Goes back to where the last attempt had not failed yet: to `checkpoint`, and the allocations since then.
    fn undo_failure(&mut self, checkpoint: &Checkpoint, since: &[Block]) -> Result<(), NotScrubbed> {
        self.guest.restore(checkpoint)?;
        for block in since {
            if self.guest.allocate(block.size)?.as_ref() != Some(block) {
                return Err(NotScrubbed::Moody);
            }
        }
        Ok(())
    }

    /// Checks that blocks lie in memory, apart from each other and from variables.
    fn check(&self, blocks: &[Block]) -> Result<(), NotScrubbed> {
        let in_use = |block: &Block, what| {
            let Block { address, size } = *block;
            NotScrubbed::InUse { address, size, what }
        };
        let mut sorted: Vec<&Block> = blocks.iter().collect();
        sorted.sort_by_key(|block| block.address);
        let end = self.guest.memory().len() as u64;
        if let Some(block) = sorted.iter().find(|block| block.range().end > end || block.address % 4 != 0) {
            return Err(in_use(block, "no block can be"));
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].range().end > pair[1].address) {
            return Err(in_use(pair[1], "another block is"));
        }
        let overlaps = |block: &&&Block| {
            let block = block.range();
            self.taken.iter().any(|taken| taken.start < block.end && block.start < taken.end)
        };
        match sorted.iter().find(overlaps) {
            Some(block) => Err(in_use(block, "variables are")),
            None => Ok(()),
        }
    }
}

/// Where memory 0 has no free memory: below the heap, if it is known where that begins; otherwise where segments put data, unless
/// these are the state of an earlier snapshot, with the heap in it.
fn taken(module: &Module<'_>, state: &Snapshot<'_>) -> Vec<Range<u64>> {
    let addresses = AddressMap::of(module, &CallGraph::of(module), state, 0);
    if addresses.heap_is_known {
        return vec![Range { start: 0, end: addresses.heap_base }];
    }
    let data = static_data(module).into_iter().filter(|data| data.memory == 0 && !is_snapshot(module));
    let stack = addresses.stack.map(|stack| stack.low..stack.top);
    data.map(|data| data.range).chain(stack).collect()
}

/// The words that differ, by their numbers.
fn changed_words<'b>(before: &'b [u8], after: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let words = before.chunks(4).zip(after.chunks(4)).enumerate();
    words.filter(|(_, (before, after))| before != after).map(|(place, _)| place)
}

/// Checks that only the contents of memory 0 have changed.
fn check_rest(before: &Snapshot<'_>, after: &Snapshot<'_>) -> Result<(), NotScrubbed> {
    let sizes = |snapshot: &Snapshot<'_>| -> Vec<u64> {
        snapshot.memories.iter().map(|memory| memory.size).collect()
    };
    let checks = [
        (before.globals == after.globals, "a global"),
        (before.tables == after.tables, "a table"),
        (sizes(before) == sizes(after), "the size of a memory"),
        (before.memories.iter().skip(1).eq(after.memories.iter().skip(1)), "another memory"),
        (before.dropped_data == after.dropped_data, "a data segment"),
        (before.dropped_elements == after.dropped_elements, "an element segment"),
        (before.element_items == after.element_items && before.heap == after.heap, "an object"),
        (before.aliases == after.aliases, "an import"),
    ];
    match checks.into_iter().find(|(same, _)| !same) {
        Some((_, what)) => Err(NotScrubbed::State(what)),
        None => Ok(()),
    }
}

struct Measured {
    /// Bytes that are not zero.
    bytes: u64,
    /// How many they are when they are deflated, with the zeros between them.
    deflated: Option<u64>,
}

/// What memory 0 takes.
fn measured(snapshot: &Snapshot<'_>) -> Measured {
    let Some(memory) = snapshot.memories.first() else { return Measured { bytes: 0, deflated: None } };
    let nonzero = |bytes: &[u8]| bytes.iter().filter(|byte| **byte != 0).count() as u64;
    let chunks = memory.image.chunks();
    Measured {
        bytes: chunks.iter().map(|chunk| nonzero(&chunk.bytes)).sum(),
        deflated: deflated(&memory.image),
    }
}

#[cfg(feature = "embed")]
fn deflated(image: &Image<'_>) -> Option<u64> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(std::io::sink(), flate2::Compression::default());
    for chunk in image.chunks() {
        encoder.write_all(&chunk.bytes).ok()?;
    }
    encoder.try_finish().ok()?;
    Some(encoder.total_out())
}

#[cfg(not(feature = "embed"))]
fn deflated(_: &Image<'_>) -> Option<u64> {
    None
}
