use super::{Probe, ProbeNames};
use crate::module::{Module, Patch};
use wasm_encoder::{BlockType, ExportKind, Function, Instruction, MemArg, ValType};
use wasmparser::ValType as Type;

/// Marks that calls of a function leave in an added memory ([`Probe::Calls`]), each at its first argument: only the calls that
/// returned 0, as functions of WASI do that were successful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMarks {
    function: u32,
    /// Whose calls take all marks away.
    cleared_by: Option<u32>,
}

/// What arguments are below that leave a mark: bytes of a page.
const MOST: i32 = 1 << 16;

impl CallMarks {
    /// Those of a function; `None` if it is not the module's own, or has other types. What clears them must be the module's own, too.
    pub fn of(module: &Module<'_>, function: u32, cleared_by: Option<u32>) -> Option<CallMarks> {
        let is_own = |function: &u32| *function >= module.imported.functions;
        let signature = module.signature(function).filter(|_| is_own(&function))?;
        let fits = signature.params().first() == Some(&Type::I32) && signature.results() == [Type::I32];
        fits.then(|| CallMarks { function, cleared_by: cleared_by.filter(is_own) })
    }

    /// Adds the memory, and gives its index.
    pub(super) fn install(names: &ProbeNames, patch: &mut Patch<'_, '_>) -> u32 {
        let memory = patch.memory(1);
        patch.export(&names.export(Probe::Calls), ExportKind::Memory, memory);
        memory
    }

    /// The body that a function has in the place of `body`: where its calls leave or clear marks, one that calls that.
    pub(super) fn around(
        self,
        (module, memory): (&Module<'_>, u32),
        (function, body): (u32, Vec<u8>),
        patch: &mut Patch<'_, '_>,
    ) -> Vec<u8> {
        let (leaves, clears) = (function == self.function, Some(function) == self.cleared_by);
        let signature = module.signature(function).filter(|_| leaves || clears);
        let (Some(signature), Some(ty)) = (signature, module.functions.get(function as usize)) else {
            return body;
        };
        let inner = patch.function(*ty, &body);
        let params = signature.params().len() as u32;
        let mut outer = Function::new(leaves.then_some((1, ValType::I32)));
        if clears {
            outer
                .instruction(&Instruction::I32Const(0))
                .instruction(&Instruction::I32Const(0))
                .instruction(&Instruction::I32Const(MOST))
                .instruction(&Instruction::MemoryFill(memory));
        }
        for param in 0..params {
            outer.instruction(&Instruction::LocalGet(param));
        }
        outer.instruction(&Instruction::Call(inner));
        if leaves {
            outer
                .instruction(&Instruction::LocalTee(params))
                .instruction(&Instruction::I32Eqz)
                .instruction(&Instruction::LocalGet(0))
                .instruction(&Instruction::I32Const(MOST))
                .instruction(&Instruction::I32LtU)
                .instruction(&Instruction::I32And)
                .instruction(&Instruction::If(BlockType::Empty))
                .instruction(&Instruction::LocalGet(0))
                .instruction(&Instruction::I32Const(1))
                .instruction(&Instruction::I32Store8(MemArg { offset: 0, align: 0, memory_index: memory }))
                .instruction(&Instruction::End)
                .instruction(&Instruction::LocalGet(params));
        }
        outer.instruction(&Instruction::End);
        outer.into_raw_body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ProbeOptions, Probed};

    const CALLS: &str = r#"(module
        (import "env" "f" (func (param i32) (result i32)))
        (memory 1)
        (func (export "close") (param i32 i64) (result i32) (return (i32.const 0)))
        (func (export "reset"))
        (func (export "long") (param i64) (result i32) (i32.const 0))
        (func (export "nothing") (param i32))
        (func (export "several") (param i32) (result i32 i32) (i32.const 0) (i32.const 0)))"#;

    #[test]
    fn functions_of_other_types_and_of_others_leave_none() {
        let wasm = wat::parse_str(CALLS).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let marks = |function| CallMarks::of(&module, function, None).is_some();
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(marks), [false, true, false, false, false, false, false]);
        let clearing = |function| CallMarks::of(&module, 1, Some(function)).unwrap().cleared_by;
        assert_eq!((clearing(2), clearing(0)), (Some(2), None));
    }

    /// What stood there is called from there, and stays as it was.
    #[test]
    fn only_these_functions_have_other_bodies() {
        let wasm = wat::parse_str(CALLS).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let options =
            ProbeOptions { marks_calls: CallMarks::of(&module, 1, Some(2)), ..ProbeOptions::default() };
        let probed = Probed::with(&module, &options).unwrap();
        let after = Module::parse(&probed.wasm).unwrap();
        assert_eq!(after.export(&probed.export_name(Probe::Calls)).unwrap().index, 1);
        let (before, after) = (module.bodies(), after.bodies());
        let [before, after] = [&before, &after]
            .map(|bodies| bodies.iter().map(wasmparser::FunctionBody::as_bytes).collect::<Vec<_>>());
        assert_eq!(before[2..], after[2..5]);
        assert_eq!(before[..2], after[after.len() - 2..]);
        assert!(before[0] != after[0] && before[1] != after[1]);
    }
}
