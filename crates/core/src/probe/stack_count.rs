use crate::module::Patch;
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::Operator;

/// Code that makes the stacks of continuations count: with each, an added memory grows by as much as its stack may take.
/// So whoever limits memories limits stacks, although the engine asks nobody about those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackCount {
    code: Vec<u8>,
}

impl StackCount {
    /// Adds the memory.
    pub(super) fn install(patch: &mut Patch<'_, '_>, pages: u32) -> StackCount {
        let memory = patch.growing_memory();
        let mut code = Vec::new();
        for instruction in [
            Instruction::I32Const(pages.cast_signed()),
            Instruction::MemoryGrow(memory),
            Instruction::I32Const(-1),
            Instruction::I32Eq,
            Instruction::If(BlockType::Empty),
            Instruction::Unreachable,
            Instruction::End,
        ] {
            instruction.encode(&mut code);
        }
        StackCount { code }
    }

    /// What goes before an instruction.
    pub(crate) fn before(&self, operator: &Operator<'_>) -> Option<&[u8]> {
        matches!(operator, Operator::ContNew { .. }).then_some(&self.code)
    }
}
