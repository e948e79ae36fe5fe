//! Whether a state can be that of an instance of the module: who wrote it is not known.

use super::{ImportKind, State, StateError, StateReference, StateValue, ValueKind};
use crate::module::Module;
use std::collections::BTreeSet;
use wasmparser::ValType;

/// The largest 31-bit integer, zero-extended.
const I31_MAX: u32 = (1 << 31) - 1;

/// Checks everything but the sizes of memories and tables.
pub(super) fn check(module: &Module<'_>, state: &State) -> Result<(), StateError> {
    for ((index, global), value) in (0u32..).zip(&module.globals).zip(&state.globals) {
        check_value(module, index, global.ty.content_type, *value)?;
    }
    for ((index, table), found) in (0u32..).zip(&module.tables).zip(&state.tables) {
        check_slots(module, ("table", index), table.ty.element_type, &found.slots)?;
    }
    for items in &state.items {
        let (index, what) = (items.segment, "element segment");
        let segment = module.elements.get(index as usize);
        let segment = segment.ok_or(StateError::Unknown { what, index })?;
        if items.items.len() as u64 != u64::from(segment.len()) {
            let found = items.items.len();
            return Err(StateError::Items { segment: index, found, expected: segment.len() });
        }
        check_slots(module, (what, index), segment.ty(), &items.items)?;
    }
    check_indices("data segment", &state.dropped_data, module.data.len())?;
    check_indices("element segment", &state.dropped_elements, module.elements.len())?;
    check_imported(module, state)
}

/// Checks that an import is recorded wherever a snapshot that keeps it has to know what it held.
pub(super) fn check_recorded(module: &Module<'_>, state: &State) -> Result<(), StateError> {
    let check = |what, count: u32, known: &dyn Fn(u32) -> bool| {
        let unknown = (0..count).find(|&index| !known(index));
        unknown.map_or(Ok(()), |index| Err(StateError::ImportUnknown { what, index }))
    };
    let imported = &state.imported;
    check("memory", module.imported.memories, &|index| {
        imported.memories.iter().any(|memory| memory.index == index)
    })?;
    check("table", module.imported.tables, &|index| {
        imported.tables.iter().any(|table| table.index == index)
    })?;
    check("global", module.imported.globals, &|index| {
        !module.globals[index as usize].ty.mutable
            || imported.globals.iter().any(|global| global.index == index)
    })
}

fn check_imported(module: &Module<'_>, state: &State) -> Result<(), StateError> {
    let imported = &state.imported;
    let memories = imported.memories.iter().map(|memory| memory.index);
    check_once("imported memory", memories, module.imported.memories)?;
    check_once("imported table", imported.tables.iter().map(|table| table.index), module.imported.tables)?;
    let globals = imported.globals.iter().map(|global| global.index);
    check_once("imported global", globals, module.imported.globals)?;
    let functions = imported.functions.iter().map(|function| function.index);
    check_once("imported function", functions, module.imported.functions)?;
    for table in &imported.tables {
        let ty = module.tables[table.index as usize].ty.element_type;
        check_slots(module, ("imported table", table.index), ty, &table.slots)?;
    }
    for global in &imported.globals {
        let ty = module.globals[global.index as usize].ty.content_type;
        check_value(module, global.index, ty, global.value)?;
    }
    for alias in &state.aliases {
        let (count, what) = match alias.kind {
            ImportKind::Memory => (module.imported.memories, "imported memory"),
            ImportKind::Table => (module.imported.tables, "imported table"),
            ImportKind::Global => (module.imported.globals, "imported global"),
            // They may be the same without being aliases: they are told apart by their identities.
            ImportKind::Function => (0, "imported function"),
        };
        if alias.index >= count || alias.first >= alias.index {
            return Err(StateError::Unknown { what, index: alias.index.max(alias.first) });
        }
    }
    Ok(())
}

fn check_once(what: &'static str, indices: impl Iterator<Item = u32>, count: u32) -> Result<(), StateError> {
    let mut seen = BTreeSet::new();
    for index in indices {
        if index >= count {
            return Err(StateError::Unknown { what, index });
        }
        if !seen.insert(index) {
            return Err(StateError::Twice { what, index });
        }
    }
    Ok(())
}

fn check_indices(what: &'static str, indices: &[u32], count: usize) -> Result<(), StateError> {
    let unknown = indices.iter().find(|&&index| index as usize >= count);
    unknown.map_or(Ok(()), |&index| Err(StateError::Unknown { what, index }))
}

fn check_value(module: &Module<'_>, index: u32, ty: ValType, value: StateValue) -> Result<(), StateError> {
    match fits_value(module, ty, value) {
        true => Ok(()),
        false => Err(StateError::Type { what: "global", index }),
    }
}

/// Whether a value can be of this type.
pub(super) fn fits_value(module: &Module<'_>, ty: ValType, value: StateValue) -> bool {
    match (value, ValueKind::of(module, ty)) {
        (StateValue::I32(_), ValueKind::I32)
        | (StateValue::I64(_), ValueKind::I64)
        | (StateValue::F32(_), ValueKind::F32)
        | (StateValue::F64(_), ValueKind::F64)
        | (StateValue::V128(_), ValueKind::V128) => true,
        (StateValue::Ref(reference), kind) => fits(reference, kind),
        _ => false,
    }
}

fn check_slots(
    module: &Module<'_>,
    (what, index): (&'static str, u32),
    ty: wasmparser::RefType,
    slots: &[StateReference],
) -> Result<(), StateError> {
    let kind = ValueKind::of(module, ValType::Ref(ty));
    match slots.iter().all(|&slot| fits(slot, kind)) {
        true => Ok(()),
        false => Err(StateError::Type { what, index }),
    }
}

pub(super) fn fits(reference: StateReference, kind: ValueKind) -> bool {
    let is_reference =
        !matches!(kind, ValueKind::I32 | ValueKind::I64 | ValueKind::F32 | ValueKind::F64 | ValueKind::V128);
    match reference {
        StateReference::Null | StateReference::Hidden => is_reference,
        StateReference::Function(_) => kind == ValueKind::Func,
        StateReference::I31(value) => kind == ValueKind::Any && value <= I31_MAX,
        StateReference::ExternI31(value) => kind == ValueKind::Extern && value <= I31_MAX,
        // Whatever it is; objects that the state has not are refused.
        StateReference::Object(_) => is_reference,
        StateReference::ExternObject(_) => kind == ValueKind::Extern,
    }
}
