//! Init functions for modules that have none.

use preinit::stages::module::{Module, Replacements, SectionId, section_of};
use wasm_encoder::{Encode, Function, Instruction};

pub const EMPTY_INIT: &str = "an init that does nothing";

/// Appends an exported function that does nothing.
pub fn with_empty_init(wasm: &[u8]) -> Vec<u8> {
    with_functions(wasm, &[(EMPTY_INIT.to_string(), Vec::new())])
}

/// Appends exported functions without parameters and results.
pub fn with_functions(wasm: &[u8], functions: &[(String, Vec<Instruction<'_>>)]) -> Vec<u8> {
    let module = Module::parse(wasm).unwrap();
    let ty = module.types.len() as u32;
    let mut replacements = Replacements::default();
    let mut append = |id: SectionId, count: usize, entries: &[u8]| {
        let contents = match module.section(id) {
            Some(section) => section.with_entries(count as u32, entries),
            None => section_of(count as u32, entries),
        };
        replacements.set(id, contents);
    };
    let (mut types, mut exports, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, instructions)) in (module.functions.len() as u32..).zip(functions) {
        ty.encode(&mut types);
        name.as_str().encode(&mut exports);
        exports.push(0);
        index.encode(&mut exports);
        let mut body = Function::new([]);
        instructions.iter().chain([&Instruction::End]).for_each(|instruction| {
            body.instruction(instruction);
        });
        body.encode(&mut bodies);
    }
    append(SectionId::TYPE, 1, &[0x60, 0, 0]);
    append(SectionId::FUNCTION, functions.len(), &types);
    append(SectionId::EXPORT, functions.len(), &exports);
    append(SectionId::CODE, functions.len(), &bodies);
    replacements.apply(&module.sections)
}
