//! From where objects of the heap are reached.

use preinit_core::module::{Module, Space};
use preinit_core::snapshot::{Reference, Snapshot, Value};

/// For each object the first of the globals and tables that lead to it.
pub(super) struct ObjectRoots {
    roots: Vec<Option<(Space, u32)>>,
}

impl ObjectRoots {
    pub fn of(snapshot: &Snapshot<'_>) -> ObjectRoots {
        let mut roots = vec![None; snapshot.heap.len()];
        let mut left = Vec::new();
        let mut follow = |root: (Space, u32), references: &[Reference]| {
            left.extend(references.iter().filter_map(|reference| reference.object()));
            while let Some(id) = left.pop() {
                match roots.get_mut(id as usize) {
                    Some(known) if known.is_none() => *known = Some(root),
                    _ => continue,
                }
                let references = snapshot.heap.object(id).references;
                left.extend(references.iter().filter_map(|reference| reference.object()));
            }
        };
        for (index, global) in (0u32..).zip(&snapshot.globals) {
            if let Value::Ref(reference) = global.value {
                follow((Space::Global, index), &[reference]);
            }
        }
        for (index, table) in (0u32..).zip(&snapshot.tables) {
            follow((Space::Table, index), &table.elements);
        }
        ObjectRoots { roots }
    }

    /// Its name.
    pub fn describe(&self, module: &Module<'_>, object: u32) -> Option<String> {
        let (space, index) = (*self.roots.get(object as usize)?)?;
        Some(module.names().describe(space, index))
    }
}
