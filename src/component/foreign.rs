//! Functions of other core instances in tables and globals: their owner has no name for them, and writes nulls.

use super::ComponentRunError;
use super::part::Place;
use super::tables::KeptTables;
use crate::host::ComponentHost;
use crate::instance::InstanceError;
use preinit_core::capture::{Identity, Instance, Observed, ObservedRef, TableId};
use preinit_core::component::{
    ComponentError, CoreInstance, ForeignFunction, ForeignPlace, LastModule, SharedItems, Siblings,
};
use preinit_core::module::Module;
use preinit_core::snapshot::{Reference, Snapshot, Unwritable, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasmtime::Store;

const FOREIGN: Reference = Reference::Unwritable(Unwritable::ForeignFunction);

/// What the owners of tables and globals have no name for.
pub struct Foreign<'f> {
    instances: &'f [CoreInstance],
    modules: Vec<&'f Module<'f>>,
    functions: Vec<ForeignFunction>,
    /// What instances have to export for it.
    pub shown: SharedItems,
}

impl<'f> Foreign<'f> {
    /// Takes those functions out of `snapshots` for which another core instance of the same component instance has a name.
    pub fn take(
        (places, instances): (&'f [Place<'f>], &'f [CoreInstance]),
        snapshots: &mut [Snapshot<'_>],
        kept: &KeptTables,
        store: &mut Store<ComponentHost>,
    ) -> Result<Foreign<'f>, ComponentRunError> {
        let modules: Vec<&Module<'_>> = places.iter().map(|place| &place.part.module).collect();
        let mut functions = Vec::new();
        let mut known: Option<KnownFunctions<'_>> = None;
        for (owner, snapshot) in snapshots.iter_mut().enumerate() {
            let module = modules[owner];
            let found = unnamed(module, snapshot, &kept[owner]);
            if found.is_empty() {
                continue;
            }
            let known = match &mut known {
                Some(known) => known,
                None => known.insert(KnownFunctions::of(places, instances, store)?),
            };
            for place in found {
                let function = observed(&places[owner], place, store)?;
                let Some(function) = function.and_then(|function| known.name(owner, function)) else {
                    continue;
                };
                clear(snapshot, place);
                functions.push(ForeignFunction { owner, place, function });
            }
        }
        let shown = SharedItems::of(&functions, &modules);
        Ok(Foreign { instances, modules, functions, shown })
    }

    /// The modules that put them back, one for each component instance that needs it.
    pub fn last_modules(&self) -> Result<Vec<LastModule>, ComponentError> {
        let mut of_component: BTreeMap<&str, Vec<ForeignFunction>> = BTreeMap::new();
        for function in &self.functions {
            let component = self.instances[function.owner].component.as_str();
            of_component.entry(component).or_default().push(*function);
        }
        let indices: Vec<u32> = self.instances.iter().map(|instance| instance.index).collect();
        let siblings = Siblings { modules: &self.modules, indices: &indices, shown: &self.shown };
        let last =
            of_component.iter().map(|(component, functions)| siblings.last_module(component, functions));
        last.collect()
    }
}

/// Which functions of which instances there are.
struct KnownFunctions<'k> {
    instances: &'k [CoreInstance],
    by_identity: HashMap<Identity, Vec<(usize, u32)>>,
}

impl<'k> KnownFunctions<'k> {
    fn of(
        places: &[Place<'_>],
        instances: &'k [CoreInstance],
        store: &mut Store<ComponentHost>,
    ) -> Result<KnownFunctions<'k>, InstanceError> {
        let mut by_identity: HashMap<Identity, Vec<(usize, u32)>> = HashMap::new();
        for (number, place) in places.iter().enumerate() {
            let mut instance = place.instance.with(&mut *store);
            for &function in &place.part.probed.functions {
                by_identity.entry(instance.function(function)?).or_default().push((number, function));
            }
        }
        Ok(KnownFunctions { instances, by_identity })
    }

    /// The first name that a sibling of `owner` has: others are out of its reach.
    fn name(&self, owner: usize, function: Identity) -> Option<(usize, u32)> {
        let is_sibling = |(number, _): &&(usize, u32)| {
            self.instances[*number].component == self.instances[owner].component
        };
        self.by_identity.get(&function)?.iter().find(is_sibling).copied()
    }
}

/// Where an instance has functions that it cannot name, in what it defines. A place that cannot be null has to be written at
/// once, which only the owner can do.
fn unnamed(module: &Module<'_>, snapshot: &Snapshot<'_>, kept: &BTreeSet<u32>) -> Vec<ForeignPlace> {
    let mut places = Vec::new();
    for (index, (table, state)) in (0u32..).zip(module.tables.iter().zip(&snapshot.tables)) {
        if index < module.imported.tables || kept.contains(&index) || !table.ty.element_type.is_nullable() {
            continue;
        }
        let slots = (0u64..).zip(&state.elements).filter(|(_, element)| **element == FOREIGN);
        places.extend(slots.map(|(slot, _)| ForeignPlace::Slot { table: index, slot }));
    }
    for (index, (global, state)) in (0u32..).zip(module.globals.iter().zip(&snapshot.globals)) {
        let is_nullable = matches!(global.ty.content_type, wasmparser::ValType::Ref(ty) if ty.is_nullable());
        if index >= module.imported.globals
            && global.ty.mutable
            && is_nullable
            && state.value == Value::Ref(FOREIGN)
        {
            places.push(ForeignPlace::Global(index));
        }
    }
    places
}

/// The function in a place.
fn observed(
    owner: &Place<'_>,
    place: ForeignPlace,
    store: &mut Store<ComponentHost>,
) -> Result<Option<Identity>, InstanceError> {
    let mut instance = owner.instance.with(store);
    let reference = match place {
        ForeignPlace::Slot { table, slot } => {
            let mut slots = Vec::new();
            instance.slots(TableId::Table(table), slot..slot + 1, &mut slots)?;
            slots.first().copied()
        }
        ForeignPlace::Global(index) => match instance.global(index)? {
            Observed::Ref(reference) => Some(reference),
            _ => None,
        },
    };
    Ok(match reference {
        Some(ObservedRef::Function(function)) => Some(function),
        _ => None,
    })
}

/// Lets a place be null.
fn clear(snapshot: &mut Snapshot<'_>, place: ForeignPlace) {
    match place {
        ForeignPlace::Slot { table, slot } => {
            snapshot.tables[table as usize].elements[slot as usize] = Reference::Null;
        }
        ForeignPlace::Global(index) => {
            snapshot.globals[index as usize].value = Value::Ref(Reference::Null);
        }
    }
}
