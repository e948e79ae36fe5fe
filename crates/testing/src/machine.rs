//! An engine with one instance in it, as far as a caller without insight can use it.

use super::case::Call;
use preinit::host::HostValue as Value;
use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Returned(Vec<Value>),
    /// In the words of the engine.
    Trapped(String),
}

/// The words for the end of fuel or stack on every engine. When it comes depends on the compiler's mood.
pub const EXHAUSTED: &str = "out of fuel or stack";

impl Outcome {
    pub fn is_exhausted(&self) -> bool {
        matches!(self, Outcome::Trapped(trap) if trap == EXHAUSTED)
    }

    /// Without the words, so that two engines can be compared.
    pub fn values(&self) -> Option<&[Value]> {
        match self {
            Outcome::Returned(values) => Some(values),
            Outcome::Trapped(_) => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Returned(values) if values.is_empty() => f.write_str("()"),
            Outcome::Returned(values) => {
                let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(", "))
            }
            Outcome::Trapped(trap) => write!(f, "trap: {trap}"),
        }
    }
}

/// What an export that is not a function holds.
#[derive(Clone, PartialEq)]
pub enum Observed {
    Global(Value),
    Memory(Vec<u8>),
    Table(Vec<Value>),
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observed::Global(value) => write!(f, "{value}"),
            Observed::Memory(bytes) => {
                let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                write!(f, "{} bytes, \"{}\" and zeros", bytes.len(), bytes[..used.min(256)].escape_ascii())
            }
            Observed::Table(slots) => write!(f, "{slots:?}"),
        }
    }
}

/// The exports of the instance and of its providers, by name.
pub type State = BTreeMap<String, Observed>;

/// How to make an instance.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    pub providers: &'a [(String, Vec<u8>)],
    /// Imports that nothing provides are zero instead of a trap.
    pub stubs: bool,
    pub wasi: bool,
    /// For code that nobody has read: a bound on the fuel of each call, on memories and on tables.
    pub bounded: bool,
}

/// Fuel of a bounded call.
pub const FUEL: u64 = 200_000;
/// Bytes of a bounded memory.
pub const MEMORY: usize = 64 << 20;
/// Elements of a bounded table.
pub const ELEMENTS: usize = 100_000;

pub trait Machine {
    fn call(&mut self, call: &Call) -> Outcome;
    fn state(&mut self) -> State;
}

/// An argument of the type that the engine prints as `ty`.
pub fn argument(text: &str, ty: &str) -> Value {
    if text == "null" {
        return Value::Null;
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => u128::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let bits = magnitude.unwrap_or_else(|_| panic!("`{text}` is no number"));
    let bits = if sign { bits.wrapping_neg() } else { bits };
    match ty {
        "i32" => Value::I32(bits as i32),
        "i64" => Value::I64(bits as i64),
        "f32" => Value::F32(bits as u32),
        "f64" => Value::F64(bits as u64),
        "v128" => Value::V128(bits),
        ty => panic!("`{text}` is no {ty}"),
    }
}
