//! What to write: a pure function of the module and its snapshot.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod declare;
mod error;
mod exports;
mod globals;
pub mod heap;
mod imports;
mod memories;
mod same_objects;
mod segment_indices;
pub mod sparse;
mod start_steps;
mod tables;
mod thread_sign;
mod threads;
mod warning;

pub use error::{PlanError, UnwritableValue, UnwritableValues};
pub use exports::{Rename, effective_renames, rename_conflict};
pub use start_steps::{StartStep, StartSteps};
pub use thread_sign::ThreadSign;
pub use threads::StateOfOneThread;
pub use warning::{MappingObstacle, Warning};

use crate::layout::Layout;
use crate::module::{Module, Names, Space};
use crate::snapshot::{Reference, Snapshot, Value};
use declare::OutsideCode;
use heap::{HeapInputs, HeapPlan};
use imports::Imports;
use sparse::SparseData;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use wasmparser::{ConstExpr, ExternalKind, MemoryType, RefType, TableType};

/// Choices about the output that the state does not decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Functions not to export any more: consumed init functions.
    pub removed_exports: Vec<String>,
    /// Exports to rename, applied after removal.
    pub renames: Vec<Rename>,
    /// Make imported memories, tables and mutable globals the module's own.
    pub internalize: bool,
    /// Every instance gets imported memories that hold nothing but zeros, so that zeros may be written to them too.
    pub fresh_imports: bool,
    /// How data is laid out.
    pub layout: Layout,
    /// What to call slots of tables that the user does not know, by table and slot.
    pub slots: HashMap<(u32, u64), String>,
    /// Tables that hold at the snapshot what instantiation puts there, for which the segments of the original stay.
    pub kept_tables: BTreeSet<u32>,
    /// Exports that are added to those of the module, under names that it does not use.
    pub added_exports: Vec<PlannedExport<'static>>,
}

/// Everything that is written differently from the original module.
#[derive(Clone)]
pub struct Plan<'a> {
    /// For each import whether it stays one.
    pub kept_imports: Vec<bool>,
    /// How many of those are globals: the index of the first global that the output defines.
    pub kept_globals: u32,
    /// The memories that the output defines.
    pub memories: Vec<MemoryType>,
    /// The tables that the output defines.
    pub tables: Vec<PlannedTable<'a>>,
    /// The globals that the output defines.
    pub globals: Vec<PlannedGlobal<'a>>,
    /// All exports in order.
    pub exports: Vec<PlannedExport<'a>>,
    /// All element segments in order.
    pub elements: Vec<ElementSegment>,
    /// All data segments in order.
    pub data: Vec<DataSegment>,
    /// Whether to write a data count section.
    pub data_count: bool,
    /// What has to be done at instantiation and has no declarative form.
    pub start: Option<StartSteps>,
    /// The objects that the start function makes first.
    pub heap: Option<PlannedHeap>,
    /// Whether the debug information would be wrong, because the code section's entries move.
    pub drops_dwarf: bool,
    /// How data is laid out, and what the alternative is.
    pub layout: LayoutChoice,
    /// What the user should know about the output.
    pub warnings: Vec<Warning>,
}

/// How the start function makes objects, and the segments that it does so with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedHeap {
    /// What it does.
    pub plan: HeapPlan,
    /// The data segment that holds [`HeapPlan::data`](heap::HeapPlan::data).
    pub data: u32,
    /// The element segment of functions that objects refer to, a null in front.
    pub functions: Option<u32>,
    /// The element segment of builder functions, [`HeapPlan::builders`].
    pub builders: u32,
}

/// Which layout was chosen, and what both are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutChoice {
    /// *compact* or *mappable*; where *compact* is mapped as it is, the two are the same and this is *compact*.
    pub chosen: Layout,
    /// Whether Wasmtime maps the memories in the compact layout.
    pub compact_is_mapped: bool,
    /// What makes the memories mappable; `None` if nothing does.
    pub mappable: Option<Padding>,
    /// The longest span of one memory's data, in bytes. Wasmtime maps the compact layout too if its
    /// `memory_guaranteed_dense_image_size` is above this.
    pub span: u64,
    /// The bytes of memory that the compact layout writes.
    pub data: u64,
}

/// What the layout *mappable* takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// Zeros that are written for it.
    pub padding: u64,
    /// Bytes that a start function copies, because the hole before them is too large to fill.
    pub copied: u64,
}

/// A table that the output defines.
#[derive(Clone)]
pub struct PlannedTable<'a> {
    /// Its type, with the size at the snapshot as the minimum.
    pub ty: TableType,
    /// The initializer of all slots, for tables that had one.
    pub init: Option<ConstExpr<'a>>,
}

/// A global that the output defines.
#[derive(Clone)]
pub struct PlannedGlobal<'a> {
    /// Its type, as in the original.
    pub ty: wasmparser::GlobalType,
    /// Its initializer.
    pub init: GlobalInit<'a>,
}

/// The initializer of a global.
#[derive(Clone)]
pub enum GlobalInit<'a> {
    /// The expression of the original.
    Original(ConstExpr<'a>),
    /// The value at the snapshot.
    Value(Value),
}

/// An export of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedExport<'a> {
    /// Its name.
    pub name: std::borrow::Cow<'a, str>,
    /// What it exports.
    pub kind: ExternalKind,
    /// Index in the space of that kind.
    pub index: u32,
}

/// An element segment of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementSegment {
    /// A live passive segment of the original, by index.
    Original(u32),
    /// Holds the index of a segment that is dropped at the snapshot.
    Empty(ElementType),
    /// Written to a table at instantiation.
    Active {
        /// Table index.
        table: u32,
        /// First slot.
        offset: u64,
        /// Whether items are function indices or expressions.
        ty: ElementType,
        /// The items.
        items: Vec<Reference>,
    },
    /// Copied to a table by the start function.
    Passive {
        /// Whether items are function indices or expressions.
        ty: ElementType,
        /// The items.
        items: Vec<Reference>,
    },
    /// The builder functions of the heap, which follow the module's own, and how many they are.
    Builders(u32),
    /// Declares functions that code makes references of.
    Declared(Vec<u32>),
}

/// How the items of an element segment are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// Function indices.
    Functions,
    /// Constant expressions of this type.
    Expressions(RefType),
}

/// A data segment of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSegment {
    /// A live passive segment of the original, by index.
    Original(u32),
    /// Holds the index of a segment that is dropped at the snapshot.
    Empty,
    /// Written to a memory at instantiation.
    Active {
        /// Memory index.
        memory: u32,
        /// Addresses; the contents are the snapshot's.
        range: Range<u64>,
    },
    /// Copied to a memory by the start function.
    Passive {
        /// Memory index.
        memory: u32,
        /// Addresses; the contents are the snapshot's.
        range: Range<u64>,
    },
    /// Records that the start function copies to a memory.
    Sparse(SparseData),
    /// What the start function makes objects of.
    Heap,
}

/// What globals, tables and memories are planned from.
#[derive(Clone, Copy)]
struct PlanInputs<'p, 'a> {
    module: &'p Module<'a>,
    snapshot: &'p Snapshot<'p>,
    imports: &'p Imports,
    names: &'p Names<'p>,
}

/// Decides what to write.
///
/// # Errors
/// When the state holds something that has no form in a module; all such places are listed at once.
pub fn plan<'a>(
    module: &Module<'a>,
    snapshot: &Snapshot<'_>,
    options: &PlanOptions,
) -> Result<Plan<'a>, PlanError> {
    let imports = imports::plan(module, snapshot, options.internalize)?;
    let names = module.names().with_slots(&options.slots);
    let inputs = PlanInputs { module, snapshot, imports: &imports, names: &names };
    let mut unwritable = UnwritableValues::default();
    let mut warnings = imports.warnings(module, snapshot);
    let mut start = StartSteps { flag: imports.flag.clone(), ..StartSteps::default() };

    let globals = globals::plan(inputs, &mut start, &mut unwritable);
    let tables = tables::plan(inputs, &options.kept_tables, &mut unwritable);
    heap::unwritable((module, snapshot), &names, &mut unwritable);
    if !unwritable.is_empty() {
        return Err(PlanError::Unwritable(unwritable));
    }
    let stays = |space: Space, index: u32| match space {
        Space::Global => !imports.internalizes_global(module, index),
        _ => !imports.internalize,
    };
    let used: Vec<Reference> =
        start.steps.iter().chain(&tables.start).filter_map(StartStep::reference).collect();
    let heap = heap::plan(
        HeapInputs { module, snapshot, names: &names, slots: &tables.objects, used: &used },
        stays,
    )?;
    let wanted = memories::Wanted { layout: options.layout, fresh_imports: options.fresh_imports };
    let memories = memories::plan(inputs, heap.is_some(), wanted)?;
    warnings.extend(memories.warnings);
    let exports = exports::plan(module, options);
    warnings.extend(exports::warnings(module, &options.renames));

    start.steps.extend(memories.start);
    start.steps.extend(tables.start);
    let mut elements = tables.elements;
    let heap = heap.zip(memories.heap).map(|(plan, data)| {
        let mut add = |segment| {
            elements.push(segment);
            elements.len() as u32 - 1
        };
        let functions = (!plan.functions.is_empty()).then(|| {
            let functions = plan.functions.iter().map(|&index| Reference::Func(index));
            let items = [Reference::Null].into_iter().chain(functions).collect();
            add(ElementSegment::Passive { ty: ElementType::Expressions(RefType::FUNCREF), items })
        });
        let builders = add(ElementSegment::Builders(plan.builders.len() as u32));
        PlannedHeap { plan, data, functions, builders }
    });
    let outside =
        OutsideCode { exports: &exports, globals: &globals, tables: &tables.tables, elements: &elements };
    let undeclared = declare::missing(module, outside, &start);
    if !undeclared.is_empty() {
        elements.push(ElementSegment::Declared(undeclared));
    }
    let is_needed = !start.steps.is_empty() || start.flag.is_some() || heap.is_some();
    let start = is_needed.then_some(start);
    let added = start.as_ref().map_or(0, |start| start.functions_added(heap.as_ref()));
    let drops_dwarf = module.code_moves_with(added) && module.has_dwarf();
    if drops_dwarf {
        warnings.push(Warning::DwarfDropped);
    }
    Ok(Plan {
        data_count: module.has_data_count || memories.needs_data_count,
        kept_globals: imports.first_internalized_global,
        kept_imports: imports.kept,
        memories: memories.memories,
        tables: tables.tables,
        globals,
        exports,
        elements,
        data: memories.data,
        start,
        heap,
        drops_dwarf,
        layout: memories.layout,
        warnings,
    })
}
