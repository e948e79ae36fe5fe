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
mod heap_data;
mod needed;
mod object_kind;
mod order;
mod path;
mod placeholder;
mod prebuilt;
mod registry;
mod runs;
mod streams;

pub use heap_data::HeapData;
pub use object_kind::{Column, Form, ObjectKind};
pub use placeholder::Placeholder;
pub use prebuilt::PrebuiltPlace;
pub(super) use runs::ObjectSlots;
pub use streams::{StreamKind, StreamRange};

use super::{PlanError, StartSteps, UnwritableValues};
use crate::engine_limits::FIXED_ARRAY_ELEMENTS;
use crate::module::{Module, Names, Space};
use crate::snapshot::{Heap, Reference, Shape, Snapshot};
use field_layout::FieldLayouts;
use object_kind::ObjectKinds;
use placeholder::Placeholders;
use prebuilt::Prebuilt;
use registry::{Assigned, RegistryIndices};
use runs::{Builders, ObjectRuns, write_slots};
use std::collections::HashMap;
use streams::StreamContents;

/// What the start function needs to make all objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapPlan {
    /// Every kind of object.
    pub kinds: Vec<ObjectKind>,
    /// The functions that runs call, by the number in the run.
    pub builders: Vec<Builder>,
    /// Entries that are not made by runs, in order.
    pub prelude: Vec<(u32, RegistryEntry)>,
    /// Functions by index; the n-th is entry n + 1, entry 0 is null.
    pub functions: Vec<u32>,
    /// Number of entries of the registry of structs, arrays and `i31`s.
    pub entries: u32,
    /// Number of entries of the registry of exceptions.
    pub exceptions: u32,
    /// What the builder functions read.
    pub data: HeapData,
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

    /// How many functions the output has for this besides the start function, which takes `steps`.
    pub(super) fn functions_added(&self, steps: usize) -> u32 {
        let entries = self.prelude.len().div_ceil(Self::ENTRIES_PER_FUNCTION);
        let steps = steps.div_ceil(StartSteps::PER_FUNCTION);
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
    (module, snapshot): (&Module<'_>, &Snapshot<'_>),
    names: &Names<'_>,
    found: &mut UnwritableValues,
) {
    path::unwritable((module, snapshot), (&FieldLayouts::of(module, &snapshot.heap), names), found);
}

/// What the heap is planned from.
#[derive(Clone, Copy)]
pub(super) struct HeapInputs<'p> {
    pub module: &'p Module<'p>,
    pub snapshot: &'p Snapshot<'p>,
    pub names: &'p Names<'p>,
    /// The objects that tables hold.
    pub slots: &'p [ObjectSlots],
    /// What else the start function writes.
    pub used: &'p [Reference],
}

/// What is known of the objects before it is decided how each kind is made.
struct Classified<'p> {
    heap: &'p Heap,
    layouts: FieldLayouts,
    kinds: ObjectKinds,
    prebuilt: Prebuilt,
    /// The objects that are to be made, in order.
    order: Vec<u32>,
}

/// Decides how the heap is written; `None` if there is nothing to do. `stays` says for an immutable global whether its
/// initializer does, and for an import whether it still is one.
pub(super) fn plan(
    inputs: HeapInputs<'_>,
    stays: impl Fn(Space, u32) -> bool,
) -> Result<Option<HeapPlan>, PlanError> {
    let HeapInputs { module, snapshot, names, slots, used } = inputs;
    let heap = &snapshot.heap;
    if heap.is_empty() {
        return Ok(None);
    }
    let classified = classify(inputs, stays)?;
    let placeholders = Placeholders::of(module);
    let kinds = columns::plan(&classified, &placeholders).map_err(|(id, ty)| {
        let path = path::path_to(module, snapshot, &classified.layouts, names, id);
        PlanError::NoPlaceholder { path, ty }
    })?;

    let mut assigned = Assigned::new(heap.len());
    assigned.values(heap);
    assigned.instances(module, &kinds, &placeholders);
    let needed = needed::prebuilt(inputs, &classified, &kinds);
    let mut fetched = assigned.prebuilt(snapshot, &classified.prebuilt, &needed, &classified.kinds.of);
    for &id in &classified.order {
        assigned.object(id, heap.object(id).shape);
    }
    let Assigned { index, prelude, functions, integers, next, next_exception } = assigned;

    let mut builders = Builders::default();
    let mut streams = StreamContents::default();
    if !integers.is_empty() {
        let builder = builders.number(Builder::Integers);
        streams.runs.extend([builder, 1, integers.len() as u32]);
        integers.iter().for_each(|value| streams.words.extend(value.to_le_bytes()));
    }
    fetched.sort_by_key(|&id| index.objects[id as usize]);
    write_objects(&classified, &kinds, &fetched, &index, (&mut builders, &mut streams))?;
    let object_runs = streams.runs.len();
    write_slots(slots, &index, &mut builders, &mut streams);
    let is_used = used.iter().any(|reference| reference.object().is_some());
    if builders.list.is_empty() && prelude.is_empty() && !is_used {
        return Ok(None);
    }
    let most_entries = next.max(next_exception).max(functions.len() as u32 + 1);
    Ok(Some(HeapPlan {
        kinds,
        builders: builders.list,
        prelude,
        functions,
        entries: next,
        exceptions: next_exception,
        data: HeapData::new(&streams, object_runs, most_entries)?,
        index,
        globals: classified.prebuilt.globals(),
    }))
}

fn classify(inputs: HeapInputs<'_>, stays: impl Fn(Space, u32) -> bool) -> Result<Classified<'_>, PlanError> {
    let HeapInputs { module, snapshot, names, .. } = inputs;
    let heap = &snapshot.heap;
    let layouts = FieldLayouts::of(module, heap);
    let prebuilt = Prebuilt::of(module, snapshot, &layouts, stays);
    let is_prebuilt = |id: u32| prebuilt.place(id).is_some();
    let kinds = ObjectKinds::of(heap, &layouts, is_prebuilt);
    let too_large = (0u32..).zip(&kinds.of).find_map(|(id, &kind)| match kinds.keys[kind as usize].1 {
        Form::Fixed(len) => (!FIXED_ARRAY_ELEMENTS.allows(u64::from(len))).then_some(id),
        _ => None,
    });
    if let Some(id) = too_large {
        let path = path::path_to(module, snapshot, &layouts, names, id);
        return Err(PlanError::LargeImmutableArray { path, len: heap.object(id).len });
    }
    let order = order::build_order(heap, &layouts, &kinds.of, kinds.keys.len(), is_prebuilt);
    if order.len() + prebuilt.objects.len() < heap.len() {
        return Err(PlanError::ImmutableCycle);
    }
    Ok(Classified { heap, layouts, kinds, prebuilt, order })
}

/// Writes what builders read to make the objects, and then to fill in what had to wait.
fn write_objects(
    classified: &Classified<'_>,
    kinds: &[ObjectKind],
    fetched: &[u32],
    index: &RegistryIndices,
    (builders, streams): (&mut Builders, &mut StreamContents),
) -> Result<(), PlanError> {
    let Classified { heap, layouts, kinds: ObjectKinds { of: kinds_of, .. }, order, .. } = classified;
    let (mut builds, mut fills) = (ObjectRuns::default(), ObjectRuns::default());
    for &id in order {
        let kind = kinds_of[id as usize];
        builds.add(kind, index.objects[id as usize]);
        streams.build(&kinds[kind as usize], layouts.get(id), heap.object(id), index)?;
    }
    builds.write(Builder::Build, builders, streams);
    for &id in fetched.iter().chain(order) {
        let kind = kinds_of[id as usize];
        if kinds[kind as usize].fills.iter().any(Option::is_some) {
            fills.add(kind, index.objects[id as usize]);
            streams.fill(&kinds[kind as usize], layouts.get(id), heap.object(id), index)?;
        }
    }
    fills.write(Builder::Fill, builders, streams);
    Ok(())
}
