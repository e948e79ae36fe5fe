use crate::capture::{CaptureError, References};
use crate::snapshot::Value;
use wasmtime::{AsContextMut, Val};

/// A value of the engine as plain data.
pub(super) fn value(
    references: &References,
    store: impl AsContextMut,
    value: &Val,
) -> Result<Value, CaptureError> {
    Ok(match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(bits) => Value::F32(*bits),
        Val::F64(bits) => Value::F64(*bits),
        Val::V128(value) => Value::V128(value.as_u128()),
        reference => Value::Ref(references.resolve_alone(store, reference)?),
    })
}
