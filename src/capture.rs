//! Reads the state out of the engine: the only code that does.

mod baseline;
mod heap;
mod image;
mod reference;
mod resident;

pub use baseline::Baseline;
pub use heap::HeapReader;
pub use image::shared_bytes;

use image::{image, image_within, shared_image};
use preinit_core::module::{Module, Space};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::{
    Alias, GlobalState, Heap, ImportedMemory, ImportedTable, MemoryState, Reference, Snapshot, TableState,
    Unwritable, Value,
};
pub use reference::References;
use std::collections::HashMap;
use wasmtime::{AsContextMut, Extern, Instance, Mutability, RootScope, Store, Table, Val};

/// Why the state could not be read. Each is a mistake of preinit and not of its input.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The probed instance lacks an export that the probe added.
    #[error("the probe export `{0}` is missing, which is a bug in preinit")]
    MissingProbe(String),
    /// The engine failed to read.
    #[error("the state cannot be read: {0:#}")]
    Engine(#[from] wasmtime::Error),
}

/// An instance of a probed module, and what its state is to be compared with.
pub struct Subject {
    /// The instance.
    pub instance: Instance,
    /// What each import was given, in order.
    pub imports: Vec<Extern>,
    /// What the imported memories, tables and globals held before the module touched them.
    pub baseline: Baseline,
}

/// Reads the state of an instance. The snapshot borrows the memories.
///
/// Probe functions run: fuel and epoch deadlines of the store must leave room for them.
///
/// # Errors
/// [`CaptureError`], when the engine refuses to answer.
pub fn capture<'s, T: 'static>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &'s mut Store<T>,
) -> Result<Snapshot<'s>, CaptureError> {
    let references = References::new(probed, subject, store)?;
    Ok(capture_with(module, probed, subject, store, &references, |_, _| Ok(()))?.0)
}

/// The same, and what `more` resolves: objects that only those references lead to come last in the heap.
///
/// # Errors
/// [`CaptureError`], when the engine refuses to answer.
pub fn capture_with<'s, T: 'static, R>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &'s mut Store<T>,
    references: &References,
    more: impl FnOnce(&mut HeapReader<'_>, &mut Store<T>) -> Result<R, CaptureError>,
) -> Result<(Snapshot<'s>, R), CaptureError> {
    let (mut rest, mut reader) = roots(module, probed, subject, store, references, module.tables.len())?;
    reader.read(module, store, &mut rest.heap)?;
    let resolved = more(&mut reader, store)?;
    reader.read(module, store, &mut rest.heap)?;
    let memories = memories(module, probed, subject, store)?;
    Ok((Snapshot { memories, ..rest }, resolved))
}

/// Reads everything but the memories, and only the first of the tables.
///
/// # Errors
/// [`CaptureError`], when the engine refuses to answer.
pub fn outline<T: 'static>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &mut Store<T>,
    references: &References,
    num_tables: usize,
) -> Result<Snapshot<'static>, CaptureError> {
    let (mut snapshot, mut reader) = roots(module, probed, subject, store, references, num_tables)?;
    reader.read(module, store, &mut snapshot.heap)?;
    Ok(snapshot)
}

/// Everything but the memories and the heap, whose reader has found all that is pointed to.
fn roots<'r, T: 'static>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &mut Store<T>,
    references: &'r References,
    num_tables: usize,
) -> Result<(Snapshot<'static>, HeapReader<'r>), CaptureError> {
    // Probe functions may allocate; from the first reference that is read on, nothing does.
    let dropped_data = dropped(
        subject,
        store,
        module.data.iter().map(|segment| !segment.is_passive() || segment.bytes.is_empty()),
        probed.droppable_data.iter(),
        |k| probed.export_name(Probe::Data(k)),
    )?;
    let dropped_elements = dropped(
        subject,
        store,
        module.elements.iter().map(|segment| !segment.is_passive() || segment.is_empty()),
        probed.droppable_elements.iter().chain(&probed.object_segments),
        |k| probed.export_name(Probe::Element(k)),
    )?;
    let mut reader = HeapReader::new(references, store)?;
    let globals = globals(module, probed, subject, store, &mut reader)?;
    let tables = tables(num_tables, probed, subject, store, &mut reader)?;
    let mut element_items = vec![Vec::new(); module.elements.len()];
    for &k in probed.object_segments.iter().filter(|&&k| !dropped_elements[k as usize]) {
        let name = probed.export_name(Probe::Items(k));
        let Some(items) = probe(subject, &mut *store, name.clone())?.into_table() else {
            return Err(CaptureError::MissingProbe(name));
        };
        element_items[k as usize] = slots(&items, store, |scope, value| reader.resolve(scope, value))?;
    }
    let snapshot = Snapshot {
        globals,
        memories: Vec::new(),
        tables,
        dropped_data,
        dropped_elements,
        element_items,
        heap: Heap::default(),
        aliases: aliases(&subject.imports, store),
    };
    Ok((snapshot, reader))
}

/// Imported memories, tables and mutable globals that are one under several names.
fn aliases<T: 'static>(imports: &[Extern], store: &Store<T>) -> Vec<Alias> {
    let mut known: HashMap<(Space, String), u32> = HashMap::new();
    let mut next: HashMap<Space, u32> = HashMap::new();
    let mut aliases = Vec::new();
    for import in imports {
        // The engine's handles say which instance defines what, and at which index. They have no equality, but show it.
        let (space, identity) = match import {
            Extern::Memory(memory) => (Space::Memory, format!("{memory:?}")),
            Extern::SharedMemory(memory) => (Space::Memory, format!("{:p}", memory.data())),
            Extern::Table(table) => (Space::Table, format!("{table:?}")),
            Extern::Global(global) => (Space::Global, format!("{global:?}")),
            Extern::Func(_) | Extern::Tag(_) => continue,
        };
        let next = next.entry(space).or_default();
        let index = *next;
        *next += 1;
        if matches!(import, Extern::Global(global) if global.ty(store).mutability() == Mutability::Const) {
            continue;
        }
        let first = *known.entry((space, identity)).or_insert(index);
        if first != index {
            aliases.push(Alias { space, index, first });
        }
    }
    aliases
}

/// What every slot of a table holds, through `read`.
fn slots<T: 'static, R>(
    table: &Table,
    store: &mut Store<T>,
    mut read: impl FnMut(&mut RootScope<&mut Store<T>>, &Val) -> Result<R, CaptureError>,
) -> Result<Vec<R>, CaptureError> {
    let size = table.size(&*store);
    let mut read_slots = Vec::with_capacity(size as usize);
    // Every read of a GC reference makes a root; a scope for some thousands keeps their number small.
    for start in (0..size).step_by(4096) {
        let mut scope = RootScope::new(&mut *store);
        for slot in start..size.min(start + 4096) {
            let value = element(table, &mut scope, slot)?;
            read_slots.push(read(&mut scope, &value)?);
        }
    }
    Ok(read_slots)
}

/// A memory of a running instance.
///
/// # Errors
/// [`CaptureError::MissingProbe`] if the probed instance has no such memory.
pub fn memory(
    probed: &Probed,
    subject: &Subject,
    store: impl AsContextMut,
    index: u32,
) -> Result<Extern, CaptureError> {
    probe(subject, store, probed.export_name(Probe::Memory(index)))
}

fn probe(subject: &Subject, store: impl AsContextMut, name: String) -> Result<Extern, CaptureError> {
    subject.instance.get_export(store, &name).ok_or(CaptureError::MissingProbe(name))
}

fn globals<T: 'static>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &mut Store<T>,
    reader: &mut HeapReader<'_>,
) -> Result<Vec<GlobalState>, CaptureError> {
    let mut globals = Vec::with_capacity(module.globals.len());
    for (index, declared) in (0u32..).zip(&module.globals) {
        let name = probed.export_name(Probe::Global(index));
        let Some(global) = probe(subject, &mut *store, name.clone())?.into_global() else {
            return Err(CaptureError::MissingProbe(name));
        };
        if reference::is_continuation_type(global.ty(&*store).content()) {
            globals.push(GlobalState { value: reference::CONTINUATION, import_changed: false });
            continue;
        }
        let mut scope = RootScope::new(&mut *store);
        let value = global.get(&mut scope);
        let import_changed =
            declared.ty.mutable && subject.baseline.global_changed(&mut scope, index, &value)?;
        let value = match value {
            Val::I32(value) => Value::I32(value),
            Val::I64(value) => Value::I64(value),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(value) => Value::V128(value.as_u128()),
            reference => Value::Ref(reader.resolve(&mut scope, &reference)?),
        };
        globals.push(GlobalState { value, import_changed });
    }
    Ok(globals)
}

fn tables<T: 'static>(
    num_tables: usize,
    probed: &Probed,
    subject: &Subject,
    store: &mut Store<T>,
    reader: &mut HeapReader<'_>,
) -> Result<Vec<TableState>, CaptureError> {
    let mut tables = Vec::with_capacity(num_tables);
    for index in 0..num_tables as u32 {
        let name = probed.export_name(Probe::Table(index));
        let Some(table) = probe(subject, &mut *store, name.clone())?.into_table() else {
            return Err(CaptureError::MissingProbe(name));
        };
        let ty = table.ty(&*store);
        let maximum = ty.maximum();
        let is_continuation = reference::is_continuation_table(&ty);
        let baseline = subject.baseline.table(index);
        let mut changed = Vec::new();
        let elements = match is_continuation {
            true => {
                let size = table.size(&*store) as usize;
                changed.resize(baseline.map_or(0, <[_]>::len).min(size), true);
                vec![Reference::Unwritable(Unwritable::Continuation); size]
            }
            false => slots(&table, store, |scope, value| {
                if let Some(before) = baseline.and_then(|baseline| baseline.get(changed.len())) {
                    changed.push(before.differs(&mut *scope, value)?);
                }
                reader.resolve(scope, value)
            })?,
        };
        let import = baseline.map(|baseline| ImportedTable { size: baseline.len() as u64, changed });
        tables.push(TableState { elements, maximum, import });
    }
    Ok(tables)
}

fn element(table: &Table, mut store: impl AsContextMut, slot: u64) -> Result<Val, CaptureError> {
    let element = table.get(&mut store, slot);
    element
        .map(Val::from)
        .ok_or_else(|| CaptureError::Engine(wasmtime::Error::msg("table slot out of bounds")))
}

/// Asks the probe functions, which trap exactly if their segment was dropped.
fn dropped<'p, T: 'static>(
    subject: &Subject,
    store: &mut Store<T>,
    at_start: impl Iterator<Item = bool>,
    droppable: impl Iterator<Item = &'p u32>,
    name: impl Fn(u32) -> String,
) -> Result<Vec<bool>, CaptureError> {
    let mut dropped: Vec<bool> = at_start.collect();
    for &segment in droppable {
        let name = name(segment);
        let Some(function) = probe(subject, &mut *store, name.clone())?.into_func() else {
            return Err(CaptureError::MissingProbe(name));
        };
        if let Err(error) = function.call(&mut *store, &[], &mut []) {
            match error.downcast_ref::<wasmtime::Trap>() {
                Some(wasmtime::Trap::MemoryOutOfBounds | wasmtime::Trap::TableOutOfBounds) => {
                    dropped[segment as usize] = true;
                }
                _ => return Err(CaptureError::Engine(error)),
            }
        }
    }
    Ok(dropped)
}

fn memories<'s, T: 'static>(
    module: &Module<'_>,
    probed: &Probed,
    subject: &Subject,
    store: &'s mut Store<T>,
) -> Result<Vec<MemoryState<'s>>, CaptureError> {
    let mut captured = Vec::with_capacity(module.memories.len());
    for index in 0..module.memories.len() as u32 {
        captured.push(probe(subject, &mut *store, probed.export_name(Probe::Memory(index)))?);
    }
    let store: &'s Store<T> = store;
    // A memory that the engine initializes may be a mapped file, whose pages hold data before they are touched.
    let engine_writes = probed.deferred.is_none() && module.data.iter().any(|segment| !segment.is_passive());
    let starts_empty = (0u32..).map(|index| index >= module.imported.memories && !engine_writes);
    let baselines = (0u32..).map(|index| subject.baseline.memory(index));
    let state = |((memory, import), starts_empty): ((Extern, Option<&ImportedMemory>), bool)| {
        let import = import.cloned();
        match memory {
            Extern::Memory(memory) => {
                let bytes = memory.data(store);
                let touched = starts_empty.then(|| resident::touched(bytes)).flatten();
                let image = match touched {
                    Some(touched) => image_within(bytes, touched),
                    None => image(bytes),
                };
                Ok(MemoryState {
                    size: bytes.len() as u64,
                    maximum: memory.ty(store).maximum(),
                    image,
                    import,
                })
            }
            Extern::SharedMemory(memory) => Ok(MemoryState {
                size: memory.data().len() as u64,
                maximum: memory.ty().maximum(),
                image: shared_image(&memory)?,
                import,
            }),
            _ => Err(CaptureError::MissingProbe("memory".to_string())),
        }
    };
    captured.into_iter().zip(baselines).zip(starts_empty).map(state).collect()
}
