//! Compares the states of two instances.

use super::differences::Sink;
use super::heap_comparison;
use super::instance_state::{InstanceState, MemoryBytes};
use super::memory_comparison::{describe_bytes, each_differing};
use super::segment_contents;
use super::tolerance::Tolerance;
use super::unknown_references;
use super::verdict::StateCoverage;
use preinit_core::module::Module;
use preinit_core::rebase::rebased_imports;
use preinit_core::snapshot::{Reference, Snapshot, TableState, Value};
use std::borrow::Cow;

/// How many tables and globals of both are only imported. They are compared where they are defined.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Elsewhere {
    pub tables: usize,
    pub globals: usize,
    /// Whether somebody else tells functions of other modules apart that tables and globals hold.
    pub functions: bool,
}

/// Finds every difference between the states of the original and the snapshot.
pub(super) fn compare(
    original: &InstanceState<'_>,
    snapshot: &InstanceState<'_>,
    tolerance: Tolerance,
    found: &mut Sink<'_>,
) {
    compare_own(original, snapshot, (tolerance, Elsewhere::default()), found);
}

/// The same, but for what is compared elsewhere.
pub(super) fn compare_own(
    original: &InstanceState<'_>,
    snapshot: &InstanceState<'_>,
    (tolerance, elsewhere): (Tolerance, Elsewhere),
    found: &mut Sink<'_>,
) {
    let mut comparison = StateComparison { tolerance, elsewhere, has_same_roots: true, found: &mut *found };
    let outline = &*outline(original, snapshot);
    comparison.globals(&original.outline, outline);
    for (index, pair) in original.memories.iter().zip(&snapshot.memories).enumerate() {
        comparison.memory(index, pair);
    }
    for (index, pair) in original.outline.tables.iter().zip(&outline.tables).enumerate() {
        comparison.table(index, pair);
    }
    comparison.element_items(&original.outline, outline);
    if tolerance == Tolerance::None {
        unknown_references::find((original, &original.outline), outline, elsewhere, comparison.found);
    }
    // Objects have the same numbers as long as the roots agree on them.
    if tolerance == Tolerance::None && comparison.has_same_roots {
        heap_comparison::compare(&original.outline.heap, &outline.heap, found);
    }
    segments(original, snapshot, found);
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

struct StateComparison<'f, 'o> {
    tolerance: Tolerance,
    elsewhere: Elsewhere,
    /// Whether nothing that objects are reached from differs.
    has_same_roots: bool,
    found: &'f mut Sink<'o>,
}

impl StateComparison<'_, '_> {
    /// Adds a difference if the values differ.
    fn value(&mut self, key: impl FnOnce() -> String, original: Value, snapshot: Value) {
        if !self.tolerance.is_same_value(original, snapshot) {
            self.has_same_roots = false;
            self.found.add(key, || (original, snapshot));
        }
    }

    /// Adds that a maximum or a size differs, in words.
    fn number(&mut self, key: impl FnOnce() -> String, numbers: [Option<u64>; 2], unit: &str) {
        let describe = |number: Option<u64>| number.map_or("none".to_string(), |n| format!("{n}{unit}"));
        if numbers[0] != numbers[1] {
            self.found.add(key, || (describe(numbers[0]), describe(numbers[1])));
        }
    }

    fn globals(&mut self, original: &Snapshot<'_>, snapshot: &Snapshot<'_>) {
        for (index, (left, right)) in original.globals.iter().zip(&snapshot.globals).enumerate() {
            match index < self.elsewhere.globals {
                true => self.has_same_roots &= self.tolerance.is_same_value(left.value, right.value),
                false => self.value(|| format!("global.{index}"), left.value, right.value),
            }
        }
    }

    fn memory(&mut self, index: usize, (original, snapshot): (&MemoryBytes<'_>, &MemoryBytes<'_>)) {
        let maximums = [original.maximum, snapshot.maximum];
        self.number(|| format!("memory.{index}.maximum"), maximums, "");
        let (left, right) = (&original.bytes[..], &snapshot.bytes[..]);
        let sizes = [left, right].map(|bytes| Some(bytes.len() as u64));
        self.number(|| format!("memory.{index}.size"), sizes, " bytes");
        each_differing(left, right, |range| {
            if self.tolerance.is_same_memory(left, right, &range) {
                return;
            }
            let describe = |bytes: &[u8]| describe_bytes(&bytes[range.clone()]);
            let key = || format!("memory.{index}.{:#x}", range.start);
            self.found.add(key, || (describe(left), describe(right)));
        });
    }

    fn table(&mut self, index: usize, (original, snapshot): (&TableState, &TableState)) {
        let (left, right) = (&original.elements[..], &snapshot.elements[..]);
        let maximums = [original.maximum, snapshot.maximum];
        let is_as_large = maximums[0] == maximums[1] && left.len() == right.len();
        self.has_same_roots &= is_as_large;
        let mut pairs = left.iter().zip(right).map(|(left, right)| (Value::Ref(*left), Value::Ref(*right)));
        if index < self.elsewhere.tables {
            self.has_same_roots &= pairs.all(|(left, right)| self.tolerance.is_same_value(left, right));
            return;
        }
        self.number(|| format!("table.{index}.maximum"), maximums, "");
        let sizes = [left, right].map(|elements| Some(elements.len() as u64));
        self.number(|| format!("table.{index}.size"), sizes, " slots");
        for (slot, (left, right)) in pairs.enumerate() {
            self.value(|| format!("table.{index}.{slot}"), left, right);
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
fn segments(original: &InstanceState<'_>, snapshot: &InstanceState<'_>, found: &mut Sink<'_>) {
    let code = &original.module.code;
    let (left_module, right_module) = (original.module, snapshot.module);
    let mut compare = |kind: &str, highest: Option<u32>, is_empty: IsEmpty, contents: Contents| {
        for index in 0..highest.map_or(0, |highest| highest as usize + 1) {
            let (left, right) = (is_empty(original, index), is_empty(snapshot, index));
            if left != right {
                let describe = |dropped: bool| if dropped { "dropped or empty" } else { "live" };
                found.add(|| format!("{kind}.{index}.dropped"), || (describe(left), describe(right)));
            } else if !left && let Some([left, right]) = contents(left_module, right_module, index) {
                let what = if kind == "data" { "bytes" } else { "items" };
                found.add(|| format!("{kind}.{index}.{what}"), || (left, right));
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
    let opaque = references(&state.outline)
        .filter(|reference| matches!(reference, Reference::Unwritable(what) if !what.is_function()));
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
