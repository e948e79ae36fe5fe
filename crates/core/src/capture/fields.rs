use super::{Observed, ObservedRef};
use wasmparser::{StorageType, ValType};

/// Collects fields of an object, or elements of an array: numbers little-endian and as wide as they are stored, references
/// apart from them.
pub struct Fields<'f> {
    scalars: &'f mut Vec<u8>,
    references: &'f mut Vec<ObservedRef>,
}

impl<'f> Fields<'f> {
    pub(super) fn new(scalars: &'f mut Vec<u8>, references: &'f mut Vec<ObservedRef>) -> Fields<'f> {
        Fields { scalars, references }
    }

    /// Appends one. A packed integer is given as `i32`, of which the lower bits count. A value that is not of the type is
    /// left out, and then missing.
    #[inline]
    pub fn push(&mut self, ty: StorageType, value: Observed) {
        match (ty, value) {
            (StorageType::I8, Observed::I32(value)) => self.scalars.push(value as u8),
            (StorageType::I16, Observed::I32(value)) => self.scalars.extend((value as u16).to_le_bytes()),
            (StorageType::Val(ValType::I32), Observed::I32(value)) => {
                self.scalars.extend(value.to_le_bytes());
            }
            (StorageType::Val(ValType::I64), Observed::I64(value)) => {
                self.scalars.extend(value.to_le_bytes());
            }
            (StorageType::Val(ValType::F32), Observed::F32(bits)) => self.scalars.extend(bits.to_le_bytes()),
            (StorageType::Val(ValType::F64), Observed::F64(bits)) => self.scalars.extend(bits.to_le_bytes()),
            (StorageType::Val(ValType::V128), Observed::V128(value)) => {
                self.scalars.extend(value.to_le_bytes());
            }
            (StorageType::Val(ValType::Ref(_)), Observed::Ref(reference)) => self.references.push(reference),
            _ => {}
        }
    }

    /// Appends numbers as they are stored, one after the other.
    pub fn stored(&mut self, bytes: &[u8]) {
        self.scalars.extend_from_slice(bytes);
    }

    /// Room for this many elements of type `i8`, zeros that the caller overwrites.
    pub fn bytes(&mut self, len: usize) -> &mut [u8] {
        let start = self.scalars.len();
        self.scalars.resize(start + len, 0);
        &mut self.scalars[start..]
    }
}

/// Bytes that a number takes in [`Fields`]; `None` for a reference.
pub(super) fn width(ty: StorageType) -> Option<usize> {
    match ty {
        StorageType::I8 => Some(1),
        StorageType::I16 => Some(2),
        StorageType::Val(ValType::I32 | ValType::F32) => Some(4),
        StorageType::Val(ValType::I64 | ValType::F64) => Some(8),
        StorageType::Val(ValType::V128) => Some(16),
        StorageType::Val(ValType::Ref(_)) => None,
    }
}
