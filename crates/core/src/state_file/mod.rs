//! The state of an instance as data, for hosts that preinit is not linked with: another process, a browser, another language.
//!
//! A host gets a probed module with a [`StateSchema`], which says what to read. It runs the module, and gives back a [`State`],
//! which says what it has read; the contents of memories are apart from it. A [`StateInstance`] is the running instance that
//! they describe, for capture. Numbers that JSON cannot hold exactly are decimal strings in both.

mod decimal;
mod error;
mod instance;
mod schema;
mod state;
#[cfg(test)]
mod tests;

pub use error::StateError;
pub use instance::StateInstance;
pub use schema::{GlobalSchema, IndexedExport, SegmentSchema, StateSchema, TableSchema, ValueKind};
pub use state::{FunctionIdentity, SegmentItems, State, StateMemory, StateReference, StateTable, StateValue};

/// The version of the form that this version of the crate reads and writes.
pub const VERSION: u32 = 1;
