use super::heap::ObjectSlots;
use super::imports::Imports;
use super::segment_indices::SegmentIndices;
use super::{ElementSegment, ElementType, PlannedTable, StartStep, UnwritableValue};
use crate::engine_limits::ELEMENT_SEGMENT_ITEMS;
use crate::module::{Module, Names, Space};
use crate::snapshot::{Reference, Snapshot, TableState, Value};
use std::ops::Range;
use wasmparser::{ElementItems, RefType};

/// Beyond this many stretches a table is written as one segment with its gaps filled; engines limit segments.
const MAX_STRETCHES: usize = 10_000;

/// Longer ones are cut.
const MAX_STRETCH: usize = ELEMENT_SEGMENT_ITEMS.most as usize;

pub(super) struct Tables<'a> {
    pub tables: Vec<PlannedTable<'a>>,
    pub elements: Vec<ElementSegment>,
    pub start: Vec<StartStep>,
    /// What has to wait until there are objects.
    pub objects: Vec<ObjectSlots>,
}

pub(super) fn plan<'a>(
    module: &Module<'a>,
    snapshot: &Snapshot<'_>,
    imports: &Imports,
    names: &Names<'_>,
    unwritable: &mut Vec<UnwritableValue>,
) -> Tables<'a> {
    let mut slots =
        SegmentIndices::new(held_segments(module, snapshot), |slot| matches!(slot, ElementSegment::Empty(_)));
    let mut planned =
        Tables { tables: Vec::new(), elements: Vec::new(), start: Vec::new(), objects: Vec::new() };
    for ((table, declared), state) in (0u32..).zip(&module.tables).zip(&snapshot.tables) {
        let mut ty = declared.ty;
        let kept_import = state.import.as_ref().filter(|_| !imports.internalize);
        let handed_over = kept_import.map_or(state.elements.len(), |import| import.size as usize);
        let fill = declared.init.as_ref().and_then(|init| fill_value(init, snapshot));
        let as_filled = |slot: usize| match kept_import {
            Some(import) if slot < handed_over => !import.changed[slot],
            Some(_) => state.elements[slot] == Reference::Null,
            None => match &declared.init {
                Some(_) => Some(state.elements[slot]) == fill,
                None => state.elements[slot] == Reference::Null,
            },
        };
        if imports.is_alias(Space::Table, table) {
            continue;
        }
        let is_object = |slot: usize| state.elements[slot].object().is_some();
        let stretches =
            stretches(state, handed_over, ty.element_type, |slot| as_filled(slot) || is_object(slot));
        // One that bridges gaps writes nulls over objects that the initializer put there.
        let is_written = |slot: usize| {
            let at = stretches.partition_point(|stretch| stretch.end <= slot);
            stretches.get(at).is_some_and(|stretch| stretch.contains(&slot))
        };
        let objects = (0..state.elements.len())
            .filter(|slot| is_object(*slot) && (!as_filled(*slot) || is_written(*slot)));
        let objects: Vec<_> = objects.map(|slot| (slot as u32, state.elements[slot])).collect();
        if !objects.is_empty() {
            planned.objects.push(ObjectSlots { table, slots: objects });
        }
        for slot in stretches.iter().cloned().flatten() {
            if let Reference::Unwritable(value) = state.elements[slot] {
                unwritable.push(UnwritableValue::element(names, table, slot, value));
            }
        }
        if handed_over < state.elements.len() {
            // A non-nullable table has no null to grow with; any of its elements does until it is overwritten.
            let fill =
                if ty.element_type.is_nullable() { Reference::Null } else { state.elements[handed_over] };
            planned.start.push(StartStep::GrowTable {
                table,
                table64: ty.table64,
                from: handed_over as u64,
                by: (state.elements.len() - handed_over) as u64,
                fill: Value::Ref(fill),
                ty: ty.element_type,
            });
        }
        for stretch in stretches {
            let as_item = |element: &Reference| match element.object() {
                Some(_) => Reference::Null,
                None => *element,
            };
            let items: Vec<_> = state.elements[stretch.clone()].iter().map(as_item).collect();
            let (offset, len) = (stretch.start as u64, items.len() as u32);
            let item_type = item_type(ty.element_type, &items);
            let fits = |slot: &ElementSegment| *slot == ElementSegment::Empty(item_type);
            if stretch.start < handed_over {
                slots.place(ElementSegment::Active { table, offset, ty: item_type, items }, fits);
            } else {
                let element = slots.place(ElementSegment::Passive { ty: item_type, items }, fits);
                planned.start.push(StartStep::InitTable { table, table64: ty.table64, element, offset, len });
            }
        }
        if kept_import.is_none() {
            ty.initial = state.elements.len() as u64;
            ty.maximum = state.maximum;
            planned.tables.push(PlannedTable { ty, init: declared.init.clone() });
        }
    }
    planned.elements = slots.into_segments();
    planned
}

/// What the indices that instructions name must hold.
fn held_segments(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<ElementSegment> {
    let held = module.code.highest_element.map_or(0, |highest| highest + 1);
    let segment = |k: u32| {
        let element = &module.elements[k as usize];
        // An empty one cannot be told from a dropped one; keeping it keeps its name.
        if !snapshot.dropped_elements[k as usize] || element.is_passive() && element.is_empty() {
            return ElementSegment::Original(k);
        }
        ElementSegment::Empty(match element.items {
            ElementItems::Functions(_) => ElementType::Functions,
            ElementItems::Expressions(ty, _) => ElementType::Expressions(ty),
        })
    };
    (0..held).map(segment).collect()
}

fn fill_value(init: &wasmparser::ConstExpr<'_>, snapshot: &Snapshot<'_>) -> Option<Reference> {
    match snapshot.evaluate(init)? {
        Value::Ref(reference) => Some(reference),
        _ => None,
    }
}

/// The stretches of slots that have to be written. None reaches across the size that an import was handed over with.
fn stretches(
    state: &TableState,
    handed_over: usize,
    ty: RefType,
    as_filled: impl Fn(usize) -> bool,
) -> Vec<Range<usize>> {
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for slot in (0..state.elements.len()).filter(|&slot| !as_filled(slot)) {
        match stretches.last_mut() {
            Some(last) if last.end == slot && slot != handed_over => last.end += 1,
            _ => stretches.push(slot..slot + 1),
        }
    }
    // Gaps of an import must not be written, and a gap that an object goes to needs a null; there the engines' limit
    // stands.
    if stretches.len() > MAX_STRETCHES && state.import.is_none() && ty.is_nullable() {
        let whole = stretches[0].start..stretches[stretches.len() - 1].end;
        stretches.clear();
        stretches.push(whole);
    }
    let cut = |stretch: Range<usize>| {
        stretch.clone().step_by(MAX_STRETCH).map(move |start| start..stretch.end.min(start + MAX_STRETCH))
    };
    stretches.into_iter().flat_map(cut).collect()
}

/// Function indices where the table's type and the items allow them: every engine has a fast path for them.
fn item_type(table: RefType, items: &[Reference]) -> ElementType {
    let is_func = table.heap_type() == wasmparser::HeapType::FUNC;
    if is_func && items.iter().all(|item| matches!(item, Reference::Func(_))) {
        return ElementType::Functions;
    }
    ElementType::Expressions(table)
}
