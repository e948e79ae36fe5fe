//! The property on modules of wasm-smith, which know every instruction and little structure.

use super::checkpoint;
use super::property::ENTRY;
use crate::added_functions::with_functions;
use crate::property::operations;
use crate::random;
use arbitrary::Unstructured;
use preinit::stages::module::Module;
use wasm_encoder::Instruction;

/// A module whose entry calls its functions one after the other; `None` if it has none that can be called. Where it calls the
/// host is chosen by `calls`.
pub fn program_of(bytes: &[u8], plain: bool, calls: u64) -> Option<Vec<u8>> {
    let mut source = Unstructured::new(bytes);
    let config = wasm_smith::Config {
        export_everything: true,
        max_memories: 2,
        max_tables: 2,
        max_memory32_bytes: 3 << 16,
        max_memory64_bytes: 3 << 16,
        max_table_elements: 50,
        disallow_traps: true,
        min_funcs: 3,
        max_funcs: 8,
        max_imports: 0,
        max_instructions: 150,
        gc_enabled: !plain,
        exceptions_enabled: !plain,
        tail_call_enabled: !plain,
        threads_enabled: false,
        allow_start_export: false,
        memory_max_size_required: true,
        table_max_size_required: true,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, &mut source).ok()?;
    module.ensure_termination(40).ok()?;
    let wasm = module.to_bytes();
    let module = Module::parse(&wasm).expect("wasm-smith makes valid modules of the features that we take");
    let mut body = Vec::new();
    for function in module.imported.functions..module.functions.len() as u32 {
        let ty = module.signature(function)?;
        let mut arguments = Vec::new();
        for parameter in ty.params() {
            arguments.push(operations::constant(&module, *parameter, &mut source).ok()?);
        }
        let Some(arguments) = arguments.into_iter().collect::<Option<Vec<_>>>() else { continue };
        let mut call: Vec<Instruction<'_>> = arguments.into_iter().flatten().collect();
        call.push(Instruction::Call(function));
        call.extend(ty.results().iter().map(|_| Instruction::Drop));
        body.extend(call);
    }
    let wasm = with_functions(&wasm, &[(ENTRY.to_string(), body)]);
    let every = source.int_in_range(1..=6).unwrap_or(2);
    let mut random = random::bytes(calls, 1 << 16).into_iter().cycle();
    Some(checkpoint::insert(&wasm, &mut |_, _| random.next().is_some_and(|byte| byte % every == 0)))
}
