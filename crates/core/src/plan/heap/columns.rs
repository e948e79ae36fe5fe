use super::field_layout::{FieldLayout, FieldLayouts, is_reference};
use super::object_kind::{Column, Form, ObjectKind, ObjectKinds};
use super::placeholder::{Placeholder, Placeholders};
use super::prebuilt::Prebuilt;
use super::streams::{FieldValue, FieldValues, bits};
use crate::snapshot::{Heap, Reference, Shape};
use wasmparser::{FieldType, StorageType, ValType};

/// What is known of the values of one field, over the objects of a kind that were seen so far.
#[derive(Clone, Copy, Default)]
struct SeenValues {
    first: Option<Column>,
    varies: bool,
    /// Whether one of the objects that it points to comes later.
    too_early: bool,
    exact: Exact,
}

/// The type of the objects that were pointed to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Exact {
    #[default]
    Unknown,
    Type(u32),
    Several,
}

impl SeenValues {
    fn value(&mut self, value: Column) {
        match self.first {
            None => self.first = Some(value),
            Some(first) => self.varies |= first != value,
        }
    }

    fn reference(&mut self, reference: Reference, heap: &Heap, too_early: bool) {
        self.value(Column::Reference(reference));
        self.too_early |= too_early;
        let exact = match reference {
            Reference::Null => return,
            Reference::Object(id) => match heap.object(id).shape {
                Shape::Struct(ty) | Shape::Array(ty) => Exact::Type(ty),
                Shape::Exception(_) => Exact::Several,
            },
            _ => Exact::Several,
        };
        if self.exact != exact {
            self.exact = if self.exact == Exact::Unknown { exact } else { Exact::Several };
        }
    }

    fn column(&self) -> Column {
        match self.first {
            Some(value) if !self.varies => value,
            _ => Column::Stream,
        }
    }
}

/// Decides for each kind what is the same in all objects, what is read from a stream, and what has to wait. The error is
/// an object with a field that has to wait and cannot, and the field's type.
pub(super) fn plan(
    heap: &Heap,
    layouts: &FieldLayouts,
    kinds: &ObjectKinds,
    prebuilt: &Prebuilt,
    order: &[u32],
    placeholders: &Placeholders<'_, '_>,
) -> Result<Vec<ObjectKind>, (u32, String)> {
    // When each object is there; what exists before is there at 0.
    let mut made = vec![0; heap.len()];
    for (at, &id) in (1u32..).zip(order) {
        made[id as usize] = at;
    }
    let mut seen: Vec<Vec<SeenValues>> = vec![Vec::new(); kinds.keys.len()];
    let mut lens: Vec<SeenValues> = vec![SeenValues::default(); kinds.keys.len()];
    let mut examples = vec![0; kinds.keys.len()];
    for id in prebuilt.objects.iter().map(|(id, _)| *id).chain(order.iter().copied()) {
        let object = heap.object(id);
        let kind = kinds.of[id as usize] as usize;
        let too_early = |reference: Reference| {
            reference.object().is_some_and(|target| made[target as usize] >= made[id as usize])
        };
        examples[kind] = id;
        let seen = &mut seen[kind];
        match layouts.get(id) {
            FieldLayout::Fields(fields) => {
                seen.resize(fields.len(), SeenValues::default());
                let mut values = FieldValues::of(object);
                for (field, seen) in fields.iter().zip(seen.iter_mut()) {
                    match values.next(field) {
                        FieldValue::Scalar(bytes) => seen.value(Column::Number(bits(bytes))),
                        FieldValue::Reference(reference) => {
                            seen.reference(reference, heap, too_early(reference));
                        }
                    }
                }
            }
            FieldLayout::Elements(element) => {
                lens[kind].value(Column::Number(u128::from(object.len)));
                seen.resize(1, SeenValues::default());
                if is_reference(element) {
                    for &reference in object.references {
                        seen[0].reference(reference, heap, too_early(reference));
                    }
                }
            }
        }
    }
    let mut planned = Vec::with_capacity(kinds.keys.len());
    for (index, &(shape, form)) in kinds.keys.iter().enumerate() {
        let example = examples[index];
        let mut kind = ObjectKind {
            shape,
            form,
            len: lens[index].first.map_or(Column::Number(0), |_| lens[index].column()),
            columns: Vec::new(),
            exact: Vec::new(),
            fills: Vec::new(),
        };
        let fields: &[FieldType] = match layouts.get(example) {
            FieldLayout::Fields(fields) => fields,
            FieldLayout::Elements(element) => std::slice::from_ref(element),
        };
        for (field, seen) in fields.iter().zip(&seen[index]) {
            let column = seen.column();
            kind.exact.push(match seen.exact {
                Exact::Type(ty) => Some(ty),
                Exact::Unknown | Exact::Several => None,
            });
            let waits = seen.too_early && field.mutable;
            if form == Form::Prebuilt {
                kind.columns.push(column_of_prebuilt(field));
                kind.fills.push(field.mutable.then_some(column));
            } else if waits {
                let placeholder = placeholder(field, placeholders).ok_or_else(|| {
                    let StorageType::Val(ty) = field.element_type else { return (example, String::new()) };
                    (example, ty.to_string())
                })?;
                kind.columns.push(Column::Placeholder(placeholder));
                kind.fills.push(Some(column));
            } else {
                kind.columns.push(column);
                kind.fills.push(None);
            }
        }
        if let Form::Data | Form::Short | Form::Zeros = form {
            kind.fills.fill(None);
        }
        planned.push(kind);
    }
    Ok(planned)
}

/// Never written: only what can be changed is.
fn column_of_prebuilt(field: &FieldType) -> Column {
    match is_reference(field) {
        true => Column::Placeholder(Placeholder::Null),
        false => Column::Number(0),
    }
}

fn placeholder(field: &FieldType, placeholders: &Placeholders<'_, '_>) -> Option<Placeholder> {
    match field.element_type {
        StorageType::Val(ValType::Ref(ty)) => placeholders.placeholder(ty),
        _ => None,
    }
}
