//! Which results of init functions are success.

use wasmtime::Val;

/// Which results of an init function are success. No example: that of [`Preinit`](crate::Preinit) has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitResult {
    /// This number, and nothing. References are success if they are null and the number is 0.
    Number(i64),
    /// Whatever it returns.
    Any,
}

impl Default for InitResult {
    /// As C's `main` has it.
    fn default() -> Self {
        InitResult::Number(0)
    }
}

impl InitResult {
    /// Whether these results are success; otherwise the number that would have to be, if it is one.
    pub(super) fn accepts(self, results: &[Val]) -> Result<(), Option<i64>> {
        let InitResult::Number(expected) = self else { return Ok(()) };
        for result in results {
            let number = match result {
                Val::I32(value) if i64::from(value.cast_unsigned()) == expected => expected,
                Val::I32(value) => i64::from(*value),
                Val::I64(value) => *value,
                Val::F32(bits) if f64::from(f32::from_bits(*bits)) == expected as f64 => expected,
                Val::F64(bits) if f64::from_bits(*bits) == expected as f64 => expected,
                Val::V128(value) if i128::from(expected) == value.as_u128() as i128 => expected,
                Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
                _ => return Err(None),
            };
            if number != expected {
                return Err(Some(number));
            }
        }
        Ok(())
    }
}

/// A result as it is shown.
pub(super) fn in_words(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(value) => format!("{:#x}", value.as_u128()),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            "null".to_string()
        }
        _ => "a reference".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::InitResult;
    use wasmtime::Val;

    #[test]
    fn results() {
        let zero = InitResult::default();
        assert_eq!(zero.accepts(&[]), Ok(()));
        assert_eq!(zero.accepts(&[Val::I32(0), Val::I64(0), Val::ExternRef(None)]), Ok(()));
        assert_eq!(zero.accepts(&[Val::I32(-3)]), Err(Some(-3)));
        assert_eq!(zero.accepts(&[Val::F64(1.5f64.to_bits())]), Err(None));
        assert_eq!(InitResult::Number(4_294_967_295).accepts(&[Val::I32(-1)]), Ok(()));
        assert_eq!(InitResult::Number(1).accepts(&[Val::F32(1f32.to_bits())]), Ok(()));
        assert_eq!(InitResult::Any.accepts(&[Val::I32(9)]), Ok(()));
    }
}
