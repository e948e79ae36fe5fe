use crate::capture::{CaptureError, HeapReader, References};
use preinit_core::snapshot::{Reference, Value};
use wasmtime::{AnyRef, AsContextMut, ExnRef, ExternRef, OwnedRooted, Val};

/// A value of a frame as the engine has it: an object is kept alive until the whole heap is read.
pub(super) enum Kept {
    Plain(Value),
    Any(OwnedRooted<AnyRef>),
    Extern(OwnedRooted<ExternRef>),
    Exception(OwnedRooted<ExnRef>),
}

impl Kept {
    pub fn new(
        references: &References,
        mut store: impl AsContextMut,
        value: &Val,
    ) -> Result<Kept, CaptureError> {
        Ok(Kept::Plain(match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(bits) => Value::F32(*bits),
            Val::F64(bits) => Value::F64(*bits),
            Val::V128(value) => Value::V128(value.as_u128()),
            Val::FuncRef(Some(function)) => Value::Ref(references.function(store, function)),
            Val::AnyRef(Some(any)) => return Ok(Kept::Any(any.to_owned_rooted(&mut store)?)),
            Val::ExternRef(Some(external)) => {
                return Ok(Kept::Extern(external.to_owned_rooted(&mut store)?));
            }
            Val::ExnRef(Some(exception)) => {
                return Ok(Kept::Exception(exception.to_owned_rooted(&mut store)?));
            }
            Val::ContRef(Some(_)) => {
                Value::Ref(Reference::Unwritable(preinit_core::snapshot::Unwritable::Continuation))
            }
            _ => Value::Ref(Reference::Null),
        }))
    }

    /// The value as plain data, its object one of those that `reader` finds.
    pub fn resolve(
        self,
        reader: &mut HeapReader<'_>,
        mut store: impl AsContextMut,
    ) -> Result<Value, CaptureError> {
        let value = match self {
            Kept::Plain(value) => return Ok(value),
            Kept::Any(any) => Val::AnyRef(Some(any.to_rooted(&mut store))),
            Kept::Extern(external) => Val::ExternRef(Some(external.to_rooted(&mut store))),
            Kept::Exception(exception) => Val::ExnRef(Some(exception.to_rooted(&mut store))),
        };
        Ok(Value::Ref(reader.resolve(&mut store, &value)?))
    }
}
