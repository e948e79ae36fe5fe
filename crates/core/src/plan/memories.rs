use super::segment_indices::SegmentIndices;
use super::sparse::{SCRATCH, SparseData};
use super::{DataSegment, LayoutChoice, MappingObstacle, Padding, PlanError, PlanInputs, StartStep, Warning};
use crate::engine_limits::{ACTIVE_DATA_END, DATA_SEGMENTS, MEMORIES};
use crate::layout::{self, Arrangement, Layout};
use crate::module::{ImportName, InitFlag, Module, Space};
use crate::segments::{self, GOOD_DATA_SEGMENTS, HeaderCost};
use crate::snapshot::{ImportedMemory, MemoryState, Snapshot};
use std::ops::Range;
use wasmparser::MemoryType;

pub(super) struct Memories {
    pub memories: Vec<MemoryType>,
    pub data: Vec<DataSegment>,
    pub needs_data_count: bool,
    pub start: Vec<StartStep>,
    pub layout: LayoutChoice,
    pub warnings: Vec<Warning>,
    /// The segment for the heap, if it needs one.
    pub heap: Option<u32>,
}

/// How memories are to be written.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub layout: Layout,
    /// Whether imported memories hold nothing but zeros.
    pub fresh_imports: bool,
}

pub(super) fn plan(
    inputs: PlanInputs<'_, '_>,
    has_heap: bool,
    Wanted { layout: wanted, fresh_imports }: Wanted,
) -> Result<Memories, PlanError> {
    let PlanInputs { module, snapshot, imports, .. } = inputs;
    let kept = if imports.internalize { 0 } else { module.imported.memories as usize };
    let fresh_imports = fresh_imports && !imports.internalize && imports.flag.is_none();
    let fixed_memories = if fresh_imports { 0 } else { kept };
    if fresh_imports {
        check_fresh(module, snapshot, kept)?;
    }
    let mut written = written_ranges(inputs, fixed_memories);
    let held = held_segments(module, snapshot, imports.flag.as_ref());
    let originals = held.iter().filter(|segment| matches!(segment, DataSegment::Original(_))).count();
    let sparse = sparse_memories(&mut written, &snapshot.memories, fixed_memories, wanted);
    let (in_imports, own) = written.split_at_mut(fixed_memories);
    let fixed = originals + in_imports.iter().map(Vec::len).sum::<usize>();
    // Only who asks for the fewest bytes gets more segments than are worth having.
    let limit = if wanted == Layout::Compact { DATA_SEGMENTS.most as usize } else { GOOD_DATA_SEGMENTS };
    // Indices that instructions name are there anyway.
    let limit = limit.max(held.len()) - usize::from(has_heap);
    segments::close_gaps(own, limit.saturating_sub(fixed).max(1));
    let obstacle = obstacle(module, &written, kept);
    let (mut layout, copied) = arrange(&mut written, wanted, obstacle.is_none());
    if !sparse.is_empty() {
        layout.chosen = Layout::Sparse;
        layout.data += sparse.iter().map(SparseData::bytes).sum::<u64>();
    }

    let mut slots = SegmentIndices::new(held, |slot| *slot == DataSegment::Empty);
    let mut start: Vec<StartStep> = dropped_in_first(module, snapshot, imports.flag.as_ref()).collect();
    let mut warnings = Vec::new();
    if let Some((memory, obstacle)) = obstacle.filter(|_| wanted == Layout::Mappable) {
        warnings.push(Warning::NotMappable { memory, obstacle });
    }
    for ((memory, ranges), copied) in (0u32..).zip(written).zip(copied) {
        let ty = &module.memories[memory as usize];
        let is_active = !(imports.flag.is_some() && ty.shared);
        if !ty.memory64 && is_active && ranges.last().is_some_and(|range| !ACTIVE_DATA_END.allows(range.end))
        {
            warnings.push(Warning::HighData { memory });
        }
        start.extend(write_memory(inputs, memory, ranges, copied, &mut slots));
    }
    for data in sparse {
        let memory = data.memory;
        let memory64 = module.memories[memory as usize].memory64;
        let (len, gap_width, len_width) = (data.bytes() as u32, data.gap_width, data.len_width);
        let data = slots.place(DataSegment::Sparse(data), |_| true);
        start.push(StartStep::CopyRecords { memory, memory64, data, len, gap_width, len_width });
    }
    let heap = has_heap.then(|| slots.place(DataSegment::Heap, |_| true));
    let data = slots.into_segments();
    if !DATA_SEGMENTS.allows(data.len() as u64) {
        return Err(PlanError::TooManySegments(data.len()));
    }
    let defined = module.memories.iter().zip(&snapshot.memories).skip(kept);
    Ok(Memories {
        memories: defined.map(|(ty, state)| resized(ty, state)).collect(),
        needs_data_count: has_heap || start.iter().any(is_copy),
        heap,
        data,
        start,
        layout,
        warnings,
    })
}

/// Refuses imports that were not as they are said to be.
fn check_fresh(module: &Module<'_>, snapshot: &Snapshot<'_>, kept: usize) -> Result<(), PlanError> {
    let held = |state: &MemoryState<'_>| match &state.import {
        Some(import) => !import.image.chunks().is_empty(),
        None => true,
    };
    let used = snapshot.memories.iter().take(kept).position(held);
    let Some((_, import)) = used.and_then(|index| module.imports_of(Space::Memory).nth(index)) else {
        return Ok(());
    };
    Err(PlanError::NotFresh { import: ImportName::new(import.module, import.name) })
}

/// What has to be written to each memory, of which the first `kept` stay imports that may hold anything.
fn written_ranges(inputs: PlanInputs<'_, '_>, kept: usize) -> Vec<Vec<Range<u64>>> {
    let PlanInputs { module, snapshot, imports, .. } = inputs;
    let ranges = |(memory, state): (u32, &MemoryState<'_>)| {
        let cost = HeaderCost { memory, memory64: module.memories[memory as usize].memory64 };
        match (&state.import, &imports.flag) {
            (Some(_), _) if imports.is_alias(Space::Memory, memory) => Vec::new(),
            (Some(import), Some(flag)) => shared_ranges(state, import, flag, cost),
            (Some(import), None) if (memory as usize) < kept => {
                segments::difference(&import.image, &state.image, state.size)
            }
            _ => segments::cheapest_of(segments::nonzero_runs(&state.image, cost), cost),
        }
    };
    (0u32..).zip(&snapshot.memories).map(ranges).collect()
}

/// What the first instance has to write to a memory that it shares with others. The flag is not among it: that is zero
/// until all is written.
fn shared_ranges(
    state: &MemoryState<'_>,
    import: &ImportedMemory,
    flag: &InitFlag,
    cost: HeaderCost,
) -> Vec<Range<u64>> {
    let mut ranges = match import.image.chunks().is_empty() {
        true => segments::cheapest_of(segments::nonzero_runs(&state.image, cost), cost),
        false => segments::difference(&import.image, &state.image, state.size),
    };
    if import.image.chunks().is_empty() {
        segments::close_gaps(std::slice::from_mut(&mut ranges), GOOD_DATA_SEGMENTS);
    }
    if flag.memory == cost.memory {
        let word = flag.address..flag.address.saturating_add(InitFlag::LEN);
        let without = |range: Range<u64>| {
            let before = range.start..range.end.min(word.start.max(range.start));
            let after = range.start.max(word.end.min(range.end))..range.end;
            [before, after].into_iter().filter(|part| !part.is_empty())
        };
        ranges = ranges.into_iter().flat_map(without).collect();
    }
    ranges
}

/// Whether later instances have a segment that init dropped in the first.
fn is_of_later_instances(module: &Module<'_>, index: u32, flag: Option<&InitFlag>) -> bool {
    let data = &module.data[index as usize];
    flag.is_some_and(|flag| data.is_passive() && !data.bytes.is_empty() && !flag.dropped.contains(&index))
}

/// Drops what only later instances have.
fn dropped_in_first<'p>(
    module: &'p Module<'_>,
    snapshot: &'p Snapshot<'_>,
    flag: Option<&'p InitFlag>,
) -> impl Iterator<Item = StartStep> {
    let held = module.code.highest_data.map_or(0, |highest| highest + 1);
    let dropped = (0..held).filter(move |&index| {
        snapshot.dropped_data[index as usize] && is_of_later_instances(module, index, flag)
    });
    dropped.map(|data| StartStep::DropData { data })
}

/// What the indices that instructions name must hold.
fn held_segments(module: &Module<'_>, snapshot: &Snapshot<'_>, flag: Option<&InitFlag>) -> Vec<DataSegment> {
    let held = module.code.highest_data.map_or(0, |highest| highest + 1);
    let segment = |index: u32| {
        let data = &module.data[index as usize];
        // An empty one and a dropped one behave the same; keeping it keeps its name.
        let is_empty = data.is_passive() && data.bytes.is_empty();
        let is_live = !snapshot.dropped_data[index as usize] || is_of_later_instances(module, index, flag);
        match is_empty || is_live {
            true => DataSegment::Original(index),
            false => DataSegment::Empty,
        }
    };
    (0..held).map(segment).collect()
}

/// Puts `ranges` of a memory into segments, and gives what the start function does: it grows the memory, and writes to
/// the added pages and what is in `copied`.
fn write_memory(
    inputs: PlanInputs<'_, '_>,
    memory: u32,
    ranges: Vec<Range<u64>>,
    copied: Vec<Range<u64>>,
    slots: &mut SegmentIndices<DataSegment>,
) -> Vec<StartStep> {
    let PlanInputs { module, snapshot, imports, .. } = inputs;
    let (ty, state) = (&module.memories[memory as usize], &snapshot.memories[memory as usize]);
    let handed_over = match &state.import {
        Some(import) if !imports.internalize && !imports.is_alias(Space::Memory, memory) => import.size,
        _ => state.size,
    };
    let mut start: Vec<StartStep> = growth(memory, ty, handed_over, state.size).into_iter().collect();
    let is_shared = imports.flag.is_some() && ty.shared;
    let grown = |range: &Range<u64>| is_shared || range.start >= handed_over;
    let (by_start, active): (Vec<_>, Vec<_>) = split_at(ranges, handed_over).partition(grown);
    for range in active {
        slots.place(DataSegment::Active { memory, range }, |_| true);
    }
    for range in by_start.into_iter().chain(copied) {
        let Range { start: offset, end } = range;
        let data = slots.place(DataSegment::Passive { memory, range }, |_| true);
        let len = (end - offset) as u32;
        start.push(StartStep::InitMemory { memory, memory64: ty.memory64, data, offset, len });
    }
    start
}

fn is_copy(step: &StartStep) -> bool {
    matches!(step, StartStep::InitMemory { .. } | StartStep::CopyRecords { .. } | StartStep::DropData { .. })
}

/// Takes the memories out of `written` whose data is better written as records: where it is asked for, where segments
/// would be more than engines accept, and where records are worth their loop.
fn sparse_memories(
    written: &mut [Vec<Range<u64>>],
    states: &[MemoryState<'_>],
    kept: usize,
    wanted: Layout,
) -> Vec<SparseData> {
    let mut taken = Vec::new();
    let most = DATA_SEGMENTS.most as usize;
    let total: usize = written.iter().map(Vec::len).sum();
    for (memory, (islands, state)) in written.iter_mut().zip(states).enumerate() {
        let is_import = memory < kept;
        // Gaps of an import cannot be closed: what it holds there is not ours.
        let needs_records = total > most && is_import && islands.len() > most / MEMORIES.most as usize;
        if islands.is_empty() || wanted == Layout::Mappable && !needs_records {
            continue;
        }
        if wanted != Layout::Sparse && !needs_records && islands.len() <= GOOD_DATA_SEGMENTS {
            continue;
        }
        let segmented = match is_import {
            true => segments::bytes_without_gaps(islands, usize::MAX),
            false => segments::bytes_without_gaps(islands, GOOD_DATA_SEGMENTS),
        };
        let has_choice = wanted == Layout::Auto && !needs_records;
        if has_choice && !SparseData::may_be_worth(islands, segmented) {
            continue;
        }
        let Some(sparse) = SparseData::of(memory as u32, islands, state).filter(SparseData::fits) else {
            continue;
        };
        let is_better = || wanted == Layout::Auto && sparse.is_worth(segmented);
        if wanted == Layout::Sparse || needs_records || is_better() {
            islands.retain_mut(|island| {
                island.end = island.end.min(SCRATCH);
                island.start < island.end
            });
            islands.shrink_to_fit();
            taken.push(sparse);
        }
    }
    taken
}

/// What keeps Wasmtime from mapping any of the memories, whatever the layout. It is all or nothing.
fn obstacle(module: &Module<'_>, written: &[Vec<Range<u64>>], kept: usize) -> Option<(u32, MappingObstacle)> {
    /// The smallest page of a memory that Wasmtime maps: the machine's own, which is never smaller.
    const HOST_PAGE_LOG2: u32 = 12;
    let memories = (0u32..).zip(&module.memories).zip(written);
    memories.filter(|(_, ranges)| !ranges.is_empty()).find_map(|((memory, ty), _)| {
        if (memory as usize) < kept {
            let is_shared = ty.shared;
            return Some((
                memory,
                match is_shared {
                    true => MappingObstacle::Shared,
                    false => MappingObstacle::ImportedAndWritten,
                },
            ));
        }
        (ty.page_size_log2.is_some_and(|log2| log2 < HOST_PAGE_LOG2))
            .then_some((memory, MappingObstacle::SmallPages))
    })
}

/// Turns the compact layout into the one that is wanted, and gives what the start function has to copy.
fn arrange(
    written: &mut [Vec<Range<u64>>],
    wanted: Layout,
    is_possible: bool,
) -> (LayoutChoice, Vec<Vec<Range<u64>>>) {
    let data = written.iter().flatten().map(|range| range.end - range.start).sum();
    let span = written.iter().map(|ranges| layout::span(ranges)).max().unwrap_or(0);
    let compact_is_mapped = is_possible && written.iter().all(|ranges| layout::is_mapped(ranges));
    let none = vec![Vec::new(); written.len()];
    let mut choice = LayoutChoice { chosen: Layout::Compact, compact_is_mapped, mappable: None, span, data };
    if !is_possible || compact_is_mapped {
        return (choice, none);
    }
    let arrange = |arrange: fn(&[Range<u64>]) -> Arrangement| -> Vec<Arrangement> {
        written
            .iter()
            .map(|ranges| {
                if layout::is_mapped(ranges) {
                    Arrangement { active: ranges.clone(), ..Arrangement::default() }
                } else {
                    arrange(ranges)
                }
            })
            .collect()
    };
    let total = |arrangements: &[Arrangement]| Padding {
        padding: arrangements.iter().map(|arrangement| arrangement.padding).sum(),
        copied: arrangements.iter().map(Arrangement::copied_bytes).sum(),
    };
    let padded = arrange(layout::padded);
    let is_cheap = layout::is_cheap(total(&padded).padding, data);
    let (chosen, arrangements) = match wanted {
        Layout::Auto if is_cheap => (Layout::Mappable, padded),
        Layout::Auto | Layout::Compact | Layout::Sparse => (Layout::Compact, arrange(layout::mappable)),
        Layout::Mappable => (Layout::Mappable, arrange(layout::mappable)),
    };
    choice.chosen = chosen;
    choice.mappable = Some(total(&arrangements));
    if chosen == Layout::Compact {
        return (choice, none);
    }
    let mut copied = Vec::new();
    for (ranges, arrangement) in written.iter_mut().zip(arrangements) {
        *ranges = arrangement.active;
        copied.push(arrangement.copied);
    }
    (choice, copied)
}

fn growth(memory: u32, ty: &MemoryType, handed_over: u64, size: u64) -> Option<StartStep> {
    let page = ty.page_size_log2.unwrap_or(16);
    let (from, by) = (handed_over >> page, (size - handed_over) >> page);
    (by > 0).then_some(StartStep::GrowMemory { memory, memory64: ty.memory64, from, by })
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
