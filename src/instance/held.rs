use super::observe::observe;
use preinit_core::capture::Observed;
use wasmtime::{AnyRef, AsContextMut, ExnRef, ExternRef, OwnedRooted, RootScope, Val};

/// A value that can be observed later: an object is kept alive, and may be moved.
pub(crate) enum HeldValue {
    Plain(Observed),
    Any(OwnedRooted<AnyRef>),
    Extern(OwnedRooted<ExternRef>),
    Exception(OwnedRooted<ExnRef>),
}

impl From<Observed> for HeldValue {
    fn from(plain: Observed) -> HeldValue {
        HeldValue::Plain(plain)
    }
}

impl HeldValue {
    pub fn new(mut store: impl AsContextMut, value: &Val) -> wasmtime::Result<HeldValue> {
        Ok(match value {
            Val::AnyRef(Some(any)) => HeldValue::Any(any.to_owned_rooted(&mut store)?),
            Val::ExternRef(Some(external)) => HeldValue::Extern(external.to_owned_rooted(&mut store)?),
            Val::ExnRef(Some(exception)) => HeldValue::Exception(exception.to_owned_rooted(&mut store)?),
            plain => HeldValue::Plain(observe(store, plain)?),
        })
    }

    /// The value as it is seen now.
    pub fn observe(&self, store: impl AsContextMut) -> wasmtime::Result<Observed> {
        let mut scope = RootScope::new(store);
        let value = match self {
            HeldValue::Plain(value) => return Ok(*value),
            HeldValue::Any(any) => Val::AnyRef(Some(any.to_rooted(&mut scope))),
            HeldValue::Extern(external) => Val::ExternRef(Some(external.to_rooted(&mut scope))),
            HeldValue::Exception(exception) => Val::ExnRef(Some(exception.to_rooted(&mut scope))),
        };
        observe(&mut scope, &value)
    }
}
