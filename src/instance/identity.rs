//! Whether two handles of the engine are the same memory, table or global.

use super::{InstanceError, ProbedInstance};
use preinit_core::module::{Module, Space};
use preinit_core::probe::Probe;
use wasmtime::{AsContextMut, Extern};

/// A memory, table or global of a store.
pub(crate) type Identity = (Space, String);

/// What it is; `None` for functions. The engine's handles say which instance defines what, and at which index. They have
/// no equality, but show it.
pub(crate) fn identity(item: &Extern) -> Option<Identity> {
    Some(match item {
        Extern::Memory(memory) => (Space::Memory, format!("{memory:?}")),
        Extern::SharedMemory(memory) => (Space::Memory, format!("{:p}", memory.data())),
        Extern::Table(table) => (Space::Table, format!("{table:?}")),
        Extern::Global(global) => (Space::Global, format!("{global:?}")),
        Extern::Tag(tag) => (Space::Tag, format!("{tag:?}")),
        Extern::Func(_) => return None,
    })
}

/// All memories, tables and globals of an instance, imported ones included, each in the order of its index space.
pub(crate) struct Identities {
    pub memories: Vec<Option<Identity>>,
    pub tables: Vec<Option<Identity>>,
    pub globals: Vec<Option<Identity>>,
}

impl Identities {
    /// Those of an instance of the probed form of `module`.
    pub fn of(
        module: &Module<'_>,
        instance: &ProbedInstance,
        mut store: impl AsContextMut,
    ) -> Result<Identities, InstanceError> {
        let mut all = |count: usize, probe: fn(u32) -> Probe| -> Result<Vec<_>, InstanceError> {
            (0..count as u32).map(|index| Ok(identity(&instance.export(probe(index), &mut store)?))).collect()
        };
        Ok(Identities {
            memories: all(module.memories.len(), Probe::Memory)?,
            tables: all(module.tables.len(), Probe::Table)?,
            globals: all(module.globals.len(), Probe::Global)?,
        })
    }
}
