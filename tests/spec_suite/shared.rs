//! Who writes what of the state that instances share. An importer's snapshot holds the difference to what it was handed
//! over; so the providers may hold all of the state, or be as they were when they were handed over.

use crate::replace::{Stop, excluded};
use crate::spectest::{HandedOver, Spectest};
use crate::world::Source;
use preinit::module::{Module, Space};
use preinit::snapshot::{
    Chunk, Image, ImportedMemory, ImportedTable, Reference, Snapshot, Unwritable, Value,
};
use std::collections::BTreeMap;
use wasmparser::ExternalKind;
use wasmtime::{Extern, Store};

/// A memory, table or global that some instance imports.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Host(String),
    Instance(usize, u32),
}

/// An instance, and the index by which it knows something.
type User = (usize, u32);

/// Changes `snapshots`, taken of instances that were made in this order, so that all together restore the state.
pub fn distribute(
    modules: &[Module<'_>],
    sources: &[&[Source]],
    snapshots: &mut [Snapshot<'static>],
    rewind: bool,
    spectest: &Spectest,
    store: &Store<()>,
) -> Result<HandedOver, Stop> {
    let mut handed_over = HandedOver::default();
    for (owner, users) in users_of(modules, sources, Space::Memory) {
        let (user, index) = users[0];
        let now = &snapshots[user].memories[index as usize];
        let now = ImportedMemory { size: now.size, image: now.image.clone() };
        let first = match &snapshots[user].memories[index as usize].import {
            Some(import) => import.clone(),
            None => return Err(Stop::Failed("an imported memory has no baseline".to_string())),
        };
        let provided = match owner {
            Owner::Host(name) => {
                handed_over.memories.insert(name, first);
                true
            }
            Owner::Instance(owner, index) if rewind => {
                let memory = &mut snapshots[owner].memories[index as usize];
                (memory.size, memory.image) = (first.size, first.image);
                true
            }
            Owner::Instance(..) => false,
        };
        for (user, index) in users.into_iter().skip(usize::from(provided)) {
            snapshots[user].memories[index as usize].import = Some(now.clone());
        }
    }
    for (owner, users) in users_of(modules, sources, Space::Table) {
        let (user, index) = users[0];
        let nullable = modules[user].tables[index as usize].ty.element_type.is_nullable();
        match owner {
            Owner::Host(name) => {
                handed_over.tables.insert(name, table(snapshots, None, &users, true, nullable)?);
            }
            Owner::Instance(owner, index) => {
                table(snapshots, Some((owner, index)), &users, rewind, nullable)?;
            }
        }
    }
    for (owner, users) in users_of(modules, sources, Space::Global) {
        if let Owner::Instance(owner, index) = owner
            && modules[owner].globals[index as usize].ty.mutable
        {
            global(snapshots, (owner, index), &users)?;
        }
    }
    keep_unimported(spectest, store, &mut handed_over)?;
    Ok(handed_over)
}

/// For each instance whether it imports memories or tables, all of them from the host, and no other instance does.
pub fn have_the_host_alone(modules: &[Module<'_>], sources: &[&[Source]]) -> Vec<bool> {
    let mut imports = vec![false; modules.len()];
    let mut alone = vec![true; modules.len()];
    for space in [Space::Memory, Space::Table, Space::Global] {
        for (owner, users) in users_of(modules, sources, space) {
            for &(user, index) in &users {
                let is_state = space != Space::Global || modules[user].globals[index as usize].ty.mutable;
                imports[user] |= is_state;
                alone[user] &= !is_state || matches!(owner, Owner::Host(_)) && users.len() == 1;
            }
        }
    }
    imports.into_iter().zip(alone).map(|(imports, alone)| imports && alone).collect()
}

/// Hands over memories of the host that no live instance imports as they are: only instances that failed to start, or
/// are gone, can have written to them.
fn keep_unimported(spectest: &Spectest, store: &Store<()>, handed_over: &mut HandedOver) -> Result<(), Stop> {
    for (name, made) in spectest.made() {
        match made {
            Extern::Memory(memory) if !handed_over.memories.contains_key(name) => {
                let bytes = memory.data(store);
                let chunk = Chunk { offset: 0, bytes: bytes.to_vec().into() };
                let image = Image::new(vec![chunk]);
                let state = ImportedMemory { size: bytes.len() as u64, image };
                handed_over.memories.insert(name.to_string(), state);
            }
            Extern::Table(table) if !handed_over.tables.contains_key(name) => {
                handed_over.tables.insert(name.to_string(), table.size(store));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Everything of one kind that is imported, with its importers in order.
fn users_of(modules: &[Module<'_>], sources: &[&[Source]], space: Space) -> BTreeMap<Owner, Vec<User>> {
    let mut users: BTreeMap<Owner, Vec<User>> = BTreeMap::new();
    for (instance, module) in modules.iter().enumerate() {
        for (index, _) in (0u32..).zip(module.imports_of(space)) {
            if let Some(owner) = owner(modules, sources, space, instance, index) {
                users.entry(owner).or_default().push((instance, index));
            }
        }
    }
    users
}

fn owner(
    modules: &[Module<'_>],
    sources: &[&[Source]],
    space: Space,
    instance: usize,
    index: u32,
) -> Option<Owner> {
    let Some((position, _)) = modules[instance].imports_of(space).nth(index as usize) else {
        return Some(Owner::Instance(instance, index));
    };
    match &sources[instance][position] {
        Source::Spectest(name) => Some(Owner::Host(name.clone())),
        Source::Instance { ordinal, export } => {
            let export = modules[*ordinal].export(export)?;
            let exported = match export.kind {
                ExternalKind::Memory => Space::Memory,
                ExternalKind::Table => Space::Table,
                ExternalKind::Global => Space::Global,
                _ => return None,
            };
            (exported == space).then(|| owner(modules, sources, space, *ordinal, export.index))?
        }
    }
}

/// Divides a table among the snapshots: each slot is written by the first that can name what is in it. Tells the size
/// that the provider leaves.
fn table(
    snapshots: &mut [Snapshot<'static>],
    owner: Option<User>,
    users: &[User],
    rewind: bool,
    nullable: bool,
) -> Result<u64, Stop> {
    let (first, first_index) = users[0];
    let state = &snapshots[first].tables[first_index as usize];
    let (now, import) = (state.elements.clone(), state.import.clone());
    let Some(import) = import else {
        return Err(Stop::Failed("an imported table has no baseline".to_string()));
    };
    let start = if rewind { import.size as usize } else { now.len() };
    let rewound = |slot: usize| rewind && import.changed.get(slot).is_none_or(|changed| *changed);
    let mut right: Vec<bool> = now.iter().map(|element| *element == Reference::Null).collect();
    if let Some((owner, index)) = owner {
        let elements = &mut snapshots[owner].tables[index as usize].elements;
        for slot in 0..start {
            let leave = rewound(slot) && is_writable(now[slot]) && nullable;
            match elements[slot] {
                Reference::Unwritable(_) if nullable => elements[slot] = Reference::Null,
                Reference::Unwritable(value) => return Err(excluded(value)),
                _ if leave => elements[slot] = Reference::Null,
                _ => right[slot] = true,
            }
        }
        elements.truncate(start);
    }
    let mut size = start;
    for (nth, &(user, index)) in users.iter().enumerate() {
        let state = &mut snapshots[user].tables[index as usize];
        let mut changed = vec![false; size];
        for slot in 0..now.len() {
            let writable = is_writable(state.elements[slot]);
            if slot < size {
                changed[slot] = writable && (nth == 0 && rewound(slot) || !right[slot]);
                right[slot] |= changed[slot];
            } else if writable {
                right[slot] = true;
            } else if nullable {
                state.elements[slot] = Reference::Null;
            }
        }
        state.import = Some(ImportedTable { size: size as u64, changed });
        size = now.len();
    }
    match right.iter().position(|right| !right) {
        Some(slot) => match now[slot] {
            Reference::Unwritable(value) => Err(excluded(value)),
            _ => Err(Stop::Failed(format!("nobody writes slot {slot}"))),
        },
        None => Ok(start as u64),
    }
}

fn is_writable(element: Reference) -> bool {
    !matches!(element, Reference::Unwritable(_))
}

/// Lets importers write a global's value if its owner cannot.
fn global(snapshots: &mut [Snapshot<'static>], owner: User, users: &[User]) -> Result<(), Stop> {
    let foreign = Value::Ref(Reference::Unwritable(Unwritable::ForeignFunction));
    let held = &mut snapshots[owner.0].globals[owner.1 as usize].value;
    if *held != foreign {
        return Ok(());
    }
    *held = Value::Ref(Reference::Null);
    for &(user, index) in users {
        let state = &mut snapshots[user].globals[index as usize];
        state.import_changed = state.value != foreign;
        if state.import_changed {
            return Ok(());
        }
    }
    Err(excluded(Unwritable::ForeignFunction))
}
