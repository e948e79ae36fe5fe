//! The lowest value that a global has had, such as a stack pointer: below it nobody has used the stack.

use super::{Probe, ProbeNames};
use crate::module::{Module, Patch};
use wasm_encoder::{ConstExpr, Encode, ExportKind, Instruction};
use wasmparser::{Operator, ValType};

/// Code that keeps the lowest value, without a sign, of a global.
#[derive(Debug, Clone)]
pub(super) struct LowestValue {
    global: u32,
    code: Vec<u8>,
}

impl LowestValue {
    /// Adds a global for it ([`Probe::Lowest`]), which has all bits set until the module writes to `global`. `None` if that is not
    /// an integer that can be written.
    pub fn install(
        module: &Module<'_>,
        names: &ProbeNames,
        global: u32,
        patch: &mut Patch<'_, '_>,
    ) -> Option<LowestValue> {
        let ty = module.globals.get(global as usize)?.ty;
        let (ty, none, less) = match ty.content_type {
            _ if !ty.mutable || ty.shared => return None,
            ValType::I32 => (wasm_encoder::ValType::I32, ConstExpr::i32_const(-1), Instruction::I32LtU),
            ValType::I64 => (wasm_encoder::ValType::I64, ConstExpr::i64_const(-1), Instruction::I64LtU),
            _ => return None,
        };
        let lowest = patch.variable(ty, &none);
        patch.export(&names.export(Probe::Lowest), ExportKind::Global, lowest);
        let mut code = Vec::new();
        for instruction in [
            Instruction::GlobalGet(global),
            Instruction::GlobalGet(lowest),
            Instruction::GlobalGet(global),
            Instruction::GlobalGet(lowest),
            less,
            Instruction::Select,
            Instruction::GlobalSet(lowest),
        ] {
            instruction.encode(&mut code);
        }
        Some(LowestValue { global, code })
    }

    /// What goes behind an instruction.
    pub fn behind(&self, operator: &Operator<'_>) -> Option<&[u8]> {
        let writes = matches!(operator, Operator::GlobalSet { global_index } if *global_index == self.global);
        writes.then_some(&self.code)
    }
}
