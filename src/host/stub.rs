//! Imports that always answer the same: stubs, and functions that nothing provides.

use std::sync::Arc;

use wasmtime::{
    Extern, ExternRef, ExternType, Func, FuncType, Global, GlobalType, HeapType, Memory, MemoryType,
    Mutability, Ref, RefType, SharedMemory, Store, Table, Tag, Val, ValType,
};

use super::HostState;
use super::error::{Denied, HostError, MemoryLimit};
use super::host_options::ImportName;
use super::host_value::HostValue;
use super::interceptor;
use super::ledger::{Call, Entry, Outcome};
use super::policy::{Class, Policy};
use crate::engine::has_continuations;

/// A function that traps with [`super::ImportCalled`].
pub(super) fn unprovided(
    store: &mut Store<HostState>,
    ty: FuncType,
    import: ImportName,
) -> Result<Func, HostError> {
    check_continuations(&ExternType::Func(ty.clone()), &import)?;
    Ok(constant(store, ty, import, Outcome::ImportCalled))
}

fn check_continuations(ty: &ExternType, import: &ImportName) -> Result<(), HostError> {
    let kind = match ty {
        ExternType::Func(_) => "function",
        ExternType::Global(_) => "global",
        _ => "table",
    };
    match has_continuations(ty) {
        true => Err(HostError::Continuations { import: import.clone(), kind }),
        false => Ok(()),
    }
}

/// What a stub's function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StubAnswer {
    /// Zeros and nulls.
    Zeros,
    /// Ones, and nulls: to see what depends on it.
    Ones,
}

/// The emptiest thing of type `ty`: a function that gives `answer`, a memory, table or global that holds zeros and nulls.
pub(super) fn stub(
    store: &mut Store<HostState>,
    ty: &ExternType,
    import: &ImportName,
    answer: StubAnswer,
) -> Result<Extern, HostError> {
    check_continuations(ty, import)?;
    let engine = |source: wasmtime::Error| match source.downcast_ref::<MemoryLimit>() {
        Some(limit) => HostError::Limit(*limit),
        None => HostError::Engine { action: "stub an import", source },
    };
    Ok(match ty {
        ExternType::Func(ty) => {
            let zeros = ty.results().map(|ty| zero(&ty, "function", import));
            let zeros = zeros.collect::<Result<Vec<_>, _>>()?;
            let value = match answer {
                StubAnswer::Zeros => HostValue::of,
                StubAnswer::Ones => |zero: &Val| HostValue::of(zero).one(),
            };
            let results = Outcome::Results(zeros.iter().map(value).collect());
            constant(store, ty.clone(), import.clone(), results).into()
        }
        ExternType::Global(ty) => {
            let zero = zero(ty.content(), "global", import)?;
            Global::new(store, ty.clone(), zero).map_err(engine)?.into()
        }
        ExternType::Table(ty) => {
            let null = null(ty.element(), import)?;
            Table::new(store, ty.clone(), null).map_err(engine)?.into()
        }
        ExternType::Memory(ty) if ty.is_shared() => shared_memory(store, ty)?.into(),
        ExternType::Memory(ty) => Memory::new(store, ty.clone()).map_err(engine)?.into(),
        ExternType::Tag(ty) => Tag::new(store, ty).map_err(engine)?.into(),
    })
}

/// Whether a global holds something of the host that init can only pass around: a string constant, for example.
pub(super) fn is_opaque(ty: &GlobalType) -> bool {
    let is_external = |ty: &RefType| matches!(ty.heap_type(), HeapType::Extern);
    ty.mutability() == Mutability::Const && ty.content().as_ref().is_some_and(is_external)
}

/// A global for which [`is_opaque`] holds, with a value that is like no other.
pub(super) fn opaque(
    store: &mut Store<HostState>,
    ty: &GlobalType,
    import: &ImportName,
) -> Result<Extern, HostError> {
    let engine = |source| HostError::Engine { action: "make a value of the host", source };
    let value = ExternRef::new(&mut *store, import.to_string()).map_err(engine)?;
    Ok(Global::new(store, ty.clone(), value.into()).map_err(engine)?.into())
}

fn constant(store: &mut Store<HostState>, ty: FuncType, import: ImportName, outcome: Outcome) -> Func {
    let import = Arc::new(import);
    Func::new(store, ty.clone(), move |mut caller, params, results| {
        if interceptor::intercept(&mut caller, &import, &ty, params, results)? {
            return Ok(());
        }
        let backtrace = caller.data().recorder.backtrace(&caller);
        let args = params.iter().map(HostValue::of).collect();
        let stubbed = outcome != Outcome::ImportCalled;
        let call = Call { import: Arc::clone(&import), stubbed, args, reads: Vec::new(), backtrace };
        let state = caller.data_mut();
        let denied = state.policies.get(Class::Stub) == Policy::Deny && stubbed;
        let recorder = &mut state.recorder;
        let outcome = match recorder.replayed(&call)? {
            Some(entry) => entry.outcome.clone(),
            None => {
                let outcome = match denied {
                    true => {
                        Outcome::Denied(Denied { class: Class::Stub, what: format!("the stub `{import}`") })
                    }
                    false => outcome.clone(),
                };
                recorder.record(Entry { call, outcome: outcome.clone(), writes: Vec::new() })?;
                outcome
            }
        };
        outcome.settle(&import, ty.results(), results)
    })
}

fn zero(ty: &ValType, kind: &'static str, import: &ImportName) -> Result<Val, HostError> {
    Val::default_for_ty(ty).ok_or_else(|| no_default(import, kind))
}

fn null(ty: &RefType, import: &ImportName) -> Result<Ref, HostError> {
    if ty.is_nullable() { Ok(Ref::null(ty.heap_type())) } else { Err(no_default(import, "table")) }
}

fn no_default(import: &ImportName, kind: &'static str) -> HostError {
    HostError::NoDefault { import: import.clone(), kind }
}

/// The engine does not ask the limiter about shared memories.
fn shared_memory(store: &mut Store<HostState>, ty: &MemoryType) -> Result<SharedMemory, HostError> {
    let bytes = ty.minimum().saturating_mul(ty.page_size());
    store.data_mut().limiter.grow(bytes)?;
    SharedMemory::new(store.engine(), ty.clone())
        .map_err(|source| HostError::Engine { action: "make a shared memory", source })
}
