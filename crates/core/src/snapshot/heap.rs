//! Objects of the garbage-collected heap as plain data.

use super::Reference;
use crate::module::Module;
use std::collections::TryReserveError;
use std::ops::Range;
use wasmparser::{RefType, StorageType, ValType};

/// What kind of object, with the index of its type or tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// A struct, by type index.
    Struct(u32),
    /// An array, by type index.
    Array(u32),
    /// An exception, by tag index.
    Exception(u32),
    /// A string of JavaScript, whose elements are its code units. Equal ones are the same.
    String,
    /// What the host returned from a call to an imported function, by function index. Its fields are the arguments, and the call before it,
    /// since calls are made again in order.
    Call(u32),
}

/// The types of the fields of a [`Shape::Call`]; `None` if there is no such function.
pub fn call_fields(module: &Module<'_>, function: u32) -> Option<impl Iterator<Item = StorageType>> {
    let params = module.signature(function)?.params().iter().copied();
    Some(params.chain([ValType::Ref(RefType::ANYREF)]).map(StorageType::Val))
}

/// Every object that the state reaches. An object's id is its place in the order in which a search in breadth finds it
/// from the roots: globals, tables, passive element segments; after all of these come the objects that only the calls
/// in progress of a program that is frozen in the middle can reach. So two heaps are equal exactly if there is a one-to-one
/// mapping of their objects that the roots and all references agree with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heap {
    records: Vec<Record>,
    scalars: Vec<u8>,
    references: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    shape: Shape,
    len: u32,
    scalars_end: usize,
    references_end: usize,
}

/// One object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'h> {
    /// Its kind and type.
    pub shape: Shape,
    /// Number of fields or elements.
    pub len: u32,
    /// Numbers and vectors among them, in order, little-endian, each as wide as it is stored (`i8` has one byte).
    pub scalars: &'h [u8],
    /// References among them, in order.
    pub references: &'h [Reference],
}

impl Heap {
    /// Number of objects.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Makes room for one object more, and for so many bytes and references in it.
    ///
    /// # Errors
    /// If the machine has no memory left for it.
    pub fn reserve(&mut self, scalars: usize, references: usize) -> Result<(), TryReserveError> {
        self.records.try_reserve(1)?;
        self.scalars.try_reserve(scalars)?;
        self.references.try_reserve(references)
    }

    /// Adds an object of `len` fields or elements, which `fill` appends: scalars to the first, references to the second.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn push<E>(
        &mut self,
        shape: Shape,
        len: u32,
        fill: impl FnOnce(&mut Vec<u8>, &mut Vec<Reference>) -> Result<(), E>,
    ) -> Result<(), E> {
        fill(&mut self.scalars, &mut self.references)?;
        let (scalars_end, references_end) = (self.scalars.len(), self.references.len());
        self.records.push(Record { shape, len, scalars_end, references_end });
        Ok(())
    }

    /// The object with this id, which must be below [`Heap::len`].
    pub fn object(&self, id: u32) -> Object<'_> {
        let at = id as usize;
        let (scalars, references) = match at.checked_sub(1) {
            Some(before) => (self.records[before].scalars_end, self.records[before].references_end),
            None => (0, 0),
        };
        let Record { shape, len, scalars_end, references_end } = self.records[at];
        Object {
            shape,
            len,
            scalars: &self.scalars[scalars..scalars_end],
            references: &self.references[references..references_end],
        }
    }

    /// The numbers and vectors of all objects, one object after the other.
    pub fn scalars(&self) -> &[u8] {
        &self.scalars
    }

    /// The object that a byte of [`Heap::scalars`] belongs to, and the range that all of its bytes have there.
    pub fn object_of_scalar(&self, byte: usize) -> Option<(u32, Range<usize>)> {
        let id = self.records.partition_point(|record| record.scalars_end <= byte);
        let end = self.records.get(id)?.scalars_end;
        let start = id.checked_sub(1).map_or(0, |before| self.records[before].scalars_end);
        Some((id as u32, start..end))
    }

    /// All references in all objects.
    pub(super) fn references_mut(&mut self) -> &mut [Reference] {
        &mut self.references
    }

    /// Whether the first objects are those of `other`.
    pub fn starts_with(&self, other: &Heap) -> bool {
        self.records.starts_with(&other.records)
            && self.scalars.starts_with(&other.scalars)
            && self.references.starts_with(&other.references)
    }

    /// Every object with its id, in order.
    pub fn objects(&self) -> impl Iterator<Item = (u32, Object<'_>)> {
        (0..self.len() as u32).map(|id| (id, self.object(id)))
    }
}

impl Reference {
    /// The object that this points to, as it is or externalized.
    pub fn object(self) -> Option<u32> {
        match self {
            Reference::Object(id) | Reference::ExternObject(id) => Some(id),
            _ => None,
        }
    }
}
