use super::CaptureError;
use super::image::{memory_image, shared_image};
use preinit_core::snapshot::ImportedMemory;
use wasmtime::{AnyRef, ExnRef, ExternRef};
use wasmtime::{AsContextMut, Extern, OwnedRooted, RootScope, Rooted, Store, Val};

/// What imported memories, tables and globals held when they were handed over, before the module's own segments and
/// start function touched them.
#[derive(Default)]
pub struct Baseline {
    memories: Vec<ImportedMemory>,
    tables: Vec<Vec<Before>>,
    globals: Vec<Before>,
}

/// A value as it was, in a form that can be compared later.
pub(super) enum Before {
    /// Bits of a number, wide enough for each.
    Number(u128),
    Null,
    /// The engine's identity of a function.
    Function(usize),
    Any(OwnedRooted<AnyRef>),
    Extern(OwnedRooted<ExternRef>),
    Exception(OwnedRooted<ExnRef>),
    /// Cannot be read; treated as unchanged, because it cannot be written either.
    Unreadable,
}

impl Baseline {
    /// Reads what is about to be handed over, in the order of the module's imports.
    ///
    /// # Errors
    /// When the engine refuses to answer.
    pub fn of<T: 'static>(store: &mut Store<T>, imports: &[Extern]) -> Result<Baseline, CaptureError> {
        let mut baseline = Baseline::default();
        for import in imports {
            match import {
                Extern::Memory(memory) => baseline.memories.push(memory_image(memory, store)),
                Extern::SharedMemory(memory) => baseline
                    .memories
                    .push(ImportedMemory { size: memory.data().len() as u64, image: shared_image(memory)? }),
                Extern::Table(table) => {
                    let is_continuation = super::reference::is_continuation_table(&table.ty(&*store));
                    let mut before = Vec::new();
                    for slot in 0..table.size(&*store) {
                        if is_continuation {
                            before.push(Before::Unreadable);
                            continue;
                        }
                        let mut scope = RootScope::new(&mut *store);
                        let value = super::element(table, &mut scope, slot)?;
                        before.push(Before::of(&mut scope, &value)?);
                    }
                    baseline.tables.push(before);
                }
                Extern::Global(global) => {
                    let mut scope = RootScope::new(&mut *store);
                    let value = match super::reference::is_continuation_type(global.ty(&scope).content()) {
                        true => None,
                        false => Some(global.get(&mut scope)),
                    };
                    baseline.globals.push(match value {
                        Some(value) => Before::of(&mut scope, &value)?,
                        None => Before::Unreadable,
                    });
                }
                Extern::Func(_) | Extern::Tag(_) => {}
            }
        }
        Ok(baseline)
    }

    pub(super) fn memory(&self, index: u32) -> Option<&ImportedMemory> {
        self.memories.get(index as usize)
    }

    pub(super) fn table(&self, index: u32) -> Option<&[Before]> {
        self.tables.get(index as usize).map(Vec::as_slice)
    }

    pub(super) fn global_changed(
        &self,
        store: impl AsContextMut,
        index: u32,
        value: &Val,
    ) -> Result<bool, CaptureError> {
        self.globals.get(index as usize).map_or(Ok(false), |before| before.differs(store, value))
    }
}

impl Before {
    fn of(mut store: impl AsContextMut, value: &Val) -> Result<Before, CaptureError> {
        Ok(match value {
            Val::AnyRef(Some(any)) => Before::Any(any.to_owned_rooted(&mut store)?),
            Val::ExternRef(Some(external)) => Before::Extern(external.to_owned_rooted(&mut store)?),
            Val::ExnRef(Some(exception)) => Before::Exception(exception.to_owned_rooted(&mut store)?),
            Val::FuncRef(Some(function)) => Before::Function(function.to_raw(&mut store) as usize),
            Val::ContRef(Some(_)) => Before::Unreadable,
            number => bits(number).map_or(Before::Null, Before::Number),
        })
    }

    pub(super) fn differs(&self, mut store: impl AsContextMut, value: &Val) -> Result<bool, CaptureError> {
        let same = match (self, value) {
            (Before::Any(before), Val::AnyRef(Some(now))) => Rooted::ref_eq(&store, before, now)?,
            (Before::Extern(before), Val::ExternRef(Some(now))) => Rooted::ref_eq(&store, before, now)?,
            (Before::Exception(before), Val::ExnRef(Some(now))) => Rooted::ref_eq(&store, before, now)?,
            (Before::Function(before), Val::FuncRef(Some(now))) => *before == now.to_raw(&mut store) as usize,
            (Before::Number(before), now) => bits(now) == Some(*before),
            (Before::Null, now) => now.ref_().is_some_and(|now| now.is_null()),
            (Before::Unreadable, _) => true,
            _ => false,
        };
        Ok(!same)
    }
}

fn bits(value: &Val) -> Option<u128> {
    match value {
        Val::I32(value) => Some(*value as u32 as u128),
        Val::I64(value) => Some(*value as u64 as u128),
        Val::F32(bits) => Some(u128::from(*bits)),
        Val::F64(bits) => Some(u128::from(*bits)),
        Val::V128(value) => Some(value.as_u128()),
        _ => None,
    }
}
