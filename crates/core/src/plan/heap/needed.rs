use super::field_layout::{FieldLayout, is_reference};
use super::object_kind::{Column, Form, ObjectKind, ObjectKinds};
use super::{Classified, HeapInputs, PrebuiltPlace};
use crate::snapshot::Reference;
use std::collections::BTreeSet;

/// Which objects that exist already have to be in the registry.
pub(super) fn prebuilt(
    inputs: HeapInputs<'_>,
    classified: &Classified<'_>,
    kinds: &[ObjectKind],
) -> BTreeSet<u32> {
    let HeapInputs { snapshot, slots, used, .. } = inputs;
    let Classified { layouts, kinds: ObjectKinds { of: kinds_of, .. }, prebuilt, .. } = classified;
    let mut needed = BTreeSet::new();
    if prebuilt.objects.is_empty() {
        return needed;
    }
    // One that is always the same, and in a global, is taken from there.
    let in_global = |id: u32| matches!(prebuilt.place(id), Some(PrebuiltPlace::Global(_)));
    let mut need = |reference: Reference, is_constant: bool| {
        if let Some(id) = reference.object()
            && prebuilt.place(id).is_some()
            && !(is_constant && in_global(id))
        {
            needed.insert(id);
        }
    };
    slots.iter().flat_map(|slots| &slots.slots).for_each(|(_, reference)| need(*reference, false));
    used.iter().for_each(|reference| need(*reference, true));
    for kind in kinds {
        let columns = kind.columns.iter().chain(kind.fills.iter().flatten());
        for column in columns {
            if let Column::Reference(reference) = column {
                need(*reference, true);
            }
        }
    }
    for (id, object) in snapshot.heap.objects() {
        let kind = &kinds[kinds_of[id as usize] as usize];
        let is_array = matches!(layouts.get(id), FieldLayout::Elements(_));
        let fields: Vec<usize> = match layouts.get(id) {
            FieldLayout::Fields(fields) => {
                fields.iter().enumerate().filter(|(_, f)| is_reference(f)).map(|(at, _)| at).collect()
            }
            FieldLayout::Elements(_) => vec![0],
        };
        let streamed = |at: usize| {
            let field = fields[if is_array { 0 } else { at }];
            kind.columns.get(field) == Some(&Column::Stream)
                || kind.fills.get(field) == Some(&Some(Column::Stream))
        };
        for (at, reference) in object.references.iter().enumerate() {
            if reference.object().is_some_and(|id| prebuilt.place(id).is_some()) && streamed(at) {
                need(*reference, false);
            }
        }
        if kind.form == Form::Prebuilt && kind.fills.iter().any(Option::is_some) {
            need(Reference::Object(id), false);
        }
    }
    // Whoever is fetched from a field of another needs that one.
    for &(id, place) in prebuilt.objects.iter().rev() {
        if let PrebuiltPlace::Field { holder, .. } = place
            && needed.contains(&id)
        {
            needed.insert(holder);
        }
    }
    needed
}
