use super::globals::is_held_by_import;
use super::heap::ObjectSlots;
use super::imports::Imports;
use super::segment_indices::SegmentIndices;
use super::{
    ElementSegment, ElementType, PlanInputs, PlannedTable, StartStep, UnwritableValue, UnwritableValues,
};
use crate::engine_limits::{ELEMENT_SEGMENT_ITEMS, ELEMENT_SEGMENTS};
use crate::module::{Element, ImportedValues, Module, Space, Table};
use crate::snapshot::{ImportedTable, Reference, Snapshot, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use wasmparser::{ConstExpr, ElementItems, ElementKind, RefType, TableType};

/// Beyond this many stretches small gaps of a table are filled, where that may be done.
const MANY_STRETCHES: usize = 10_000;

/// Slots of a gap that is filled then. A null in a segment takes three bytes, and on the engine that loads segments slowest one
/// takes as long as some 256 bytes.
const SMALL_GAP: usize = 85;

/// Beyond this many stretches a table is written by the start function, out of one segment; engines limit segments.
const MAX_ACTIVE: usize = ELEMENT_SEGMENTS.most as usize / 2;

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
    inputs: PlanInputs<'_, 'a>,
    kept: &BTreeSet<u32>,
    unwritable: &mut UnwritableValues,
) -> Tables<'a> {
    let PlanInputs { module, snapshot, imports, names } = inputs;
    let mut slots = SegmentIndices::new(held_segments(module, snapshot, kept), |slot| {
        matches!(slot, ElementSegment::Empty(_))
    });
    let imported = ImportedValues::of(module);
    let mut planned =
        Tables { tables: Vec::new(), elements: Vec::new(), start: Vec::new(), objects: Vec::new() };
    for ((index, declared), state) in (0u32..).zip(&module.tables).zip(&snapshot.tables) {
        if imports.is_alias(Space::Table, index) {
            continue;
        }
        if kept.contains(&index) {
            if index >= module.imported.tables {
                planned.tables.push(PlannedTable { ty: declared.ty, init: declared.init.clone() });
            }
            continue;
        }
        let initializer = Initializer::of(declared, snapshot, &imported);
        let table = ChangedTable::new(index, declared.ty, (snapshot, imports), initializer.fill);
        let stretches = table.stretches();
        let objects = table.objects(&stretches);
        if !objects.is_empty() {
            planned.objects.push(ObjectSlots { table: index, slots: objects });
        }
        for slot in stretches.iter().cloned().flatten() {
            if let Reference::Unwritable(value) = state.elements[slot] {
                unwritable.add(|| UnwritableValue::element(names, index, slot, value));
            }
        }
        planned.start.extend(table.growth());
        match stretches.len() > MAX_ACTIVE {
            true => table.copy(stretches, &mut slots, &mut planned.start),
            false => {
                let steps = stretches.into_iter().filter_map(|stretch| table.write(stretch, &mut slots));
                planned.start.extend(steps);
            }
        }
        if table.kept_import.is_none() {
            let initial = state.elements.len() as u64;
            let ty = TableType { initial, maximum: state.maximum, ..declared.ty };
            planned.tables.push(PlannedTable { ty, init: initializer.init });
        }
    }
    planned.elements = slots.into_segments();
    planned
}

/// A table of the snapshot, and what an instance of the output has in it before anything is written.
struct ChangedTable<'t> {
    index: u32,
    ty: TableType,
    elements: &'t [Reference],
    is_import: bool,
    kept_import: Option<&'t ImportedTable>,
    /// The number of elements that it has from the beginning.
    handed_over: usize,
    /// What its initializer puts into all elements; `None` if that is an object, or not known.
    fill: Option<Reference>,
}

/// What a table begins with.
struct Initializer<'a> {
    init: Option<ConstExpr<'a>>,
    /// What this puts into all elements, if that can be relied on.
    fill: Option<Reference>,
}

impl<'a> Initializer<'a> {
    /// What an import decides is not relied on: init may have written it, or something else may have been the import's value by chance.
    fn of(declared: &Table<'a>, snapshot: &Snapshot<'_>, imported: &ImportedValues) -> Initializer<'a> {
        let without = Initializer { init: None, fill: Some(Reference::Null) };
        let Some(init) = &declared.init else { return without };
        let fill = fill_value(init, snapshot);
        let is_reliable =
            !imported.decide(init) || fill.is_some_and(|fill| is_held_by_import(Value::Ref(fill)));
        match (is_reliable, declared.ty.element_type.is_nullable()) {
            (true, _) => Initializer { init: Some(init.clone()), fill },
            (false, true) => without,
            (false, false) => Initializer { init: Some(init.clone()), fill: None },
        }
    }
}

impl<'t> ChangedTable<'t> {
    fn new(
        index: u32,
        ty: TableType,
        (snapshot, imports): (&'t Snapshot<'_>, &Imports),
        fill: Option<Reference>,
    ) -> ChangedTable<'t> {
        let state = &snapshot.tables[index as usize];
        let kept_import = state.import.as_ref().filter(|_| !imports.internalize);
        ChangedTable {
            index,
            ty,
            elements: &state.elements,
            is_import: state.import.is_some(),
            kept_import,
            handed_over: kept_import.map_or(state.elements.len(), |import| import.size as usize),
            fill,
        }
    }

    /// Whether an element need not be written.
    fn is_as_filled(&self, slot: usize) -> bool {
        match self.kept_import {
            Some(import) if slot < self.handed_over => !import.changed[slot],
            Some(_) => self.elements[slot] == Reference::Null,
            None => Some(self.elements[slot]) == self.fill,
        }
    }

    fn is_object(&self, slot: usize) -> bool {
        self.elements[slot].object().is_some()
    }

    /// The stretches of slots that have to be written. None reaches across the size that an import was handed over with.
    fn stretches(&self) -> Vec<Range<usize>> {
        let mut stretches: Vec<Range<usize>> = Vec::new();
        for slot in (0..self.elements.len()).filter(|&slot| !self.is_as_filled(slot) && !self.is_object(slot))
        {
            match stretches.last_mut() {
                Some(last) if last.end == slot && slot != self.handed_over => last.end += 1,
                _ => stretches.push(slot..slot + 1),
            }
        }
        if stretches.len() > MANY_STRETCHES && !self.is_import {
            stretches = self.without_small_gaps(&stretches);
        }
        let cut = |stretch: Range<usize>| {
            stretch.clone().step_by(MAX_STRETCH).map(move |start| start..stretch.end.min(start + MAX_STRETCH))
        };
        stretches.into_iter().flat_map(cut).collect()
    }

    /// Gaps of an import must not be written. Where an object goes to, there is a null until then.
    fn without_small_gaps(&self, stretches: &[Range<usize>]) -> Vec<Range<usize>> {
        let is_nullable = self.ty.element_type.is_nullable();
        let mut joined: Vec<Range<usize>> = Vec::new();
        for stretch in stretches {
            match joined.last_mut() {
                Some(last)
                    if stretch.start - last.end <= SMALL_GAP
                        && (is_nullable || !(last.end..stretch.start).any(|slot| self.is_object(slot))) =>
                {
                    last.end = stretch.end;
                }
                _ => joined.push(stretch.clone()),
            }
        }
        joined
    }

    /// The objects that the start function writes. A stretch that bridges gaps writes nulls over objects that the
    /// initializer put there.
    fn objects(&self, stretches: &[Range<usize>]) -> Vec<(u32, Reference)> {
        let is_written = |slot: usize| {
            let at = stretches.partition_point(|stretch| stretch.end <= slot);
            stretches.get(at).is_some_and(|stretch| stretch.contains(&slot))
        };
        let objects = (0..self.elements.len())
            .filter(|slot| self.is_object(*slot) && (!self.is_as_filled(*slot) || is_written(*slot)));
        objects.map(|slot| (slot as u32, self.elements[slot])).collect()
    }

    fn growth(&self) -> Option<StartStep> {
        let first_added = *self.elements.get(self.handed_over)?;
        // A non-nullable table has no null to grow with; any of its elements does until it is overwritten.
        let fill = if self.ty.element_type.is_nullable() { Reference::Null } else { first_added };
        Some(StartStep::GrowTable {
            table: self.index,
            table64: self.ty.table64,
            from: self.handed_over as u64,
            by: (self.elements.len() - self.handed_over) as u64,
            fill: Value::Ref(fill),
            ty: self.ty.element_type,
        })
    }

    /// Puts a stretch into a segment. What is beyond the elements that the table has from the beginning is copied by the
    /// start function.
    fn write(&self, stretch: Range<usize>, slots: &mut SegmentIndices<ElementSegment>) -> Option<StartStep> {
        let items: Vec<_> = self.items(&stretch).collect();
        let (table, offset, len) = (self.index, stretch.start as u64, items.len() as u32);
        let ty = item_type(self.ty.element_type, &items);
        let fits = |slot: &ElementSegment| *slot == ElementSegment::Empty(ty);
        if stretch.start < self.handed_over {
            slots.place(ElementSegment::Active { table, offset, ty, items }, fits);
            return None;
        }
        let element = slots.place(ElementSegment::Passive { ty, items }, fits);
        let table64 = self.ty.table64;
        Some(StartStep::InitTable { table, table64, element, offset, from: 0, len, is_last: true })
    }

    /// Puts stretches into as few segments as can be, out of which the start function copies them.
    fn copy(
        &self,
        stretches: Vec<Range<usize>>,
        slots: &mut SegmentIndices<ElementSegment>,
        start: &mut Vec<StartStep>,
    ) {
        let mut rest = &stretches[..];
        while !rest.is_empty() {
            let mut count = 0;
            let fits = |stretch: &&Range<usize>| {
                count += stretch.len();
                count <= MAX_STRETCH
            };
            let (part, behind) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = behind;
            let items: Vec<_> = part.iter().flat_map(|stretch| self.items(stretch)).collect();
            let ty = item_type(self.ty.element_type, &items);
            let fits = |slot: &ElementSegment| *slot == ElementSegment::Empty(ty);
            let element = slots.place(ElementSegment::Passive { ty, items }, fits);
            let mut from = 0;
            for (k, stretch) in part.iter().enumerate() {
                let len = stretch.len() as u32;
                start.push(StartStep::InitTable {
                    table: self.index,
                    table64: self.ty.table64,
                    element,
                    offset: stretch.start as u64,
                    from,
                    len,
                    is_last: k + 1 == part.len(),
                });
                from += len;
            }
        }
    }

    fn items(&self, stretch: &Range<usize>) -> impl Iterator<Item = Reference> {
        self.elements[stretch.clone()].iter().map(|element| match element.object() {
            Some(_) => Reference::Null,
            None => *element,
        })
    }
}

/// What the indices that instructions name must hold.
fn held_segments(module: &Module<'_>, snapshot: &Snapshot<'_>, kept: &BTreeSet<u32>) -> Vec<ElementSegment> {
    let stays = |element: &Element<'_>| match &element.kind {
        ElementKind::Active { table_index, .. } => kept.contains(&table_index.unwrap_or(0)),
        ElementKind::Passive | ElementKind::Declared => false,
    };
    let last_that_stays = module.elements.iter().rposition(stays).map_or(0, |last| last as u32 + 1);
    let held = module.code.highest_element.map_or(0, |highest| highest + 1).max(last_that_stays);
    let segment = |k: u32| {
        let element = &module.elements[k as usize];
        // An empty one and a dropped one behave the same; keeping it keeps its name.
        if stays(element)
            || !snapshot.dropped_elements[k as usize]
            || element.is_passive() && element.is_empty()
        {
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

/// Function indices where the table's type and the items allow them: every engine has a fast path for them.
fn item_type(table: RefType, items: &[Reference]) -> ElementType {
    let is_func = table.heap_type() == wasmparser::HeapType::FUNC;
    if is_func && items.iter().all(|item| matches!(item, Reference::Func(_))) {
        return ElementType::Functions;
    }
    ElementType::Expressions(table)
}
