//! Values of wasmtime in the terms of capture. What the engine calls the raw form of a reference to an object is the
//! identity of the object, as long as nothing is collected.

use preinit_core::capture::{Identity, Observed, ObservedRef};
use wasmtime::{AnyRef, AsContextMut, ExnRef, Func, Rooted, Val};

/// Set in the identities of exceptions, whose raw form is a different type.
const EXCEPTION: u64 = 1 << 32;

/// The object behind an identity, as the engine has it.
pub(super) enum EngineObject {
    Any(Rooted<AnyRef>),
    Exception(Rooted<ExnRef>),
}

/// A value as it is seen now.
pub(super) fn observe(store: impl AsContextMut, value: &Val) -> wasmtime::Result<Observed> {
    Ok(match value {
        Val::I32(value) => Observed::I32(*value),
        Val::I64(value) => Observed::I64(*value),
        Val::F32(bits) => Observed::F32(*bits),
        Val::F64(bits) => Observed::F64(*bits),
        Val::V128(value) => Observed::V128(value.as_u128()),
        reference => Observed::Ref(observe_reference(store, reference)?),
    })
}

/// The same for a reference.
pub(super) fn observe_reference(mut store: impl AsContextMut, value: &Val) -> wasmtime::Result<ObservedRef> {
    Ok(match value {
        Val::FuncRef(Some(function)) => ObservedRef::Function(function_identity(store, function)),
        Val::AnyRef(Some(any)) => match any.as_i31(&store)? {
            Some(value) => ObservedRef::I31(value.get_u32()),
            None => ObservedRef::Object(any_identity(store, any)?),
        },
        Val::ExternRef(Some(external)) => {
            let any = AnyRef::convert_extern(&mut store, *external)?;
            match any.as_i31(&store)? {
                Some(value) => ObservedRef::ExternI31(value.get_u32()),
                None => ObservedRef::ExternObject(any_identity(store, &any)?),
            }
        }
        Val::ExnRef(Some(exception)) => {
            ObservedRef::Object(Identity(u64::from(exception.to_raw(store)?) | EXCEPTION))
        }
        Val::ContRef(Some(_)) => ObservedRef::Continuation,
        _ => ObservedRef::Null,
    })
}

pub(crate) fn function_identity(store: impl AsContextMut, function: &Func) -> Identity {
    Identity(function.to_raw(store) as usize as u64)
}

fn any_identity(store: impl AsContextMut, any: &Rooted<AnyRef>) -> wasmtime::Result<Identity> {
    Ok(Identity(u64::from(any.to_raw(store)?)))
}

/// The object of an identity that was observed since the guest last ran.
pub(super) fn object(store: impl AsContextMut, identity: Identity) -> wasmtime::Result<EngineObject> {
    let raw = identity.0 as u32;
    let object = match identity.0 & EXCEPTION {
        0 => AnyRef::from_raw(store, raw).map(EngineObject::Any),
        _ => ExnRef::from_raw(store, raw).map(EngineObject::Exception),
    };
    object.ok_or_else(|| wasmtime::Error::msg("an object was lost while the heap was read"))
}
