//! Who writes what of the state that instances share. An importer's snapshot holds the difference to what it was handed
//! over; so the providers may hold all of the state, or be as they were when they were handed over.

use crate::replace::{Stop, Way, excluded};
use crate::spectest::{HandedOver, Spectest};
use crate::world::Source;
use preinit::stages::module::{Module, Space};
use preinit::stages::snapshot::{
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

/// Instances, in the order in which they were made.
pub struct Instances<'a> {
    pub modules: &'a [Module<'a>],
    pub sources: &'a [&'a [Source]],
    /// What each imported global held when it was handed over, if it is a number.
    pub handed: &'a [&'a [Option<Value>]],
}

/// Changes `snapshots`, taken of these instances, so that all together restore the state.
pub fn distribute(
    instances: &Instances<'_>,
    snapshots: &mut [Snapshot<'static>],
    way: Way,
    spectest: &Spectest,
    store: &Store<()>,
) -> Result<HandedOver, Stop> {
    let Instances { modules, sources, handed } = *instances;
    let mut handed_over = HandedOver::default();
    for (owner, users) in users_of(modules, sources, Space::Memory) {
        memory(modules, snapshots, (owner, users), way, &mut handed_over)?;
    }
    for (owner, users) in users_of(modules, sources, Space::Table) {
        let (user, index) = users[0];
        let nullable = modules[user].tables[index as usize].ty.element_type.is_nullable();
        let declared = users.iter().map(|&(u, k)| modules[u].tables[k as usize].ty.initial).max();
        let least = declared.unwrap_or(0) as usize;
        match owner {
            Owner::Host(name) => {
                let way = if way == Way::Hold { Way::Rewind } else { way };
                let shared = SharedTable { owner: None, users, nullable, least };
                handed_over.tables.insert(name, table(snapshots, &shared, way)?);
            }
            Owner::Instance(owner, index) => {
                let shared = SharedTable { owner: Some((owner, index)), users, nullable, least };
                table(snapshots, &shared, way)?;
            }
        }
    }
    for (owner, users) in users_of(modules, sources, Space::Global) {
        if let Owner::Instance(owner, index) = owner
            && modules[owner].globals[index as usize].ty.mutable
        {
            let (user, index_there) = users[0];
            let handed = handed[user][index_there as usize];
            global(snapshots, (owner, index), &users, handed, way)?;
        }
    }
    keep_unimported(spectest, store, &mut handed_over)?;
    Ok(handed_over)
}

fn memory(
    modules: &[Module<'_>],
    snapshots: &mut [Snapshot<'static>],
    (owner, users): (Owner, Vec<User>),
    way: Way,
    handed_over: &mut HandedOver,
) -> Result<(), Stop> {
    let (user, index) = users[0];
    let memory = &snapshots[user].memories[index as usize];
    let now = ImportedMemory { size: memory.size, image: memory.image.clone() };
    let Some(first) = memory.import.clone() else {
        return Err(Stop::Failed("an imported memory has no baseline".to_string()));
    };
    let provided = match (&owner, way) {
        (owner, Way::Scramble) => {
            let page = 1 << modules[user].memories[index as usize].page_size_log2.unwrap_or(16);
            let declared = users.iter().map(|&(u, k)| modules[u].memories[k as usize].initial).max();
            let least = declared.unwrap_or(0).max(u64::from(matches!(owner, Owner::Host(_))));
            let size = if now.size >= (least + 1) * page { now.size - page } else { now.size };
            scrambled(&now.image, size)
        }
        (Owner::Instance(..), Way::Hold | Way::Internalize) => now.clone(),
        _ => first,
    };
    match owner {
        Owner::Host(name) => drop(handed_over.memories.insert(name, provided.clone())),
        Owner::Instance(owner, index) => {
            let memory = &mut snapshots[owner].memories[index as usize];
            (memory.size, memory.image) = (provided.size, provided.image.clone());
        }
    }
    for (nth, (user, index)) in users.into_iter().enumerate() {
        let import = if nth == 0 { provided.clone() } else { now.clone() };
        snapshots[user].memories[index as usize].import = Some(import);
    }
    Ok(())
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

/// The first bytes of a memory with some of them flipped, zeros among them.
fn scrambled(image: &Image<'_>, size: u64) -> ImportedMemory {
    const SPARE: usize = 1 << 16;
    let mut bytes = Vec::new();
    image.append_to(0, size, &mut bytes);
    bytes.iter_mut().take(SPARE).step_by(1021).for_each(|byte| *byte ^= 0x5a);
    ImportedMemory { size, image: Image::new(vec![Chunk { offset: 0, bytes: bytes.into() }]) }
}

/// A table that instances import.
struct SharedTable {
    /// `None` if it is the host's.
    owner: Option<User>,
    users: Vec<User>,
    nullable: bool,
    /// The size that all importers ask for.
    least: usize,
}

/// Divides a table among the snapshots: each slot is written by the first that can name what is in it. Returns the size
/// that the provider leaves.
fn table(snapshots: &mut [Snapshot<'static>], shared: &SharedTable, way: Way) -> Result<u64, Stop> {
    let &SharedTable { owner, ref users, nullable, least } = shared;
    let (first, first_index) = users[0];
    let state = &snapshots[first].tables[first_index as usize];
    let (now, import) = (state.elements.clone(), state.import.clone());
    let Some(import) = import else {
        return Err(Stop::Failed("an imported table has no baseline".to_string()));
    };
    let start = match way {
        Way::Rewind => import.size as usize,
        Way::Scramble if owner.is_some() && nullable && now.len() > least => now.len() - 1,
        _ => now.len(),
    };
    // What the first importer is to write.
    let is_left = |slot: usize| match way {
        Way::Rewind => import.changed.get(slot).is_none_or(|changed| *changed),
        Way::Scramble => slot.is_multiple_of(2),
        Way::Hold | Way::Internalize => false,
    };
    let mut right: Vec<bool> = now.iter().map(|element| *element == Reference::Null).collect();
    if let Some((owner, index)) = owner {
        let elements = &mut snapshots[owner].tables[index as usize].elements;
        let other = elements.iter().copied().find(|element| matches!(element, Reference::Func(_)));
        for slot in 0..start {
            let leave = is_left(slot) && is_writable(now[slot]) && nullable;
            match elements[slot] {
                Reference::Unwritable(_) if nullable => elements[slot] = Reference::Null,
                Reference::Unwritable(value) => return Err(excluded(value)),
                Reference::Null if leave => {
                    elements[slot] = other.unwrap_or(Reference::Null);
                    right[slot] = other.is_none();
                }
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
                changed[slot] = writable && (nth == 0 && is_left(slot) || !right[slot]);
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

/// A global's owner holds something else, or cannot name what it holds; importers then set it.
fn global(
    snapshots: &mut [Snapshot<'static>],
    owner: User,
    users: &[User],
    handed: Option<Value>,
    way: Way,
) -> Result<(), Stop> {
    let foreign = Value::Ref(Reference::Unwritable(Unwritable::ForeignFunction));
    let held = &mut snapshots[owner.0].globals[owner.1 as usize].value;
    if *held == foreign {
        *held = Value::Ref(Reference::Null);
        for &(user, index) in users {
            let state = &mut snapshots[user].globals[index as usize];
            state.import_changed = state.value != foreign;
            if state.import_changed {
                return Ok(());
            }
        }
        return Err(excluded(Unwritable::ForeignFunction));
    }
    match (way, handed) {
        (Way::Rewind, Some(handed)) => *held = handed,
        (Way::Scramble, Some(_)) => {
            *held = other_than(*held);
            snapshots[users[0].0].globals[users[0].1 as usize].import_changed = true;
        }
        _ => {}
    }
    Ok(())
}

fn other_than(value: Value) -> Value {
    match value {
        Value::I32(value) => Value::I32(value ^ 1),
        Value::I64(value) => Value::I64(value ^ 1),
        Value::F32(bits) => Value::F32(bits ^ 1),
        Value::F64(bits) => Value::F64(bits ^ 1),
        Value::V128(value) => Value::V128(value ^ 1),
        reference => reference,
    }
}
