//! What was done, for people and for tools.
//!
//! ```
//! use preinit::Preinit;
//! use preinit::report::Report;
//!
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (memory (export "memory") 1) (table 2 funcref)
//!     (func $f (export "preinit") (i64.store (i32.const 100) (i64.const -1)) (drop (memory.grow (i32.const 1)))))"#)?;
//! let report: Report = Preinit::new().run(&wasm)?.report;
//! let memory = &report.memories[0];
//! assert_eq!((memory.pages_before, memory.pages_after, memory.written_bytes), (1, 2, 8));
//! assert_eq!((report.tables.len(), report.heap.objects, report.data_segments), (1, 0, 1));
//! assert!(report.timings.total >= report.timings.init && report.host_calls.is_empty());
//! # Ok::<(), preinit::Error>(())
//! ```
//!
//! No example: the other types are what the fields of [`Report`] hold.

pub(crate) use crate::changed_globals::globals_changed;
pub use crate::cleaning::ScrubReport;
use crate::component::{CoreInstanceReport, HandlesReport};
pub use crate::embedded_files::EmbeddedFile;
use crate::execute::AllocatedArgument;
use crate::finding::Finding;
use crate::host::{Ledger, StubCalls};
use crate::warning::Warning;
use preinit_core::layout::Layout;
use preinit_core::module::{Module, Space};
use preinit_core::plan::{DataSegment, ElementSegment, Plan, StartStep};
use preinit_core::snapshot::{Shape, Snapshot};
use preinit_core::strip::StripReport;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What one run did. The JSON form has the same names; sizes are bytes, times are seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Size of the input.
    pub input_bytes: u64,
    /// Size of the output.
    pub output_bytes: u64,
    /// Which compiler ran init.
    pub compiler: &'static str,
    /// Whether its code was in the cache.
    pub compile_cached: bool,
    /// Why it was this compiler.
    pub compiler_choice: String,
    /// The exports that were called, in order.
    pub init_functions: Vec<String>,
    /// Texts and lists that they were given, and where they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_arguments: Vec<AllocatedArgument>,
    /// What the real-time clock said first, in nanoseconds since 1970, if init read a clock that is not this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_start: Option<u64>,
    /// Time by stage.
    pub timings: Timings,
    /// Every memory.
    pub memories: Vec<MemoryReport>,
    /// Globals whose value is not the one that the input gives them.
    pub globals_changed: usize,
    /// Every table.
    pub tables: Vec<TableReport>,
    /// Objects of the garbage-collected heap.
    pub heap: HeapReport,
    /// How data is laid out.
    pub layout: LayoutReport,
    /// What zeroing free memory has gained; `None` without [`crate::Options::scrub`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrubbed: Option<ScrubReport>,
    /// What was stripped; `None` without [`crate::Options::strip_init`].
    pub stripped: Option<StripReport>,
    /// Data segments of the output.
    pub data_segments: usize,
    /// Element segments of the output.
    pub element_segments: usize,
    /// Whether the output has a start function of ours.
    pub start_function: bool,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// Host calls by import, in the order of their first call.
    pub host_calls: Vec<HostCalls>,
    /// Calls that stubs have answered, by import.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stubs: Vec<StubCalls>,
    /// Bytes of randomness that init asked for, and that are frozen in.
    pub random_bytes: u64,
    /// What an instance's monotonic clock goes on from, in nanoseconds; `None` if it begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monotonic_clock: Option<u64>,
    /// Bytes of standard input that init has read; `None` if it did not ask for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin_bytes: Option<u64>,
    /// What init changed in its directories, as it names them.
    pub files_written: Vec<String>,
    /// What of that was only in memory and is gone, so that no instance will find it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files_lost: Vec<String>,
    /// Files that are in the module, the largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embedded: Vec<EmbeddedFile>,
    /// What of the build was seen in the snapshot. The audit looks closer.
    pub findings: Vec<Finding>,
    /// What is known about a program that was frozen in the middle, by [`crate::Options::at`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FrozenReport>,
    /// Of a component, the handles that are alive after init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handles: Option<HandlesReport>,
    /// Of a component, its core instances in the order in which they are made. The memories and tables above are those of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub core_instances: Vec<CoreInstanceReport>,
}

/// A program that was frozen in the middle.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FrozenReport {
    /// The export that resumes it.
    pub entry: String,
    /// The call that it resumes with.
    pub call: String,
    /// Calls in progress.
    pub frames: usize,
    /// Size of the code that resumes them.
    pub code_bytes: usize,
    /// Directories that must be given when it runs, under these names and in this order.
    pub preopens: Vec<String>,
    /// How locals and operands were read.
    pub reader: &'static str,
    /// Seconds that the second run took, with its compilation.
    pub reading: f64,
}

pub(crate) fn frozen(frozen: &crate::freeze::FrozenReport) -> FrozenReport {
    FrozenReport {
        entry: frozen.entry.clone(),
        call: frozen.call.clone(),
        frames: frozen.stack.frames.len(),
        code_bytes: frozen.code_bytes,
        preopens: frozen.preopens.clone(),
        reader: frozen.reader.name(),
        reading: seconds(frozen.reading),
    }
}

/// Seconds by stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Parsing and validating.
    pub parse: f64,
    /// Compiling the probed module.
    pub compile: f64,
    /// Instantiating and running init.
    pub init: f64,
    /// Reading the state.
    pub capture: f64,
    /// Deciding what to write.
    pub plan: f64,
    /// Writing and validating.
    pub encode: f64,
    /// The whole.
    pub total: f64,
}

/// One memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MemoryReport {
    /// Memory index.
    pub index: u32,
    /// Its name in the name section.
    pub name: Option<String>,
    /// Bytes in a page.
    pub page_size: u64,
    /// Pages that the input declares.
    pub pages_before: u64,
    /// Pages at the snapshot.
    pub pages_after: u64,
    /// Bytes that the output writes to it.
    pub written_bytes: u64,
    /// Segments that the output writes to it.
    pub segments: usize,
}

/// How data is laid out, and what the other layout would be like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LayoutReport {
    /// `compact`, `mappable` or `sparse`.
    pub chosen: Layout,
    /// Whether Wasmtime maps the output's memories copy-on-write, by its own defaults.
    pub mapped: bool,
    /// Zeros that the mappable layout writes on top of the compact one; `null` where nothing has to be or can be done.
    pub padding_bytes: Option<u64>,
    /// Bytes that the mappable layout leaves to a start function, which copies them at every start.
    pub copied_bytes: Option<u64>,
    /// The longest span of one memory's data. Wasmtime maps the compact layout too where its option
    /// `memory-guaranteed-dense-image-size` is larger.
    pub span_bytes: u64,
    /// Bytes of memory that the compact layout writes, which engines that do not map it copy at every start.
    pub data_bytes: u64,
    /// Records that a start function copies in the sparse layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TableReport {
    /// Table index.
    pub index: u32,
    /// Its name in the name section.
    pub name: Option<String>,
    /// Elements that the input declares.
    pub size_before: u64,
    /// Elements at the snapshot.
    pub size_after: u64,
    /// Elements that the output writes to it.
    pub elements_written: u64,
}

/// The objects that the state reaches.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeapReport {
    /// How many.
    pub objects: u64,
    /// Their fields and elements: numbers as wide as they are stored, 4 bytes for a reference.
    pub bytes: u64,
    /// Bytes of the segment that the output makes them of.
    pub data_bytes: u64,
    /// Calls of builder functions in the start function, each for objects of one kind in a row.
    pub runs: u64,
    /// By type, the largest first.
    pub types: Vec<TypeReport>,
}

/// The objects of one type.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TypeReport {
    /// `struct`, `array` or `exception`.
    pub kind: &'static str,
    /// Type index; of exceptions, tag index.
    pub index: u32,
    /// Its name in the name section.
    pub name: Option<String>,
    /// How many.
    pub objects: u64,
    /// Their fields and elements, as in [`HeapReport::bytes`].
    pub bytes: u64,
}

/// Calls of one import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostCalls {
    /// `module.name`
    pub import: String,
    /// How often.
    pub count: u64,
}

/// The calls of a ledger, by import.
pub fn host_calls(ledger: &Ledger) -> Vec<HostCalls> {
    let counts = ledger.counts().into_iter();
    counts.map(|count| HostCalls { import: count.import.dotted(), count: count.calls }).collect()
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

pub(crate) fn memories(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>) -> Vec<MemoryReport> {
    let names = module.names();
    let states = (0u32..).zip(&module.memories).zip(&snapshot.memories);
    states
        .map(|((index, ty), state)| {
            let lengths = plan.data.iter().filter_map(|segment| match segment {
                DataSegment::Active { memory, range } | DataSegment::Passive { memory, range } => {
                    (*memory == index).then_some(range.end - range.start)
                }
                DataSegment::Sparse(sparse) => (sparse.memory == index).then_some(sparse.bytes()),
                DataSegment::Original(_) | DataSegment::Empty | DataSegment::Heap => None,
            });
            let page_log2 = ty.page_size_log2.unwrap_or(16);
            MemoryReport {
                index,
                name: names.get(Space::Memory, index).map(str::to_string),
                page_size: 1 << page_log2,
                pages_before: ty.initial,
                pages_after: state.size >> page_log2,
                written_bytes: lengths.clone().sum(),
                segments: lengths.count(),
            }
        })
        .collect()
}

pub(crate) fn tables(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>) -> Vec<TableReport> {
    let names = module.names();
    let mut reports: Vec<TableReport> = (0u32..)
        .zip(&module.tables)
        .zip(&snapshot.tables)
        .map(|((index, declared), state)| TableReport {
            index,
            name: names.get(Space::Table, index).map(str::to_string),
            size_before: declared.ty.initial,
            size_after: state.elements.len() as u64,
            elements_written: 0,
        })
        .collect();
    for segment in &plan.elements {
        if let ElementSegment::Active { table, items, .. } = segment {
            reports[*table as usize].elements_written += items.len() as u64;
        }
    }
    for step in plan.start.iter().flat_map(|start| &start.steps) {
        if let StartStep::InitTable { table, len, .. } = step {
            reports[*table as usize].elements_written += u64::from(*len);
        }
    }
    reports
}

pub(crate) fn heap(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>) -> HeapReport {
    let names = module.names();
    let mut by_shape: BTreeMap<Shape, (u64, u64)> = BTreeMap::new();
    for (_, object) in snapshot.heap.objects() {
        let (objects, bytes) = by_shape.entry(object.shape).or_default();
        *objects += 1;
        *bytes += object.scalars.len() as u64 + 4 * object.references.len() as u64;
    }
    let types = by_shape.into_iter().map(|(shape, (objects, bytes))| {
        let (kind, index) = match shape {
            Shape::Struct(index) => ("struct", index),
            Shape::Array(index) => ("array", index),
            Shape::Exception(index) => ("exception", index),
            Shape::String => ("string", 0),
            Shape::Call(function) => ("call", function),
        };
        let name = match shape {
            Shape::Exception(_) | Shape::String | Shape::Call(_) => None,
            _ => names.get(Space::Type, index).map(str::to_string),
        };
        TypeReport { kind, index, name, objects, bytes }
    });
    let mut types: Vec<TypeReport> = types.collect();
    types.sort_by_key(|ty| std::cmp::Reverse(ty.bytes));
    let planned = plan.heap.as_ref().map(|heap| &heap.plan);
    HeapReport {
        objects: types.iter().map(|ty| ty.objects).sum(),
        bytes: types.iter().map(|ty| ty.bytes).sum(),
        data_bytes: planned.map_or(0, |plan| plan.data.contents.len() as u64),
        runs: planned.map_or(0, |plan| u64::from(plan.data.object_runs.len + plan.data.table_runs.len) / 3),
        types,
    }
}

impl LayoutReport {
    /// Of no memory at all.
    pub(crate) fn empty() -> LayoutReport {
        LayoutReport {
            chosen: Layout::Compact,
            mapped: true,
            padding_bytes: None,
            copied_bytes: None,
            span_bytes: 0,
            data_bytes: 0,
            records: None,
        }
    }
}

pub(crate) fn layout(plan: &Plan<'_>) -> LayoutReport {
    let choice = plan.layout;
    LayoutReport {
        chosen: choice.chosen,
        mapped: choice.compact_is_mapped || choice.chosen == Layout::Mappable,
        padding_bytes: choice.mappable.map(|mappable| mappable.padding),
        copied_bytes: choice.mappable.map(|mappable| mappable.copied),
        span_bytes: choice.span,
        data_bytes: choice.data,
        records: (choice.chosen == Layout::Sparse).then(|| records(plan)),
    }
}

fn records(plan: &Plan<'_>) -> u64 {
    let of_segment = |segment: &DataSegment| match segment {
        DataSegment::Sparse(sparse) => sparse.islands.len() as u64,
        _ => 0,
    };
    plan.data.iter().map(of_segment).sum()
}
