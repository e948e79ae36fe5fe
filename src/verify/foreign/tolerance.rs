//! What engines may do in their own way.

use super::Seen;
use preinit_core::snapshot::{Reference, Value};
use std::ops::Range;
use wasmparser::{Validator, WasmFeatures};

/// What is not compared on other engines, in words.
pub(in crate::verify) const TOLERANCES: &str =
    "NaN payloads, kinds of traps, what references point to, tables, segments";

/// Whether `seen` can be what another engine makes of `expected`.
pub(super) fn same(expected: &Value, seen: &Seen) -> bool {
    match (expected, seen) {
        (_, Seen::Hidden) => true,
        (null @ Value::Ref(Reference::Null), seen) => *seen == Seen::Value(*null),
        (Value::Ref(_), seen) => *seen == Seen::Reference,
        (expected, Seen::Value(seen)) => match (*expected, *seen) {
            (Value::F32(left), Value::F32(right)) => same_f32(left, right),
            (Value::F64(left), Value::F64(right)) => same_f64(left, right),
            // Which lanes it has is not known.
            (Value::V128(left), Value::V128(right)) => {
                lanes32(left, right).all(|(left, right)| same_f32(left, right))
                    || same_f64(left as u64, right as u64)
                        && same_f64((left >> 64) as u64, (right >> 64) as u64)
            }
            (left, right) => left == right,
        },
        (_, Seen::Reference) => false,
    }
}

fn lanes32(left: u128, right: u128) -> impl Iterator<Item = (u32, u32)> {
    (0..4).map(move |lane| ((left >> (32 * lane)) as u32, (right >> (32 * lane)) as u32))
}

fn same_f32(left: u32, right: u32) -> bool {
    left == right || f32::from_bits(left).is_nan() && f32::from_bits(right).is_nan()
}

fn same_f64(left: u64, right: u64) -> bool {
    left == right || f64::from_bits(left).is_nan() && f64::from_bits(right).is_nan()
}

/// Whether all of `range`, in which two memories of the same size differ, is made of NaNs that lie as floats do.
pub(super) fn only_nans(left: &[u8], right: &[u8], range: &Range<usize>) -> bool {
    let whole =
        |width: usize| range.start / width * width..(range.end.div_ceil(width) * width).min(left.len());
    let words = |width: usize, same: &dyn Fn(&[u8], &[u8]) -> bool| {
        let whole = whole(width);
        let mut pairs = left[whole.clone()].chunks(width).zip(right[whole].chunks(width));
        pairs.all(|(left, right)| left == right || left.len() == width && same(left, right))
    };
    let same4 = |left: &[u8], right: &[u8]| match (left.try_into(), right.try_into()) {
        (Ok(left), Ok(right)) => same_f32(u32::from_le_bytes(left), u32::from_le_bytes(right)),
        _ => false,
    };
    let same8 = |left: &[u8], right: &[u8]| match (left.try_into(), right.try_into()) {
        (Ok(left), Ok(right)) => same_f64(u64::from_le_bytes(left), u64::from_le_bytes(right)),
        _ => false,
    };
    words(4, &same4) || words(8, &same8)
}

/// Whether a valid module stops being valid without relaxed SIMD.
pub(super) fn has_relaxed_simd(wasm: &[u8]) -> bool {
    let without = WasmFeatures::all() - WasmFeatures::RELAXED_SIMD;
    Validator::new_with_features(without).validate_all(wasm).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nans_are_the_same_and_nothing_else_is() {
        let nan = |bits| Seen::Value(Value::F32(bits));
        assert!(same(&Value::F32(0x7fc0_0000), &nan(0xffc0_0001)));
        assert!(!same(&Value::F32(0x7f80_0000), &nan(0x7fc0_0000)), "infinity is no NaN");
        assert!(!same(&Value::F32(0), &nan(0x8000_0000)), "-0.0 is not 0.0");
        let vector = |bits| Seen::Value(Value::V128(bits));
        assert!(same(&Value::V128(0x7fc0_0000 << 32 | 7), &vector(0x7fe0_0000 << 32 | 7)));
        assert!(!same(&Value::V128(0x7fc0_0000 << 32 | 7), &vector(0x7fe0_0000 << 32 | 8)));
        assert!(same(&Value::Ref(Reference::Null), &Seen::Value(Value::Ref(Reference::Null))));
        assert!(!same(&Value::Ref(Reference::Null), &Seen::Reference));
        assert!(!same(&Value::Ref(Reference::Func(1)), &Seen::Value(Value::Ref(Reference::Null))));
    }

    #[test]
    fn memories_may_differ_in_nans() {
        let mut left = [0; 24];
        let mut right = left;
        left[8..16].copy_from_slice(&0x7ff8_0000_0000_0000u64.to_le_bytes());
        right[8..16].copy_from_slice(&0xfff8_0000_0000_0001u64.to_le_bytes());
        assert!(only_nans(&left, &right, &(8..16)));
        right[16] = 1;
        assert!(!only_nans(&left, &right, &(8..17)));
        right[16] = 0;
        right[0..4].copy_from_slice(&0x7fc0_0000u32.to_le_bytes());
        left[0..4].copy_from_slice(&0x7fc0_0100u32.to_le_bytes());
        assert!(only_nans(&left, &right, &(1..2)));
        assert!(!only_nans(&[1, 2, 3], &[1, 2, 4], &(2..3)), "the end of an odd memory");
    }
}
