use super::super::{UnwritableValue, UnwritableValues};
use super::field_layout::{FieldLayout, FieldLayouts, is_reference};
use crate::module::{Module, Names, Space};
use crate::printable::Printable;
use crate::snapshot::{Reference, Shape, Snapshot, Value};

/// Every reference inside an object that cannot be written, with the shortest path to it.
pub(super) fn unwritable(
    (module, snapshot): (&Module<'_>, &Snapshot<'_>),
    (layouts, names): (&FieldLayouts, &Names<'_>),
    found: &mut UnwritableValues,
) {
    let is_bad = |reference: &Reference| matches!(reference, Reference::Unwritable(_));
    let heap = &snapshot.heap;
    if !heap.objects().any(|(_, object)| object.references.iter().any(is_bad)) {
        return;
    }
    let paths = Paths::of(module, snapshot, layouts, names);
    for (id, object) in heap.objects() {
        for (at, reference) in object.references.iter().enumerate() {
            if let Reference::Unwritable(value) = reference {
                found.add(|| {
                    let path = format!("{} → {}", paths.to(id), paths.step(id, at));
                    UnwritableValue { path, value: *value }
                });
            }
        }
    }
}

/// The path to an object, from a root.
pub(super) fn path_to(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    layouts: &FieldLayouts,
    names: &Names<'_>,
    id: u32,
) -> String {
    Paths::of(module, snapshot, layouts, names).to(id)
}

struct Paths<'p> {
    snapshot: &'p Snapshot<'p>,
    layouts: &'p FieldLayouts,
    names: &'p Names<'p>,
    /// For each object who was seen first to point to it.
    from: Vec<From>,
}

#[derive(Clone, Copy)]
enum From {
    Nowhere,
    Global(u32),
    Slot(u32, u64),
    Item(u32, u32),
    /// An object and the place among its references.
    Object(u32, usize),
}

impl<'p> Paths<'p> {
    fn of(
        module: &Module<'_>,
        snapshot: &'p Snapshot<'p>,
        layouts: &'p FieldLayouts,
        names: &'p Names<'p>,
    ) -> Paths<'p> {
        debug_assert_eq!(module.globals.len(), snapshot.globals.len());
        let mut paths = Paths { snapshot, layouts, names, from: vec![From::Nowhere; snapshot.heap.len()] };
        for (index, global) in (0u32..).zip(&snapshot.globals) {
            if let Value::Ref(reference) = global.value {
                paths.see(reference, From::Global(index));
            }
        }
        for (table, state) in (0u32..).zip(&snapshot.tables) {
            for (slot, reference) in (0u64..).zip(&state.elements) {
                paths.see(*reference, From::Slot(table, slot));
            }
        }
        for (segment, items) in (0u32..).zip(&snapshot.element_items) {
            for (item, reference) in (0u32..).zip(items) {
                paths.see(*reference, From::Item(segment, item));
            }
        }
        // Ids are given in the order of a search in breadth: whoever comes first is nearest.
        for (id, object) in snapshot.heap.objects() {
            for (at, reference) in object.references.iter().enumerate() {
                paths.see(*reference, From::Object(id, at));
            }
        }
        paths
    }

    fn see(&mut self, reference: Reference, from: From) {
        if let Some(id) = reference.object()
            && matches!(self.from[id as usize], From::Nowhere)
        {
            self.from[id as usize] = from;
        }
    }

    fn to(&self, id: u32) -> String {
        /// Steps from the root, and as many before the object: a path can be as long as there are objects.
        const SHOWN: usize = 12;
        let len = std::iter::successors(Some(id), |id| self.holder(*id)).count();
        let (mut steps, mut at) = (Vec::new(), Some(id));
        for number in (0..len).rev() {
            let Some(id) = at else { break };
            if number < SHOWN || len - number <= SHOWN {
                steps.extend(self.step_to(id));
            } else if number == SHOWN {
                steps.push(format!("{} more steps", len - 2 * SHOWN));
            }
            at = self.holder(id);
        }
        steps.reverse();
        steps.join(" → ")
    }

    /// The object that was seen first to point to this one.
    fn holder(&self, id: u32) -> Option<u32> {
        match self.from[id as usize] {
            From::Object(holder, _) => Some(holder),
            _ => None,
        }
    }

    /// The last step to an object.
    fn step_to(&self, id: u32) -> Option<String> {
        Some(match self.from[id as usize] {
            From::Nowhere => return None,
            From::Global(index) => self.names.describe(Space::Global, index),
            From::Slot(table, slot) => self.names.describe_slot(table, slot),
            From::Item(segment, item) => format!("element segment {segment}, item {item}"),
            From::Object(holder, reference) => self.step(holder, reference),
        })
    }

    /// `field 2 of type 7 ($node)`, for a place among the references of an object.
    fn step(&self, id: u32, reference: usize) -> String {
        let shape = self.snapshot.heap.object(id).shape;
        let of = |index| match self.names.get(Space::Type, index) {
            Some(name) => format!(" of ${}", Printable(name)),
            None => format!(" of type {index}"),
        };
        match (self.layouts.get(id), shape) {
            (FieldLayout::Fields(fields), shape) => {
                let mut fields = (0usize..).zip(fields).filter(|(_, field)| is_reference(field));
                let field = fields.nth(reference).map_or(reference, |(field, _)| field);
                match shape {
                    Shape::Exception(tag) => format!("value {field} of an exception of tag {tag}"),
                    Shape::Struct(ty) | Shape::Array(ty) => format!("field {field}{}", of(ty)),
                    Shape::Call(function) => {
                        format!(
                            "argument {field} of a call to {}",
                            self.names.describe(Space::Function, function)
                        )
                    }
                    Shape::String => format!("field {field}"),
                }
            }
            (FieldLayout::Elements(_), Shape::Array(ty)) => format!("element {reference}{}", of(ty)),
            (FieldLayout::Elements(_), _) => format!("element {reference}"),
        }
    }
}
