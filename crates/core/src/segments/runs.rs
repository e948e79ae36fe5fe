//! The stretches of memories that have to be written.

use super::HeaderCost;
use crate::parallel;
use crate::snapshot::{Chunk, Image};
use std::ops::Range;

/// Pieces that are scanned by one thread; fixed, so that the result does not depend on the number of threads.
const SCAN_PIECE: usize = 1 << 20;

/// The stretches of `image` that are not zero, except for gaps too small to be worth a segment boundary.
pub fn nonzero_runs(image: &Image<'_>, cost: HeaderCost) -> Vec<Range<u64>> {
    let pieces: Vec<(u64, &[u8])> = image.chunks().iter().flat_map(pieces).collect();
    let scanned = parallel::map(pieces, |(base, bytes)| scan(base, bytes, |next| cost.negligible_gap(next)));
    join(scanned, |next| cost.negligible_gap(next))
}

/// The exact stretches of `0..end` in which two images differ; no byte that is equal is inside one.
pub fn difference(a: &Image<'_>, b: &Image<'_>, end: u64) -> Vec<Range<u64>> {
    let mut runs = Vec::new();
    each_difference(a, b, end, |run| runs.push(run));
    runs
}

/// Gives `found` these stretches one by one: a list of them can be eight times as large as the images.
pub fn each_difference(a: &Image<'_>, b: &Image<'_>, end: u64, mut found: impl FnMut(Range<u64>)) {
    /// Blocks whose stretches are listed at a time.
    const AT_ONCE: usize = 16;
    let block = SCAN_PIECE as u64;
    let blocks_of = |chunk: &Chunk<'_>| chunk.offset / block..chunk.end().div_ceil(block);
    let mut blocks: Vec<u64> = a.chunks().iter().chain(b.chunks()).flat_map(blocks_of).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let scan_block = |k: u64| {
        let range = (k * block).min(end)..((k + 1) * block).min(end);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        a.append_to(range.start, range.end, &mut left);
        b.append_to(range.start, range.end, &mut right);
        left.iter_mut().zip(&right).for_each(|(left, right)| *left ^= right);
        scan(range.start, &left, |_| 0)
    };
    let mut open: Option<Range<u64>> = None;
    for blocks in blocks.chunks(AT_ONCE) {
        for run in parallel::map(blocks.to_vec(), scan_block).into_iter().flatten() {
            match &mut open {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => open.replace(run).into_iter().for_each(&mut found),
            }
        }
    }
    open.into_iter().for_each(found);
}

fn pieces<'i>(chunk: &'i Chunk<'_>) -> impl Iterator<Item = (u64, &'i [u8])> {
    let offset = chunk.offset;
    let piece = move |(k, bytes)| (offset + (k * SCAN_PIECE) as u64, bytes);
    chunk.bytes.chunks(SCAN_PIECE).enumerate().map(piece)
}

/// The stretches of `bytes`, which are at `base`, that are not zero; near ones are joined.
fn scan(base: u64, bytes: &[u8], negligible_gap: impl Fn(u64) -> u64) -> Vec<Range<u64>> {
    // Offsets in the middle have headers that are as long as those at one of the ends, or longer.
    let last = base + (bytes.len() as u64).saturating_sub(1);
    let closing = Closing { gap: negligible_gap(base).min(negligible_gap(last)).min(Closing::MAX) as u32 };
    let mut runs: Vec<Range<u64>> = Vec::new();
    // Where the run began that is not over yet.
    let mut open: Option<usize> = None;
    let mut blocks = bytes.chunks(64);
    let (mut before, mut here) = (0, blocks.next().map_or(0, nonzero_bytes));
    for k in 0..bytes.len().div_ceil(64) {
        let after = blocks.next().map_or(0, nonzero_bytes);
        let mut nonzero = closing.close(before, here, after);
        (before, here) = (here, after);
        loop {
            let start = match open {
                Some(start) => start,
                None if nonzero == 0 => break,
                None => {
                    let first = nonzero.trailing_zeros();
                    // What lies before it is done.
                    nonzero |= (1 << first) - 1;
                    *open.insert(k * 64 + first as usize)
                }
            };
            let end = (!nonzero).trailing_zeros();
            if end == 64 {
                break;
            }
            extend_or_push(
                &mut runs,
                base + start as u64..base + (k * 64) as u64 + u64::from(end),
                &negligible_gap,
            );
            open = None;
            nonzero &= !((1 << end) - 1);
        }
    }
    if let Some(start) = open {
        extend_or_push(&mut runs, base + start as u64..base + bytes.len() as u64, &negligible_gap);
    }
    runs
}

/// Fills gaps that nobody would keep, all of a block at once: most gaps are so short that one at a time takes long.
#[derive(Clone, Copy)]
struct Closing {
    /// Zeros between two bits that are filled.
    gap: u32,
}

impl Closing {
    /// What is seen of the blocks on both sides.
    const MAX: u64 = 16;

    /// The bits of `here` with the gaps closed between them, and those to the bits of the blocks on both sides.
    fn close(self, before: u64, here: u64, after: u64) -> u64 {
        if here == 0 || here == u64::MAX || self.gap == 0 {
            return here;
        }
        const SEEN: u32 = Closing::MAX as u32;
        let outside = u128::from(before >> (64 - SEEN)) | u128::from(after) << (64 + SEEN);
        let mut bits = outside | u128::from(here) << SEEN;
        // Every bit reaches over a gap to what follows, and what nothing follows is taken back.
        self.reaches(|distance| bits |= bits << distance);
        self.reaches(|distance| bits &= bits >> distance);
        (bits >> SEEN) as u64
    }

    /// Distances that add up to the gap, each at most one more than all before.
    fn reaches(self, mut reach: impl FnMut(u32)) {
        let mut reached = 0;
        while reached < self.gap {
            let distance = (reached + 1).min(self.gap - reached);
            reach(distance);
            reached += distance;
        }
    }
}

/// A bit for each of up to 64 bytes, the first in the lowest: whether it is not zero.
fn nonzero_bytes(block: &[u8]) -> u64 {
    // Multiplied by this, the lowest bits of eight bytes come to stand side by side in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let Some(block) = block.first_chunk::<64>() else {
        let mut filled = [0; 64];
        filled[..block.len()].copy_from_slice(block);
        return nonzero_bytes(&filled);
    };
    let nonzero = block.map(|byte| u8::from(byte != 0));
    let words = nonzero.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.enumerate().fold(0, |mask, (k, word)| mask | (word.wrapping_mul(GATHER) >> 56) << (8 * k))
}

fn join(scanned: Vec<Vec<Range<u64>>>, negligible_gap: impl Fn(u64) -> u64) -> Vec<Range<u64>> {
    let mut runs = Vec::with_capacity(scanned.iter().map(Vec::len).sum());
    for run in scanned.into_iter().flatten() {
        extend_or_push(&mut runs, run, &negligible_gap);
    }
    runs
}

fn extend_or_push(runs: &mut Vec<Range<u64>>, run: Range<u64>, negligible_gap: &impl Fn(u64) -> u64) {
    match runs.last_mut() {
        Some(last) if run.start - last.end <= negligible_gap(run.start) => last.end = run.end,
        _ => runs.push(run),
    }
}
