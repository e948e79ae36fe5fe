//! Whether a state can be that of an instance of the module: who wrote it is not known.

use super::subtypes::Subtypes;
use super::{ImportKind, State, StateError, StateReference, StateValue};
use crate::module::{Hierarchy, Module};
use std::collections::{BTreeSet, HashMap};
use wasmparser::{AbstractHeapType, CompositeInnerType, HeapType, RefType, UnpackedIndex, ValType};

/// The largest 31-bit integer, zero-extended.
const I31_MAX: u32 = (1 << 31) - 1;

/// What references of a state lead to.
enum Target {
    /// A struct or an array, by type index.
    Object(u32),
    /// A string, or what a call returned.
    OfHost,
}

/// Tells which values can be of which types.
pub(super) struct Fitting<'m> {
    pub module: &'m Module<'m>,
    subtypes: Subtypes<'m>,
    /// By identity. What is not here is a value of the host, or nothing is known of it.
    targets: HashMap<u64, Target>,
    /// Types of functions, by identity.
    functions: HashMap<u64, u32>,
}

impl<'m> Fitting<'m> {
    pub fn new(module: &'m Module<'m>, state: &State) -> Fitting<'m> {
        let mut targets = HashMap::new();
        if let Some(heap) = &state.heap {
            let objects = heap.objects.iter().map(|object| (object.identity, Target::Object(object.ty)));
            let strings = heap.strings.iter().map(|string| (string.identity, Target::OfHost));
            let calls = heap.calls.iter().map(|call| (call.identity, Target::OfHost));
            targets = objects.chain(strings).chain(calls).collect();
        }
        let all = state.functions.iter().chain(&state.imported.functions);
        let functions = all.filter_map(|function| {
            let ty = module.functions.get(function.index as usize)?;
            Some((function.identity, *ty))
        });
        Fitting { module, subtypes: Subtypes::of(module), targets, functions: functions.collect() }
    }

    /// Checks everything but imports themselves ([`check_imported`] comes first), the sizes of memories and tables, and what objects
    /// hold.
    pub fn check(&self, state: &State) -> Result<(), StateError> {
        let module = self.module;
        for ((index, global), value) in (0u32..).zip(&module.globals).zip(&state.globals) {
            self.check_value(index, global.ty.content_type, *value)?;
        }
        for ((index, table), found) in (0u32..).zip(&module.tables).zip(&state.tables) {
            self.check_slots(("table", index), table.ty.element_type, &found.slots)?;
        }
        for items in &state.items {
            let (index, what) = (items.segment, "element segment");
            let segment = module.elements.get(index as usize);
            let segment = segment.ok_or(StateError::Unknown { what, index })?;
            if items.items.len() as u64 != u64::from(segment.len()) {
                let found = items.items.len();
                return Err(StateError::Items { segment: index, found, expected: segment.len() });
            }
            self.check_slots((what, index), segment.ty(), &items.items)?;
        }
        check_indices("data segment", &state.dropped_data, module.data.len())?;
        check_indices("element segment", &state.dropped_elements, module.elements.len())?;
        for table in &state.imported.tables {
            let ty = module.tables[table.index as usize].ty.element_type;
            self.check_slots(("imported table", table.index), ty, &table.slots)?;
        }
        for global in &state.imported.globals {
            let ty = module.globals[global.index as usize].ty.content_type;
            self.check_value(global.index, ty, global.value)?;
        }
        Ok(())
    }

    fn check_value(&self, index: u32, ty: ValType, value: StateValue) -> Result<(), StateError> {
        match self.fits_value(ty, value) {
            true => Ok(()),
            false => Err(StateError::Type { what: "global", index }),
        }
    }

    fn check_slots(
        &self,
        (what, index): (&'static str, u32),
        ty: RefType,
        slots: &[StateReference],
    ) -> Result<(), StateError> {
        match slots.iter().all(|&slot| self.fits(ty, slot)) {
            true => Ok(()),
            false => Err(StateError::Type { what, index }),
        }
    }

    /// Whether a value can be of this type.
    pub fn fits_value(&self, ty: ValType, value: StateValue) -> bool {
        match (value, ty) {
            (StateValue::I32(_), ValType::I32)
            | (StateValue::I64(_), ValType::I64)
            | (StateValue::F32(_), ValType::F32)
            | (StateValue::F64(_), ValType::F64)
            | (StateValue::V128(_), ValType::V128) => true,
            (StateValue::Ref(reference), ValType::Ref(ty)) => self.fits(ty, reference),
            _ => false,
        }
    }

    /// Whether a reference can be of this type.
    pub fn fits(&self, ty: RefType, reference: StateReference) -> bool {
        use AbstractHeapType as A;
        let heap_type = ty.heap_type();
        let is_one_of = |types: &[AbstractHeapType]| matches!(heap_type, HeapType::Abstract { ty, .. } if types.contains(&ty));
        match reference {
            StateReference::Null => ty.is_nullable(),
            StateReference::Hidden => true,
            StateReference::Function(identity) => match concrete(heap_type) {
                Some(wanted) => {
                    let is_function = self.module.hierarchy(heap_type) == Hierarchy::Func;
                    let known = self.functions.get(&identity);
                    is_function && known.is_none_or(|&ty| self.subtypes.is_subtype(ty, wanted))
                }
                None => is_one_of(&[A::Func]),
            },
            StateReference::I31(value) => value <= I31_MAX && is_one_of(&[A::Any, A::Eq, A::I31]),
            StateReference::ExternI31(value) => value <= I31_MAX && is_one_of(&[A::Extern]),
            StateReference::ExternObject(_) => is_one_of(&[A::Extern]),
            StateReference::Object(identity) => match self.targets.get(&identity) {
                Some(&Target::Object(ty)) => self.is_object_of(ty, heap_type),
                Some(Target::OfHost) => is_one_of(&[A::Any, A::Extern]),
                // Whatever it is; objects that the state has not are refused.
                None => self.module.hierarchy(heap_type) != Hierarchy::Func,
            },
        }
    }

    fn is_object_of(&self, ty: u32, wanted: HeapType) -> bool {
        use AbstractHeapType as A;
        let is_struct = matches!(self.module.composite(ty), Some(CompositeInnerType::Struct(_)));
        match wanted {
            HeapType::Abstract { ty: A::Any | A::Eq, .. } => true,
            HeapType::Abstract { ty: A::Struct, .. } => is_struct,
            HeapType::Abstract { ty: A::Array, .. } => !is_struct,
            HeapType::Abstract { .. } => false,
            _ => concrete(wanted).is_some_and(|wanted| self.subtypes.is_subtype(ty, wanted)),
        }
    }
}

fn concrete(ty: HeapType) -> Option<u32> {
    match ty {
        HeapType::Concrete(UnpackedIndex::Module(index)) | HeapType::Exact(UnpackedIndex::Module(index)) => {
            Some(index)
        }
        _ => None,
    }
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

/// Checks that imports which the state names are there, and are named once.
pub(super) fn check_imported(module: &Module<'_>, state: &State) -> Result<(), StateError> {
    let imported = &state.imported;
    let memories = imported.memories.iter().map(|memory| memory.index);
    check_once("imported memory", memories, module.imported.memories)?;
    check_once("imported table", imported.tables.iter().map(|table| table.index), module.imported.tables)?;
    let globals = imported.globals.iter().map(|global| global.index);
    check_once("imported global", globals, module.imported.globals)?;
    let functions = imported.functions.iter().map(|function| function.index);
    check_once("imported function", functions, module.imported.functions)?;
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
