//! How the objects of the heap come back: as data, and a small builder in the start function. Constant expressions look
//! natural and are a trap, because engines compile each of them.
//!
//! The data segment holds streams, one for each width of value, in the order in which the builder reads them. A
//! *registry* array holds every object that was made so far; references in the streams are its indices. Objects of one
//! type are made in *runs* by a function of that type. What an immutable field points to is made before; mutable fields
//! whose object is not there yet are filled in when all are. Objects that an initializer makes which has to stay are
//! taken from where that puts them, and get the values of their mutable fields.

mod columns;
mod field_layout;
mod object_kind;
mod order;
mod path;
mod placeholder;
mod prebuilt;
mod registry;
mod runs;
mod streams;

pub use object_kind::{Column, Form, ObjectKind};
pub use placeholder::Placeholder;
pub use prebuilt::PrebuiltPlace;
pub(super) use runs::ObjectSlots;
pub use streams::{StreamKind, StreamRange};

use super::{PlanError, UnwritableValue};
use crate::engine_limits::FIXED_ARRAY_ELEMENTS;
use crate::module::{Module, Names, Space};
use crate::snapshot::{Reference, Shape, Snapshot};
use field_layout::{FieldLayout, FieldLayouts, is_reference};
use object_kind::ObjectKinds;
use placeholder::Placeholders;
use prebuilt::Prebuilt;
use registry::{Assigned, RegistryIndices};
use runs::{Builders, write_slots};
use std::collections::{BTreeSet, HashMap};
use streams::StreamContents;

/// What the start function needs to make all objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapPlan {
    /// Every kind of object.
    pub kinds: Vec<ObjectKind>,
    /// The functions that runs call, by the number in the run.
    pub builders: Vec<Builder>,
    /// RegistryIndices that are not made by runs, in order.
    pub prelude: Vec<(u32, RegistryEntry)>,
    /// Functions by index; the n-th is entry n + 1, entry 0 is null.
    pub functions: Vec<u32>,
    /// Number of entries of the registry of structs, arrays and `i31`s.
    pub entries: u32,
    /// Number of entries of the registry of exceptions.
    pub exceptions: u32,
    /// Runs that make and fill objects. They are triples: builder, first entry, count.
    pub object_runs: StreamRange,
    /// Runs that write to tables.
    pub table_runs: StreamRange,
    /// Registry indices.
    pub references: StreamRange,
    /// Bytes of each of those: 1, 2 or 4.
    pub reference_width: u32,
    /// `i8`
    pub bytes: StreamRange,
    /// `i16`
    pub shorts: StreamRange,
    /// `i32`
    pub words: StreamRange,
    /// `i64`
    pub doubles: StreamRange,
    /// Where the elements of arrays of numbers begin.
    pub arrays: u32,
    /// The contents of the data segment.
    pub data: Vec<u8>,
    index: RegistryIndices,
    globals: HashMap<u32, u32>,
}

/// A function that runs call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// Makes objects of a kind.
    Build(u32),
    /// Writes the fields of objects of a kind that could not be written at once.
    Fill(u32),
    /// Makes `i31`s.
    Integers,
    /// Writes one reference after the other to the slots of a table.
    SetSlots(u32),
    /// Writes the same reference to the slots of a table.
    FillSlots(u32),
}

/// A registry entry that is not made by a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryEntry {
    /// What the host gave an immutable global.
    Import(u32),
    /// The smallest instance of this type.
    Instance(u32),
    /// An object that exists already.
    Prebuilt(Shape, PrebuiltPlace),
}

impl HeapPlan {
    /// How many entries one function puts into the registries that runs do not; function bodies have a limit.
    pub const ENTRIES_PER_FUNCTION: usize = 1000;
    /// How many globals one function sets.
    pub const STEPS_PER_FUNCTION: usize = 10_000;

    /// How many functions the output has for this besides the start function, which takes `steps`.
    pub(super) fn functions_added(&self, steps: usize) -> u32 {
        let entries = self.prelude.len().div_ceil(Self::ENTRIES_PER_FUNCTION);
        let steps = steps.div_ceil(Self::STEPS_PER_FUNCTION);
        (self.builders.len() + 1 + entries + steps) as u32
    }

    /// What the smallest instance of a type has in a field of type `ty`.
    pub fn part_of_instance(module: &Module<'_>, ty: wasmparser::RefType) -> Option<Placeholder> {
        Placeholders::of(module).placeholder(ty)
    }

    /// The immutable global that holds an object from the beginning.
    pub fn global(&self, object: u32) -> Option<u32> {
        self.globals.get(&object).copied()
    }

    /// The registry index of an object.
    pub fn entry(&self, object: u32) -> u32 {
        self.index.objects[object as usize]
    }

    /// The registry index of the smallest instance of a type.
    pub fn instance(&self, ty: u32) -> u32 {
        self.index.instances.get(&ty).copied().unwrap_or_default()
    }
}

/// Every reference inside an object that cannot be written.
pub(super) fn unwritable(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    names: &Names<'_>,
) -> Vec<UnwritableValue> {
    path::unwritable(module, snapshot, &FieldLayouts::of(module, &snapshot.heap), names)
}

/// Decides how the heap is written; `None` if there is nothing to do. `stays` tells for an immutable global whether its
/// initializer does, and for an import whether it is one still, `slots` what tables hold, `used` what else the start function writes.
pub(super) fn plan(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    names: &Names<'_>,
    stays: impl Fn(Space, u32) -> bool,
    slots: &[ObjectSlots],
    used: &[Reference],
) -> Result<Option<HeapPlan>, PlanError> {
    let heap = &snapshot.heap;
    if heap.is_empty() {
        return Ok(None);
    }
    let layouts = FieldLayouts::of(module, heap);
    let prebuilt = Prebuilt::of(module, snapshot, &layouts, stays);
    let is_prebuilt = |id: u32| prebuilt.place(id).is_some();
    let kinds = ObjectKinds::of(heap, &layouts, is_prebuilt);
    let path = |id| path::path_to(module, snapshot, &layouts, names, id);
    if let Some(id) = (0u32..).zip(&kinds.of).find_map(|(id, &kind)| match kinds.keys[kind as usize].1 {
        Form::Fixed(len) => (!FIXED_ARRAY_ELEMENTS.allows(u64::from(len))).then_some(id),
        _ => None,
    }) {
        return Err(PlanError::LargeImmutableArray { path: path(id), len: heap.object(id).len });
    }
    let order = order::build_order(heap, &layouts, &kinds.of, kinds.keys.len(), is_prebuilt);
    let placeholders = Placeholders::of(module);
    let columns = columns::plan(heap, &layouts, &kinds, &prebuilt, &order, &placeholders);
    let kinds_of = kinds.of;
    let planned = columns.map_err(|(id, ty)| PlanError::NoPlaceholder { path: path(id), ty })?;

    let mut assigned = Assigned::new(heap.len());
    assigned.values(heap);
    assigned.instances(module, &planned, &placeholders);
    let needed = needed(snapshot, &layouts, &planned, &kinds_of, &prebuilt, slots, used);
    let mut fetched = assigned.prebuilt(snapshot, &prebuilt, &needed, &kinds_of);
    for &id in &order {
        assigned.object(id, heap.object(id).shape);
    }

    let mut builders = Builders::default();
    let mut streams = StreamContents::default();
    let Assigned { index, prelude, functions, integers, next, next_exception } = assigned;
    if !integers.is_empty() {
        let builder = builders.number(Builder::Integers);
        streams.runs.extend([builder, 1, integers.len() as u32]);
        integers.iter().for_each(|value| streams.words.extend(value.to_le_bytes()));
    }
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    for &id in &order {
        let kind = kinds_of[id as usize];
        let entry = index.objects[id as usize];
        match runs.last_mut() {
            Some((last, first, count)) if *last == kind && *first + *count == entry => *count += 1,
            _ => runs.push((kind, entry, 1)),
        }
        streams.build(&planned[kind as usize], layouts.get(id), heap.object(id), &index);
    }
    for &(kind, first, count) in &runs {
        streams.runs.extend([builders.number(Builder::Build(kind)), first, count]);
    }
    fetched.sort_by_key(|&id| index.objects[id as usize]);
    let mut fills: Vec<(u32, u32, u32)> = Vec::new();
    for &id in fetched.iter().chain(&order) {
        let kind = kinds_of[id as usize];
        let entry = index.objects[id as usize];
        if planned[kind as usize].fills.iter().all(Option::is_none) {
            continue;
        }
        match fills.last_mut() {
            Some((last, first, count)) if *last == kind && *first + *count == entry => *count += 1,
            _ => fills.push((kind, entry, 1)),
        }
        streams.fill(&planned[kind as usize], layouts.get(id), heap.object(id), &index);
    }
    for &(kind, first, count) in &fills {
        streams.runs.extend([builders.number(Builder::Fill(kind)), first, count]);
    }
    let object_runs = streams.runs.len() as u32;
    write_slots(slots, &index, &mut builders, &mut streams);
    let is_used = used.iter().any(|reference| reference.object().is_some());
    if builders.list.is_empty() && prelude.is_empty() && !is_used {
        return Ok(None);
    }

    let widest = next.max(next_exception).max(functions.len() as u32 + 1);
    let reference_width = match widest {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    };
    let mut plan = HeapPlan {
        kinds: planned,
        builders: builders.list,
        prelude,
        functions,
        entries: next,
        exceptions: next_exception,
        object_runs: StreamRange::default(),
        table_runs: StreamRange::default(),
        references: StreamRange::default(),
        reference_width,
        bytes: StreamRange::default(),
        shorts: StreamRange::default(),
        words: StreamRange::default(),
        doubles: StreamRange::default(),
        arrays: 0,
        data: Vec::new(),
        index,
        globals: globals_of(&prebuilt),
    };
    plan.lay_out(streams, object_runs)?;
    Ok(Some(plan))
}

impl HeapPlan {
    fn lay_out(&mut self, streams: StreamContents, object_runs: u32) -> Result<(), PlanError> {
        let mut data = Vec::new();
        let mut add = |bytes: &[u8], width: usize| {
            let stream = StreamRange { offset: data.len() as u32, len: (bytes.len() / width) as u32 };
            data.extend_from_slice(bytes);
            stream
        };
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let (objects, tables) = streams.runs.split_at(object_runs as usize);
        self.object_runs = add(&words(objects), 4);
        self.table_runs = add(&words(tables), 4);
        let width = self.reference_width as usize;
        let indices: Vec<u8> =
            streams.references.iter().flat_map(|index| index.to_le_bytes().into_iter().take(width)).collect();
        self.references = add(&indices, width);
        self.bytes = add(&streams.bytes, 1);
        self.shorts = add(&streams.shorts, 2);
        self.words = add(&streams.words, 4);
        self.doubles = add(&streams.doubles, 8);
        self.arrays = add(&streams.arrays, 1).offset;
        if u32::try_from(data.len()).is_err() {
            return Err(PlanError::LargeHeap(data.len() as u64));
        }
        self.data = data;
        Ok(())
    }
}

fn globals_of(prebuilt: &Prebuilt) -> HashMap<u32, u32> {
    let global = |(id, place): &(u32, PrebuiltPlace)| match place {
        PrebuiltPlace::Global(global) => Some((*id, *global)),
        _ => None,
    };
    prebuilt.objects.iter().filter_map(global).collect()
}

/// Which objects that exist already have to be in the registry.
fn needed(
    snapshot: &Snapshot<'_>,
    layouts: &FieldLayouts,
    kinds: &[ObjectKind],
    kinds_of: &[u32],
    prebuilt: &Prebuilt,
    slots: &[ObjectSlots],
    used: &[Reference],
) -> BTreeSet<u32> {
    let mut needed = BTreeSet::new();
    if prebuilt.objects.is_empty() {
        return needed;
    }
    // One that is always the same, and in a global, is taken from there.
    let in_global = |id: u32| matches!(prebuilt.place(id), Some(PrebuiltPlace::Global(_)));
    let mut need = |reference: Reference, is_constant: bool| {
        if let Some(id) = reference.object()
            && prebuilt.place(id).is_some()
            && !(is_constant && in_global(id))
        {
            needed.insert(id);
        }
    };
    slots.iter().flat_map(|slots| &slots.slots).for_each(|(_, reference)| need(*reference, false));
    used.iter().for_each(|reference| need(*reference, true));
    for kind in kinds {
        let columns = kind.columns.iter().chain(kind.fills.iter().flatten());
        for column in columns {
            if let Column::Reference(reference) = column {
                need(*reference, true);
            }
        }
    }
    for (id, object) in snapshot.heap.objects() {
        let kind = &kinds[kinds_of[id as usize] as usize];
        let is_array = matches!(layouts.get(id), FieldLayout::Elements(_));
        let fields: Vec<usize> = match layouts.get(id) {
            FieldLayout::Fields(fields) => {
                fields.iter().enumerate().filter(|(_, f)| is_reference(f)).map(|(at, _)| at).collect()
            }
            FieldLayout::Elements(_) => vec![0],
        };
        let streamed = |at: usize| {
            let field = fields[if is_array { 0 } else { at }];
            kind.columns.get(field) == Some(&Column::Stream)
                || kind.fills.get(field) == Some(&Some(Column::Stream))
        };
        for (at, reference) in object.references.iter().enumerate() {
            if reference.object().is_some_and(|id| prebuilt.place(id).is_some()) && streamed(at) {
                need(*reference, false);
            }
        }
        if kind.form == Form::Prebuilt && kind.fills.iter().any(Option::is_some) {
            need(Reference::Object(id), false);
        }
    }
    // Whoever is fetched from a field of another needs that one.
    for &(id, place) in prebuilt.objects.iter().rev() {
        if let PrebuiltPlace::Field { holder, .. } = place
            && needed.contains(&id)
        {
            needed.insert(holder);
        }
    }
    needed
}
