use super::heap::{self, Added, BodyBuilder};
use super::{EncodeError, constant_expr};
use crate::module::{Module, Replacements, SectionId, section_of};
use crate::plan::{Plan, StartStep, StartSteps};
use crate::snapshot::Value;
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::ValType;

/// The name that the start function gets in the name section.
pub(super) const NAME: &str = "preinit:start";

/// Appends the start function and what it calls, their types, and makes it the start.
pub(super) fn add(
    module: &Module<'_>,
    plan: &Plan<'_>,
    start: &StartSteps,
    sections: &mut Replacements,
) -> Result<(), EncodeError> {
    let added = match &plan.heap {
        Some(heap) => heap::functions(module, heap, start)?,
        None => alone(module, start)?,
    };
    let (count, types) = added.types;
    if count > 0 {
        append(module, SectionId::TYPE, count, &types, sections);
    }
    let count = added.functions.len() as u32;
    let mut entries = Vec::new();
    added.functions.iter().for_each(|ty| ty.encode(&mut entries));
    append(module, SectionId::FUNCTION, count, &entries, sections);

    let mut index = Vec::new();
    (module.functions.len() as u32).encode(&mut index);
    sections.set(SectionId::START, index);

    entries.clear();
    added.bodies.iter().for_each(|body| body.as_slice().encode(&mut entries));
    append(module, SectionId::CODE, count, &entries, sections);
    Ok(())
}

/// The start function of a module without objects; it has a type of its own only if the module has none like it.
fn alone(module: &Module<'_>, start: &StartSteps) -> Result<Added, EncodeError> {
    let nullary = module.types.iter().position(|ty| {
        matches!(&ty.composite_type.inner, wasmparser::CompositeInnerType::Func(ty)
            if ty.params().is_empty() && ty.results().is_empty())
    });
    let ty = nullary.unwrap_or(module.types.len()) as u32;
    let types = match nullary {
        Some(_) => (0, Vec::new()),
        None => (1, vec![0x60, 0, 0]),
    };
    let mut body = vec![0]; // no locals
    for step in &start.steps {
        encode_step(module, step, &mut body)?;
    }
    Instruction::End.encode(&mut body);
    Ok(Added { types, functions: vec![ty], bodies: vec![body] })
}

fn append(module: &Module<'_>, id: SectionId, count: u32, entries: &[u8], sections: &mut Replacements) {
    let contents = match module.section(id) {
        Some(section) => section.with_entries(count, entries),
        None => section_of(count, entries),
    };
    sections.set(id, contents);
}

/// A step where values may be objects.
pub(super) fn encode_heap_step(step: &StartStep, body: &mut BodyBuilder<'_>) -> Result<(), EncodeError> {
    match *step {
        StartStep::SetGlobal { global, value: Value::Ref(reference), ty: ValType::Ref(ty) }
            if reference.object().is_some() =>
        {
            body.constant(ty, reference)?;
            body.push(Instruction::GlobalSet(global));
            Ok(())
        }
        StartStep::GrowTable { table, table64, from, by, fill: Value::Ref(reference), ty }
            if reference.object().is_some() =>
        {
            body.push(Instruction::TableSize(table));
            trap_unless_equal(from, table64, &mut body.code);
            body.constant(ty, reference)?;
            index(by, table64, &mut body.code);
            body.push(Instruction::TableGrow(table));
            trap_unless_equal(from, table64, &mut body.code);
            Ok(())
        }
        _ => encode_step(body.context.module, step, &mut body.code),
    }
}

fn encode_step(module: &Module<'_>, step: &StartStep, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match *step {
        StartStep::GrowMemory { memory, memory64, from, by } => {
            Instruction::MemorySize(memory).encode(out);
            trap_unless_equal(from, memory64, out);
            index(by, memory64, out);
            Instruction::MemoryGrow(memory).encode(out);
            trap_unless_equal(from, memory64, out);
        }
        StartStep::InitMemory { memory, memory64, data, offset, len } => {
            index(offset, memory64, out);
            Instruction::I32Const(0).encode(out);
            Instruction::I32Const(len as i32).encode(out);
            Instruction::MemoryInit { mem: memory, data_index: data }.encode(out);
            Instruction::DataDrop(data).encode(out);
        }
        StartStep::GrowTable { table, table64, from, by, fill, ty } => {
            Instruction::TableSize(table).encode(out);
            trap_unless_equal(from, table64, out);
            constant_expr::push(module, fill, ValType::Ref(ty), out)?;
            index(by, table64, out);
            Instruction::TableGrow(table).encode(out);
            trap_unless_equal(from, table64, out);
        }
        StartStep::InitTable { table, table64, element, offset, len } => {
            index(offset, table64, out);
            Instruction::I32Const(0).encode(out);
            Instruction::I32Const(len as i32).encode(out);
            Instruction::TableInit { table, elem_index: element }.encode(out);
            Instruction::ElemDrop(element).encode(out);
        }
        StartStep::SetGlobal { global, value, ty } => {
            constant_expr::push(module, value, ty, out)?;
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
