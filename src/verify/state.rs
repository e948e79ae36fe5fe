//! Compares the state of two running instances.

use super::side::{Program, Side};
use super::verdict::{Difference, StateCoverage};
use crate::instance::{CaptureError, InstanceError, shared_bytes};
use preinit_core::module::Module;
use preinit_core::snapshot::{Heap, Object, Reference, Shape, Snapshot, TableState, Unwritable, Value};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use wasmtime::Extern;

/// Differing stretches of a memory that are this close to each other are one difference.
const MERGED_GAP: usize = 8;

/// Bytes that one thread compares at a time.
const PIECE: usize = 1 << 20;

/// Every difference between the states of the two sides.
pub(super) fn compare(left: &mut Side<'_>, right: &mut Side<'_>) -> Result<Vec<Difference>, CaptureError> {
    let mut differences = Vec::new();
    let (original, snapshot) = (left.outline()?, right.outline()?);
    for (index, (left, right)) in original.globals.iter().zip(&snapshot.globals).enumerate() {
        if left.value != right.value {
            differences.push(Difference::new(format!("global.{index}"), left.value, right.value));
        }
    }
    for (index, pair) in left.memories.iter().zip(&right.memories).enumerate() {
        memory(index, (left, pair.0), (right, pair.1), &mut differences)?;
    }
    for (index, (left, right)) in original.tables.iter().zip(&snapshot.tables).enumerate() {
        table(index, left, right, &mut differences);
    }
    for (segment, (left, right)) in original.element_items.iter().zip(&snapshot.element_items).enumerate() {
        for (item, (left, right)) in left.iter().zip(right).enumerate().filter(|(_, (l, r))| l != r) {
            let key = format!("element.{segment}.{item}");
            differences.push(Difference::new(key, Value::Ref(*left), Value::Ref(*right)));
        }
    }
    // Objects have the same numbers as long as the roots agree on them.
    if differences.iter().all(|difference| difference.key.starts_with("memory.")) {
        objects(&original.heap, &snapshot.heap, &mut differences);
    }
    segments(&left.program, &original, &right.program, &snapshot, &mut differences);
    Ok(differences)
}

fn memory(
    index: usize,
    (left, left_memory): (&Side<'_>, &Extern),
    (right, right_memory): (&Side<'_>, &Extern),
    differences: &mut Vec<Difference>,
) -> Result<(), CaptureError> {
    let (left_bytes, left_maximum) = bytes(left, left_memory)?;
    let (right_bytes, right_maximum) = bytes(right, right_memory)?;
    if left_maximum != right_maximum {
        let key = format!("memory.{index}.maximum");
        differences.push(Difference::new(key, limit(left_maximum), limit(right_maximum)));
    }
    if left_bytes.len() != right_bytes.len() {
        let describe = |bytes: &[u8]| format!("{} bytes", bytes.len());
        let key = format!("memory.{index}.size");
        differences.push(Difference::new(key, describe(&left_bytes), describe(&right_bytes)));
    }
    for range in differing(&left_bytes, &right_bytes) {
        let describe = |bytes: &[u8]| hex(&bytes[range.clone()]);
        let key = format!("memory.{index}.{:#x}", range.start);
        differences.push(Difference::new(key, describe(&left_bytes), describe(&right_bytes)));
    }
    Ok(())
}

/// The contents of a memory and how many pages it may have.
pub(super) fn bytes<'s>(
    side: &'s Side<'_>,
    memory: &Extern,
) -> Result<(Cow<'s, [u8]>, Option<u64>), CaptureError> {
    match memory {
        Extern::Memory(memory) => {
            Ok((Cow::Borrowed(memory.data(side.store())), memory.ty(side.store()).maximum()))
        }
        Extern::SharedMemory(memory) => Ok((Cow::Owned(shared_bytes(memory)?), memory.ty().maximum())),
        _ => Err(InstanceError::MissingProbe("memory".to_string()).into()),
    }
}

/// The stretches in which both are different, near ones joined.
pub(super) fn differing(left: &[u8], right: &[u8]) -> Vec<Range<usize>> {
    let scan = |(piece, (left, right)): (usize, (&[u8], &[u8]))| {
        let mut found: Vec<Range<usize>> = Vec::new();
        // Whole blocks compare at the speed of memory.
        for (block, (left, right)) in left.chunks(4096).zip(right.chunks(4096)).enumerate() {
            if left[..left.len().min(right.len())] == right[..left.len().min(right.len())] {
                continue;
            }
            let base = piece * PIECE + block * 4096;
            for (at, _) in left.iter().zip(right).enumerate().filter(|(_, (left, right))| left != right) {
                join(&mut found, base + at..base + at + 1);
            }
        }
        found
    };
    let pieces: Vec<_> = left.par_chunks(PIECE).zip(right.par_chunks(PIECE)).enumerate().map(scan).collect();
    let mut all = Vec::new();
    pieces.into_iter().flatten().for_each(|range| join(&mut all, range));
    all
}

fn join(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if range.start - last.end <= MERGED_GAP => last.end = range.end,
        _ => ranges.push(range),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let shown: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0..=SHOWN => shown.join(" "),
        len => format!("{} … ({len} bytes)", shown.join(" ")),
    }
}

fn table(index: usize, left: &TableState, right: &TableState, differences: &mut Vec<Difference>) {
    if left.maximum != right.maximum {
        let key = format!("table.{index}.maximum");
        differences.push(Difference::new(key, limit(left.maximum), limit(right.maximum)));
    }
    let (left, right) = (&left.elements, &right.elements);
    if left.len() != right.len() {
        let describe = |elements: &[Reference]| format!("{} slots", elements.len());
        differences.push(Difference::new(format!("table.{index}.size"), describe(left), describe(right)));
    }
    for (slot, (left, right)) in left.iter().zip(right).enumerate() {
        if left != right {
            let key = format!("table.{index}.{slot}");
            differences.push(Difference::new(key, Value::Ref(*left), Value::Ref(*right)));
        }
    }
}

/// Compares objects in lock step: both sides number them in the order of the same search, so what has the same number
/// must be the same object. Behind the first reference that differs nothing is known.
fn objects(left: &Heap, right: &Heap, differences: &mut Vec<Difference>) {
    if left == right {
        return;
    }
    for ((id, left), (_, right)) in left.objects().zip(right.objects()) {
        if left == right {
            continue;
        }
        if (left.shape, left.len) != (right.shape, right.len) {
            let describe = |object: Object<'_>| format!("{:?} of {}", object.shape, object.len);
            let key = format!("object.{id}");
            differences.push(Difference::new(key, describe(left), describe(right)));
            return;
        }
        for range in differing(left.scalars, right.scalars) {
            let describe = |bytes: &[u8]| hex(&bytes[range.clone()]);
            let key = format!("object.{id}.{:#x}", range.start);
            differences.push(Difference::new(key, describe(left.scalars), describe(right.scalars)));
        }
        let mut pairs = left.references.iter().zip(right.references).enumerate();
        if let Some((at, (left, right))) = pairs.find(|(_, (left, right))| left != right) {
            let key = format!("object.{id}.reference.{at}");
            differences.push(Difference::new(key, Value::Ref(*left), Value::Ref(*right)));
            return;
        }
    }
    if left.len() != right.len() {
        let describe = |heap: &Heap| format!("{} objects", heap.len());
        differences.push(Difference::new("object.count", describe(left), describe(right)));
    }
}

/// A few objects in words, for messages.
pub(super) fn describe_objects(heap: &Heap) -> String {
    const SHOWN: usize = 4;
    let describe = |(id, object): (u32, Object<'_>)| {
        let (kind, ty) = match object.shape {
            Shape::Struct(ty) => ("struct of type", ty),
            Shape::Array(ty) => ("array of type", ty),
            Shape::Exception(tag) => ("exception of tag", tag),
        };
        let mut parts = vec![format!("object {id} is a {kind} {ty}")];
        if !object.scalars.is_empty() {
            parts.push(format!("holds {}", hex(object.scalars)));
        }
        let references = object.references.iter().take(SHOWN);
        let references: Vec<String> = references.map(|r| Value::Ref(*r).to_string()).collect();
        if !references.is_empty() {
            parts.push(format!("points to {}", references.join(", ")));
        }
        parts.join(", ")
    };
    let mut shown: Vec<String> = heap.objects().take(SHOWN).map(describe).collect();
    if heap.len() > SHOWN {
        shown.push(format!("and {} more", heap.len() - SHOWN));
    }
    shown.join("; ")
}

fn limit(maximum: Option<u64>) -> String {
    maximum.map_or("none".to_string(), |maximum| maximum.to_string())
}

/// Which segments are empty. Only those are compared that an instruction of the original can name, and code is the
/// same on both sides.
fn segments(
    left: &Program<'_>,
    original: &Snapshot<'_>,
    right: &Program<'_>,
    snapshot: &Snapshot<'_>,
    differences: &mut Vec<Difference>,
) {
    let code = &left.module.code;
    let mut compare =
        |kind: &str, highest: Option<u32>, left: &dyn Fn(usize) -> bool, right: &dyn Fn(usize) -> bool| {
            for index in 0..highest.map_or(0, |highest| highest as usize + 1) {
                let (left, right) = (left(index), right(index));
                if left != right {
                    let describe = |dropped: bool| if dropped { "dropped or empty" } else { "live" };
                    let key = format!("{kind}.{index}.dropped");
                    differences.push(Difference::new(key, describe(left), describe(right)));
                }
            }
        };
    // A segment without contents cannot be told from a dropped one; nor can one that is not there.
    let data = |module: &Module<'_>, state: &Snapshot<'_>, index: usize| {
        module.data.get(index).is_none_or(|segment| segment.bytes.is_empty())
            || state.dropped_data.get(index).is_none_or(|&dropped| dropped)
    };
    compare("data", code.highest_data, &|index| data(&left.module, original, index), &|index| {
        data(&right.module, snapshot, index)
    });
    let element = |module: &Module<'_>, state: &Snapshot<'_>, index: usize| {
        module.elements.get(index).is_none_or(|segment| segment.is_empty())
            || state.dropped_elements.get(index).is_none_or(|&dropped| dropped)
    };
    compare("element", code.highest_element, &|index| element(&left.module, original, index), &|index| {
        element(&right.module, snapshot, index)
    });
}

/// How much [`compare`] looks at.
pub(super) fn coverage(side: &mut Side<'_>) -> Result<(StateCoverage, Vec<String>), CaptureError> {
    let state = side.outline()?;
    let mut memory_bytes = 0;
    for memory in &side.memories {
        memory_bytes += bytes(side, memory)?.0.len() as u64;
    }
    let code = &side.program.module.code;
    let named = |highest: Option<u32>| highest.map_or(0, |highest| u64::from(highest) + 1);
    let coverage = StateCoverage {
        memory_bytes,
        globals: state.globals.len() as u64,
        table_slots: state.tables.iter().map(|table| table.elements.len() as u64).sum(),
        objects: state.heap.len() as u64,
        segments: named(code.highest_data) + named(code.highest_element),
    };
    let globals = state.globals.iter().filter_map(|global| match global.value {
        Value::Ref(reference) => Some(reference),
        _ => None,
    });
    let slots = state.tables.iter().flat_map(|table| table.elements.iter().copied());
    let fields = state.heap.objects().flat_map(|(_, object)| object.references.iter().copied());
    let opaque = globals.chain(slots).chain(fields).filter(
        |reference| matches!(reference, Reference::Unwritable(what) if *what != Unwritable::ForeignFunction),
    );
    let not_compared = match opaque.count() {
        0 => Vec::new(),
        count => vec![format!(
            "what {count} references point to: host values, continuations, objects of other modules"
        )],
    };
    Ok((coverage, not_compared))
}

/// Addresses at which something begins or ends, of many only some.
pub(super) fn addresses(side: &Side<'_>) -> Result<Vec<u64>, CaptureError> {
    const BLOCK: usize = 1024;
    const MAX_EDGES: usize = 64;
    let mut addresses = Vec::new();
    for memory in &side.memories {
        let (bytes, _) = bytes(side, memory)?;
        let size = bytes.len() as u64;
        addresses.extend([
            size.saturating_sub(8),
            size.saturating_sub(4),
            size.saturating_sub(1),
            size,
            size + 1,
        ]);
        let holds_data: Vec<bool> =
            bytes.chunks(BLOCK).map(|block| block.iter().any(|&byte| byte != 0)).collect();
        let is_edge = |at: &usize| holds_data[*at] != holds_data[at - 1];
        let edges: Vec<usize> = (1..holds_data.len()).filter(is_edge).collect();
        let some = edges.iter().step_by(edges.len().div_ceil(MAX_EDGES).max(1));
        addresses.extend(some.map(|block| (block * BLOCK) as u64));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_differences_are_one_across_pieces() {
        let left = vec![0; 2 * PIECE + 100];
        let mut right = left.clone();
        for at in [0, 5, 100, PIECE - 1, PIECE, 2 * PIECE + 99] {
            right[at] = 1;
        }
        let expected = [0..6, 100..101, PIECE - 1..PIECE + 1, 2 * PIECE + 99..2 * PIECE + 100];
        assert_eq!(differing(&left, &right), expected);
        assert_eq!(differing(&left, &right[..200]), [0..6, 100..101]);
    }
}
