//! Objects that several immutable imports hold. Whoever refers to one gets it from the first of these.

use super::Warning;
use super::imports::name_of;
use crate::module::{ImportName, Module, Space};
use crate::snapshot::{Reference, Snapshot, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A warning for each import that holds the object of another, if the state refers to it.
pub(super) fn warnings(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Vec<Warning> {
    let mut held: HashMap<u32, ImportName> = HashMap::new();
    let mut shared = Vec::new();
    for ((global, state), (_, import)) in
        module.globals.iter().zip(&snapshot.globals).zip(module.imports_of(Space::Global))
    {
        let Value::Ref(reference) = state.value else { continue };
        let Some(object) = reference.object().filter(|_| !global.ty.mutable) else { continue };
        match held.entry(object) {
            Entry::Vacant(entry) => {
                entry.insert(name_of(import));
            }
            Entry::Occupied(first) if *first.get() != name_of(import) => {
                shared.push((object, first.get().clone(), name_of(import)));
            }
            Entry::Occupied(_) => {}
        }
    }
    shared.retain(|(object, ..)| is_referred_to(module, snapshot, *object));
    shared.into_iter().map(|(_, first, import)| Warning::SameObject { first, import }).collect()
}

/// Whether something that is written refers to the object. Immutable globals and segments keep their expressions.
fn is_referred_to(module: &Module<'_>, snapshot: &Snapshot<'_>, object: u32) -> bool {
    let is_it = |reference: &Reference| reference.object() == Some(object);
    let mut globals = module.globals.iter().zip(&snapshot.globals).filter(|(global, _)| global.ty.mutable);
    globals.any(|(_, state)| matches!(&state.value, Value::Ref(reference) if is_it(reference)))
        || snapshot.tables.iter().any(|table| table.elements.iter().any(is_it))
        || snapshot.heap.objects().any(|(_, object)| object.references.iter().any(is_it))
}
