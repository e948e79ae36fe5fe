use super::Classified;
use super::field_layout::{FieldLayout, is_reference};
use super::object_kind::{Column, Form, ObjectKind};
use super::placeholder::{Placeholder, Placeholders};
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
                Shape::Exception(_) | Shape::String | Shape::Call(_) => Exact::Several,
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

/// What all objects of a kind have in common.
#[derive(Clone, Default)]
struct SeenKind {
    /// One of the objects.
    example: u32,
    len: SeenValues,
    fields: Vec<SeenValues>,
}

/// Decides for each kind what is the same in all objects, what is read from a stream, and what has to wait. The error is
/// an object with a field that has to wait and cannot, and the field's type.
pub(super) fn plan(
    classified: &Classified<'_>,
    placeholders: &Placeholders<'_, '_>,
) -> Result<Vec<ObjectKind>, (u32, String)> {
    let Classified { layouts, kinds, .. } = classified;
    let seen = look_at_objects(classified);
    let kind = |(&key, seen): (&(Shape, Form), SeenKind)| {
        plan_kind(key, &seen, layouts.get(seen.example), placeholders).map_err(|ty| (seen.example, ty))
    };
    kinds.keys.iter().zip(seen).map(kind).collect()
}

fn look_at_objects(classified: &Classified<'_>) -> Vec<SeenKind> {
    let Classified { heap, layouts, kinds, prebuilt, order } = classified;
    // When each object is there; what exists before is there at 0.
    let mut made = vec![0; heap.len()];
    for (at, &id) in (1u32..).zip(order) {
        made[id as usize] = at;
    }
    let mut seen = vec![SeenKind::default(); kinds.keys.len()];
    for id in prebuilt.objects.iter().map(|(id, _)| *id).chain(order.iter().copied()) {
        let object = heap.object(id);
        let seen = &mut seen[kinds.of[id as usize] as usize];
        let too_early = |reference: Reference| {
            reference.object().is_some_and(|target| made[target as usize] >= made[id as usize])
        };
        seen.example = id;
        match layouts.get(id) {
            FieldLayout::Fields(fields) => {
                seen.fields.resize(fields.len(), SeenValues::default());
                let mut values = FieldValues::of(object);
                for (field, seen) in fields.iter().zip(seen.fields.iter_mut()) {
                    match values.next(field) {
                        FieldValue::Scalar(bytes) => seen.value(Column::Number(bits(bytes))),
                        FieldValue::Reference(reference) => {
                            seen.reference(reference, heap, too_early(reference));
                        }
                    }
                }
            }
            FieldLayout::Elements(element) => {
                seen.len.value(Column::Number(u128::from(object.len)));
                seen.fields.resize(1, SeenValues::default());
                if is_reference(element) {
                    for &reference in object.references {
                        seen.fields[0].reference(reference, heap, too_early(reference));
                    }
                }
            }
        }
    }
    seen
}

/// The error is the type of a field that has to wait and cannot.
fn plan_kind(
    (shape, form): (Shape, Form),
    seen: &SeenKind,
    layout: &FieldLayout,
    placeholders: &Placeholders<'_, '_>,
) -> Result<ObjectKind, String> {
    let fields: &[FieldType] = match layout {
        FieldLayout::Fields(fields) => fields,
        FieldLayout::Elements(element) => std::slice::from_ref(element),
    };
    let (mut columns, mut exact, mut fills) = (Vec::new(), Vec::new(), Vec::new());
    for (field, seen) in fields.iter().zip(&seen.fields) {
        let column = seen.column();
        exact.push(match seen.exact {
            Exact::Type(ty) => Some(ty),
            Exact::Unknown | Exact::Several => None,
        });
        if form == Form::Prebuilt {
            columns.push(column_of_prebuilt(field));
            fills.push(field.mutable.then_some(column));
        } else if seen.too_early && field.mutable {
            let placeholder = placeholder(field, placeholders).ok_or_else(|| match field.element_type {
                StorageType::Val(ty) => ty.to_string(),
                _ => String::new(),
            })?;
            columns.push(Column::Placeholder(placeholder));
            fills.push(Some(column));
        } else {
            columns.push(column);
            fills.push(None);
        }
    }
    if let Form::Data | Form::Short | Form::Zeros = form {
        fills.fill(None);
    }
    let len = seen.len.first.map_or(Column::Number(0), |_| seen.len.column());
    Ok(ObjectKind { shape, form, len, columns, exact, fills })
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
