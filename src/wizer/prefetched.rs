//! An instance whose dropped segments are known already: asking for them is a call, which the caller's store may only allow
//! where it can wait.

use preinit_core::capture::{
    Contents, Fields, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};
use std::ops::Range;
use wasmparser::StorageType;

/// The instance, and which segments are dropped.
pub(super) struct Prefetched<I> {
    pub instance: I,
    pub segments: Vec<(Segment, bool)>,
}

impl<I: Instance> Instance for Prefetched<I> {
    type Error = I::Error;

    fn is_dropped(&mut self, segment: Segment) -> Result<bool, I::Error> {
        match self.segments.iter().find(|(known, _)| *known == segment) {
            Some((_, dropped)) => Ok(*dropped),
            None => self.instance.is_dropped(segment),
        }
    }

    fn function(&mut self, index: u32) -> Result<Identity, I::Error> {
        self.instance.function(index)
    }

    fn global(&mut self, index: u32) -> Result<Observed, I::Error> {
        self.instance.global(index)
    }

    fn table(&mut self, table: TableId) -> Result<TableSize, I::Error> {
        self.instance.table(table)
    }

    fn slots(
        &mut self,
        table: TableId,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), I::Error> {
        self.instance.slots(table, range, out)
    }

    fn memory(&self, index: u32) -> Result<Contents<'_>, I::Error> {
        self.instance.memory(index)
    }

    fn object(&mut self, object: Identity) -> Result<ObservedObject, I::Error> {
        self.instance.object(object)
    }

    fn fields(
        &mut self,
        object: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<(), I::Error> {
        self.instance.fields(object, wanted, fields)
    }

    fn array_len(&mut self, array: Identity) -> Result<u32, I::Error> {
        self.instance.array_len(array)
    }

    fn elements(
        &mut self,
        array: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<(), I::Error> {
        self.instance.elements(array, element, range, fields)
    }
}
