//! Zeroes the free memory of a guest, by its own allocator: while memory may not grow, it gives away all that is free, from large
//! blocks to small ones; these are zeroed and given back. A program may do that itself at any time.
//!
//! The state that a failed attempt leaves is put back, and so nothing is left of it: no error number, and nothing of an allocator that
//! ends the program where there is no more.

use super::not_scrubbed::NotScrubbed;
use super::scrub_guest::Guest;
use super::scrub_rounds::{Rounds, Scrubbed};
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

/// What zeroing free memory has gained. It is left as it was where that would gain nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScrubReport {
    /// The function that allocates.
    pub allocator: String,
    /// Bytes of blocks that the allocator gave away.
    pub free: u64,
    /// Bytes of blocks that were free and are zero now; 0 if the state was left as it was.
    pub zeroed: u64,
    /// How many bytes fewer can be allocated than before: a few for each block that was cut.
    pub lost: u64,
    /// Words that have changed outside of what is free: the allocator's own variables.
    pub changed_words: u64,
    /// Bytes of memory 0 that were not zero.
    pub bytes_before: u64,
    /// Bytes of memory 0 that are not zero.
    pub bytes_after: u64,
    /// The size that memory 0 was deflated to, with the feature `embed`.
    pub deflated_before: Option<u64>,
    /// The size that memory 0 is deflated to, with the feature `embed`.
    pub deflated_after: Option<u64>,
}

/// What the allocator of a module is, where its free memory can be zeroed at all.
pub(super) fn allocator(module: &Module<'_>, host: &HostOptions) -> Result<Allocator, NotScrubbed> {
    match module.memories.first() {
        None => return Err(NotScrubbed::NoMemory),
        Some(memory) if memory.shared => return Err(NotScrubbed::Shared),
        Some(_) => {}
    }
    check_others(host)?;
    let allocator = Allocator::of(module).ok_or(NotScrubbed::NoAllocator)?;
    check_variables(module)?;
    Ok(allocator)
}

/// Checks that nobody but preinit answers the module.
pub(crate) fn check_others(host: &HostOptions) -> Result<(), NotScrubbed> {
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
    check_others(host)?;
    let state = |initialized: &mut Initialized| -> Result<Snapshot<'static>, Error> {
        Ok(capture(module, probed, &mut initialized.reader())?.into_owned())
    };
    let before = state(initialized)?;
    let mut guest = Guest::new((module, probed), allocator, initialized, limits)?;
    let first = guest.checkpoint(Vec::new());
    let done = Rounds::new(&mut guest, taken(module, &before)).run(&first)?;
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
    let free = done.zeroed;
    let Scrubbed { zeroed, lost, changed_words } = if gains { done } else { Scrubbed::default() };
    Ok(ScrubReport {
        allocator: allocator.name.clone(),
        free,
        zeroed,
        lost,
        changed_words,
        bytes_before: before.bytes,
        bytes_after: after.bytes,
        deflated_before: before.deflated,
        deflated_after: after.deflated,
    })
}

/// Where memory 0 has no free memory: below the heap, as far as it is known where that begins, where segments put data, and on the stack.
/// The segments of a snapshot are the state, with the heap in it.
fn taken(module: &Module<'_>, state: &Snapshot<'_>) -> Vec<Range<u64>> {
    let addresses = AddressMap::of(module, &CallGraph::of(module), state, 0);
    let below = addresses.heap_is_known.then_some(0..addresses.heap_base);
    let data = static_data(module).into_iter().filter(|data| data.memory == 0 && !is_snapshot(module));
    let stack = addresses.stack.map(|stack| stack.low..stack.top);
    data.map(|data| data.range).chain(below).chain(stack).collect()
}

/// Checks that it is known where variables are.
fn check_variables(module: &Module<'_>) -> Result<(), NotScrubbed> {
    let placed: HashSet<u32> = static_data(module).into_iter().map(|data| data.segment).collect();
    let is_placed = |segment| placed.contains(&segment);
    let mut segments = (0u32..).zip(&module.data).filter(|(_, data)| !data.bytes.is_empty());
    let why = match segments.find(|(segment, _)| !is_placed(*segment)) {
        _ if module.heap_base().is_some() => return Ok(()),
        _ if is_snapshot(module) => "the segments of a snapshot hold its heap, too",
        Some((_, data)) if data.is_passive() => "code puts a data segment somewhere",
        Some(_) => "the address of a data segment is not constant",
        None => return Ok(()),
    };
    Err(NotScrubbed::Variables(why))
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
