//! When the memory does not grow.

use super::{PAGES, REACH, SizeCode};
use wasm_encoder::{BlockType, Function, Instruction};

impl SizeCode {
    /// Traps if the page would have to move while a function of the layer has its frame there.
    pub(super) fn trap_within_a_call(&self, body: &mut Function, more: u32, is_last: u32) {
        body.instruction(&Instruction::LocalGet(is_last))
            .instruction(&Instruction::LocalGet(more))
            .instruction(&self.constant(0))
            .instruction(&self.by_type(Instruction::I32Ne, Instruction::I64Ne))
            .instruction(&Instruction::I32And)
            .instruction(&Instruction::GlobalGet(self.page.depth))
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32Ne)
            .instruction(&Instruction::I32And)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
    }

    /// Fails to grow the module's own pages beyond its maximum.
    pub(super) fn refuse_beyond_maximum(&self, body: &mut Function, more: u32, size: u32, maximum: u64) {
        let is_above = self.by_type(Instruction::I32GtU, Instruction::I64GtU);
        // A maximum of 32 bits is one of pages, at most 65536.
        let narrow = Instruction::I32Const(maximum.min(REACH) as i32);
        let maximum = self.by_type(narrow, Instruction::I64Const(maximum.cast_signed()));
        body.instruction(&Instruction::Call(size))
            .instruction(&maximum)
            .instruction(&is_above)
            .instruction(&Instruction::LocalGet(more))
            .instruction(&maximum)
            .instruction(&Instruction::Call(size))
            .instruction(&self.subtract())
            .instruction(&is_above)
            .instruction(&Instruction::I32Or)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&self.by_type(Instruction::I32Const(-1), Instruction::I64Const(-1)))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
    }

    /// Fails to grow a memory so far that the page would be out of reach of 32 bits.
    pub(super) fn refuse_beyond_reach(&self, body: &mut Function, more: u32, is_last: u32) {
        // One page less, since an address after the last byte must have 32 bits too.
        let most = REACH.cast_signed() - i64::from(PAGES);
        body.instruction(&Instruction::LocalGet(is_last))
            .instruction(&Instruction::LocalGet(more))
            .instruction(&Instruction::I64Const(most))
            .instruction(&Instruction::MemorySize(self.page.memory))
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::I64GtS)
            .instruction(&Instruction::LocalGet(more))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::I32Or)
            .instruction(&Instruction::I32And)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::I64Const(-1))
            .instruction(&Instruction::Return)
            .instruction(&Instruction::End);
    }
}
