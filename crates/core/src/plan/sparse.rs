//! A memory whose data lies in very many small islands: one passive segment of records, which a loop in the start function
//! copies to where they belong.

use crate::snapshot::{Image, MemoryState};
use std::ops::Range;

/// Data of one memory as records: the gap before the island, its length, its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseData {
    /// Memory index.
    pub memory: u32,
    /// The islands, in order, none in the scratch bytes. Each fits one record.
    pub islands: Vec<Range<u64>>,
    /// Bytes that a gap takes in a record: 1, 2 or 4.
    pub gap_width: u32,
    /// Bytes that a length takes in a record: 1, 2 or 4.
    pub len_width: u32,
}

/// Bytes at the start of the memory where the loop reads gap and length of each record. It puts back what was there, so
/// their own contents are written before it.
pub const SCRATCH: u64 = 8;

/// What a record costs, in bytes of file, on the engine that runs it slowest: two calls of `memory.init` and some
/// instructions, some 0.3 µs, in which the fastest engine loads so many bytes.
const RECORD_COST: u64 = 256;

/// What a loop in a start function costs, in bytes of file.
const LOOP_COST: u64 = 1 << 20;

const WIDTHS: [u32; 3] = [1, 2, 4];

impl SparseData {
    /// The records for `islands` with the widths that need the fewest bytes; `None` where the memory is too small for the
    /// scratch bytes, or has nothing behind them.
    pub fn of(memory: u32, islands: &[Range<u64>], state: &MemoryState<'_>) -> Option<SparseData> {
        if state.size < SCRATCH {
            return None;
        }
        let clipped = islands
            .iter()
            .map(|island| island.start.max(SCRATCH)..island.end.max(SCRATCH))
            .filter(|island| !island.is_empty());
        // The loop copies one record before it looks whether there are more.
        clipped.clone().next()?;
        let data: u64 = clipped.clone().map(|island| island.end - island.start).sum();
        let pairs = WIDTHS.iter().flat_map(|gap| WIDTHS.iter().map(move |len| (*gap, *len)));
        // Counted first: a list of them can be as large as the memory.
        let bytes = |(gap_width, len_width): &(u32, u32)| {
            let mut count = 0;
            each_record(clipped.clone(), (max_of(*gap_width), max_of(*len_width)), |_| count += 1);
            data + count * u64::from(gap_width + len_width)
        };
        let (gap_width, len_width) = pairs.min_by_key(bytes)?;
        let mut islands = Vec::with_capacity(islands.len());
        each_record(clipped, (max_of(gap_width), max_of(len_width)), |record| islands.push(record));
        Some(SparseData { memory, islands, gap_width, len_width })
    }

    /// Bytes of the segment.
    pub fn bytes(&self) -> u64 {
        let header = u64::from(self.gap_width + self.len_width);
        self.islands.iter().map(|island| header + island.end - island.start).sum()
    }

    /// Whether this form is worth its loop, against one that writes so many bytes.
    pub fn is_worth(&self, other: u64) -> bool {
        is_less(self.islands.len() as u64, self.bytes(), other) && self.fits()
    }

    /// Whether it could be, without cutting the records: there is at least one for each island that is not in the scratch
    /// bytes, and it has at least two bytes besides its own.
    pub fn may_be_worth(islands: &[Range<u64>], other: u64) -> bool {
        let records = (islands.len() as u64).saturating_sub(SCRATCH);
        let data: u64 = islands.iter().map(|island| island.end - island.start).sum();
        is_less(records, data.saturating_sub(SCRATCH).saturating_add(2 * records), other)
    }

    /// Whether the segment is one that can be written.
    pub fn fits(&self) -> bool {
        self.bytes() <= crate::segments::MAX_SEGMENT_LENGTH
    }

    /// Appends the segment's contents.
    pub fn append_to(&self, image: &Image<'_>, out: &mut Vec<u8>) {
        let mut end = SCRATCH;
        for island in &self.islands {
            let number = |value: u64, width: u32| value.to_le_bytes().into_iter().take(width as usize);
            out.extend(number(island.start - end, self.gap_width));
            out.extend(number(island.end - island.start, self.len_width));
            image.append_to(island.start, island.end, out);
            end = island.end;
        }
    }
}

fn is_less(records: u64, bytes: u64, other: u64) -> bool {
    let loop_cost = RECORD_COST.saturating_mul(records).saturating_add(LOOP_COST);
    bytes.saturating_add(loop_cost) < other
}

fn max_of(width: u32) -> u64 {
    (1 << (8 * width)) - 1
}

/// Gives `found` the islands cut so that each fits a record; a gap that is too wide for one becomes records without bytes.
fn each_record(
    islands: impl Iterator<Item = Range<u64>>,
    (max_gap, max_len): (u64, u64),
    mut found: impl FnMut(Range<u64>),
) {
    let mut end = SCRATCH;
    for island in islands {
        while island.start - end > max_gap {
            end += max_gap;
            found(end..end);
        }
        let mut start = island.start;
        while start < island.end {
            let next = island.end.min(start + max_len);
            found(start..next);
            start = next;
        }
        end = island.end;
    }
}

#[cfg(test)]
mod tests {
    use super::{SparseData, each_record};
    use crate::snapshot::{Chunk, Image, MemoryState};
    use std::borrow::Cow;

    #[test]
    fn wide_gaps_and_long_islands_take_several_records() {
        let islands = [8..9, 300..900];
        let records = |islands: &[std::ops::Range<u64>], max_gap, max_len| {
            let mut records = Vec::new();
            each_record(islands.iter().cloned(), (max_gap, max_len), |record| records.push(record));
            records
        };
        assert_eq!(records(&islands, 255, 255), [8..9, 264..264, 300..555, 555..810, 810..900]);
        assert_eq!(records(&islands, 65535, 65535), islands);
    }

    #[test]
    fn nothing_but_the_first_bytes_needs_no_records() {
        let of = |islands: &[std::ops::Range<u64>], size| {
            let state = MemoryState { size, maximum: None, image: Image::new(Vec::new()), import: None };
            SparseData::of(0, islands, &state).map(|sparse| sparse.islands)
        };
        assert_eq!(of(&[0..1, 4..8], 65536), None);
        assert_eq!(of(&[], 65536), None);
        assert_eq!(of(&[0..1, 4..5], 7), None);
        assert_eq!(of(&[0..1, 4..9, 12..13], 65536), Some(vec![8..9, 12..13]));
    }

    #[test]
    fn the_first_bytes_are_kept_apart() {
        let chunk = Chunk { offset: 0, bytes: Cow::Borrowed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..]) };
        let state = MemoryState { size: 65536, maximum: None, image: Image::new(vec![chunk]), import: None };
        let sparse = SparseData::of(0, std::slice::from_ref(&(0..10)), &state).unwrap();
        assert_eq!(sparse.islands, std::slice::from_ref(&(8..10)));
        let mut out = Vec::new();
        sparse.append_to(&state.image, &mut out);
        assert_eq!(out, [0, 2, 9, 10]);
        assert_eq!(sparse.bytes(), 4);
    }

    #[test]
    fn what_is_worth_it_is_not_ruled_out_before() {
        let state = MemoryState { size: 1 << 32, maximum: None, image: Image::default(), import: None };
        let mut worth = 0;
        for step in [300, 600, 4096, 70_000] {
            for count in [2, 7000, 60_000] {
                let islands: Vec<_> = (0..count).map(|k| k * step..k * step + 1 + k % 3).collect();
                let sparse = SparseData::of(0, &islands, &state).unwrap();
                for other in [0, 1 << 20, 1 << 22, 1 << 24, 1 << 26, count * step] {
                    assert!(!sparse.is_worth(other) || SparseData::may_be_worth(&islands, other));
                    worth += u32::from(sparse.is_worth(other));
                }
                assert!(!SparseData::may_be_worth(&islands, 0));
            }
        }
        assert!(worth > 10, "{worth}");
    }
}
