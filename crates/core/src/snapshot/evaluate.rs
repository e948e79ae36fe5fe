//! Evaluation of constant expressions.

use super::{Reference, Snapshot, Value};
use wasmparser::{ConstExpr, Operator};

impl Snapshot<'_> {
    /// The value of a constant expression in the instance of the snapshot; `None` for those that make objects. Globals that
    /// a constant expression may read are immutable, so what they hold at the snapshot is what they held then.
    pub fn evaluate(&self, expr: &ConstExpr<'_>) -> Option<Value> {
        evaluate(expr, |index| Some(self.globals.get(index as usize)?.value))
    }
}

/// The value of a constant expression that depends on nothing but the module; `None` for those that read globals or make
/// objects.
pub fn evaluate_alone(expr: &ConstExpr<'_>) -> Option<Value> {
    evaluate(expr, |_| None)
}

/// The address or index that a constant expression gives, zero-extended, if it depends on nothing but the module.
pub fn constant_address(expr: &ConstExpr<'_>) -> Option<u64> {
    evaluate_alone(expr)?.address()
}

impl Value {
    /// An integer as an address, zero-extended.
    pub fn address(self) -> Option<u64> {
        match self {
            Value::I32(value) => Some(u64::from(value as u32)),
            Value::I64(value) => Some(value as u64),
            _ => None,
        }
    }
}

fn evaluate(expr: &ConstExpr<'_>, global: impl Fn(u32) -> Option<Value>) -> Option<Value> {
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
            Operator::GlobalGet { global_index } => global(global_index)?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::GlobalState;
    use wasm_encoder::{Encode, Instruction};
    use wasmparser::BinaryReader;

    fn with_expr<R>(code: &[Instruction<'_>], check: impl FnOnce(&ConstExpr<'_>) -> R) -> R {
        let mut bytes = Vec::new();
        code.iter().chain([&Instruction::End]).for_each(|instruction| instruction.encode(&mut bytes));
        check(&ConstExpr::new(BinaryReader::new(&bytes, 0)))
    }

    fn snapshot(value: Value) -> Snapshot<'static> {
        Snapshot { globals: vec![GlobalState { value, import_changed: false }], ..Snapshot::default() }
    }

    #[test]
    fn arithmetic_wraps_and_keeps_the_order_of_its_operands() {
        use Instruction::{I32Const, I32Mul, I32Sub, I64Add, I64Const, I64Sub};
        let wrapped = with_expr(&[I32Const(i32::MIN), I32Const(1), I32Sub], evaluate_alone);
        assert_eq!(wrapped, Some(Value::I32(i32::MAX)));
        let nested = with_expr(&[I32Const(7), I32Const(2), I32Sub, I32Const(-3), I32Mul], evaluate_alone);
        assert_eq!(nested, Some(Value::I32(-15)));
        let wide = with_expr(&[I64Const(i64::MAX), I64Const(1), I64Add, I64Const(2), I64Sub], evaluate_alone);
        assert_eq!(wide, Some(Value::I64(i64::MAX - 1)));
    }

    #[test]
    fn a_global_is_read_only_where_there_is_an_instance() {
        let code = [Instruction::GlobalGet(0), Instruction::I32Const(1), Instruction::I32Add];
        assert_eq!(with_expr(&code, evaluate_alone), None);
        let snapshot = snapshot(Value::I32(41));
        assert_eq!(with_expr(&code, |expr| snapshot.evaluate(expr)), Some(Value::I32(42)));
        assert_eq!(with_expr(&[Instruction::GlobalGet(1)], |expr| snapshot.evaluate(expr)), None);
    }

    #[test]
    fn small_integers_lose_their_highest_bit() {
        let value = with_expr(&[Instruction::I32Const(-1), Instruction::RefI31], evaluate_alone);
        assert_eq!(value, Some(Value::Ref(Reference::I31(0x7fff_ffff))));
    }

    #[test]
    fn what_has_no_constant_has_no_value() {
        let unwritable = snapshot(Value::Ref(Reference::Unwritable(crate::snapshot::Unwritable::HostExtern)));
        assert_eq!(with_expr(&[Instruction::GlobalGet(0)], |expr| unwritable.evaluate(expr)), None);
        assert_eq!(with_expr(&[Instruction::StructNewDefault(0)], evaluate_alone), None);
        assert_eq!(with_expr(&[Instruction::I32Const(1), Instruction::I32Const(2)], evaluate_alone), None);
    }

    #[test]
    fn addresses_are_unsigned() {
        assert_eq!(with_expr(&[Instruction::I32Const(-4)], constant_address), Some(0xffff_fffc));
        assert_eq!(with_expr(&[Instruction::I64Const(-4)], constant_address), Some(u64::MAX - 3));
        assert_eq!(with_expr(&[Instruction::F32Const(1.0f32.into())], constant_address), None);
    }
}
