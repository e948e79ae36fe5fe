//! Modules that are instantiated once for each thread, all on one memory. The state of the memory is that of all of them;
//! everything else is of one instance. What is captured is the first instance, so that only the first on a memory gets it,
//! and later ones begin as they do in the original.

use super::{PlanError, ThreadSign};
use crate::module::{ImportName, InitFlag, Module};
use crate::snapshot::{MemoryState, Reference, Snapshot, TableState, Value};
use std::fmt;
use wasmparser::{ElementItems, ElementKind};

/// The flag of the memory that instances share; `None` if each has memories of its own.
///
/// # Errors
/// If instances share a memory, and not all of them would begin as they should.
pub(super) fn plan(
    module: &Module<'_>,
    snapshot: &Snapshot<'_>,
    internalize: bool,
) -> Result<Option<InitFlag>, PlanError> {
    let Some((memory, import)) = module.shared_imports().next() else { return Ok(None) };
    let import = ImportName::new(import.module, import.name);
    let sign = ThreadSign::of(module);
    if internalize {
        return match sign {
            Some(sign) => Err(PlanError::PrivateToThreads { memory, import, sign }),
            None => Ok(None),
        };
    }
    let Some(flag) = InitFlag::of(module) else {
        return Err(PlanError::SharedImport { memory, import, sign });
    };
    let state = &snapshot.memories[flag.memory as usize];
    if flag_value(state, &flag) != InitFlag::DONE || !began_at_zero(state, &flag) {
        return Err(PlanError::FlagNotSet { memory: flag.memory, address: flag.address });
    }
    match own_state(module, snapshot) {
        Some(state) => Err(PlanError::StateOfOneThread(state)),
        None => Ok(Some(flag)),
    }
}

fn flag_value(state: &MemoryState<'_>, flag: &InitFlag) -> i32 {
    let mut bytes = Vec::new();
    state.image.append_to(flag.address, flag.address.saturating_add(InitFlag::LEN), &mut bytes);
    bytes.try_into().map_or(0, i32::from_le_bytes)
}

/// Whether this instance was the first on the memory.
fn began_at_zero(state: &MemoryState<'_>, flag: &InitFlag) -> bool {
    state.import.as_ref().is_some_and(|import| {
        let mut bytes = Vec::new();
        import.image.append_to(flag.address, flag.address.saturating_add(InitFlag::LEN), &mut bytes);
        bytes.iter().all(|&byte| byte == 0)
    })
}

/// State that init has changed, and that each instance has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateOfOneThread {
    /// A memory that is not shared, by index.
    Memory(u32),
    /// A table, by index.
    Table(u32),
    /// A passive element segment that was dropped, by index.
    Element(u32),
    /// Objects of the heap.
    Objects,
}

impl fmt::Display for StateOfOneThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateOfOneThread::Memory(index) => write!(f, "memory {index}, which is not shared, has contents"),
            StateOfOneThread::Table(index) => write!(f, "table {index} was changed"),
            StateOfOneThread::Element(index) => write!(f, "element segment {index} was dropped"),
            StateOfOneThread::Objects => f.write_str("there are objects of the garbage-collected heap"),
        }
    }
}

/// Globals are not among it: what they hold is set in the first instance.
fn own_state(module: &Module<'_>, snapshot: &Snapshot<'_>) -> Option<StateOfOneThread> {
    let memories = (0u32..).zip(&module.memories).zip(&snapshot.memories);
    for ((index, ty), state) in memories {
        let is_shared_import = ty.shared && index < module.imported.memories;
        let page = ty.page_size_log2.unwrap_or(16);
        if !is_shared_import && (!state.image.chunks().is_empty() || state.size >> page != ty.initial) {
            return Some(StateOfOneThread::Memory(index));
        }
    }
    for (index, state) in (0u32..).zip(&snapshot.tables) {
        if is_changed(module, snapshot, index, state) {
            return Some(StateOfOneThread::Table(index));
        }
    }
    let mut dropped = (0u32..).zip(&module.elements).zip(&snapshot.dropped_elements);
    if let Some(((index, _), _)) =
        dropped.find(|((_, segment), dropped)| segment.is_passive() && !segment.is_empty() && **dropped)
    {
        return Some(StateOfOneThread::Element(index));
    }
    (!snapshot.heap.is_empty()).then_some(StateOfOneThread::Objects)
}

/// Whether a table holds anything but what instantiation puts there.
fn is_changed(module: &Module<'_>, snapshot: &Snapshot<'_>, index: u32, state: &TableState) -> bool {
    let table = &module.tables[index as usize];
    let size = state.import.as_ref().map_or(table.ty.initial, |import| import.size);
    if state.elements.len() as u64 != size {
        return true;
    }
    let fill = match &table.init {
        Some(init) => snapshot.evaluate(init),
        None => Some(Value::Ref(Reference::Null)),
    };
    // `None` where an import still holds what it was handed over with.
    let mut expected: Vec<Option<Reference>> = match (&state.import, fill) {
        (Some(_), _) => vec![None; state.elements.len()],
        (None, Some(Value::Ref(fill))) => vec![Some(fill); state.elements.len()],
        _ => return true,
    };
    for segment in &module.elements {
        let ElementKind::Active { table_index, offset_expr } = &segment.kind else { continue };
        if table_index.unwrap_or(0) != index {
            continue;
        }
        let offset = snapshot.evaluate(offset_expr).and_then(Value::address);
        let items = items(snapshot, &segment.items);
        let (Some(offset), Some(items)) = (offset.and_then(|offset| usize::try_from(offset).ok()), items)
        else {
            return true;
        };
        for (slot, item) in expected.iter_mut().skip(offset).zip(items) {
            *slot = Some(item);
        }
    }
    let is_as_expected = |slot: usize| match (expected[slot], &state.import) {
        (Some(expected), _) => state.elements[slot] == expected,
        (None, Some(import)) => !import.changed.get(slot).copied().unwrap_or(true),
        (None, None) => false,
    };
    !(0..state.elements.len()).all(is_as_expected)
}

/// What a segment's items are; `None` if one of them is an object.
fn items(snapshot: &Snapshot<'_>, items: &ElementItems<'_>) -> Option<Vec<Reference>> {
    match items {
        ElementItems::Functions(items) => {
            items.clone().into_iter().map(|item| Some(Reference::Func(item.ok()?))).collect()
        }
        ElementItems::Expressions(_, items) => {
            let item = |item| match snapshot.evaluate(&item) {
                Some(Value::Ref(reference)) => Some(reference),
                _ => None,
            };
            items.clone().into_iter().map(|expr| item(expr.ok()?)).collect()
        }
    }
}
