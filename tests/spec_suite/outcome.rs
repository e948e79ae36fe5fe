use crate::script::Expected;
use wasmtime::{AnyRef, AsContextMut, ExternRef, Rooted, ThrownException, Trap, Val};
use wast::WastRet;
use wast::core::{NanPattern, V128Pattern, WastRetCore};

/// What a step of a script did, in a form that is the same for equal behaviour.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing was to be done.
    Nothing,
    Values(Vec<Observed>),
    Trap(Trap),
    Exception,
    /// Instantiated or registered.
    Made,
    /// The engine does not compile the module.
    Uncompilable,
    Unlinkable,
    /// There is no such instance or export, most often because an earlier step failed.
    Missing,
    Failed(String),
}

/// A value; floats are bits, references what a script can tell about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    Null,
    Func,
    /// A value of the host in an `externref`.
    Extern(u32),
    /// The same in an `anyref`.
    Host(u32),
    I31(u32),
    Struct,
    Array,
    /// An object or i31 in an `externref`.
    Externalized,
    Exception,
    Continuation,
}

impl Outcome {
    /// What an error of the engine stands for.
    pub fn of(error: &wasmtime::Error) -> Outcome {
        match error.downcast_ref::<Trap>() {
            Some(trap) => Outcome::Trap(*trap),
            None if error.is::<ThrownException>() => Outcome::Exception,
            None => Outcome::Failed(error.root_cause().to_string()),
        }
    }

    /// Whether this is what the script expects.
    pub fn meets(&self, expected: &Expected<'_>) -> bool {
        match (self, expected) {
            (Outcome::Values(values), Expected::Results(patterns)) => {
                values.len() == patterns.len()
                    && values.iter().zip(patterns).all(|(value, pattern)| match pattern {
                        WastRet::Core(pattern) => value.matches(pattern),
                        _ => false,
                    })
            }
            (Outcome::Trap(Trap::StackOverflow), Expected::Exhaustion) => true,
            (Outcome::Trap(trap), Expected::Trap(message)) => names(*trap, message),
            (Outcome::Exception, Expected::Exception) => true,
            (Outcome::Unlinkable, Expected::Unlinkable) => true,
            _ => false,
        }
    }
}

/// Whether the engine's word for a trap is the suite's.
fn names(trap: Trap, message: &str) -> bool {
    let actual = trap.to_string();
    let word = match message {
        "null structure reference"
        | "null array reference"
        | "null i31 reference"
        | "null function"
        | "null function reference" => "null reference",
        _ if message.starts_with("uninitialized element") => "uninitialized element",
        _ => message,
    };
    actual.contains(word)
        || message == "undefined element" && actual.contains("uninitialized element")
        || message.starts_with("uninitialized element") && actual.contains("undefined element")
}

impl Observed {
    pub fn of(mut store: impl AsContextMut, value: &Val) -> wasmtime::Result<Observed> {
        Ok(match value {
            Val::I32(value) => Observed::I32(*value),
            Val::I64(value) => Observed::I64(*value),
            Val::F32(bits) => Observed::F32(*bits),
            Val::F64(bits) => Observed::F64(*bits),
            Val::V128(value) => Observed::V128(value.as_u128()),
            Val::FuncRef(Some(_)) => Observed::Func,
            Val::ExternRef(Some(external)) => match host_value(&mut store, external)? {
                Some(value) => Observed::Extern(value),
                None => Observed::Externalized,
            },
            Val::AnyRef(Some(any)) => Observed::of_any(store, any)?,
            Val::ExnRef(Some(_)) => Observed::Exception,
            Val::ContRef(Some(_)) => Observed::Continuation,
            _ => Observed::Null,
        })
    }

    fn of_any(mut store: impl AsContextMut, any: &Rooted<AnyRef>) -> wasmtime::Result<Observed> {
        if let Some(value) = any.as_i31(&store)? {
            return Ok(Observed::I31(value.get_u32()));
        }
        if any.is_struct(&store)? {
            return Ok(Observed::Struct);
        }
        if any.is_array(&store)? {
            return Ok(Observed::Array);
        }
        let external = ExternRef::convert_any(&mut store, *any)?;
        Ok(Observed::Host(host_value(&mut store, &external)?.unwrap_or(u32::MAX)))
    }

    fn matches(self, pattern: &WastRetCore<'_>) -> bool {
        use Observed as O;
        match (self, pattern) {
            (O::I32(value), WastRetCore::I32(expected)) => value == *expected,
            (O::I64(value), WastRetCore::I64(expected)) => value == *expected,
            (O::F32(bits), WastRetCore::F32(expected)) => is_f32(bits, expected),
            (O::F64(bits), WastRetCore::F64(expected)) => is_f64(bits, expected),
            (O::V128(bits), WastRetCore::V128(expected)) => is_v128(bits, expected),
            (O::Null, WastRetCore::RefNull(_)) => true,
            (O::Extern(_) | O::Externalized, WastRetCore::RefExtern(None)) => true,
            (O::Extern(value), WastRetCore::RefExtern(Some(expected))) => value == *expected,
            (O::Host(value), WastRetCore::RefHost(expected)) => value == *expected,
            (O::Func, WastRetCore::RefFunc(_)) => true,
            (O::I31(_) | O::Struct | O::Array | O::Host(_), WastRetCore::RefAny) => true,
            (O::I31(_) | O::Struct | O::Array, WastRetCore::RefEq) => true,
            (O::Array, WastRetCore::RefArray) => true,
            (O::Struct, WastRetCore::RefStruct) => true,
            (O::I31(_), WastRetCore::RefI31) => true,
            (_, WastRetCore::Either(patterns)) => patterns.iter().any(|pattern| self.matches(pattern)),
            _ => false,
        }
    }
}

fn host_value(mut store: impl AsContextMut, external: &Rooted<ExternRef>) -> wasmtime::Result<Option<u32>> {
    let any = AnyRef::convert_extern(&mut store, *external)?;
    if any.is_i31(&store)? || any.is_struct(&store)? || any.is_array(&store)? {
        return Ok(None);
    }
    let data = external.data(&store)?;
    Ok(data.and_then(|data| data.downcast_ref::<u32>()).copied())
}

fn is_f32(bits: u32, expected: &NanPattern<wast::token::F32>) -> bool {
    match expected {
        NanPattern::Value(expected) => bits == expected.bits,
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn is_f64(bits: u64, expected: &NanPattern<wast::token::F64>) -> bool {
    const CANONICAL: u64 = 0x7ff8 << 48;
    match expected {
        NanPattern::Value(expected) => bits == expected.bits,
        NanPattern::CanonicalNan => bits & !(1 << 63) == CANONICAL,
        NanPattern::ArithmeticNan => bits & CANONICAL == CANONICAL,
    }
}

fn is_v128(bits: u128, expected: &V128Pattern) -> bool {
    let lane = |k: usize, width: usize| bits >> (k * width);
    match expected {
        V128Pattern::I8x16(lanes) => (0..).zip(lanes).all(|(k, expected)| lane(k, 8) as i8 == *expected),
        V128Pattern::I16x8(lanes) => (0..).zip(lanes).all(|(k, expected)| lane(k, 16) as i16 == *expected),
        V128Pattern::I32x4(lanes) => (0..).zip(lanes).all(|(k, expected)| lane(k, 32) as i32 == *expected),
        V128Pattern::I64x2(lanes) => (0..).zip(lanes).all(|(k, expected)| lane(k, 64) as i64 == *expected),
        V128Pattern::F32x4(lanes) => {
            (0..).zip(lanes).all(|(k, expected)| is_f32(lane(k, 32) as u32, expected))
        }
        V128Pattern::F64x2(lanes) => {
            (0..).zip(lanes).all(|(k, expected)| is_f64(lane(k, 64) as u64, expected))
        }
    }
}
