//! An instance that is plain data.

use crate::capture::{
    Contents, Fields, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};
use crate::snapshot::{Alias, Image, ImportedMemory};
use std::collections::BTreeMap;
use std::ops::Range;
use wasmparser::StorageType;

/// Asked for something that is not there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {0}")]
pub struct Missing(pub String);

#[derive(Default)]
pub struct Fake {
    pub functions: BTreeMap<u32, u64>,
    pub imported_functions: Vec<u64>,
    /// `None` must not be asked for.
    pub globals: Vec<Option<Observed>>,
    pub tables: Vec<FakeTable>,
    pub memories: Vec<Vec<u8>>,
    pub dropped: Vec<Segment>,
    pub items: BTreeMap<u32, Vec<ObservedRef>>,
    pub objects: BTreeMap<u64, FakeObject>,
    pub imported: Imported,
    pub aliases: Vec<Alias>,
}

pub struct FakeTable {
    /// A slot that is `None` must not be asked for.
    pub slots: Vec<Option<ObservedRef>>,
    pub maximum: Option<u64>,
}

pub struct FakeObject {
    pub kind: ObservedObject,
    /// A field that is `None` must not be asked for.
    pub fields: Vec<Option<Observed>>,
}

/// What imports held.
#[derive(Default)]
pub struct Imported {
    pub globals: BTreeMap<u32, Observed>,
    pub tables: BTreeMap<u32, Vec<ObservedRef>>,
    pub memories: BTreeMap<u32, Vec<u8>>,
}

impl Fake {
    pub fn object(&mut self, identity: u64, kind: ObservedObject, fields: &[Observed]) {
        let fields = fields.iter().copied().map(Some).collect();
        self.objects.insert(identity, FakeObject { kind, fields });
    }

    fn fields_of(&self, object: Identity) -> Result<&[Option<Observed>], Missing> {
        let object = self.objects.get(&object.0).map(|object| &object.fields[..]);
        object.ok_or_else(|| Missing("object".to_string()))
    }

    fn slots_of(&self, table: TableId) -> Result<Vec<Option<ObservedRef>>, Missing> {
        let slots = match table {
            TableId::Table(index) => self.tables.get(index as usize).map(|table| table.slots.clone()),
            TableId::Items(segment) => {
                self.items.get(&segment).map(|items| items.iter().copied().map(Some).collect())
            }
        };
        slots.ok_or_else(|| Missing(format!("{table:?}")))
    }
}

fn found<T>(value: Option<T>, what: &str) -> Result<T, Missing> {
    value.ok_or_else(|| Missing(what.to_string()))
}

impl Instance for Fake {
    type Error = Missing;

    fn function(&mut self, index: u32) -> Result<Identity, Missing> {
        found(self.functions.get(&index).copied().map(Identity), "function")
    }

    fn imported_function(&mut self, index: u32) -> Result<Option<Identity>, Missing> {
        Ok(self.imported_functions.get(index as usize).copied().map(Identity))
    }

    fn global(&mut self, index: u32) -> Result<Observed, Missing> {
        found(self.globals.get(index as usize).copied().flatten(), "global")
    }

    fn table(&mut self, table: TableId) -> Result<TableSize, Missing> {
        let maximum = match table {
            TableId::Table(index) => self.tables.get(index as usize).and_then(|table| table.maximum),
            TableId::Items(_) => None,
        };
        Ok(TableSize { slots: self.slots_of(table)?.len() as u64, maximum })
    }

    fn slots(
        &mut self,
        table: TableId,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), Missing> {
        for slot in &self.slots_of(table)?[range.start as usize..range.end as usize] {
            out.push(found(*slot, "slot")?);
        }
        Ok(())
    }

    fn memory(&self, index: u32) -> Result<Contents<'_>, Missing> {
        let bytes = found(self.memories.get(index as usize), "memory")?;
        Ok(Contents { size: bytes.len() as u64, maximum: Some(7), image: Image::of(bytes) })
    }

    fn is_dropped(&mut self, segment: Segment) -> Result<bool, Missing> {
        Ok(self.dropped.contains(&segment))
    }

    fn object(&mut self, object: Identity) -> Result<ObservedObject, Missing> {
        found(self.objects.get(&object.0).map(|object| object.kind), "object")
    }

    fn fields(
        &mut self,
        object: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<(), Missing> {
        let values = self.fields_of(object)?;
        for &(index, ty) in wanted.iter().filter(|(index, _)| (*index as usize) < values.len()) {
            fields.push(ty, found(values[index as usize], "field")?);
        }
        Ok(())
    }

    fn array_len(&mut self, array: Identity) -> Result<u32, Missing> {
        Ok(self.fields_of(array)?.len() as u32)
    }

    fn elements(
        &mut self,
        array: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<(), Missing> {
        for value in &self.fields_of(array)?[range.start as usize..range.end as usize] {
            fields.push(element, found(*value, "element")?);
        }
        Ok(())
    }

    fn imported_global(&mut self, index: u32) -> Result<Option<Observed>, Missing> {
        Ok(self.imported.globals.get(&index).copied())
    }

    fn imported_table(&mut self, index: u32) -> Result<Option<u64>, Missing> {
        Ok(self.imported.tables.get(&index).map(|slots| slots.len() as u64))
    }

    fn imported_slots(
        &mut self,
        index: u32,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), Missing> {
        let slots = found(self.imported.tables.get(&index), "imported table")?;
        out.extend(&slots[range.start as usize..range.end as usize]);
        Ok(())
    }

    fn imported_memory(&self, index: u32) -> Result<Option<ImportedMemory>, Missing> {
        let memory = self.imported.memories.get(&index);
        Ok(memory
            .map(|bytes| ImportedMemory { size: bytes.len() as u64, image: Image::of(bytes).into_owned() }))
    }

    fn aliases(&self) -> Vec<Alias> {
        self.aliases.clone()
    }
}
