use super::field_layout::{FieldLayout, FieldLayouts, is_reference};
use crate::module::{Module, Space};
use crate::snapshot::{Heap, Shape, Snapshot, Value};
use std::collections::HashMap;

/// Objects that exist before the start function runs, because an initializer makes them that must stay or an import
/// brings them along, and where they are found.
pub(super) struct Prebuilt {
    /// In the order in which they can be fetched: a field's object comes after the object that has the field.
    pub objects: Vec<(u32, PrebuiltPlace)>,
    places: HashMap<u32, usize>,
}

/// Where an object is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrebuiltPlace {
    /// In a global that nothing has set.
    Global(u32),
    /// In a slot of an imported table that nothing has set.
    Slot {
        /// Table index.
        table: u32,
        /// Slot index.
        slot: u64,
    },
    /// In a live passive element segment.
    Item {
        /// Segment index, as in the original.
        segment: u32,
        /// Item index.
        item: u32,
    },
    /// In an immutable field or element of another object that exists before.
    Field {
        /// The object's id.
        holder: u32,
        /// Its shape.
        shape: Shape,
        /// Which field or element.
        field: u32,
    },
}

impl Prebuilt {
    /// What immutable globals hold and imported globals and tables still hold, as far as they `stay`, what live passive
    /// element segments hold, and what is reached from those through immutable fields.
    pub fn of(
        module: &Module<'_>,
        snapshot: &Snapshot<'_>,
        layouts: &FieldLayouts,
        stays: impl Fn(Space, u32) -> bool,
    ) -> Prebuilt {
        let mut prebuilt = Prebuilt { objects: Vec::new(), places: HashMap::new() };
        for ((index, global), state) in (0u32..).zip(&module.globals).zip(&snapshot.globals) {
            if let Value::Ref(reference) = state.value
                && let Some(id) = reference.object()
                && (!global.ty.mutable || index < module.imported.globals && !state.import_changed)
                && stays(Space::Global, index)
            {
                prebuilt.add(&snapshot.heap, id, PrebuiltPlace::Global(index));
            }
        }
        for (segment, items) in (0u32..).zip(&snapshot.element_items) {
            for (item, id) in (0u32..).zip(items).filter_map(|(item, it)| Some((item, it.object()?))) {
                prebuilt.add(&snapshot.heap, id, PrebuiltPlace::Item { segment, item });
            }
        }
        for (table, state) in (0u32..).zip(&snapshot.tables) {
            let Some(import) = state.import.as_ref().filter(|_| stays(Space::Table, table)) else { continue };
            for ((slot, held), _) in
                (0u64..).zip(&state.elements).zip(&import.changed).filter(|(_, changed)| !**changed)
            {
                if let Some(id) = held.object() {
                    prebuilt.add(&snapshot.heap, id, PrebuiltPlace::Slot { table, slot });
                }
            }
        }
        let mut next = 0;
        while let Some(&(holder, _)) = prebuilt.objects.get(next) {
            next += 1;
            let object = snapshot.heap.object(holder);
            let fields: Vec<u32> = match layouts.get(holder) {
                FieldLayout::Fields(fields) => {
                    (0u32..).zip(fields).filter(|(_, f)| is_reference(f)).map(|(at, _)| at).collect()
                }
                FieldLayout::Elements(_) => Vec::new(),
            };
            for (at, id) in layouts.prerequisites(holder, object) {
                let field = fields.get(at).copied().unwrap_or(at as u32);
                prebuilt.add(&snapshot.heap, id, PrebuiltPlace::Field { holder, shape: object.shape, field });
            }
        }
        prebuilt
    }

    /// Equal strings are the same, wherever they come from, and those of an import may be others in another place. What a call returns is
    /// had by the call.
    fn add(&mut self, heap: &Heap, id: u32, place: PrebuiltPlace) {
        if let Shape::String | Shape::Call(_) = heap.object(id).shape {
            return;
        }
        self.places.entry(id).or_insert_with(|| {
            self.objects.push((id, place));
            self.objects.len() - 1
        });
    }

    /// Where the object is, if it exists before the start function.
    pub fn place(&self, id: u32) -> Option<PrebuiltPlace> {
        self.places.get(&id).map(|&at| self.objects[at].1)
    }

    /// The immutable globals that hold objects, by object.
    pub fn globals(&self) -> HashMap<u32, u32> {
        let global = |(id, place): &(u32, PrebuiltPlace)| match place {
            PrebuiltPlace::Global(global) => Some((*id, *global)),
            _ => None,
        };
        self.objects.iter().filter_map(global).collect()
    }
}
