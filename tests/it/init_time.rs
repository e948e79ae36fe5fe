//! What counts as the time of init.

use preinit::Preinit;
use std::time::Duration;
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, Module, TypeSection,
};

/// An init function that does nothing, and so many others that take time to compile.
fn module(functions: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..functions {
        declared.function(0);
        let mut function = Function::new([]);
        for _ in 0..20 {
            function.instruction(&Instruction::I32Const(1)).instruction(&Instruction::Drop);
        }
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let mut exports = ExportSection::new();
    exports.export("preinit", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&exports).section(&code);
    module.finish()
}

#[test]
fn compiling_is_not_counted() {
    let limit = Duration::from_secs(1);
    let mut functions = 20_000;
    loop {
        let output = Preinit::new().timeout(limit).run(&module(functions)).unwrap();
        if output.report.timings.compile > limit.as_secs_f64() {
            return;
        }
        functions *= 2;
    }
}
