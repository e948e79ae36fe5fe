use super::field_layout::{FieldLayout, FieldLayouts, is_reference, width};
use super::placeholder::Placeholder;
use crate::snapshot::{Heap, Object, Reference, Shape};
use std::collections::HashMap;

/// Objects that are made by the same code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectKind {
    /// Their kind and type.
    pub shape: Shape,
    /// How they are made.
    pub form: Form,
    /// Number of elements, for arrays.
    pub len: Column,
    /// What each field is made with; of arrays what all elements are made with.
    pub columns: Vec<Column>,
    /// The type of all objects that a field points to, by type index, where that is one type: engines are fast at seeing
    /// that an object is of exactly a type, and slow at looking it up among many.
    pub exact: Vec<Option<u32>>,
    /// What is written to each field later, when every object is there. `None` leaves it.
    pub fills: Vec<Option<Column>>,
}

/// How an object is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// It exists already.
    Prebuilt,
    /// A struct or an exception, of its fields.
    Fields,
    /// A long array of numbers, or one that cannot be written to, from the data segment.
    Data,
    /// A short array of numbers, one element after the other: what `array.new_data` costs engines is worth a loop.
    Short,
    /// An array of zeros or nulls.
    Zeros,
    /// An array whose elements are all the same reference.
    Uniform,
    /// An array of references, one element after the other.
    Elements,
    /// An array of this many immutable references.
    Fixed(u32),
}

/// Where the values of one field come from, over all objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// All the same number: its bits.
    Number(u128),
    /// All the same reference.
    Reference(Reference),
    /// The next value of the stream of its width.
    Stream,
    /// Anything that fits the type; the right one is written later.
    Placeholder(Placeholder),
}

/// Elements of a short array.
const MAX_SHORT: u32 = 64;

/// The kinds of all objects, not looked into yet.
pub(super) struct ObjectKinds {
    pub keys: Vec<(Shape, Form)>,
    /// By object.
    pub of: Vec<u32>,
}

impl ObjectKinds {
    pub fn of(heap: &Heap, layouts: &FieldLayouts, is_prebuilt: impl Fn(u32) -> bool) -> ObjectKinds {
        let mut known = HashMap::new();
        let mut kinds = ObjectKinds { keys: Vec::new(), of: Vec::with_capacity(heap.len()) };
        for (id, object) in heap.objects() {
            let form = match is_prebuilt(id) {
                true => Form::Prebuilt,
                false => form(layouts.get(id), object),
            };
            let key = (object.shape, form);
            let index = *known.entry(key).or_insert_with(|| {
                kinds.keys.push(key);
                kinds.keys.len() as u32 - 1
            });
            kinds.of.push(index);
        }
        kinds
    }
}

fn form(layout: &FieldLayout, object: Object<'_>) -> Form {
    let FieldLayout::Elements(element) = layout else { return Form::Fields };
    if object.shape == Shape::String {
        return Form::Data;
    }
    if !is_reference(element) {
        if object.scalars.len() > 16 && object.scalars.iter().all(|&byte| byte == 0) {
            return Form::Zeros;
        }
        let is_short = (1..=MAX_SHORT).contains(&object.len) && width(element.element_type) <= 8;
        return if is_short && element.mutable { Form::Short } else { Form::Data };
    }
    let Some(&first) = object.references.first() else { return Form::Fixed(0) };
    let uniform = object.references.iter().all(|&reference| reference == first);
    match (uniform, first, element.mutable) {
        (true, Reference::Null, _) => Form::Zeros,
        (true, _, false) => Form::Uniform,
        (_, _, true) => Form::Elements,
        (false, _, false) => Form::Fixed(object.len),
    }
}
