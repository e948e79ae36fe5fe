//! The boundary between capture and whatever runs the module: an engine, or a description of the state as data.

use super::Fields;
use crate::snapshot::{Alias, Image, ImportedMemory, Shape};
use std::ops::Range;
use wasmparser::StorageType;

/// A running instance of a probed module, as capture reads it.
///
/// No guest code runs while an instance is read, except for the probe functions behind [`Instance::is_dropped`], which
/// come first. So an implementation for an engine must see to it that nothing is allocated in the guest's heap by any
/// other method. Methods with `imported` in their names say what imports held when they were handed over, before
/// the module's own segments and start function touched them; they have defaults for an instance without such a record.
pub trait Instance {
    /// Why the instance could not be read.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The identity of a function of [`Probed::functions`](crate::probe::Probed::functions), by function index. It
    /// never changes.
    fn function(&mut self, index: u32) -> Result<Identity, Self::Error>;

    /// The identity under which an imported function was handed over, by function index. An engine may have another one
    /// for the same function when the module makes a reference of it.
    fn imported_function(&mut self, _index: u32) -> Result<Option<Identity>, Self::Error> {
        Ok(None)
    }

    /// The value of a global, by global index. Globals of continuations are not asked for.
    fn global(&mut self, index: u32) -> Result<Observed, Self::Error>;

    /// The size of a table.
    fn table(&mut self, table: TableId) -> Result<TableSize, Self::Error>;

    /// Appends what the slots of a table hold. Tables of continuations are not asked for.
    fn slots(
        &mut self,
        table: TableId,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), Self::Error>;

    /// The contents of a memory, by memory index.
    fn memory(&self, index: u32) -> Result<Contents<'_>, Self::Error>;

    /// Whether a passive segment was dropped. For an element segment of
    /// [`Probed::object_segments`](crate::probe::Probed::object_segments) that was not, [`TableId::Items`] is asked for
    /// next.
    fn is_dropped(&mut self, segment: Segment) -> Result<bool, Self::Error>;

    /// What is behind an [`ObservedRef::Object`].
    fn object(&mut self, object: Identity) -> Result<ObservedObject, Self::Error>;

    /// Appends these fields of a struct or an exception, given by index and type.
    fn fields(
        &mut self,
        object: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<(), Self::Error>;

    /// The number of elements of an array.
    fn array_len(&mut self, array: Identity) -> Result<u32, Self::Error>;

    /// Appends these elements of an array, all of type `element`.
    fn elements(
        &mut self,
        array: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<(), Self::Error>;

    /// What an imported global held; `None` if that is not known, which counts as unchanged. Objects are given by their
    /// current identity.
    fn imported_global(&mut self, _index: u32) -> Result<Option<Observed>, Self::Error> {
        Ok(None)
    }

    /// The number of slots that an imported table had; `None` if that is not known.
    fn imported_table(&mut self, _index: u32) -> Result<Option<u64>, Self::Error> {
        Ok(None)
    }

    /// Appends what the slots of an imported table held. Objects are given by their current identity.
    fn imported_slots(
        &mut self,
        _index: u32,
        _range: Range<u64>,
        _out: &mut Vec<ObservedRef>,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What an imported memory held; `None` if that is not known.
    fn imported_memory(&self, _index: u32) -> Result<Option<ImportedMemory>, Self::Error> {
        Ok(None)
    }

    /// The last of the calls to imports that are to be made again. It is an object, whose fields are those of
    /// [`Shape::Call`].
    fn last_call(&self) -> Option<Identity> {
        None
    }

    /// The modules whose imported globals are string constants, each of the contents that its name says; `None` if the host does not know.
    fn string_constants(&self) -> Option<&[String]> {
        None
    }

    /// Imported memories, tables, globals and tags that are the same as one of a lower index.
    fn aliases(&self) -> Vec<Alias> {
        Vec::new()
    }
}

/// Tells things of an instance apart: equal exactly for the same function, or for the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub u64);

/// A value as an instance shows it. Floats are bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// `i32`
    I32(i32),
    /// `i64`
    I64(i64),
    /// `f32`, as its bits.
    F32(u32),
    /// `f64`, as its bits.
    F64(u64),
    /// `v128`, little-endian lanes.
    V128(u128),
    /// Any reference type.
    Ref(ObservedRef),
}

/// A reference as an instance shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedRef {
    /// The null of any type.
    Null,
    /// A function.
    Function(Identity),
    /// An unboxed 31-bit integer, zero-extended.
    I31(u32),
    /// An unboxed 31-bit integer, zero-extended, as an `externref`.
    ExternI31(u32),
    /// A struct, an array, an exception, or a value of the host as an `anyref`.
    Object(Identity),
    /// A struct, an array, or a value of the host as an `externref`. The identity is that of the same object as an
    /// `anyref`.
    ExternObject(Identity),
    /// A suspended continuation.
    Continuation,
    /// Null or not: the host has no way to read it.
    Hidden,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedObject {
    /// An object of a type or tag of the module. Of several equal types any will do, as long as it is always the same.
    Known(Shape),
    /// A struct or array of a type that the module lacks.
    ForeignObject,
    /// An exception of a tag that the module lacks.
    ForeignException,
    /// A value of the host.
    Host,
    /// A value of the host that is no object, such as a number: another one may be equal to it.
    Primitive,
    /// An object that the host has no way to read.
    Opaque,
}

/// A table of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableId {
    /// By table index.
    Table(u32),
    /// The table that the probe of this element segment fills with its items.
    Items(u32),
}

/// The size of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    /// Slots that it has.
    pub slots: u64,
    /// Slots that it may grow to, as the table itself says.
    pub maximum: Option<u64>,
}

/// A memory of an instance.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// Size in bytes.
    pub size: u64,
    /// The most pages that it may grow to, as the memory itself says.
    pub maximum: Option<u64>,
    /// The bytes.
    pub image: Image<'a>,
}

/// A segment, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// A data segment.
    Data(u32),
    /// An element segment.
    Element(u32),
}
