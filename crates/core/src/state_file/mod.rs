//! The state of an instance as data, for hosts that preinit is not linked with: another process, a browser, another language.
//!
//! A host gets a probed module with a [`StateSchema`], which says what to read. It runs the module, and gives back a [`State`],
//! which says what it has read; the contents of memories are apart from it. A [`StateInstance`] is the running instance that
//! they describe, for capture. Numbers that JSON cannot hold exactly are decimal strings in both.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod decimal;
mod error;
mod fitting;
mod heap;
mod instance;
mod schema;
mod scrubbing;
mod snapshot;
mod state;
mod subtypes;
#[cfg(test)]
mod tests;

pub use error::StateError;
pub use instance::{StateInstance, check_module, is_size_of};
pub use schema::{
    ExportSchema, GlobalSchema, HeapSchema, ImportSchema, IndexedExport, ObjectSchema, ScratchTables,
    SegmentSchema, StateSchema, TableSchema, ValueKind,
};
pub use scrubbing::{AllocatorSchema, Scrubbing, ScrubbingSchema, scrubbing};
pub use snapshot::{Contents, SnapshotError, SnapshotOptions, Written, probe, snapshot};
pub use state::{
    FunctionIdentity, ImportKind, ImportedState, SegmentItems, State, StateAlias, StateCall, StateHeap,
    StateImportedGlobal, StateImportedMemory, StateImportedTable, StateMemory, StateObject, StateReference,
    StateString, StateTable, StateValue,
};

/// The version of the form that this version of the crate reads and writes.
pub const VERSION: u32 = 1;
