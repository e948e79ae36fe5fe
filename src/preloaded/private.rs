use crate::instance::{Identities, Identity, InstanceError, ProbedInstance};
use preinit_core::module::Module;
use preinit_core::snapshot::{Snapshot, Value};
use std::collections::HashSet;
use wasmtime::AsContextMut;

/// Which memories, tables and globals of a preloaded module the module does not reach by its imports. What several preloaded modules
/// share belongs to the first of them.
#[derive(Debug, Clone)]
pub(crate) struct Private {
    pub memories: Vec<bool>,
    pub tables: Vec<bool>,
    pub globals: Vec<bool>,
}

impl Private {
    /// A state in which everything else is empty, but for objects.
    pub fn only<'s>(&self, mut state: Snapshot<'s>) -> Snapshot<'s> {
        let globals = state.globals.iter_mut().zip(&self.globals);
        for (global, _) in globals.filter(|(_, is_private)| !**is_private) {
            global.value = Value::I32(0);
        }
        let tables = state.tables.iter_mut().zip(&self.tables);
        for (table, _) in tables.filter(|(_, is_private)| !**is_private) {
            table.elements = Vec::new();
            table.maximum = None;
        }
        state
    }

    /// What is not in `reached`, where it is then.
    pub fn of(
        module: &Module<'_>,
        instance: &ProbedInstance,
        store: impl AsContextMut,
        reached: &mut HashSet<Identity>,
    ) -> Result<Private, InstanceError> {
        let Identities { memories, tables, globals } = Identities::of(module, instance, store)?;
        let mut are_private = |all: Vec<Option<Identity>>| {
            all.into_iter()
                .map(|identity| identity.is_some_and(|identity| reached.insert(identity)))
                .collect()
        };
        Ok(Private {
            memories: are_private(memories),
            tables: are_private(tables),
            globals: are_private(globals),
        })
    }
}
