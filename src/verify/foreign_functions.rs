//! Tells functions apart that the module does not know: by their place in preloaded modules, or in the imports as they were handed
//! over. Both are the same for the original and the snapshot.

use crate::execute::Initialized;
use crate::instance::InstanceError;
use preinit_core::capture::{Identity, Instance, Observed, ObservedRef};
use preinit_core::module::{Hierarchy, Module};
use wasmtime::Store;

/// Numbers of functions of preloaded modules, of slots of imported tables and of imported globals begin at multiples of this.
const KIND: u32 = 1 << 30;

/// Slots that are read at once.
const CHUNK: u64 = 1 << 14;

/// Functions of other modules with their numbers. A snapshot may lack imports, but only the last ones of a kind.
pub(super) fn numbered(
    module: &Module<'_>,
    initialized: &mut Initialized,
) -> Result<Vec<(Identity, u32)>, InstanceError> {
    let store: &mut Store<_> = &mut initialized.store;
    let preloaded = store.data().preloaded_functions().to_vec();
    let identity = |function: &wasmtime::Func| crate::instance::function_identity(&mut *store, function);
    let mut functions: Vec<(Identity, u32)> = preloaded.iter().map(identity).zip(0..KIND).collect();
    let mut reader = initialized.reader();
    let mut slots = Vec::new();
    for index in (0..module.imported.tables).filter(|index| holds_functions(module, *index)) {
        let size = reader.imported_table(index)?.unwrap_or(0);
        for start in (0..size).step_by(CHUNK as usize) {
            reader.imported_slots(index, start..size.min(start + CHUNK), &mut slots)?;
        }
    }
    functions.extend(slots.into_iter().zip(KIND..2 * KIND).filter_map(of_function));
    for index in 0..module.imported.globals {
        if let Some(Observed::Ref(reference)) = reader.imported_global(index)? {
            functions.extend(of_function((reference, 2 * KIND + index)));
        }
    }
    Ok(functions)
}

fn holds_functions(module: &Module<'_>, table: u32) -> bool {
    let ty = module.tables[table as usize].ty.element_type;
    module.hierarchy(ty.heap_type()) == Hierarchy::Func
}

fn of_function((reference, number): (ObservedRef, u32)) -> Option<(Identity, u32)> {
    match reference {
        ObservedRef::Function(identity) => Some((identity, number)),
        _ => None,
    }
}
