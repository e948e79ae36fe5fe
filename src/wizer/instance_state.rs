//! What the caller's engine tells about an instance.

use preinit_core::printable::Printable;
use std::future::ready;
use wasmparser::ValType;

/// Reads the state of an instance of an instrumented module, by the names of exports.
///
/// The first two methods are those of `wasmtime-wizer`, whose signatures have no room for errors. The others have defaults: two
/// that can fail do the same, and the rest say that such state cannot be read.
pub trait InstanceState {
    /// The value of the global that is exported as `name`.
    fn global_get(&mut self, name: &str, type_hint: ValType) -> impl Future<Output = SnapshotVal> + Send;

    /// Gives the contents of the memory that is exported as `name` to `contents`.
    fn memory_contents(
        &mut self,
        name: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = ()> + Send;

    /// The same as [`InstanceState::global_get`] for implementations that can be asked for what is not there.
    ///
    /// # Errors
    /// [`MissingExport`], if the instance is not one of the instrumented module.
    fn try_global_get(
        &mut self,
        name: &str,
        type_hint: ValType,
    ) -> impl Future<Output = Result<SnapshotVal, MissingExport>> + Send {
        let value = self.global_get(name, type_hint);
        async move { Ok(value.await) }
    }

    /// The same as [`InstanceState::memory_contents`] for implementations that can be asked for what is not there.
    ///
    /// # Errors
    /// [`MissingExport`], if the instance is not one of the instrumented module.
    fn try_memory_contents(
        &mut self,
        name: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = Result<(), MissingExport>> + Send {
        let read = self.memory_contents(name, contents);
        async move {
            read.await;
            Ok(())
        }
    }

    /// The reference in the global that is exported as `name`; `None` if it cannot be read.
    fn global_ref(&mut self, _name: &str) -> impl Future<Output = Option<SnapshotRef>> + Send {
        ready(None)
    }

    /// What the table that is exported as `name` holds, slot by slot; `None` if it cannot be read.
    fn table_elements(&mut self, _name: &str) -> impl Future<Output = Option<Vec<SnapshotRef>>> + Send {
        ready(None)
    }

    /// A number for the function that is exported as `name`: any, but the same for the same function. `None` if functions
    /// cannot be told apart; then no [`SnapshotRef::Function`] may be given.
    fn function_identity(&mut self, _name: &str) -> impl Future<Output = Option<u64>> + Send {
        ready(None)
    }

    /// Calls the function that is exported as `name`, which has no parameters and no results, and tells whether it trapped.
    /// `None` if it was not called. So it is found out whether a segment was dropped.
    fn traps(&mut self, _name: &str) -> impl Future<Output = Option<bool>> + Send {
        ready(None)
    }
}

/// A value of a global that is no reference. Floats are bits.
#[expect(missing_docs, reason = "the variants are the types")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotVal {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

/// A reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotRef {
    /// The null of any type.
    Null,
    /// A function, by the number that [`InstanceState::function_identity`] gives it.
    Function(u64),
    /// An unboxed 31-bit integer, zero-extended.
    I31(u32),
    /// Anything else. It cannot be written into a module.
    Other,
}

/// The instance is not one of the instrumented module: it lacks an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingExport {
    /// No global of this name holds a number.
    #[error("the instance exports no global `{}` that is a number", Printable(.0))]
    Number(String),
    /// There is no memory of this name.
    #[error("the instance exports no memory `{}`", Printable(.0))]
    Memory(String),
}
