use super::memory::{contents, shared_contents};
use super::{HeldValue, InstanceError};
use crate::engine::is_continuation;
use crate::host::NoMemory;
use preinit_core::snapshot::ImportedMemory;
use wasmtime::{Extern, RootScope, Store, Table, Val, ValType};

/// What imported memories, tables and globals held when they were handed over, before the module's own segments and
/// start function touched them.
#[derive(Default)]
pub struct Baseline {
    pub(super) memories: Vec<ImportedMemory>,
    pub(super) tables: Vec<ImportedTable>,
    pub(super) globals: Vec<ImportedGlobal>,
}

/// A table as it was.
pub(super) enum ImportedTable {
    Slots(Vec<HeldValue>),
    /// Of continuations, of which the number is known.
    Unreadable(u64),
}

/// A global as it was; `None` for a continuation.
pub(super) type ImportedGlobal = Option<HeldValue>;

impl ImportedTable {
    pub fn len(&self) -> u64 {
        match self {
            ImportedTable::Slots(slots) => slots.len() as u64,
            ImportedTable::Unreadable(len) => *len,
        }
    }
}

impl Baseline {
    /// Reads what is about to be handed over, in the order of the module's imports.
    ///
    /// # Errors
    /// When the engine refuses to answer.
    pub fn of<T: 'static>(store: &mut Store<T>, imports: &[Extern]) -> Result<Baseline, InstanceError> {
        let mut baseline = Baseline::default();
        for import in imports {
            match import {
                Extern::Memory(memory) => {
                    let contents = contents(*memory, &*store, false);
                    let image = contents.image.into_owned();
                    baseline.memories.push(ImportedMemory { size: contents.size, image });
                }
                Extern::SharedMemory(memory) => {
                    let contents = shared_contents(memory)?;
                    baseline.memories.push(ImportedMemory { size: contents.size, image: contents.image });
                }
                Extern::Table(table) => baseline.tables.push(imported_table(table, store)?),
                Extern::Global(global) => {
                    let is_readable = !is_continuation(global.ty(&*store).content());
                    let mut scope = RootScope::new(&mut *store);
                    let value = is_readable.then(|| global.get(&mut scope));
                    let value = value.map(|value| HeldValue::new(&mut scope, &value)).transpose()?;
                    baseline.globals.push(value);
                }
                Extern::Func(_) | Extern::Tag(_) => {}
            }
        }
        Ok(baseline)
    }
}

fn imported_table<T: 'static>(table: &Table, store: &mut Store<T>) -> Result<ImportedTable, InstanceError> {
    let size = table.size(&*store);
    if is_continuation(&ValType::Ref(table.ty(&*store).element().clone())) {
        return Ok(ImportedTable::Unreadable(size));
    }
    let mut slots = Vec::new();
    slots
        .try_reserve_exact(size as usize)
        .map_err(|_| wasmtime::Error::from(NoMemory::for_it(format!("a table with {size} slots"))))?;
    for slot in 0..size {
        let mut scope = RootScope::new(&mut *store);
        let element = table.get(&mut scope, slot);
        let element = element.ok_or_else(|| wasmtime::Error::msg("table slot out of bounds"))?;
        slots.push(HeldValue::new(&mut scope, &Val::from(element))?);
    }
    Ok(ImportedTable::Slots(slots))
}
