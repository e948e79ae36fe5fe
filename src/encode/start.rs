use super::{EncodeError, constant};
use crate::module::{Module, Replacements, SectionId, section_of};
use crate::plan::{Start, Step};
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::ValType;

/// The name that the start function gets in the name section.
pub(super) const NAME: &str = "preinit:start";

/// Appends the start function, its type if the module has none like it, and makes it the start.
pub(super) fn add(
    module: &Module<'_>,
    start: &Start,
    sections: &mut Replacements,
) -> Result<(), EncodeError> {
    let nullary = module.types.iter().position(|ty| {
        matches!(&ty.composite_type.inner, wasmparser::CompositeInnerType::Func(ty)
            if ty.params().is_empty() && ty.results().is_empty())
    });
    let ty = nullary.unwrap_or(module.types.len()) as u32;
    if nullary.is_none() {
        append(module, SectionId::TYPE, &[0x60, 0, 0], sections);
    }
    let mut entry = Vec::new();
    ty.encode(&mut entry);
    append(module, SectionId::FUNCTION, &entry, sections);

    let mut index = Vec::new();
    (module.functions.len() as u32).encode(&mut index);
    sections.set(SectionId::START, index);

    let mut body = vec![0]; // no locals
    for step in &start.steps {
        encode_step(step, &mut body)?;
    }
    Instruction::End.encode(&mut body);
    let mut entry = Vec::with_capacity(body.len() + 5);
    body.as_slice().encode(&mut entry);
    append(module, SectionId::CODE, &entry, sections);
    Ok(())
}

fn append(module: &Module<'_>, id: SectionId, entry: &[u8], sections: &mut Replacements) {
    let contents = match module.section(id) {
        Some(section) => section.with_entries(1, entry),
        None => section_of(1, entry),
    };
    sections.set(id, contents);
}

fn encode_step(step: &Step, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match *step {
        Step::GrowMemory { memory, memory64, from, by } => {
            Instruction::MemorySize(memory).encode(out);
            trap_unless_equal(from, memory64, out);
            index(by, memory64, out);
            Instruction::MemoryGrow(memory).encode(out);
            trap_unless_equal(from, memory64, out);
        }
        Step::InitMemory { memory, memory64, data, offset, len } => {
            index(offset, memory64, out);
            Instruction::I32Const(0).encode(out);
            Instruction::I32Const(len as i32).encode(out);
            Instruction::MemoryInit { mem: memory, data_index: data }.encode(out);
            Instruction::DataDrop(data).encode(out);
        }
        Step::GrowTable { table, table64, from, by, fill, ty } => {
            Instruction::TableSize(table).encode(out);
            trap_unless_equal(from, table64, out);
            constant::push(fill, ValType::Ref(ty), out)?;
            index(by, table64, out);
            Instruction::TableGrow(table).encode(out);
            trap_unless_equal(from, table64, out);
        }
        Step::InitTable { table, table64, element, offset, len } => {
            index(offset, table64, out);
            Instruction::I32Const(0).encode(out);
            Instruction::I32Const(len as i32).encode(out);
            Instruction::TableInit { table, elem_index: element }.encode(out);
            Instruction::ElemDrop(element).encode(out);
        }
        Step::SetGlobal { global, value, ty } => {
            constant::push(value, ty, out)?;
            Instruction::GlobalSet(global).encode(out);
        }
    }
    Ok(())
}

fn index(value: u64, is_64: bool, out: &mut Vec<u8>) {
    match is_64 {
        true => Instruction::I64Const(value as i64).encode(out),
        false => Instruction::I32Const(value as u32 as i32).encode(out),
    }
}

fn trap_unless_equal(expected: u64, is_64: bool, out: &mut Vec<u8>) {
    index(expected, is_64, out);
    if is_64 {
        Instruction::I64Ne.encode(out)
    } else {
        Instruction::I32Ne.encode(out)
    }
    Instruction::If(BlockType::Empty).encode(out);
    Instruction::Unreachable.encode(out);
    Instruction::End.encode(out);
}
