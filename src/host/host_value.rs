//! Wasm values as plain data.

use std::fmt;

use wasmtime::{Val, ValType};

/// An argument or a result of a host call. Floats are bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostValue {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// A vector.
    V128(u128),
    /// A null reference of whatever type.
    Null,
    /// A reference that is not null; which one, the ledger does not know.
    Reference,
}

impl HostValue {
    /// What `value` is.
    pub fn of(value: &Val) -> Self {
        match value {
            Val::I32(value) => Self::I32(*value),
            Val::I64(value) => Self::I64(*value),
            Val::F32(bits) => Self::F32(*bits),
            Val::F64(bits) => Self::F64(*bits),
            Val::V128(value) => Self::V128(value.as_u128()),
            Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => Self::Null,
            _ => Self::Reference,
        }
    }

    /// The engine's value of type `ty`; `None` for a reference that is not null, or another type.
    pub fn to_val(self, ty: &ValType) -> Option<Val> {
        match (self, ty) {
            (Self::I32(value), ValType::I32) => Some(Val::I32(value)),
            (Self::I64(value), ValType::I64) => Some(Val::I64(value)),
            (Self::F32(bits), ValType::F32) => Some(Val::F32(bits)),
            (Self::F64(bits), ValType::F64) => Some(Val::F64(bits)),
            (Self::V128(value), ValType::V128) => Some(Val::V128(value.into())),
            (Self::Null, ValType::Ref(ty)) if ty.is_nullable() => Some(Val::null_ref(ty.heap_type())),
            _ => None,
        }
    }

    /// The one of the same type; a reference stays what it is.
    pub(super) fn one(self) -> Self {
        match self {
            Self::I32(_) => Self::I32(1),
            Self::I64(_) => Self::I64(1),
            Self::F32(_) => Self::F32(1f32.to_bits()),
            Self::F64(_) => Self::F64(1f64.to_bits()),
            Self::V128(_) => Self::V128(1),
            Self::Null | Self::Reference => self,
        }
    }

    /// The name of the type; `ref` for every reference.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
            Self::V128(_) => "v128",
            Self::Null | Self::Reference => "ref",
        }
    }
}

impl fmt::Display for HostValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(value) => write!(f, "{value}"),
            Self::I64(value) => write!(f, "{value}"),
            Self::F32(bits) => write!(f, "{bits:#010x}"),
            Self::F64(bits) => write!(f, "{bits:#018x}"),
            Self::V128(value) => write!(f, "{value:#034x}"),
            Self::Null => f.write_str("null"),
            Self::Reference => f.write_str("ref"),
        }
    }
}
