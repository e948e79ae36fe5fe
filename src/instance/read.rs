use super::baseline::ImportedTable;
use super::core_calls::call_core;
use super::memory::{contents, shared_contents};
use super::observe::{EngineObject, function_identity, object, observe, observe_reference};
use super::{InstanceError, ProbedInstance, identity};
use crate::engine::is_continuation;
use crate::host::JsString;
use preinit_core::capture::{
    Contents, Fields, Identity, Instance, Observed, ObservedObject, ObservedRef, Segment, TableId, TableSize,
};
use preinit_core::module::Space;
use preinit_core::probe::Probe;
use preinit_core::snapshot::{Alias, ImportedMemory, Shape};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use wasmparser::StorageType;
use wasmtime::{
    ArrayRef, AsContextMut, Error, Extern, ExternRef, HeapType, RootScope, Rooted, Table, Trap, Val, ValType,
};

/// Every read of a reference makes a root; a scope for some thousands keeps their number small.
const SCOPE: usize = 4096;

/// An instance of wasmtime with the store that holds it.
///
/// Nothing is collected while it is read, because nothing is allocated.
pub struct WasmtimeInstance<'i, S> {
    pub(super) instance: &'i ProbedInstance,
    pub(super) store: S,
}

type Result<T> = std::result::Result<T, InstanceError>;

impl<S: AsContextMut> WasmtimeInstance<'_, S> {
    /// The lowest value of the global that was asked for; `None` if that was not, or nothing was written to it.
    pub fn lowest(&mut self) -> Option<u64> {
        let global = self.instance.export(Probe::Lowest, &mut self.store).ok()?.into_global()?;
        match global.get(&mut self.store) {
            Val::I32(value) => Some(value.cast_unsigned()).filter(|value| *value != u32::MAX).map(u64::from),
            Val::I64(value) => Some(value.cast_unsigned()).filter(|value| *value != u64::MAX),
            _ => None,
        }
    }

    /// A value of the engine as it is seen now.
    ///
    /// # Errors
    /// If the engine refuses to answer.
    pub fn observe(&mut self, value: &Val) -> Result<Observed> {
        Ok(observe(&mut self.store, value)?)
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn engine_table(&mut self, table: TableId) -> Result<Table> {
        let probe = match table {
            TableId::Table(index) => Probe::Table(index),
            TableId::Items(segment) => Probe::Items(segment),
        };
        self.instance.table(probe, &mut self.store)
    }
}

impl<S: AsContextMut<Data: Send>> Instance for WasmtimeInstance<'_, S> {
    type Error = InstanceError;

    fn function(&mut self, index: u32) -> Result<Identity> {
        let function = match self.instance.tabled_functions.binary_search(&index) {
            Ok(slot) => {
                let table = self.instance.table(Probe::Functions, &mut self.store)?;
                let item = table.get(&mut self.store, slot as u64);
                item.and_then(|item| item.as_func().flatten().copied())
            }
            Err(_) => self.instance.export(Probe::Function(index), &mut self.store)?.into_func(),
        };
        let function = function.ok_or_else(|| self.instance.missing(Probe::Function(index)))?;
        Ok(function_identity(&mut self.store, &function))
    }

    // What a provider stored in a table is the pointer that it handed over, not the one that this module makes.
    fn imported_function(&mut self, index: u32) -> Result<Option<Identity>> {
        let function = self.instance.imported_functions.get(index as usize);
        Ok(function.map(|function| function_identity(&mut self.store, function)))
    }

    fn global(&mut self, index: u32) -> Result<Observed> {
        let probe = Probe::Global(index);
        let global = self.instance.export(probe, &mut self.store)?.into_global();
        let global = global.ok_or_else(|| self.instance.missing(probe))?;
        if is_continuation(global.ty(&self.store).content()) {
            return Ok(Observed::Ref(ObservedRef::Hidden));
        }
        let mut scope = RootScope::new(&mut self.store);
        let value = global.get(&mut scope);
        Ok(observe(&mut scope, &value)?)
    }

    fn table(&mut self, table: TableId) -> Result<TableSize> {
        let table = self.engine_table(table)?;
        Ok(TableSize { slots: table.size(&self.store), maximum: table.ty(&self.store).maximum() })
    }

    fn slots(&mut self, table: TableId, range: Range<u64>, out: &mut Vec<ObservedRef>) -> Result<()> {
        let table = self.engine_table(table)?;
        if is_continuation(&ValType::Ref(table.ty(&self.store).element().clone())) {
            out.extend(range.map(|_| ObservedRef::Hidden));
            return Ok(());
        }
        for start in range.clone().step_by(SCOPE) {
            let mut scope = RootScope::new(&mut self.store);
            for slot in start..range.end.min(start + SCOPE as u64) {
                let element = table.get(&mut scope, slot);
                let element = element.ok_or_else(|| Error::msg("table slot out of bounds"))?;
                out.push(observe_reference(&mut scope, &Val::from(element))?);
            }
        }
        Ok(())
    }

    fn memory(&self, index: u32) -> Result<Contents<'_>> {
        let ProbedInstance { memories, first_zeroed_memory, .. } = self.instance;
        match memories.get(index as usize) {
            Some(Extern::Memory(memory)) => {
                let began_as_zeros = index as usize >= *first_zeroed_memory;
                Ok(contents(*memory, &self.store, began_as_zeros))
            }
            Some(Extern::SharedMemory(memory)) => shared_contents(memory),
            _ => Err(self.instance.missing(Probe::Memory(index))),
        }
    }

    fn is_dropped(&mut self, segment: Segment) -> Result<bool> {
        let probe = match segment {
            Segment::Data(index) => Probe::Data(index),
            Segment::Element(index) => Probe::Element(index),
        };
        let function = self.instance.export(probe, &mut self.store)?.into_func();
        let function = function.ok_or_else(|| self.instance.missing(probe))?;
        let Err(error) = call_core(&mut self.store, function) else { return Ok(false) };
        match error.downcast_ref() {
            Some(Trap::MemoryOutOfBounds | Trap::TableOutOfBounds) => Ok(true),
            _ => Err(error.into()),
        }
    }

    fn object(&mut self, identity: Identity) -> Result<ObservedObject> {
        let types = &self.instance.types;
        let mut scope = RootScope::new(&mut self.store);
        Ok(match object(&mut scope, identity)? {
            EngineObject::Any(any) => match any.ty(&scope)? {
                HeapType::Any => match string(&mut scope, identity)? {
                    Some(_) => ObservedObject::Known(Shape::String),
                    None => ObservedObject::Host,
                },
                ty => types.shape(ty).map_or(ObservedObject::ForeignObject, ObservedObject::Known),
            },
            EngineObject::Exception(exception) => {
                let tag = exception.tag(&mut scope)?;
                let shape = types.exception(&tag, &scope);
                shape.map_or(ObservedObject::ForeignException, ObservedObject::Known)
            }
        })
    }

    fn fields(
        &mut self,
        identity: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<()> {
        let mut scope = RootScope::new(&mut self.store);
        match object(&mut scope, identity)? {
            EngineObject::Any(any) => {
                let object = any.unwrap_struct(&scope)?;
                for &(index, ty) in wanted {
                    let value = object.field(&mut scope, index as usize)?;
                    fields.push(ty, observe(&mut scope, &value)?);
                }
            }
            EngineObject::Exception(exception) => {
                for &(index, ty) in wanted {
                    let value = exception.field(&mut scope, index as usize)?;
                    fields.push(ty, observe(&mut scope, &value)?);
                }
            }
        }
        Ok(())
    }

    fn array_len(&mut self, identity: Identity) -> Result<u32> {
        let mut scope = RootScope::new(&mut self.store);
        match string(&mut scope, identity)? {
            Some(units) => Ok(units.len() as u32),
            None => Ok(array(&mut scope, identity)?.len(&scope)?),
        }
    }

    fn elements(
        &mut self,
        identity: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<()> {
        if element == StorageType::I16
            && let Some(units) = string(RootScope::new(&mut self.store), identity)?
        {
            let units = units.get(range.start as usize..range.end as usize).unwrap_or_default();
            for units in units.chunks(SCOPE) {
                fields.stored(&units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>());
            }
            return Ok(());
        }
        if element == StorageType::I8 {
            let mut scope = RootScope::new(&mut self.store);
            let array = array(&mut scope, identity)?;
            if range == (0..array.len(&scope)?) {
                array.copy_to_i8_slice(&mut scope, fields.bytes(range.len()))?;
                return Ok(());
            }
        }
        for start in range.clone().step_by(SCOPE) {
            let mut scope = RootScope::new(&mut self.store);
            let array = array(&mut scope, identity)?;
            for index in start..range.end.min(start.saturating_add(SCOPE as u32)) {
                let value = array.get(&mut scope, index)?;
                fields.push(element, observe(&mut scope, &value)?);
            }
        }
        Ok(())
    }

    fn imported_global(&mut self, index: u32) -> Result<Option<Observed>> {
        let held = self.instance.baseline.globals.get(index as usize).and_then(Option::as_ref);
        Ok(held.map(|held| held.observe(&mut self.store)).transpose()?)
    }

    fn imported_table(&mut self, index: u32) -> Result<Option<u64>> {
        Ok(self.instance.baseline.tables.get(index as usize).map(ImportedTable::len))
    }

    fn imported_slots(&mut self, index: u32, range: Range<u64>, out: &mut Vec<ObservedRef>) -> Result<()> {
        let Some(ImportedTable::Slots(slots)) = self.instance.baseline.tables.get(index as usize) else {
            return Ok(());
        };
        for held in slots.get(range.start as usize..range.end as usize).unwrap_or_default() {
            match held.observe(&mut self.store)? {
                Observed::Ref(reference) => out.push(reference),
                _ => return Err(Error::msg("a table held a number").into()),
            }
        }
        Ok(())
    }

    fn imported_memory(&self, index: u32) -> Result<Option<ImportedMemory>> {
        Ok(self.instance.baseline.memories.get(index as usize).cloned())
    }

    fn aliases(&self) -> Vec<Alias> {
        let mut known: HashMap<(Space, String), u32> = HashMap::new();
        let mut next: HashMap<Space, u32> = HashMap::new();
        let mut aliases = Vec::new();
        for import in &self.instance.imports {
            let Some((space, identity)) = identity(import) else { continue };
            let next = next.entry(space).or_default();
            let index = *next;
            *next += 1;
            let first = *known.entry((space, identity)).or_insert(index);
            if first != index {
                aliases.push(Alias { space, index, first });
            }
        }
        aliases
    }
}

/// The code units of a string of JavaScript; `None` for anything else.
fn string(mut store: impl AsContextMut, identity: Identity) -> wasmtime::Result<Option<Arc<[u16]>>> {
    let EngineObject::Any(any) = object(&mut store, identity)? else { return Ok(None) };
    if !matches!(any.ty(&store)?, HeapType::Any) {
        return Ok(None);
    }
    let external = ExternRef::convert_any(&mut store, any)?;
    JsString::units(external, &store)
}

fn array(mut store: impl AsContextMut, identity: Identity) -> wasmtime::Result<Rooted<ArrayRef>> {
    match object(&mut store, identity)? {
        EngineObject::Any(any) => any.unwrap_array(&mut store),
        EngineObject::Exception(_) => Err(Error::msg("an array was lost while the heap was read")),
    }
}
