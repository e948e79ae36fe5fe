//! How strictly two states are compared.

use preinit_core::snapshot::{Reference, Unwritable, Value};
use std::ops::Range;

/// What may differ without counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// Nothing.
    None,
    /// NaN payloads, and what an engine other than wasmtime does not show.
    OtherEngine,
}

impl Tolerance {
    pub fn is_same_value(self, original: Value, snapshot: Value) -> bool {
        match self {
            Tolerance::None => original == snapshot,
            Tolerance::OtherEngine => is_same(original, snapshot),
        }
    }

    /// Whether the bytes of `range`, in which two memories differ, may do so.
    pub fn is_same_memory(self, original: &[u8], snapshot: &[u8], range: &Range<usize>) -> bool {
        self == Tolerance::OtherEngine
            && original.len() == snapshot.len()
            && is_nans(original, snapshot, range)
    }
}

/// Whether `shown` can be what another engine makes of `expected`.
fn is_same(expected: Value, shown: Value) -> bool {
    match (expected, shown) {
        (Value::F32(left), Value::F32(right)) => is_same_f32(left, right),
        (Value::F64(left), Value::F64(right)) => is_same_f64(left, right),
        // The type of the lanes is not known.
        (Value::V128(left), Value::V128(right)) => {
            lanes32(left, right).all(|(left, right)| is_same_f32(left, right))
                || is_same_f64(left as u64, right as u64)
                    && is_same_f64((left >> 64) as u64, (right >> 64) as u64)
        }
        (Value::Ref(_), Value::Ref(Reference::Unwritable(Unwritable::Hidden))) => true,
        (Value::Ref(expected), Value::Ref(Reference::Unwritable(Unwritable::Opaque))) => is_object(expected),
        (
            Value::Ref(Reference::Unwritable(Unwritable::NumberedFunction(_))),
            Value::Ref(Reference::Unwritable(Unwritable::ForeignFunction)),
        ) => true,
        (expected, shown) => expected == shown,
    }
}

/// Whether it is a reference of which an engine may show nothing but that it is not null.
fn is_object(reference: Reference) -> bool {
    match reference {
        Reference::Object(_) | Reference::ExternObject(_) | Reference::Import(_) => true,
        Reference::Unwritable(what) => !what.is_function(),
        Reference::Null | Reference::Func(_) | Reference::I31(_) | Reference::ExternI31(_) => false,
    }
}

fn lanes32(left: u128, right: u128) -> impl Iterator<Item = (u32, u32)> {
    (0..4).map(move |lane| ((left >> (32 * lane)) as u32, (right >> (32 * lane)) as u32))
}

fn is_same_f32(left: u32, right: u32) -> bool {
    left == right || f32::from_bits(left).is_nan() && f32::from_bits(right).is_nan()
}

fn is_same_f64(left: u64, right: u64) -> bool {
    left == right || f64::from_bits(left).is_nan() && f64::from_bits(right).is_nan()
}

/// Whether all of `range`, in which two memories of the same size differ, consists of aligned NaNs.
fn is_nans(left: &[u8], right: &[u8], range: &Range<usize>) -> bool {
    let whole =
        |width: usize| range.start / width * width..(range.end.div_ceil(width) * width).min(left.len());
    let words = |width: usize, same: &dyn Fn(&[u8], &[u8]) -> bool| {
        let whole = whole(width);
        let mut pairs = left[whole.clone()].chunks(width).zip(right[whole].chunks(width));
        pairs.all(|(left, right)| left == right || left.len() == width && same(left, right))
    };
    let same4 = |left: &[u8], right: &[u8]| match (left.try_into(), right.try_into()) {
        (Ok(left), Ok(right)) => is_same_f32(u32::from_le_bytes(left), u32::from_le_bytes(right)),
        _ => false,
    };
    let same8 = |left: &[u8], right: &[u8]| match (left.try_into(), right.try_into()) {
        (Ok(left), Ok(right)) => is_same_f64(u64::from_le_bytes(left), u64::from_le_bytes(right)),
        _ => false,
    };
    words(4, &same4) || words(8, &same8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nans_are_the_same_and_nothing_else_is() {
        let same = |expected, shown| Tolerance::OtherEngine.is_same_value(expected, shown);
        assert!(same(Value::F32(0x7fc0_0000), Value::F32(0xffc0_0001)));
        assert!(!Tolerance::None.is_same_value(Value::F32(0x7fc0_0000), Value::F32(0xffc0_0001)));
        assert!(!same(Value::F32(0x7f80_0000), Value::F32(0x7fc0_0000)), "infinity is not a NaN");
        assert!(!same(Value::F32(0), Value::F32(0x8000_0000)), "-0.0 is not 0.0");
        assert!(!same(Value::F32(0), Value::I32(0)));
        assert!(same(Value::V128(0x7fc0_0000 << 32 | 7), Value::V128(0x7fe0_0000 << 32 | 7)));
        assert!(!same(Value::V128(0x7fc0_0000 << 32 | 7), Value::V128(0x7fe0_0000 << 32 | 8)));
    }

    #[test]
    fn references_are_the_same_as_far_as_the_engine_shows_them() {
        let same =
            |expected, shown| Tolerance::OtherEngine.is_same_value(Value::Ref(expected), Value::Ref(shown));
        let hidden = Reference::Unwritable(Unwritable::Hidden);
        let opaque = Reference::Unwritable(Unwritable::Opaque);
        assert!(same(Reference::Null, Reference::Null));
        assert!(same(Reference::Func(1), Reference::Func(1)));
        assert!(!same(Reference::Func(1), Reference::Func(2)));
        assert!(!same(Reference::Func(1), Reference::Null));
        assert!(!same(Reference::I31(1), Reference::I31(2)));
        assert!(same(Reference::Object(1), opaque) && same(Reference::Import(1), opaque));
        assert!(!same(Reference::Null, opaque) && !same(Reference::Func(1), opaque));
        assert!(same(Reference::Null, hidden) && same(Reference::Object(0), hidden));
        let exact = |shown| Tolerance::None.is_same_value(Value::Ref(Reference::Null), Value::Ref(shown));
        assert!(!exact(hidden), "only where an engine hides it");
    }

    #[test]
    fn memories_may_differ_in_nans() {
        let is_same = |left: &[u8], right: &[u8], range| {
            assert!(!Tolerance::None.is_same_memory(left, right, &range));
            Tolerance::OtherEngine.is_same_memory(left, right, &range)
        };
        let mut left = [0; 24];
        let mut right = left;
        left[8..16].copy_from_slice(&0x7ff8_0000_0000_0000u64.to_le_bytes());
        right[8..16].copy_from_slice(&0xfff8_0000_0000_0001u64.to_le_bytes());
        assert!(is_same(&left, &right, 8..16));
        right[16] = 1;
        assert!(!is_same(&left, &right, 8..17));
        right[16] = 0;
        right[0..4].copy_from_slice(&0x7fc0_0000u32.to_le_bytes());
        left[0..4].copy_from_slice(&0x7fc0_0100u32.to_le_bytes());
        assert!(is_same(&left, &right, 1..2));
        assert!(!is_same(&[1, 2, 3], &[1, 2, 4], 2..3), "the end of an odd memory");
    }
}
