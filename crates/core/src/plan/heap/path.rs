use super::super::{UnwritableValue, UnwritableValues};
use super::field_layout::{FieldLayout, FieldLayouts, is_reference};
use crate::module::{Module, Names, Space};
use crate::printable::Printable;
use crate::snapshot::{Reference, Shape, Snapshot, Value};
use std::cell::LazyCell;

/// Adds every reference inside an object that cannot be written, with the shortest path to it.
pub(super) fn unwritable(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    layouts: &FieldLayouts,
    names: &Names<'_>,
    found: &mut UnwritableValues,
) {
    let paths = LazyCell::new(|| Paths::of(module, snapshot, layouts, names));
    for (id, object) in snapshot.heap.objects() {
        for (at, reference) in object.references.iter().enumerate() {
            if let Reference::Unwritable(value) = *reference {
                found.add(|| {
                    let path = format!("{} → {}", paths.to(id), paths.step(id, at));
                    UnwritableValue { path, value }
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
        const SHOWN: usize = 24;
        let mut steps = Vec::new();
        let mut at = Some(id);
        while let Some(object) = at {
            let from = self.from[object as usize];
            at = match from {
                From::Object(holder, _) => Some(holder),
                _ => None,
            };
            if !matches!(from, From::Nowhere) {
                steps.push(from);
            }
        }
        steps.reverse();
        // A list leads to its last object by all others.
        let left_out = steps.len().saturating_sub(SHOWN);
        let before = if left_out > 0 { SHOWN / 2 } else { steps.len() };
        let text = |from: &From| self.text(*from);
        let mut shown: Vec<String> = steps[..before].iter().map(text).collect();
        if left_out > 0 {
            shown.push(format!("{left_out} more steps"));
            shown.extend(steps[before + left_out..].iter().map(text));
        }
        shown.join(" → ")
    }

    /// One step of a path.
    fn text(&self, from: From) -> String {
        match from {
            From::Nowhere => String::new(),
            From::Global(index) => self.names.describe(Space::Global, index),
            From::Slot(table, slot) => self.names.describe_slot(table, slot),
            From::Item(segment, item) => format!("element segment {segment}, item {item}"),
            From::Object(holder, reference) => self.step(holder, reference),
        }
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
