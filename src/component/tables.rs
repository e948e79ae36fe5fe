//! Which tables hold what the component's own segments write: those segments stay, and nothing else has to be written.
//! Functions of other core instances can be in such a table, which its owner has no name for.

use super::ComponentRunError;
use super::part::{Part, Place};
use crate::host::ComponentHost;
use crate::instance::InstanceError;
use preinit_core::capture::{CaptureError, FunctionIndices, Instance, ObservedRef, StateReader, TableId};
use preinit_core::component::table_writes;
use preinit_core::probe::Probe;
use std::collections::{BTreeSet, HashMap};
use wasmtime::Store;

/// For each core instance the tables, by index, whose segments stay.
pub type KeptTables = Vec<BTreeSet<u32>>;

/// A table of the component.
#[derive(Default)]
struct Contents {
    /// What segments write to it, one after the other.
    expected: Vec<ObservedRef>,
    observed: Vec<ObservedRef>,
    /// By what indices it is known to which instances.
    known_as: Vec<(usize, u32)>,
}

/// Looks at all tables of `places`, which are in the order of instantiation.
pub fn kept_tables(
    places: &[Place<'_>],
    store: &mut Store<ComponentHost>,
) -> Result<KeptTables, ComponentRunError> {
    let mut tables = Tables::default();
    for (number, place) in places.iter().enumerate() {
        let mut keys = Vec::new();
        for index in 0..place.part.module.tables.len() as u32 {
            // The engine's handles have no equality, but show which instance defines what.
            let table = place.instance.table(Probe::Table(index), &mut *store)?;
            keys.push(format!("{table:?}"));
        }
        let added = tables.add(number, place.part, &keys, &mut place.instance.with(&mut *store));
        added.map_err(|error| match error {
            CaptureError::Instance(error) => error,
            error => InstanceError::Engine(wasmtime::Error::msg(error.to_string())),
        })?;
    }
    Ok(tables.kept(places.len()))
}

/// The tables of a component, by keys that are the same for the same table.
#[derive(Default)]
pub struct Tables(HashMap<String, Contents>);

impl Tables {
    /// Takes those of a core instance, whose keys are given. Instances come in the order of instantiation.
    pub fn add<I: Instance>(
        &mut self,
        number: usize,
        part: &Part<'_>,
        keys: &[String],
        instance: &mut I,
    ) -> Result<(), CaptureError<I::Error>> {
        let Part { module, probed } = part;
        if module.tables.is_empty() {
            return Ok(());
        }
        let functions = FunctionIndices::of(module, probed, instance)?;
        let outline =
            StateReader { module, probed, functions: &functions, compares: false }.outline(instance, 0)?;
        for (index, key) in (0u32..).zip(keys) {
            let contents = self.0.entry(key.clone()).or_default();
            contents.known_as.push((number, index));
            if index >= module.imported.tables {
                let size = instance.table(TableId::Table(index))?.slots;
                reserve(&mut contents.observed, size)?;
                instance.slots(TableId::Table(index), 0..size, &mut contents.observed)?;
            }
        }
        for write in table_writes(module, &outline, instance)? {
            let Some(contents) = keys.get(write.table as usize).and_then(|key| self.0.get_mut(key)) else {
                continue;
            };
            let end = write.offset.saturating_add(write.items.len() as u64);
            // What is written beyond the end, or at an unknown place, is not what a table can hold.
            if end > contents.observed.len() as u64 {
                contents.expected = vec![ObservedRef::Hidden];
                continue;
            }
            let missing = (end as usize).saturating_sub(contents.expected.len());
            if missing > 0 {
                reserve(&mut contents.expected, missing as u64)?;
                contents.expected.resize(end as usize, ObservedRef::Null);
            }
            contents.expected[write.offset as usize..end as usize].copy_from_slice(&write.items);
        }
        Ok(())
    }

    /// For each of `instances` core instances the tables that hold what segments write.
    pub fn kept(&self, instances: usize) -> KeptTables {
        let mut kept = vec![BTreeSet::new(); instances];
        for contents in self.0.values().filter(|contents| contents.expected == contents.observed) {
            for (number, index) in &contents.known_as {
                kept[*number].insert(*index);
            }
        }
        kept
    }
}

/// Room for so many slots more: a module decides how many a table has.
fn reserve<E>(slots: &mut Vec<ObservedRef>, more: u64) -> Result<(), CaptureError<E>> {
    let reserved = usize::try_from(more).is_ok_and(|more| slots.try_reserve_exact(more).is_ok());
    if reserved { Ok(()) } else { Err(CaptureError::NoMemory(more)) }
}
