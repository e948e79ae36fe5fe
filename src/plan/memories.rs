use super::imports::Imports;
use super::slots::Slots;
use super::{DataSegment, PlanError, Step, Warning};
use crate::module::{Module, Space};
use crate::segments::{self, GOOD_DATA_SEGMENTS, HeaderCost, MAX_DATA_SEGMENTS};
use crate::snapshot::{MemoryState, Snapshot};
use std::ops::Range;
use wasmparser::MemoryType;

pub(super) struct Memories {
    pub memories: Vec<MemoryType>,
    pub data: Vec<DataSegment>,
    pub needs_data_count: bool,
    pub start: Vec<Step>,
    pub warnings: Vec<Warning>,
    /// The segment for the heap, if it needs one.
    pub heap: Option<u32>,
}

pub(super) fn plan(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    imports: &Imports,
    has_heap: bool,
) -> Result<Memories, PlanError> {
    let kept = if imports.internalize { 0 } else { module.imported.memories as usize };
    let mut written: Vec<Vec<Range<u64>>> = Vec::new();
    for (memory, state) in (0u32..).zip(&snapshot.memories) {
        let cost = HeaderCost { memory, memory64: module.memories[memory as usize].memory64 };
        written.push(match &state.import {
            Some(_) if imports.is_alias(Space::Memory, memory) => Vec::new(),
            Some(import) if (memory as usize) < kept => {
                segments::difference(&import.image, &state.image, state.size)
            }
            _ => segments::cheapest(&segments::nonzero_runs(&state.image, cost), cost),
        });
    }

    let held = module.code.highest_data.map_or(0, |highest| highest as usize + 1);
    // An empty one cannot be told from a dropped one; keeping it keeps its name.
    let is_empty = |k: usize| module.data[k].is_passive() && module.data[k].bytes.is_empty();
    let stays = |k: usize| is_empty(k) || !snapshot.dropped_data[k];
    let held: Vec<DataSegment> = (0..held)
        .map(|k| if stays(k) { DataSegment::Original(k as u32) } else { DataSegment::Empty })
        .collect();
    let originals = held.iter().filter(|segment| matches!(segment, DataSegment::Original(_))).count();
    let (in_imports, own) = written.split_at_mut(kept);
    let fixed = originals + in_imports.iter().map(Vec::len).sum::<usize>();
    segments::close_gaps(own, GOOD_DATA_SEGMENTS.saturating_sub(fixed.max(held.len())).max(1));

    let mut slots = Slots::new(held, |slot| *slot == DataSegment::Empty);
    let (mut start, mut warnings) = (Vec::new(), Vec::new());
    for ((memory, ranges), state) in (0u32..).zip(written).zip(&snapshot.memories) {
        let ty = &module.memories[memory as usize];
        if !ty.memory64 && ranges.last().is_some_and(|range| range.end > 1 << 31) {
            warnings.push(Warning::HighData { memory });
        }
        let handed_over = match &state.import {
            Some(import) if (memory as usize) < kept && !imports.is_alias(Space::Memory, memory) => {
                import.size
            }
            _ => state.size,
        };
        start.extend(growth(memory, ty, handed_over, state.size));
        for range in split_at(ranges, handed_over) {
            let Range { start: offset, end } = range;
            if offset < handed_over {
                slots.place(DataSegment::Active { memory, range }, |_| true);
                continue;
            }
            let data = slots.place(DataSegment::Passive { memory, range }, |_| true);
            let len = (end - offset) as u32;
            start.push(Step::InitMemory { memory, memory64: ty.memory64, data, offset, len });
        }
    }
    let heap = has_heap.then(|| slots.place(DataSegment::Heap, |_| true));
    let data = slots.into_segments();
    if data.len() > MAX_DATA_SEGMENTS {
        return Err(PlanError::TooManySegments(data.len()));
    }
    let defined = module.memories.iter().zip(&snapshot.memories).skip(kept);
    Ok(Memories {
        memories: defined.map(|(ty, state)| resized(ty, state)).collect(),
        needs_data_count: has_heap || start.iter().any(|step| matches!(step, Step::InitMemory { .. })),
        heap,
        data,
        start,
        warnings,
    })
}

fn growth(memory: u32, ty: &MemoryType, handed_over: u64, size: u64) -> Option<Step> {
    let page = ty.page_size_log2.unwrap_or(16);
    let (from, by) = (handed_over >> page, (size - handed_over) >> page);
    (by > 0).then_some(Step::GrowMemory { memory, memory64: ty.memory64, from, by })
}

/// Cuts the range that reaches across `boundary`, if one does.
fn split_at(ranges: Vec<Range<u64>>, boundary: u64) -> impl Iterator<Item = Range<u64>> {
    ranges.into_iter().flat_map(move |range| {
        let middle = boundary.clamp(range.start, range.end);
        [range.start..middle, middle..range.end].into_iter().filter(|part| !part.is_empty())
    })
}

fn resized(ty: &MemoryType, state: &MemoryState<'_>) -> MemoryType {
    let initial = state.size >> ty.page_size_log2.unwrap_or(16);
    MemoryType { initial, maximum: state.maximum, ..*ty }
}
