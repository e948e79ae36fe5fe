//! The arguments of calls, as they were typed or made by their types, and what a script expects.

use super::super::call_result::CallResult;
use super::super::script::Expected;
use super::super::verdict::Difference;
use super::calls::{Call, Ended, Played};
use super::generate::{Generator, Given};
use super::pair::Paired;
use super::running::Running;
use crate::host::ComponentValue;
use crate::literal::Literal;
use rand_chacha::ChaCha20Rng;
use wasmtime::component::Type;

/// The arguments of a call, which the original has by this name; `None` if none can be made.
pub fn arguments(
    (original, name, snapshot): (&mut Running, &str, &mut Running),
    call: &Call,
    (rng, given): (&mut ChaCha20Rng, &mut Vec<Given>),
    played: &mut Played,
) -> Option<Vec<ComponentValue>> {
    let Some(function) = original.function(name) else {
        let key = format!("export.{}", call.export);
        if call.arguments.is_none() {
            played.differences.push(Difference::new(key, "none", "a function"));
        } else {
            played.undecided = Some(format!("there is no exported function `{}`", call.export));
        }
        return None;
    };
    if snapshot.function(&call.export).is_none() {
        played.undecided = Some(format!("the snapshot has no exported function `{}`", call.export));
        return None;
    }
    let types: Vec<Type> = function.ty(&original.store).params().map(|(_, ty)| ty).collect();
    match &call.arguments {
        None => {
            let before = given.clone();
            let mut generator = Generator { rng, given: &mut *given, made: 0 };
            let made = types.iter().map(|ty| generator.value(ty, 0)).collect();
            if Option::<&Vec<ComponentValue>>::is_none(&Option::as_ref(&made)) {
                *given = before;
            }
            made
        }
        Some(typed) => {
            let fitting = typed.iter().zip(&types).map(|(literal, ty)| value(literal, ty));
            let values: Option<Vec<ComponentValue>> = fitting.collect();
            let values = values.filter(|_| typed.len() == types.len());
            if values.is_none() {
                played.undecided = Some(format!("the arguments do not fit `{}`", call.export));
            }
            values
        }
    }
}

/// What was typed, as a value of this type.
fn value(literal: &Literal, ty: &Type) -> Option<ComponentValue> {
    let Literal::Integer { negative, magnitude } = literal else {
        return match (literal, ty) {
            (Literal::Text(bytes), Type::String) => {
                String::from_utf8(bytes.clone()).ok().map(ComponentValue::Text)
            }
            (Literal::Text(bytes), Type::List(list)) if matches!(list.ty(), Type::U8) => {
                Some(ComponentValue::Bytes(bytes.clone()))
            }
            (Literal::Float(text), Type::Float32) => {
                text.parse::<f32>().ok().map(|value| ComponentValue::Float32(value.to_bits()))
            }
            (Literal::Float(text), Type::Float64) => {
                text.parse::<f64>().ok().map(|value| ComponentValue::Float64(value.to_bits()))
            }
            _ => None,
        };
    };
    let number = i128::try_from(*magnitude).ok()?;
    let number = if *negative { -number } else { number };
    Some(match ty {
        Type::Bool => ComponentValue::Bool(number == 1),
        Type::S8 => ComponentValue::S8(number.try_into().ok()?),
        Type::U8 => ComponentValue::U8(number.try_into().ok()?),
        Type::S16 => ComponentValue::S16(number.try_into().ok()?),
        Type::U16 => ComponentValue::U16(number.try_into().ok()?),
        Type::S32 => ComponentValue::S32(number.try_into().ok()?),
        Type::U32 => ComponentValue::U32(number.try_into().ok()?),
        Type::S64 => ComponentValue::S64(number.try_into().ok()?),
        Type::U64 => ComponentValue::U64(number.try_into().ok()?),
        Type::Float32 => ComponentValue::Float32((number as f32).to_bits()),
        Type::Float64 => ComponentValue::Float64((number as f64).to_bits()),
        _ => return None,
    })
}

/// Compares how a call ended with what a script expects. Only plain results can be typed.
pub fn expect(prefix: &str, expected: &Expected, paired: &Paired, played: &mut Played) {
    for (side, ended) in [("original", &paired.original), ("snapshot", &paired.snapshot)] {
        let is_expected = match (expected, ended) {
            (Expected::Trap, Ended::Otherwise(CallResult::Trapped(_))) => true,
            (Expected::Exit(code), Ended::Otherwise(CallResult::Exited(found))) => code == found,
            (Expected::Results(wanted), Ended::Returned(found)) => {
                wanted.len() == found.len()
                    && wanted.iter().zip(found).all(|(wanted, found)| is_value(wanted, found))
            }
            _ => false,
        };
        if !is_expected {
            let key = format!("{prefix}.expected.{side}");
            played.differences.push(Difference::new(key, "what the script expects", ended.describe()));
        }
    }
}

fn is_value(wanted: &Literal, found: &ComponentValue) -> bool {
    match wanted {
        Literal::Integer { negative, magnitude } => {
            let sign = if *negative { "-" } else { "" };
            found.to_string() == format!("{sign}{magnitude}")
        }
        Literal::Text(bytes) => match found {
            ComponentValue::Text(text) => text.as_bytes() == bytes,
            ComponentValue::Bytes(found) => found == bytes,
            _ => false,
        },
        _ => false,
    }
}
