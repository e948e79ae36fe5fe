use super::super::PlanError;
use super::field_layout::{FieldLayout, is_reference, width};
use super::object_kind::{Column, Form, ObjectKind};
use super::registry::RegistryIndices;
use crate::snapshot::{Object, Reference};
use wasmparser::{FieldType, StorageType};

/// Where in the data segment a stream begins, and how many values it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamRange {
    /// Byte offset.
    pub offset: u32,
    /// Number of values.
    pub len: u32,
}

/// The contents of the data segment: what the builder functions read, in the order in which they do.
#[derive(Debug, Default)]
pub(super) struct StreamContents {
    /// Triples: builder, first, count.
    pub runs: Vec<u32>,
    pub references: Vec<u32>,
    pub bytes: Vec<u8>,
    pub shorts: Vec<u8>,
    pub words: Vec<u8>,
    pub doubles: Vec<u8>,
    /// The elements of arrays of numbers.
    pub arrays: Vec<u8>,
}

impl StreamContents {
    /// Writes what the builder of `kind` reads for one object.
    pub fn build(
        &mut self,
        kind: &ObjectKind,
        layout: &FieldLayout,
        object: Object<'_>,
        entries: &RegistryIndices,
    ) -> Result<(), PlanError> {
        let in_stream = |column: &Column| *column == Column::Stream;
        if kind.form != Form::Fields && in_stream(&kind.len) {
            self.words.extend(object.len.to_le_bytes());
        }
        match (kind.form, layout) {
            (Form::Fields, FieldLayout::Fields(fields)) => {
                self.fields(fields, object, entries, |field| in_stream(&kind.columns[field]));
            }
            (Form::Data, _) => append(&mut self.arrays, object.scalars)?,
            (Form::Short, FieldLayout::Elements(element)) => match width(element.element_type) {
                1 => self.bytes.extend(object.scalars),
                2 => self.shorts.extend(object.scalars),
                4 => self.words.extend(object.scalars),
                _ => self.doubles.extend(object.scalars),
            },
            (Form::Uniform, _) if in_stream(&kind.columns[0]) => {
                self.references.push(entries.index(object.references[0]));
            }
            (Form::Elements | Form::Fixed(_), _) if kind.columns.first().is_some_and(in_stream) => {
                self.elements(object, entries)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes what the filler of `kind` reads for one object.
    pub fn fill(
        &mut self,
        kind: &ObjectKind,
        layout: &FieldLayout,
        object: Object<'_>,
        entries: &RegistryIndices,
    ) -> Result<(), PlanError> {
        let in_stream = |field: usize| kind.fills[field] == Some(Column::Stream);
        match layout {
            FieldLayout::Fields(fields) => self.fields(fields, object, entries, in_stream),
            FieldLayout::Elements(element) if is_reference(element) => {
                if in_stream(0) {
                    // Another instance's array may have another length; then writing beyond its end traps.
                    self.words.extend(object.len.to_le_bytes());
                    self.elements(object, entries)?;
                }
            }
            FieldLayout::Elements(_) => {
                self.words.extend(object.len.to_le_bytes());
                append(&mut self.arrays, object.scalars)?;
            }
        }
        Ok(())
    }

    /// Writes all references of an array.
    fn elements(&mut self, object: Object<'_>, entries: &RegistryIndices) -> Result<(), PlanError> {
        let bytes = size_of_val(object.references);
        self.references.try_reserve(object.references.len()).map_err(|_| PlanError::NoMemory(bytes))?;
        self.references.extend(object.references.iter().map(|r| entries.index(*r)));
        Ok(())
    }

    fn fields(
        &mut self,
        fields: &[FieldType],
        object: Object<'_>,
        entries: &RegistryIndices,
        in_stream: impl Fn(usize) -> bool,
    ) {
        let mut values = FieldValues::of(object);
        for (index, field) in fields.iter().enumerate() {
            let value = values.next(field);
            if !in_stream(index) {
                continue;
            }
            match value {
                FieldValue::Reference(reference) => self.references.push(entries.index(reference)),
                FieldValue::Scalar(bytes) => match bytes.len() {
                    1 => self.bytes.extend(bytes),
                    2 => self.shorts.extend(bytes),
                    4 => self.words.extend(bytes),
                    _ => self.doubles.extend(bytes),
                },
            }
        }
    }
}

/// Appends the elements of an array, of which a guest decides how many there are.
fn append(stream: &mut Vec<u8>, elements: &[u8]) -> Result<(), PlanError> {
    stream.try_reserve(elements.len()).map_err(|_| PlanError::NoMemory(elements.len()))?;
    stream.extend_from_slice(elements);
    Ok(())
}

/// The values of a struct's fields, one after the other.
pub(super) struct FieldValues<'h> {
    scalars: &'h [u8],
    references: &'h [Reference],
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValue<'h> {
    Scalar(&'h [u8]),
    Reference(Reference),
}

impl<'h> FieldValues<'h> {
    pub fn of(object: Object<'h>) -> Self {
        FieldValues { scalars: object.scalars, references: object.references }
    }

    pub fn next(&mut self, field: &FieldType) -> FieldValue<'h> {
        if is_reference(field) {
            let (first, rest) = self.references.split_at(1);
            self.references = rest;
            return FieldValue::Reference(first[0]);
        }
        let (first, rest) = self.scalars.split_at(width(field.element_type));
        self.scalars = rest;
        FieldValue::Scalar(first)
    }
}

/// The bits of a scalar, zero-extended.
pub(super) fn bits(bytes: &[u8]) -> u128 {
    let mut wide = [0; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(wide)
}

/// The streams of the data segment, one for each width of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Indices of registry entries.
    References,
    /// `i8`
    Bytes,
    /// `i16`
    Shorts,
    /// `i32`, `f32` and lengths.
    Words,
    /// `i64`, `f64`, halves of `v128`.
    Doubles,
}

impl StreamKind {
    /// The stream of a field's values, and how many of it each takes.
    pub fn of(ty: StorageType) -> (StreamKind, u32) {
        match width(ty) {
            0 => (StreamKind::References, 1),
            1 => (StreamKind::Bytes, 1),
            2 => (StreamKind::Shorts, 1),
            4 => (StreamKind::Words, 1),
            8 => (StreamKind::Doubles, 1),
            _ => (StreamKind::Doubles, 2),
        }
    }
}
