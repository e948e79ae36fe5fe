//! Code of the layer, whose addresses have 32 bits, in a memory whose addresses have 64.

use super::EmbedError;
use wasm_encoder::{Function, Instruction};
use wasmparser::Operator;

/// Makes addresses of 32 bits ones of 64.
pub(super) struct Wide {
    /// Two locals of 32 bits and one of 64.
    pub scratch: u32,
}

impl Wide {
    /// Extends the address that an instruction finds on the stack.
    pub fn widen(&self, operator: &Operator<'_>, out: &mut Function) -> Result<(), EmbedError> {
        let [first, second, long] = [self.scratch, self.scratch + 1, self.scratch + 2];
        match operator {
            Operator::I32Load { .. }
            | Operator::I32Load8U { .. }
            | Operator::I32Load8S { .. }
            | Operator::I32Load16U { .. }
            | Operator::I32Load16S { .. }
            | Operator::I64Load { .. }
            | Operator::I64Load8U { .. }
            | Operator::I64Load16U { .. }
            | Operator::I64Load32U { .. }
            | Operator::I64Load32S { .. } => {
                out.instruction(&Instruction::I64ExtendI32U);
            }
            Operator::I32Store { .. } | Operator::I32Store8 { .. } | Operator::I32Store16 { .. } => {
                self.below(first, out);
            }
            Operator::I64Store { .. }
            | Operator::I64Store8 { .. }
            | Operator::I64Store16 { .. }
            | Operator::I64Store32 { .. } => self.below(long, out),
            Operator::MemoryCopy { .. } => {
                out.instruction(&Instruction::LocalSet(first)).instruction(&Instruction::LocalSet(second));
                for local in [None, Some(second), Some(first)] {
                    if let Some(local) = local {
                        out.instruction(&Instruction::LocalGet(local));
                    }
                    out.instruction(&Instruction::I64ExtendI32U);
                }
            }
            Operator::MemoryFill { .. } => {
                out.instruction(&Instruction::LocalSet(first)).instruction(&Instruction::LocalSet(second));
                out.instruction(&Instruction::I64ExtendI32U)
                    .instruction(&Instruction::LocalGet(second))
                    .instruction(&Instruction::LocalGet(first))
                    .instruction(&Instruction::I64ExtendI32U);
            }
            Operator::MemorySize { .. } | Operator::MemoryGrow { .. } => {
                return Err(EmbedError::Merge("it asks for the size of memory".to_string()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Extends the address below a value, which this local keeps meanwhile.
    fn below(&self, value: u32, out: &mut Function) {
        out.instruction(&Instruction::LocalSet(value))
            .instruction(&Instruction::I64ExtendI32U)
            .instruction(&Instruction::LocalGet(value));
    }

    /// Extends the address below two numbers of 32 bits.
    pub fn third_operand(&self, out: &mut Function) {
        let [first, second] = [self.scratch, self.scratch + 1];
        out.instruction(&Instruction::LocalSet(first))
            .instruction(&Instruction::LocalSet(second))
            .instruction(&Instruction::I64ExtendI32U)
            .instruction(&Instruction::LocalGet(second))
            .instruction(&Instruction::LocalGet(first));
    }
}
