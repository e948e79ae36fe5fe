//! Compares the states of two instances.

use super::heap_comparison;
use super::instance_state::{InstanceState, MemoryBytes};
use super::memory_comparison::{describe_bytes, differing};
use super::segment_contents;
use super::tolerance::Tolerance;
use super::verdict::{Difference, StateCoverage};
use preinit_core::module::Module;
use preinit_core::rebase::rebased_imports;
use preinit_core::snapshot::{Reference, Snapshot, TableState, Unwritable, Value};
use std::borrow::Cow;

/// Every difference between the states of the original and the snapshot.
pub(super) fn compare(
    original: &InstanceState<'_>,
    snapshot: &InstanceState<'_>,
    tolerance: Tolerance,
) -> Vec<Difference> {
    let mut comparison = StateComparison { tolerance, differences: Vec::new() };
    let outline = &*outline(original, snapshot);
    comparison.globals(&original.outline, outline);
    for (index, pair) in original.memories.iter().zip(&snapshot.memories).enumerate() {
        comparison.memory(index, pair);
    }
    for (index, pair) in original.outline.tables.iter().zip(&outline.tables).enumerate() {
        comparison.table(index, pair);
    }
    comparison.element_items(&original.outline, outline);
    let StateComparison { mut differences, .. } = comparison;
    // Objects have the same numbers as long as the roots agree on them.
    let same_roots = differences.iter().all(|difference| difference.key.starts_with("memory."));
    if tolerance == Tolerance::None && same_roots {
        heap_comparison::compare(&original.outline.heap, &outline.heap, &mut differences);
    }
    segments(original, snapshot, &mut differences);
    differences
}

/// The snapshot's outline, in which functions that answer instead of imports are these imports.
fn outline<'s>(original: &InstanceState<'_>, snapshot: &'s InstanceState<'_>) -> Cow<'s, Snapshot<'static>> {
    let answered = rebased_imports(snapshot.module, original.module.functions.len() as u32);
    if answered.is_empty() {
        return Cow::Borrowed(&snapshot.outline);
    }
    let mut outline = snapshot.outline.clone();
    outline.redirect_functions(&answered);
    Cow::Owned(outline)
}

struct StateComparison {
    tolerance: Tolerance,
    differences: Vec<Difference>,
}

impl StateComparison {
    /// Adds a difference if the values differ.
    fn value(&mut self, key: impl FnOnce() -> String, original: Value, snapshot: Value) {
        if !self.tolerance.is_same_value(original, snapshot) {
            self.differences.push(Difference::new(key(), original, snapshot));
        }
    }

    fn maximum(&mut self, key: String, original: Option<u64>, snapshot: Option<u64>) {
        if original != snapshot {
            let describe = |maximum: Option<u64>| maximum.map_or("none".to_string(), |n| n.to_string());
            self.differences.push(Difference::new(key, describe(original), describe(snapshot)));
        }
    }

    fn globals(&mut self, original: &Snapshot<'_>, snapshot: &Snapshot<'_>) {
        for (index, (left, right)) in original.globals.iter().zip(&snapshot.globals).enumerate() {
            self.value(|| format!("global.{index}"), left.value, right.value);
        }
    }

    fn memory(&mut self, index: usize, (original, snapshot): (&MemoryBytes<'_>, &MemoryBytes<'_>)) {
        self.maximum(format!("memory.{index}.maximum"), original.maximum, snapshot.maximum);
        let (left, right) = (&original.bytes[..], &snapshot.bytes[..]);
        if left.len() != right.len() {
            let describe = |bytes: &[u8]| format!("{} bytes", bytes.len());
            let key = format!("memory.{index}.size");
            self.differences.push(Difference::new(key, describe(left), describe(right)));
        }
        for range in differing(left, right) {
            if self.tolerance.is_same_memory(left, right, &range) {
                continue;
            }
            let describe = |bytes: &[u8]| describe_bytes(&bytes[range.clone()]);
            let key = format!("memory.{index}.{:#x}", range.start);
            self.differences.push(Difference::new(key, describe(left), describe(right)));
        }
    }

    fn table(&mut self, index: usize, (original, snapshot): (&TableState, &TableState)) {
        self.maximum(format!("table.{index}.maximum"), original.maximum, snapshot.maximum);
        let (left, right) = (&original.elements[..], &snapshot.elements[..]);
        if left.len() != right.len() {
            let describe = |elements: &[Reference]| format!("{} slots", elements.len());
            let key = format!("table.{index}.size");
            self.differences.push(Difference::new(key, describe(left), describe(right)));
        }
        for (slot, (left, right)) in left.iter().zip(right).enumerate() {
            self.value(|| format!("table.{index}.{slot}"), Value::Ref(*left), Value::Ref(*right));
        }
    }

    fn element_items(&mut self, original: &Snapshot<'_>, snapshot: &Snapshot<'_>) {
        let segments = original.element_items.iter().zip(&snapshot.element_items).enumerate();
        for (segment, (left, right)) in segments {
            for (item, (left, right)) in left.iter().zip(right).enumerate() {
                self.value(|| format!("element.{segment}.{item}"), Value::Ref(*left), Value::Ref(*right));
            }
        }
    }
}

/// Compares which segments are empty, and what the others hold. Only those count that an instruction of the original can name; the code of both sides
/// is the same.
fn segments(original: &InstanceState<'_>, snapshot: &InstanceState<'_>, differences: &mut Vec<Difference>) {
    let code = &original.module.code;
    let (left_module, right_module) = (original.module, snapshot.module);
    let mut compare = |kind: &str, highest: Option<u32>, is_empty: IsEmpty, contents: Contents| {
        for index in 0..highest.map_or(0, |highest| highest as usize + 1) {
            let (left, right) = (is_empty(original, index), is_empty(snapshot, index));
            if left != right {
                let describe = |dropped: bool| if dropped { "dropped or empty" } else { "live" };
                let key = format!("{kind}.{index}.dropped");
                differences.push(Difference::new(key, describe(left), describe(right)));
            } else if !left && let Some([left, right]) = contents(left_module, right_module, index) {
                let what = if kind == "data" { "bytes" } else { "items" };
                differences.push(Difference::new(format!("{kind}.{index}.{what}"), left, right));
            }
        }
    };
    compare("data", code.highest_data, is_empty_data, segment_contents::data);
    compare("element", code.highest_element, is_empty_element, segment_contents::element);
}

type IsEmpty = fn(&InstanceState<'_>, usize) -> bool;

/// What both segments of an index hold, if that is not the same.
type Contents = fn(&Module<'_>, &Module<'_>, usize) -> Option<[String; 2]>;

/// A segment without contents cannot be told from a dropped one; nor can one that does not exist.
fn is_empty_data(state: &InstanceState<'_>, index: usize) -> bool {
    state.module.data.get(index).is_none_or(|segment| segment.bytes.is_empty())
        || state.outline.dropped_data.get(index).is_none_or(|&dropped| dropped)
}

fn is_empty_element(state: &InstanceState<'_>, index: usize) -> bool {
    state.module.elements.get(index).is_none_or(|segment| segment.is_empty())
        || state.outline.dropped_elements.get(index).is_none_or(|&dropped| dropped)
}

/// How much [`compare`] looks at.
pub(super) fn coverage(state: &InstanceState<'_>) -> StateCoverage {
    let code = &state.module.code;
    let named = |highest: Option<u32>| highest.map_or(0, |highest| u64::from(highest) + 1);
    StateCoverage {
        memory_bytes: state.memories.iter().map(|memory| memory.bytes.len() as u64).sum(),
        globals: state.outline.globals.len() as u64,
        table_slots: state.outline.tables.iter().map(|table| table.elements.len() as u64).sum(),
        objects: state.outline.heap.len() as u64,
        segments: named(code.highest_data) + named(code.highest_element),
    }
}

/// What [`compare`] cannot see of this state on any engine.
pub(super) fn not_compared(state: &InstanceState<'_>) -> Option<String> {
    let opaque = references(&state.outline).filter(
        |reference| matches!(reference, Reference::Unwritable(what) if *what != Unwritable::ForeignFunction),
    );
    match opaque.count() {
        0 => None,
        count => Some(format!(
            "what {count} references point to: host values, continuations, objects of other modules"
        )),
    }
}

/// All references of a state.
pub(super) fn references<'s>(outline: &'s Snapshot<'_>) -> impl Iterator<Item = Reference> + 's {
    let globals = outline.globals.iter().filter_map(|global| match global.value {
        Value::Ref(reference) => Some(reference),
        _ => None,
    });
    let slots = outline.tables.iter().flat_map(|table| table.elements.iter().copied());
    let items = outline.element_items.iter().flatten().copied();
    let fields = outline.heap.objects().flat_map(|(_, object)| object.references.iter().copied());
    globals.chain(slots).chain(items).chain(fields)
}
