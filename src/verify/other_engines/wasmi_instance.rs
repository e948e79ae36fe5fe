use super::DriverError;
use super::recorded_answers::RecordedAnswers;
use preinit_core::capture::{
    Contents, Fields, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::Image;
use std::collections::HashMap;
use std::ops::Range;
use wasmi::{Nullable, Ref, Store, TrapCode, Val};
use wasmparser::StorageType;

/// An instance on wasmi, as capture reads it.
pub(super) struct WasmiInstance<'i> {
    pub probed: &'i Probed,
    pub store: &'i mut Store<RecordedAnswers>,
    pub instance: wasmi::Instance,
    pub identities: &'i mut Identities,
}

/// Numbers for the engine's handles. They have no equality, but their debug form is that of an index.
#[derive(Default)]
pub(super) struct Identities {
    known: HashMap<String, Identity>,
}

impl Identities {
    fn of(&mut self, handle: &impl std::fmt::Debug) -> Identity {
        let next = Identity(self.known.len() as u64);
        *self.known.entry(format!("{handle:?}")).or_insert(next)
    }

    /// A value as capture sees it.
    pub fn observe(&mut self, value: &Val) -> Observed {
        match value {
            Val::I32(value) => Observed::I32(*value),
            Val::I64(value) => Observed::I64(*value),
            Val::F32(value) => Observed::F32(value.to_bits()),
            Val::F64(value) => Observed::F64(value.to_bits()),
            Val::V128(value) => Observed::V128(value.as_u128()),
            Val::FuncRef(function) => Observed::Ref(self.observe_ref(&Ref::Func(*function))),
            Val::ExternRef(external) => Observed::Ref(self.observe_ref(&Ref::Extern(*external))),
        }
    }

    fn observe_ref(&mut self, reference: &Ref) -> ObservedRef {
        match reference {
            Ref::Func(Nullable::Val(function)) => ObservedRef::Function(self.of(function)),
            Ref::Extern(Nullable::Val(external)) => ObservedRef::ExternObject(self.of(external)),
            Ref::Func(Nullable::Null) | Ref::Extern(Nullable::Null) => ObservedRef::Null,
        }
    }
}

impl WasmiInstance<'_> {
    fn engine_table(&self, table: TableId) -> Result<wasmi::Table, DriverError> {
        let probe = match table {
            TableId::Table(index) => Probe::Table(index),
            TableId::Items(segment) => Probe::Items(segment),
        };
        let table = self.instance.get_table(&*self.store, &self.probed.export_name(probe));
        table.ok_or_else(|| self.missing(probe))
    }

    fn missing(&self, probe: Probe) -> DriverError {
        DriverError(format!("it does not show `{}`", self.probed.export_name(probe)))
    }
}

impl Instance for WasmiInstance<'_> {
    type Error = DriverError;

    fn function(&mut self, index: u32) -> Result<Identity, DriverError> {
        let probe = Probe::Function(index);
        let function = self.instance.get_func(&*self.store, &self.probed.export_name(probe));
        Ok(self.identities.of(&function.ok_or_else(|| self.missing(probe))?))
    }

    fn global(&mut self, index: u32) -> Result<Observed, DriverError> {
        let probe = Probe::Global(index);
        let global = self.instance.get_global(&*self.store, &self.probed.export_name(probe));
        let value = global.ok_or_else(|| self.missing(probe))?.get(&*self.store);
        Ok(self.identities.observe(&value))
    }

    fn table(&mut self, table: TableId) -> Result<TableSize, DriverError> {
        let table = self.engine_table(table)?;
        Ok(TableSize { slots: table.size(&*self.store), maximum: table.ty(&*self.store).maximum() })
    }

    fn slots(
        &mut self,
        table: TableId,
        range: Range<u64>,
        out: &mut Vec<ObservedRef>,
    ) -> Result<(), DriverError> {
        let table = self.engine_table(table)?;
        for slot in range {
            let element = table.get(&*self.store, slot);
            let element = element.ok_or_else(|| DriverError(format!("a table has no slot {slot}")))?;
            out.push(self.identities.observe_ref(&element));
        }
        Ok(())
    }

    fn memory(&self, index: u32) -> Result<Contents<'_>, DriverError> {
        let probe = Probe::Memory(index);
        let memory = self.instance.get_memory(&*self.store, &self.probed.export_name(probe));
        let memory = memory.ok_or_else(|| self.missing(probe))?;
        let bytes = memory.data(&*self.store);
        let maximum = memory.ty(&*self.store).maximum();
        Ok(Contents { size: bytes.len() as u64, maximum, image: Image::of(bytes) })
    }

    fn is_dropped(&mut self, segment: Segment) -> Result<bool, DriverError> {
        let probe = match segment {
            Segment::Data(index) => Probe::Data(index),
            Segment::Element(index) => Probe::Element(index),
        };
        let function = self.instance.get_func(&*self.store, &self.probed.export_name(probe));
        let function = function.ok_or_else(|| self.missing(probe))?;
        match function.call(&mut *self.store, &[], &mut []) {
            Ok(()) => Ok(false),
            Err(error) => match error.as_trap_code() {
                Some(TrapCode::MemoryOutOfBounds | TrapCode::TableOutOfBounds) => Ok(true),
                _ => Err(DriverError(error.to_string())),
            },
        }
    }

    fn object(&mut self, _: Identity) -> Result<ObservedObject, DriverError> {
        Ok(ObservedObject::Host)
    }

    fn fields(
        &mut self,
        _: Identity,
        _: &[(u32, StorageType)],
        _: &mut Fields<'_>,
    ) -> Result<(), DriverError> {
        Err(no_objects())
    }

    fn array_len(&mut self, _: Identity) -> Result<u32, DriverError> {
        Err(no_objects())
    }

    fn elements(
        &mut self,
        _: Identity,
        _: StorageType,
        _: Range<u32>,
        _: &mut Fields<'_>,
    ) -> Result<(), DriverError> {
        Err(no_objects())
    }
}

fn no_objects() -> DriverError {
    DriverError("it has no objects".to_string())
}
