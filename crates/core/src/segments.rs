//! Which bytes to write and how to cut them into data segments: exact for its cost model, the size of the file.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::engine_limits::DATA_SEGMENT_BYTES;
use crate::parallel;
use crate::snapshot::{Chunk, Image};
use std::collections::VecDeque;
use std::ops::Range;

/// As many as are worth having. Beyond that the smallest gaps are filled: where an engine compiles code for each segment
/// (Wasmtime, for memories that it cannot map), one costs some 50 µs, more than the few zeros that it saves. Wizer
/// stops at the same number.
pub const GOOD_DATA_SEGMENTS: usize = 10_000;

/// Pieces that are scanned by one thread; fixed, so that the result does not depend on the number of threads.
const SCAN_PIECE: usize = 1 << 20;

/// Longer runs are cut.
pub(crate) const MAX_SEGMENT_LENGTH: u64 = DATA_SEGMENT_BYTES.most;

/// What the header of an active data segment of one memory costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderCost {
    /// Memory index.
    pub memory: u32,
    /// Whether offsets are `i64.const`.
    pub memory64: bool,
}

impl HeaderCost {
    /// Bytes of a segment at `offset` except for its size and its contents: flags, memory index, offset expression.
    pub fn bytes(&self, offset: u64) -> u64 {
        let index = if self.memory == 0 { 0 } else { leb_width(u64::from(self.memory)) };
        1 + index + 2 + self.offset_width(offset)
    }

    fn offset_width(&self, offset: u64) -> u64 {
        let value = if self.memory64 { offset as i64 } else { i64::from(offset as u32 as i32) };
        let magnitude = if value < 0 { !value } else { value } as u64;
        u64::from((64 - magnitude.leading_zeros() + 1).div_ceil(7))
    }

    /// A gap that is never worth a header of its own, whatever lies around it: merging two segments never makes the
    /// LEB of their joint size wider than the two together.
    fn negligible_gap(&self, next: u64) -> u64 {
        self.bytes(next)
    }
}

fn leb_width(value: u64) -> u64 {
    u64::from((64 - value.leading_zeros()).max(1).div_ceil(7))
}

/// The stretches of `image` that are not zero, except for gaps too small to be worth a segment boundary.
pub fn nonzero_runs(image: &Image<'_>, cost: HeaderCost) -> Vec<Range<u64>> {
    let pieces: Vec<(u64, &[u8])> = image.chunks().iter().flat_map(pieces).collect();
    let scanned = parallel::map(pieces, |(base, bytes)| scan(base, bytes, |next| cost.negligible_gap(next)));
    join(scanned, |next| cost.negligible_gap(next))
}

/// The exact stretches of `0..end` in which two images differ; no byte that is equal is inside one.
pub fn difference(a: &Image<'_>, b: &Image<'_>, end: u64) -> Vec<Range<u64>> {
    let block = SCAN_PIECE as u64;
    let blocks_of = |chunk: &Chunk<'_>| chunk.offset / block..chunk.end().div_ceil(block);
    let mut blocks: Vec<u64> = a.chunks().iter().chain(b.chunks()).flat_map(blocks_of).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let scanned = parallel::map(blocks, |k| {
        let range = (k * block).min(end)..((k + 1) * block).min(end);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        a.append_to(range.start, range.end, &mut left);
        b.append_to(range.start, range.end, &mut right);
        left.iter_mut().zip(&right).for_each(|(left, right)| *left ^= right);
        scan(range.start, &left, |_| 0)
    });
    join(scanned, |_| 0)
}

fn pieces<'i>(chunk: &'i Chunk<'_>) -> impl Iterator<Item = (u64, &'i [u8])> {
    let offset = chunk.offset;
    let piece = move |(k, bytes)| (offset + (k * SCAN_PIECE) as u64, bytes);
    chunk.bytes.chunks(SCAN_PIECE).enumerate().map(piece)
}

fn scan(base: u64, bytes: &[u8], negligible_gap: impl Fn(u64) -> u64) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    // Where the run began that is not over yet.
    let mut open: Option<usize> = None;
    for (k, block) in bytes.chunks(64).enumerate() {
        let mut nonzero = nonzero_bytes(block);
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

/// A bit for each of up to 64 bytes, the first in the lowest: whether it is not zero.
fn nonzero_bytes(block: &[u8]) -> u64 {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Multiplied by this, the lowest bits of eight bytes come to stand side by side in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let bits = |word: [u8; 8]| {
        let word = u64::from_le_bytes(word);
        let nonzero = ((word & !HIGH).wrapping_add(!HIGH) | word) & HIGH;
        (nonzero >> 7).wrapping_mul(GATHER) >> 56
    };
    let (words, rest) = block.as_chunks::<8>();
    let mask = words.iter().enumerate().fold(0, |mask, (k, &word)| mask | bits(word) << (8 * k));
    if rest.is_empty() {
        return mask;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mask | bits(last) << (8 * words.len())
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

/// Cuts `runs` into the segments that make the file smallest, and among those into the fewest.
///
/// A gap that is longer than any header is a boundary in every best encoding, so what lies between two of them is
/// planned by itself.
pub fn cheapest(runs: &[Range<u64>], cost: HeaderCost) -> Vec<Range<u64>> {
    /// A segment's size takes at most so many bytes.
    const MAX_SIZE_WIDTH: u64 = 5;
    /// Runs that are planned by one thread; groups are not cut, so that the result does not depend on this.
    const BATCH: usize = 1 << 14;
    let runs = cut_long(runs);
    let parts_here =
        |pair: &[Range<u64>]| pair[1].start - pair[0].end > cost.bytes(pair[1].start) + MAX_SIZE_WIDTH;
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for k in 1..runs.len() {
        if parts_here(&runs[k - 1..=k]) {
            groups.push(start..k);
            start = k;
        }
    }
    groups.push(start..runs.len());
    let batches: Vec<&[Range<usize>]> = groups.chunks(BATCH).collect();
    let planned = parallel::map(batches, |batch| {
        let mut segments = Vec::new();
        for group in batch {
            match &runs[group.clone()] {
                [only] => segments.push(only.clone()),
                several => cheapest_of_group(several, cost, &mut segments),
            }
        }
        segments
    });
    planned.concat()
}

/// A dynamic program over the runs: the cheapest encoding of the first `i` runs ends with one segment over runs
/// `j..i`. For each width of the size LEB the admissible `j` are a window that only moves forward, so the minimum over
/// it is kept in a monotone queue and the whole takes time linear in the number of runs.
fn cheapest_of_group(runs: &[Range<u64>], cost: HeaderCost, segments: &mut Vec<Range<u64>>) {
    /// Largest size that a LEB of 1, 2, 3, 4, 5 bytes can say, the last cut to what a segment may be.
    const CAPACITY: [u64; 5] =
        [(1 << 7) - 1, (1 << 14) - 1, (1 << 21) - 1, (1 << 28) - 1, MAX_SEGMENT_LENGTH];
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return };
    // Wider sizes than that of the whole are of no use.
    let span = last.end - first.start;
    let widths = CAPACITY.iter().position(|&capacity| span <= capacity).map_or(CAPACITY.len(), |at| at + 1);
    // (bytes, segments) of the best encoding of the first i runs, and where its last segment begins
    let mut best: Vec<(i64, usize)> = Vec::with_capacity(runs.len() + 1);
    best.push((0, 0));
    let mut begins: Vec<usize> = Vec::with_capacity(runs.len());
    let mut windows: [VecDeque<(i64, usize, usize)>; 5] = Default::default();
    for (i, run) in runs.iter().enumerate() {
        let (bytes, count) = best[i];
        let key = bytes + cost.bytes(run.start) as i64 - run.start as i64;
        let mut chosen: Option<(i64, usize, usize)> = None;
        for (width, window) in (1i64..).zip(&mut windows[..widths]) {
            while window.back().is_some_and(|&(k, s, _)| (k, s) > (key, count)) {
                window.pop_back();
            }
            window.push_back((key, count, i));
            let capacity = CAPACITY[width as usize - 1];
            while window.front().is_some_and(|&(_, _, j)| run.end - runs[j].start > capacity) {
                window.pop_front();
            }
            if let Some(&(key, count, j)) = window.front() {
                let candidate = (key + width + run.end as i64, count + 1, j);
                chosen = Some(chosen.map_or(candidate, |chosen| chosen.min(candidate)));
            }
        }
        // A run alone always fits the widest window, so something was chosen.
        let (bytes, count, begin) = chosen.unwrap_or((bytes, count, i));
        best.push((bytes, count));
        begins.push(begin);
    }
    let planned = segments.len();
    let mut end = runs.len();
    while end > 0 {
        let begin = begins[end - 1];
        segments.push(runs[begin].start..runs[end - 1].end);
        end = begin;
    }
    segments[planned..].reverse();
}

pub(crate) fn cut_long(runs: &[Range<u64>]) -> Vec<Range<u64>> {
    let cut = |run: &Range<u64>| {
        let (start, end) = (run.start, run.end);
        let starts = (start..end).step_by(MAX_SEGMENT_LENGTH as usize);
        starts.map(move |start| start..end.min(start + MAX_SEGMENT_LENGTH))
    };
    runs.iter().flat_map(cut).collect()
}

/// Brings the number of segments of all memories together down to `limit` by closing the smallest gaps.
pub fn close_gaps(memories: &mut [Vec<Range<u64>>], limit: usize) {
    let Some(widest) = widest_closed(memories, limit) else { return };
    for (memory, segments) in memories.iter_mut().enumerate() {
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(segments.len());
        for (k, segment) in segments.drain(..).enumerate() {
            match merged.last_mut() {
                Some(last) if (segment.start - last.end, memory, k) <= widest => last.end = segment.end,
                _ => merged.push(segment),
            }
        }
        *segments = cut_long(&merged);
    }
}

/// The last of the gaps that have to be closed so that `limit` segments are left, by width and place: its width, its
/// memory, and the segment after it. `None` if there are no more.
fn widest_closed(memories: &[Vec<Range<u64>>], limit: usize) -> Option<(u64, usize, usize)> {
    let count: usize = memories.iter().map(Vec::len).sum();
    let excess = count.checked_sub(limit).filter(|excess| *excess > 0)?;
    let gaps_of = |(memory, segments): (usize, &Vec<Range<u64>>)| {
        let gap = move |(k, pair): (usize, &[Range<u64>])| (pair[1].start - pair[0].end, memory, k + 1);
        segments.windows(2).enumerate().map(gap).collect::<Vec<_>>()
    };
    let mut gaps: Vec<(u64, usize, usize)> = memories.iter().enumerate().flat_map(gaps_of).collect();
    let last = excess.min(gaps.len()).checked_sub(1)?;
    Some(*gaps.select_nth_unstable(last).1)
}

/// The bytes that segments have after [`close_gaps`].
pub(crate) fn bytes_without_gaps(segments: &[Range<u64>], limit: usize) -> u64 {
    let mut gaps: Vec<u64> = segments.windows(2).map(|pair| pair[1].start - pair[0].end).collect();
    let excess = segments.len().saturating_sub(limit);
    if excess > 0 && excess < gaps.len() {
        gaps.select_nth_unstable(excess - 1);
    }
    let data: u64 = segments.iter().map(|segment| segment.end - segment.start).sum();
    data + gaps.iter().take(excess).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::{bytes_without_gaps, close_gaps};

    #[test]
    fn the_smallest_gaps_are_closed() {
        let segments = [0..2, 3..4, 10..11, 12..13, 40..50];
        for (limit, expected) in [
            (9, vec![0..2, 3..4, 10..11, 12..13, 40..50]),
            (4, vec![0..4, 10..11, 12..13, 40..50]),
            (3, vec![0..4, 10..13, 40..50]),
            (2, vec![0..13, 40..50]),
        ] {
            let mut closed = [segments.to_vec()];
            close_gaps(&mut closed, limit);
            assert_eq!(closed, [expected], "{limit}");
            let bytes: u64 = closed[0].iter().map(|range| range.end - range.start).sum();
            assert_eq!(bytes_without_gaps(&segments, limit), bytes, "{limit}");
        }
        for limit in [0, 1] {
            let mut closed = [segments.to_vec()];
            close_gaps(&mut closed, limit);
            let [[all]] = closed.each_ref().map(Vec::as_slice) else { panic!("{closed:?}") };
            assert_eq!((all, bytes_without_gaps(&segments, limit)), (&(0..50), 50));
        }
    }

    #[test]
    fn gaps_of_all_memories_count_together() {
        let mut memories = [vec![0..1, 5..6, 7..8], vec![0..1, 2..3, 9..10]];
        close_gaps(&mut memories, 4);
        assert_eq!(memories, [vec![0..1, 5..8], vec![0..3, 9..10]]);
    }
}
