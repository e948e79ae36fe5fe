use super::ProbeOptions;
use crate::module::{Module, Patch};
use std::collections::BTreeMap;
use wasm_encoder::{BlockType, Encode, Function, Instruction, ValType};
use wasmparser::{MemoryType, Operator};

/// Pages of the memory that counts, as a power of two.
const PAGE_SIZE_LOG2: u32 = 16;

/// Code that makes memory count of which the engine asks nobody: with each stack of a continuation, and with a shared memory, an
/// added memory grows by as much. Nothing is in it. So whoever limits memories limits those too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryCount {
    /// What goes before an instruction that makes a continuation.
    continuation: Vec<u8>,
    /// The functions that are called instead of growing a memory, by the memory.
    growths: BTreeMap<u32, u32>,
}

impl MemoryCount {
    /// Adds the memory and the functions, if the module has what is to count.
    pub(super) fn install(
        module: &Module<'_>,
        options: &ProbeOptions,
        patch: &mut Patch<'_, '_>,
    ) -> Option<MemoryCount> {
        let makes_stacks = options.stack_pages > 0 && module.code.makes_continuations;
        let is_shared = |memory: &&u32| module.memories.get(**memory as usize).is_some_and(|ty| ty.shared);
        let shared: Vec<u32> = match options.counts_shared_memories {
            true => module.code.grown_memories.iter().filter(is_shared).copied().collect(),
            false => Vec::new(),
        };
        if !makes_stacks && shared.is_empty() {
            return None;
        }
        let counting = patch.growing_memory();
        let continuation = if makes_stacks { stack(counting, options.stack_pages) } else { Vec::new() };
        let growth = |memory: u32| {
            let ty = &module.memories[memory as usize];
            let index = if ty.memory64 { ValType::I64 } else { ValType::I32 };
            let (params, results) = ([index], [index]);
            let mut entry = vec![0x60];
            params[..].encode(&mut entry);
            results[..].encode(&mut entry);
            let function_type = patch.ty(&entry);
            (memory, patch.function(function_type, &growth(memory, ty, counting).into_raw_body()))
        };
        Some(MemoryCount { continuation, growths: shared.into_iter().map(growth).collect() })
    }

    /// What stands for an instruction whose bytes are `own`, if it is not these alone. It is as long or longer.
    pub(crate) fn instead(&self, operator: &Operator<'_>, own: &[u8]) -> Option<Vec<u8>> {
        match operator {
            Operator::ContNew { .. } if !self.continuation.is_empty() => {
                Some([&self.continuation, own].concat())
            }
            Operator::MemoryGrow { mem } => Some(call(*self.growths.get(mem)?, own.len())),
            _ => None,
        }
    }
}

/// Counts the stack of a continuation, or traps.
fn stack(counting: u32, pages: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for instruction in [
        Instruction::I64Const(pages.into()),
        Instruction::MemoryGrow(counting),
        Instruction::I64Const(-1),
        Instruction::I64Eq,
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
    ] {
        instruction.encode(&mut code);
    }
    code
}

/// A call that takes no fewer bytes than this many: code that moves is not where debugging information says.
fn call(function: u32, len: usize) -> Vec<u8> {
    let mut code = Vec::new();
    Instruction::Call(function).encode(&mut code);
    while code.len() < len {
        if let Some(last) = code.last_mut() {
            *last |= 0x80;
        }
        code.push(0);
    }
    code
}

/// A function that grows `memory` like the instruction, once that is counted. Beyond its own maximum it is not.
fn growth(memory: u32, ty: &MemoryType, counting: u32) -> Function {
    const DELTA: u32 = 0;
    const SIZE: u32 = 1;
    let mut function = Function::new([(2, ValType::I64)]);
    let extend = |function: &mut Function| {
        if !ty.memory64 {
            function.instruction(&Instruction::I64ExtendI32U);
        }
    };
    let delta = |function: &mut Function| {
        function.instruction(&Instruction::LocalGet(DELTA));
        extend(function);
    };
    function.instruction(&Instruction::MemorySize(memory));
    extend(&mut function);
    function.instruction(&Instruction::LocalSet(SIZE));
    delta(&mut function);
    let maximum = ty.maximum.unwrap_or(u64::MAX);
    function
        .instruction(&Instruction::I64Const(maximum.cast_signed()))
        .instruction(&Instruction::LocalGet(SIZE))
        .instruction(&Instruction::I64Sub)
        .instruction(&Instruction::I64LeU)
        .instruction(&Instruction::If(BlockType::Empty));
    function.instruction(&Instruction::LocalGet(SIZE));
    delta(&mut function);
    function.instruction(&Instruction::I64Add);
    counted_pages(&mut function, ty);
    function.instruction(&Instruction::LocalGet(SIZE));
    counted_pages(&mut function, ty);
    function
        .instruction(&Instruction::I64Sub)
        .instruction(&Instruction::MemoryGrow(counting))
        .instruction(&Instruction::I64Const(-1))
        .instruction(&Instruction::I64Eq)
        .instruction(&Instruction::If(BlockType::Empty))
        .instruction(&if ty.memory64 { Instruction::I64Const(-1) } else { Instruction::I32Const(-1) })
        .instruction(&Instruction::Return)
        .instruction(&Instruction::End)
        .instruction(&Instruction::End)
        .instruction(&Instruction::LocalGet(DELTA))
        .instruction(&Instruction::MemoryGrow(memory))
        .instruction(&Instruction::End);
    function
}

/// Turns the topmost operand, a number of the memory's pages, into pages that count. A part of one counts as a whole.
fn counted_pages(function: &mut Function, ty: &MemoryType) {
    let page_size_log2 = ty.page_size_log2.unwrap_or(PAGE_SIZE_LOG2);
    if page_size_log2 < PAGE_SIZE_LOG2 {
        const ROUNDED: u32 = 2;
        let shift = PAGE_SIZE_LOG2 - page_size_log2;
        function
            .instruction(&Instruction::LocalTee(ROUNDED))
            .instruction(&Instruction::I64Const(shift.into()))
            .instruction(&Instruction::I64ShrU)
            .instruction(&Instruction::LocalGet(ROUNDED))
            .instruction(&Instruction::I64Const((1 << shift) - 1))
            .instruction(&Instruction::I64And)
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64Ne)
            .instruction(&Instruction::I64ExtendI32U)
            .instruction(&Instruction::I64Add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probed;

    /// The instructions of the module's own functions, and the names of those of the functions that were added.
    fn instructions(wat: &str, options: &ProbeOptions) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        let wasm = wat::parse_str(wat).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let probed = Probed::with(&module, options).unwrap();
        let probed = Module::parse(&probed.wasm).expect("the probed module is valid");
        let read = |body: &wasmparser::FunctionBody<'_>| {
            let operators = body.get_operators_reader().unwrap().into_iter();
            operators.map(|operator| format!("{:?}", operator.unwrap())).collect::<Vec<_>>()
        };
        let mut bodies: Vec<_> = probed.bodies().iter().map(read).collect();
        let added = bodies.split_off(module.bodies().len());
        (bodies, added)
    }

    const GROWS: &str = r#"(module (memory 1 1) (memory 1 9 shared) (memory i64 1 9 shared) (memory 1 9 shared)
        (func (drop (memory.grow 0 (i32.const 1)))
            (drop (memory.grow 1 (i32.const 2))) (drop (memory.grow 1 (i32.const 3)))
            (drop (memory.grow 2 (i64.const 4)))))"#;

    #[test]
    fn only_growing_shared_memories_are_counted() {
        let options = ProbeOptions { counts_shared_memories: true, ..ProbeOptions::default() };
        let (own, added) = instructions(GROWS, &options);
        let calls: Vec<_> =
            own[0].iter().filter(|name| name.starts_with("MemoryGrow") || name.starts_with("Call")).collect();
        assert_eq!(
            calls,
            [
                "MemoryGrow { mem: 0 }",
                "Call { function_index: 1 }",
                "Call { function_index: 1 }",
                "Call { function_index: 2 }"
            ]
        );
        assert_eq!(added.len(), 2);
        for (memory, body) in (1..).zip(&added) {
            let grown: Vec<_> = body.iter().filter(|name| name.starts_with("MemoryGrow")).collect();
            assert_eq!(grown, ["MemoryGrow { mem: 4 }", &format!("MemoryGrow {{ mem: {memory} }}")]);
        }
        let (own, added) = instructions(GROWS, &ProbeOptions::default());
        assert!(own[0].iter().all(|name| !name.starts_with("Call")));
        assert!(added.is_empty());
    }

    #[test]
    fn a_call_is_as_long_as_what_it_stands_for() {
        for (function, len, expected) in [
            (5, 2, &[0x10, 5][..]),
            (5, 4, &[0x10, 0x85, 0x80, 0]),
            (300, 2, &[0x10, 0xac, 2]),
            (300, 6, &[0x10, 0xac, 0x82, 0x80, 0x80, 0]),
        ] {
            assert_eq!(call(function, len), expected);
        }
    }
}
