use crate::snapshot::{Reference, Snapshot, Value};
use wasmparser::{ConstExpr, Operator};

/// The value of a constant expression in the instance of the snapshot; `None` for those that make objects. Globals that
/// a constant expression may read are immutable, so what they hold at the snapshot is what they held then.
pub(super) fn evaluate(expr: &ConstExpr<'_>, snapshot: &Snapshot<'_>) -> Option<Value> {
    let mut stack: Vec<Value> = Vec::new();
    for operator in expr.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => Value::I32(value),
            Operator::I64Const { value } => Value::I64(value),
            Operator::F32Const { value } => Value::F32(value.bits()),
            Operator::F64Const { value } => Value::F64(value.bits()),
            Operator::V128Const { value } => Value::V128(value.i128() as u128),
            Operator::RefNull { .. } => Value::Ref(Reference::Null),
            Operator::RefFunc { function_index } => Value::Ref(Reference::Func(function_index)),
            Operator::GlobalGet { global_index } => snapshot.globals.get(global_index as usize)?.value,
            Operator::RefI31 => match stack.pop()? {
                Value::I32(value) => Value::Ref(Reference::I31(value as u32 & 0x7fff_ffff)),
                _ => return None,
            },
            Operator::I32Add => i32_operator(&mut stack, i32::wrapping_add)?,
            Operator::I32Sub => i32_operator(&mut stack, i32::wrapping_sub)?,
            Operator::I32Mul => i32_operator(&mut stack, i32::wrapping_mul)?,
            Operator::I64Add => i64_operator(&mut stack, i64::wrapping_add)?,
            Operator::I64Sub => i64_operator(&mut stack, i64::wrapping_sub)?,
            Operator::I64Mul => i64_operator(&mut stack, i64::wrapping_mul)?,
            Operator::End => continue,
            _ => return None,
        };
        stack.push(value);
    }
    stack.pop().filter(|value| stack.is_empty() && !matches!(value, Value::Ref(Reference::Unwritable(_))))
}

/// Whether the expression reads a global for which `changed` holds.
pub(super) fn reads_global(expr: &ConstExpr<'_>, changed: impl Fn(u32) -> bool) -> bool {
    let reads =
        |operator| matches!(operator, Ok(Operator::GlobalGet { global_index }) if changed(global_index));
    expr.get_operators_reader().into_iter().any(reads)
}

fn i32_operator(stack: &mut Vec<Value>, operator: fn(i32, i32) -> i32) -> Option<Value> {
    match (stack.pop()?, stack.pop()?) {
        (Value::I32(right), Value::I32(left)) => Some(Value::I32(operator(left, right))),
        _ => None,
    }
}

fn i64_operator(stack: &mut Vec<Value>, operator: fn(i64, i64) -> i64) -> Option<Value> {
    match (stack.pop()?, stack.pop()?) {
        (Value::I64(right), Value::I64(left)) => Some(Value::I64(operator(left, right))),
        _ => None,
    }
}
