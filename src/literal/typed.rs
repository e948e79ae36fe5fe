//! Converts between values and literals.

use super::Literal;
use preinit_core::snapshot::{Reference, Value};
use wasmparser::ValType;

/// The value of type `ty` that `literal` stands for; `None` if it does not fit the type.
pub(crate) fn typed(literal: &Literal, ty: ValType) -> Option<Value> {
    Some(match (ty, literal) {
        (ValType::I32, &Literal::Integer { negative, magnitude }) => {
            Value::I32(integer(negative, magnitude, 32)? as u32 as i32)
        }
        (ValType::I64, &Literal::Integer { negative, magnitude }) => {
            Value::I64(integer(negative, magnitude, 64)? as u64 as i64)
        }
        (ValType::V128, &Literal::Integer { negative: false, magnitude }) => Value::V128(magnitude),
        (ValType::F32, Literal::Integer { .. } | Literal::Float(_)) => {
            let text = literal.to_string();
            Value::F32(match nan(&text, 23)? {
                Some((negative, payload)) => {
                    u32::from(negative) << 31 | 0x7f80_0000 | u32::try_from(payload).ok()?
                }
                None => text.parse::<f32>().ok()?.to_bits(),
            })
        }
        (ValType::F64, Literal::Integer { .. } | Literal::Float(_)) => {
            let text = literal.to_string();
            Value::F64(match nan(&text, 52)? {
                Some((negative, payload)) => u64::from(negative) << 63 | 0x7ff0_0000_0000_0000 | payload,
                None => text.parse::<f64>().ok()?.to_bits(),
            })
        }
        (ValType::Ref(ty), Literal::Null) if ty.is_nullable() => Value::Ref(Reference::Null),
        (ValType::Ref(_), &Literal::Function(index)) => Value::Ref(Reference::Func(index)),
        (ValType::Ref(ty), &Literal::I31(value)) if value >> 31 == 0 => match ty.is_extern_ref() {
            true => Value::Ref(Reference::ExternI31(value)),
            false => Value::Ref(Reference::I31(value)),
        },
        _ => return None,
    })
}

/// The bits of a signed or unsigned integer of this width.
fn integer(negative: bool, magnitude: u128, bits: u32) -> Option<u128> {
    let fits = if negative { magnitude <= 1 << (bits - 1) } else { magnitude >> bits == 0 };
    fits.then(|| if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// Sign and payload if `text` is a NaN, `Some(None)` if it is not, `None` if the payload does not fit.
fn nan(text: &str, payload_bits: u32) -> Option<Option<(bool, u64)>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let payload = match unsigned.strip_prefix("nan") {
        None => return Some(None),
        Some("") => 1 << (payload_bits - 1),
        Some(payload) => u64::from_str_radix(payload.strip_prefix(":0x")?, 16).ok()?,
    };
    let fits = payload != 0 && payload >> payload_bits == 0;
    fits.then_some(Some((text.starts_with('-'), payload)))
}

#[cfg(feature = "verify")]
/// The literal for `value`; `None` for references that only the guest can make.
pub(crate) fn literal_of(value: Value) -> Option<Literal> {
    let signed =
        |value: i64| Literal::Integer { negative: value < 0, magnitude: u128::from(value.unsigned_abs()) };
    Some(match value {
        Value::I32(value) => signed(i64::from(value)),
        Value::I64(value) => signed(value),
        Value::F32(bits) => {
            let float = f32::from_bits(bits);
            Literal::Float(match float.is_nan() {
                true => nan_text(bits >> 31 != 0, u64::from(bits & 0x7f_ffff)),
                false => format!("{float:?}"),
            })
        }
        Value::F64(bits) => {
            let float = f64::from_bits(bits);
            Literal::Float(match float.is_nan() {
                true => nan_text(bits >> 63 != 0, bits & 0xf_ffff_ffff_ffff),
                false => format!("{float:?}"),
            })
        }
        Value::V128(value) => Literal::Integer { negative: false, magnitude: value },
        Value::Ref(Reference::Null) => Literal::Null,
        Value::Ref(Reference::Func(index)) => Literal::Function(index),
        Value::Ref(Reference::I31(value) | Reference::ExternI31(value)) => Literal::I31(value),
        Value::Ref(
            Reference::Object(_)
            | Reference::ExternObject(_)
            | Reference::Import(_)
            | Reference::Unwritable(_),
        ) => return None,
    })
}

#[cfg(feature = "verify")]
fn nan_text(negative: bool, payload: u64) -> String {
    format!("{}nan:{payload:#x}", if negative { "-" } else { "" })
}

#[cfg(all(test, feature = "verify"))]
mod tests {
    use super::*;
    use crate::literal::LiteralParser;

    #[test]
    fn values_survive_their_text() {
        let values = [
            (Value::I32(i32::MIN), ValType::I32),
            (Value::I64(i64::MIN), ValType::I64),
            (Value::F32((-0.0f32).to_bits()), ValType::F32),
            (Value::F32(0xff80_0001), ValType::F32),
            (Value::F64(f64::NEG_INFINITY.to_bits()), ValType::F64),
            (Value::F64(f64::MIN_POSITIVE.to_bits()), ValType::F64),
            (Value::F64(0x7ff8_0000_0000_0123), ValType::F64),
            (Value::V128(u128::MAX), ValType::V128),
            (Value::Ref(Reference::Null), ValType::FUNCREF),
            (Value::Ref(Reference::Func(3)), ValType::FUNCREF),
            (Value::Ref(Reference::ExternI31(5)), ValType::EXTERNREF),
        ];
        for (value, ty) in values {
            let literal = literal_of(value).unwrap();
            let text = literal.to_string();
            let parsed = LiteralParser::new(&text).literal().unwrap();
            assert_eq!(typed(&parsed, ty), Some(value), "{text}");
        }
    }

    #[test]
    fn literals_that_do_not_fit_are_none() {
        let integer = |negative, magnitude| Literal::Integer { negative, magnitude };
        assert_eq!(typed(&integer(false, 1 << 32), ValType::I32), None);
        assert_eq!(typed(&integer(false, 0xffff_ffff), ValType::I32), Some(Value::I32(-1)));
        assert_eq!(typed(&integer(true, (1 << 31) + 1), ValType::I32), None);
        assert_eq!(typed(&Literal::Float("nan:0x800000".into()), ValType::F32), None);
        assert_eq!(typed(&Literal::Null, ValType::I32), None);
    }
}
