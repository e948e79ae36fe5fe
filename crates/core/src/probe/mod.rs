//! The module that is run: the given one, with its private state made visible. Exports are added for everything that
//! can hold state, and small functions that show whether a passive segment was dropped. No index moves, so what a probe
//! shows is true of the original. Active data is left out where the host can write it just as well: the engine would copy
//! it into its artifact, or compile code for each segment.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod call_marks;
mod change_marks;
mod deferred;
mod entry_marks;
mod instance_bytes;
mod instrument;
mod lowest_value;
mod memory_count;
mod object_readers;
mod probe_names;
mod targets;

pub use call_marks::CallMarks;
pub use change_marks::{Change, ChangeMarks};
pub use deferred::{Deferred, DeferredData};
pub use memory_count::MemoryCount;
pub use object_readers::Scratch;
pub use probe_names::{Probe, ProbeNames};

use crate::module::Module;
use std::collections::BTreeSet;
use targets::Targets;

/// The instrumented module and the names by which its parts are found.
#[derive(Debug)]
pub struct Probed {
    /// The binary to compile and run.
    pub wasm: Vec<u8>,
    /// The names of the exports that were added.
    pub names: ProbeNames,
    /// Every function that can be in a reference, and those that were to be exported.
    pub functions: BTreeSet<u32>,
    /// Whether they are the slots of [`Probe::Functions`], in order; only those that were to be exported are exported then.
    pub tables_functions: bool,
    /// Passive data segments that the code might drop, each with a probe function.
    pub droppable_data: Vec<u32>,
    /// Passive element segments that the code might drop, each with a probe function.
    pub droppable_elements: Vec<u32>,
    /// Live passive element segments that may hold objects, each with a function that copies it to a table.
    pub object_segments: Vec<u32>,
    /// Number of memories.
    pub memories: u32,
    /// Number of tags.
    pub tags: u32,
    /// Struct and array type indices by witness function: the parameters of witness `k` are these types, nullable.
    pub witnesses: Vec<Vec<u32>>,
    /// Globals of type `v128`, each with two functions that return its halves; empty unless [`ProbeOptions::shows_bits`].
    pub vector_globals: Vec<u32>,
    /// Globals of type `f32` and `f64`, each with a function that returns its bits; empty unless [`ProbeOptions::shows_bits`].
    pub float_globals: Vec<u32>,
    /// Struct and array types with functions that read their objects; empty unless [`ProbeOptions::shows_objects`].
    pub objects: Vec<u32>,
    /// What the host has to do between instantiation and the first call; `None` where the engine does all.
    pub deferred: Option<Deferred>,
    /// Whether the engine writes active data segments.
    pub engine_writes_data: bool,
    /// What stands for every instruction that makes a continuation or grows a shared memory.
    pub memory_count: Option<MemoryCount>,
    /// About as many bytes as an engine has for each instance, besides its memories and the slots of its tables.
    pub instance_bytes: u64,
    /// What stands before every instruction that changes a table, a reference in a global, or drops a segment; empty unless
    /// [`ProbeOptions::marks_changes`].
    pub change_marks: ChangeMarks,
}

/// What a probed module does besides showing its state.
#[derive(Debug, Clone, Default)]
pub struct ProbeOptions {
    /// Functions to export, so that they can be called by [`Probe::Function`].
    pub functions: Vec<u32>,
    /// Whether the engine initializes memories and calls the start function, so that any engine runs the module.
    pub leaves_nothing_to_host: bool,
    /// Whether every `memory.atomic.wait` times out at once: on one thread nobody could end it, so it would last as long as
    /// it may, or for ever.
    pub ends_waits: bool,
    /// Whether every function of the module leaves a mark in an added memory when it is entered: at its index among the
    /// defined functions ([`Probe::Entries`]).
    pub marks_entries: bool,
    /// Calls of one function that leave marks of their own.
    pub marks_calls: Option<CallMarks>,
    /// Pages of 64 KiB that the stack of a continuation takes at most. They count as memory of the module, which ends with a
    /// trap if there is no more. 0 counts nothing.
    pub stack_pages: u32,
    /// Whether what shared memories grow by counts like that of others, for an engine that does not ask about it.
    pub counts_shared_memories: bool,
    /// Whether functions return the bits of globals of types `v128`, `f32` and `f64`, for hosts that cannot read all values
    /// of these, such as JavaScript: it has no vectors, and one NaN.
    pub shows_bits: bool,
    /// Whether functions read objects of the garbage-collected heap, for hosts that have no other way.
    pub shows_objects: bool,
    /// Whether instructions that change tables and references in globals or drop segments leave a mark ([`Probe::Change`]), for
    /// hosts that see only numbers.
    pub marks_changes: bool,
    /// Whether very many functions that can be in a reference are in a table ([`Probe::Functions`]) instead of being exported: the
    /// name of an export costs an engine some hundred bytes.
    pub tables_functions: bool,
    /// Whether the debugging information is left out, which an engine would copy, or read for each frame of a backtrace.
    pub leaves_out_dwarf: bool,
    /// A number for the module, where its instances are found among others: [`Probe::Definition`].
    pub definition: Option<u32>,
    /// A global whose lowest value is kept, if it is an integer that can be written: [`Probe::Lowest`].
    pub lowest_of: Option<u32>,
}

impl ProbeOptions {
    /// For a host of which nothing is known.
    pub fn for_any_host() -> ProbeOptions {
        ProbeOptions {
            leaves_nothing_to_host: true,
            shows_bits: true,
            shows_objects: true,
            ..ProbeOptions::default()
        }
    }
}

impl Probed {
    /// Instruments `module` so that it shows its state.
    ///
    /// # Errors
    /// If a type of the module cannot be re-encoded, which validation rules out for the proposals that are supported.
    pub fn new(module: &Module<'_>) -> Result<Probed, ProbeError> {
        Probed::with(module, &ProbeOptions::default())
    }

    /// Instruments `module`, with more than what shows its state.
    ///
    /// # Errors
    /// Same as [`Probed::new`], and if a function body of the module cannot be read.
    pub fn with(module: &Module<'_>, options: &ProbeOptions) -> Result<Probed, ProbeError> {
        let deferred = match options.leaves_nothing_to_host {
            true => None,
            false => Deferred::of(module),
        };
        let names = ProbeNames::free(module);
        let targets = Targets::of(module, options);
        let (wasm, added) = instrument::instrument(module, &targets, &names, deferred.as_ref(), options)?;
        let tables_functions = targets.tables_functions(options);
        let instance_bytes = instance_bytes::of(module, &targets);
        let Targets {
            functions,
            droppable_data,
            droppable_elements,
            object_segments,
            witnesses,
            vector_globals,
            float_globals,
            objects,
        } = targets;
        Ok(Probed {
            wasm,
            names,
            functions,
            tables_functions,
            droppable_data,
            droppable_elements,
            object_segments,
            memories: module.memories.len() as u32,
            tags: module.tags.len() as u32,
            witnesses,
            vector_globals,
            float_globals,
            objects,
            engine_writes_data: deferred.is_none() && module.data.iter().any(|segment| !segment.is_passive()),
            deferred,
            memory_count: added.memory_count,
            instance_bytes,
            change_marks: added.change_marks,
        })
    }

    /// The export that shows `probe`.
    pub fn export_name(&self, probe: Probe) -> String {
        self.names.export(probe)
    }

    /// A name for an export that is added besides the probes.
    pub fn private_name(&self, name: &str) -> String {
        self.names.private(name)
    }

    /// Whether an export of the running instance is a probe and not the module's own.
    pub fn is_probe(&self, export: &str) -> bool {
        self.names.has(export)
    }
}

/// Why a module cannot be instrumented.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A type that cannot be written in a probe.
    #[error("element segment {segment} has a type of a proposal that preinit does not know")]
    UnknownType {
        /// Element segment index.
        segment: u32,
    },
    /// A memory that cannot be written in the module that runs.
    #[error("a memory has a type of a proposal that preinit does not know")]
    Memory,
    /// A module that was validated cannot be read.
    #[error("the module cannot be read again, which is a bug in preinit: {0}")]
    Read(#[from] wasmparser::BinaryReaderError),
}
