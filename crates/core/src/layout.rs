//! How a snapshot's data is laid out: in the fewest bytes, or so that Wasmtime maps the memories copy-on-write.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::segments::{MAX_SEGMENT_LENGTH, cut_long};
use serde::Serialize;
use std::ops::Range;

/// Wasmtime maps a memory whose data spans less than this, however thin the data is. It is the default of its
/// `Config::memory_guaranteed_dense_image_size`.
pub const ALWAYS_MAPPED_SPAN: u64 = 16 << 20;

/// Holes at least this large may part the data into what is mapped and what a start function copies.
const HOLE: u64 = 1 << 20;

/// Holes beyond this number, the smallest, part nothing: the search takes time quadratic in it.
const MAX_HOLES: usize = 500;

/// In *mappable*, a byte that every start copies weighs as much as this many bytes of padding: measured, a MiB that is
/// copied and touched takes 0.35 ms of every start; padding takes none, only room in the file.
const COPIED_BYTE: u64 = 16;

/// What a start function costs, in bytes of padding: the time of a call and of a copy's page faults, and an output
/// that has code of ours in it.
const START_FUNCTION: u64 = 1 << 20;

/// *auto* accepts one byte of padding for this many bytes of data.
const DATA_FOR_PADDING: u64 = 8;

/// The choice of a layout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// *sparse* for memories with more islands than load well, where that pays; *mappable* where it costs little: padding of up to an eighth of the data, and no start function. More would cost
    /// other engines more than what it saves in Wasmtime's, and make outputs start slower there than unpadded ones.
    #[default]
    Auto,
    /// The fewest bytes.
    Compact,
    /// Padded with zeros so that Wasmtime maps the memories. Where that takes very much, outlying data is written by a
    /// start function.
    Mappable,
    /// Records of gaps and bytes in one segment, which a start function copies: for data in very many small islands.
    Sparse,
}

/// Where the data of one memory goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// Active segments, in order.
    pub active: Vec<Range<u64>>,
    /// What a start function copies, in order.
    pub copied: Vec<Range<u64>>,
    /// Zeros that are written only to make the memory mappable.
    pub padding: u64,
}

impl Arrangement {
    /// The bytes that every start copies if the memory is mapped.
    pub fn copied_bytes(&self) -> u64 {
        bytes(&self.copied)
    }
}

/// Whether Wasmtime maps a memory of its own that is initialized by these segments, in order (`try_static_init` in
/// wasmtime-environ): they span less than twice their bytes, or less than [`ALWAYS_MAPPED_SPAN`].
pub fn is_mapped(segments: &[Range<u64>]) -> bool {
    let span = span(segments);
    span == 0 || span < 2 * bytes(segments) || span < ALWAYS_MAPPED_SPAN
}

/// From the first byte of the segments to their last.
pub fn span(segments: &[Range<u64>]) -> u64 {
    match segments {
        [first, .., last] => last.end - first.start,
        [only] => only.end - only.start,
        [] => 0,
    }
}

/// Whether *auto* accepts so much padding for so much data.
pub fn is_cheap(padding: u64, data: u64) -> bool {
    padding.saturating_mul(DATA_FOR_PADDING) <= data
}

/// The segments, padded so that they are mapped.
pub fn padded(segments: &[Range<u64>]) -> Arrangement {
    let needed = missing(span(segments), bytes(segments));
    Arrangement { active: fill(segments, needed), copied: Vec::new(), padding: needed }
}

/// The best way to have the memory mapped: one stretch of the data, padded as it needs, is mapped, and what lies before
/// and after it is copied by a start function. Padding weighs its bytes, copying sixteen times that, a start function a
/// MiB. Every stretch between two holes is tried.
pub fn mappable(segments: &[Range<u64>]) -> Arrangement {
    let parts = parts(segments);
    let total = bytes(segments);
    // Bytes of the parts before each, so that those of a stretch are a difference.
    let mut before = vec![0];
    for part in &parts {
        before.push(before[before.len() - 1] + bytes(&segments[part.clone()]));
    }
    let cost = |first: usize, last: usize| {
        let stretch = segments[parts[last].end - 1].end - segments[parts[first].start].start;
        let data = before[last + 1] - before[first];
        let copying = match total - data {
            0 => 0,
            copied => START_FUNCTION + copied.saturating_mul(COPIED_BYTE),
        };
        missing(stretch, data).saturating_add(copying)
    };
    let stretches = (0..parts.len()).flat_map(|first| (first..parts.len()).map(move |last| (first, last)));
    // The longest among the cheapest.
    let best = stretches.min_by_key(|&(first, last)| (cost(first, last), first + parts.len() - last));
    let Some((first, last)) = best else { return Arrangement::default() };
    let (start, end) = (parts[first].start, parts[last].end);
    Arrangement { copied: [&segments[..start], &segments[end..]].concat(), ..padded(&segments[start..end]) }
}

/// Index ranges of the segments between the largest holes.
fn parts(segments: &[Range<u64>]) -> Vec<Range<usize>> {
    let gap = |k: &usize| segments[*k].start - segments[*k - 1].end;
    let mut cuts: Vec<usize> = (1..segments.len()).filter(|k| gap(k) >= HOLE).collect();
    cuts.sort_by_key(|k| (std::cmp::Reverse(gap(k)), *k));
    cuts.truncate(MAX_HOLES);
    cuts.push(segments.len());
    cuts.sort_unstable();
    let mut start = 0;
    let part = |end| {
        let part = start..end;
        start = end;
        part
    };
    cuts.into_iter().map(part).filter(|part| !part.is_empty()).collect()
}

/// How many more bytes make data over this span dense enough.
fn missing(span: u64, data: u64) -> u64 {
    if span < ALWAYS_MAPPED_SPAN { 0 } else { (span / 2 + 1).saturating_sub(data) }
}

/// Adds `needed` zeros: the smallest gaps are closed first, because that saves a segment each and touches the fewest
/// pages that were untouched; the last gap is closed in part.
fn fill(segments: &[Range<u64>], mut needed: u64) -> Vec<Range<u64>> {
    let gap = |k: usize| segments[k].start - segments[k - 1].end;
    let mut gaps: Vec<usize> = (1..segments.len()).collect();
    gaps.sort_by_key(|&k| (gap(k), k));
    let mut fills = vec![0; segments.len()];
    for k in gaps {
        if needed == 0 {
            break;
        }
        fills[k] = gap(k).min(needed);
        needed -= fills[k];
    }
    let mut filled: Vec<Range<u64>> = Vec::with_capacity(segments.len());
    for (segment, fill) in segments.iter().zip(fills) {
        match filled.last_mut() {
            Some(last) if fill > 0 || last.end == segment.start => {
                last.end += fill;
                match last.end == segment.start {
                    true if segment.end - last.start <= MAX_SEGMENT_LENGTH => last.end = segment.end,
                    _ => filled.push(segment.clone()),
                }
            }
            _ => filled.push(segment.clone()),
        }
    }
    cut_long(filled)
}

fn bytes(segments: &[Range<u64>]) -> u64 {
    segments.iter().map(|segment| segment.end - segment.start).sum()
}
