//! Which bytes to write and how to cut them into data segments: exact for its cost model, the size of the file.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod cheapest;
mod runs;

pub use cheapest::cheapest;
pub(crate) use cheapest::cheapest_of;
pub use runs::{difference, each_difference, nonzero_runs};

use crate::engine_limits::DATA_SEGMENT_BYTES;
use std::collections::BTreeMap;
use std::ops::Range;

/// As many as are worth having. Beyond that the smallest gaps are filled: where an engine compiles code for each segment
/// (Wasmtime, for memories that it cannot map), one costs some 50 µs, more than the few zeros that it saves. Wizer
/// stops at the same number.
pub const GOOD_DATA_SEGMENTS: usize = 10_000;

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

pub(crate) fn cut_long(runs: Vec<Range<u64>>) -> Vec<Range<u64>> {
    if runs.iter().all(|run| run.end - run.start <= MAX_SEGMENT_LENGTH) {
        return runs;
    }
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
        let mut k = 0;
        segments.dedup_by(|segment, last| {
            k += 1;
            let is_closed = (segment.start - last.end, memory, k) <= widest;
            if is_closed {
                last.end = segment.end;
            }
            is_closed
        });
        segments.shrink_to_fit();
        *segments = cut_long(std::mem::take(segments));
    }
}

/// The last of the gaps that have to be closed so that `limit` segments are left, by width and place: its width, its
/// memory, and the segment after it. `None` if there are no more.
fn widest_closed(memories: &[Vec<Range<u64>>], limit: usize) -> Option<(u64, usize, usize)> {
    let count: usize = memories.iter().map(Vec::len).sum();
    let excess = count.checked_sub(limit).filter(|excess| *excess > 0)?;
    let mut gaps = Gaps::default();
    memories.iter().flat_map(|segments| widths(segments)).for_each(|width| gaps.add(width));
    let mut left = excess.min(gaps.count).checked_sub(1)?;
    let (width, _) = gaps.by_width().find(|(_, count)| {
        let is_it = left < *count;
        left -= if is_it { 0 } else { *count };
        is_it
    })?;
    let of_memory = |(memory, segments)| widths(segments).zip(1..).map(move |(width, k)| (width, memory, k));
    let as_wide = memories.iter().map(Vec::as_slice).enumerate().flat_map(of_memory);
    as_wide.filter(|(other, ..)| *other == width).nth(left)
}

/// The bytes that segments have after [`close_gaps`].
pub(crate) fn bytes_without_gaps(segments: &[Range<u64>], limit: usize) -> u64 {
    let mut gaps = Gaps::default();
    widths(segments).for_each(|width| gaps.add(width));
    let mut left = segments.len().saturating_sub(limit);
    let mut bytes: u64 = segments.iter().map(|segment| segment.end - segment.start).sum();
    for (width, count) in gaps.by_width() {
        let closed = count.min(left);
        bytes += width * closed as u64;
        left -= closed;
    }
    bytes
}

/// The widths of the gaps between segments.
fn widths(segments: &[Range<u64>]) -> impl Iterator<Item = u64> {
    segments.windows(2).map(|pair| pair[1].start - pair[0].end)
}

/// How many gaps there are of each width: few numbers, however many gaps.
#[derive(Default)]
struct Gaps {
    count: usize,
    narrow: Vec<usize>,
    wide: BTreeMap<u64, usize>,
}

impl Gaps {
    /// From this width on.
    const WIDE: u64 = 1 << 10;

    fn add(&mut self, width: u64) {
        self.count += 1;
        match width < Gaps::WIDE {
            true => {
                self.narrow.resize(Gaps::WIDE as usize, 0);
                self.narrow[width as usize] += 1;
            }
            false => *self.wide.entry(width).or_default() += 1,
        }
    }

    /// Widths and how many gaps have each, in order.
    fn by_width(&self) -> impl Iterator<Item = (u64, usize)> {
        let narrow = (0..).zip(self.narrow.iter().copied());
        narrow.chain(self.wide.iter().map(|(width, count)| (*width, *count)))
    }
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
