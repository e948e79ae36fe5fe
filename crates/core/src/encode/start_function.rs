use super::copy_records::CopyRecords;
use super::heap::{self, BodyBuilder};
use super::{EncodeError, constant_expr};
use crate::module::{InitFlag, Module, Patch, SectionId};
use crate::plan::{Plan, StartStep, StartSteps};
use crate::snapshot::Value;
use std::borrow::Cow;
use wasm_encoder::ValType as EncodedType;
use wasm_encoder::{BlockType, Encode, Instruction, MemArg};
use wasmparser::ValType;

/// The name that the start function gets in the name section.
pub(super) const NAME: &str = "preinit:start";

/// The names of the start function and of its parts.
pub(super) fn names(plan: &Plan<'_>) -> Vec<String> {
    let parts = plan.start.as_ref().map_or(0, |start| start.parts().len());
    let part = (1..=parts).map(|part| format!("{NAME} {part}"));
    [NAME.to_string()].into_iter().chain(part).collect()
}

/// Adds the start function and what it calls, their types, and makes it the start.
pub(super) fn add<'m>(
    module: &'m Module<'_>,
    plan: &Plan<'_>,
    start: &StartSteps,
    patch: &mut Patch<'m, '_>,
) -> Result<(), EncodeError> {
    let functions = match &plan.heap {
        Some(heap) => heap::functions(module, heap, start, patch)?,
        None => alone(module, start, patch)?,
    };
    for (ty, body) in functions {
        patch.function(ty, &body);
    }
    let mut index = Vec::new();
    (module.functions.len() as u32).encode(&mut index);
    patch.replacements.set(SectionId::START, index);
    Ok(())
}

/// The start function of a module without objects and its parts, each with its type; that is added only if the module has none
/// like it.
fn alone(
    module: &Module<'_>,
    start: &StartSteps,
    patch: &mut Patch<'_, '_>,
) -> Result<Vec<(u32, Vec<u8>)>, EncodeError> {
    const NULLARY: [u8; 3] = [0x60, 0, 0];
    let nullary = module.types.iter().position(|ty| {
        matches!(&ty.composite_type.inner, wasmparser::CompositeInnerType::Func(ty)
            if ty.params().is_empty() && ty.results().is_empty())
    });
    let ty = nullary.map_or_else(|| patch.ty(&NULLARY), |ty| ty as u32);
    // Later instances have to drop what the first one wrote, so that is after what only that does.
    let drops = start.flag.is_none();
    let mut main = Body::default();
    if let Some(flag) = &start.flag {
        begin_first(flag, &mut main.code);
    }
    let mut parts = Vec::new();
    for steps in start.parts() {
        let mut part = Body::default();
        part.steps(module, steps, drops)?;
        parts.push((ty, part.finish()));
        // They follow the start function.
        Instruction::Call(module.functions.len() as u32 + parts.len() as u32).encode(&mut main.code);
    }
    if parts.is_empty() {
        main.steps(module, &start.steps, drops)?;
    }
    if let Some(flag) = &start.flag {
        end_first(flag, &mut main.code);
        start.written_data().for_each(|data| Instruction::DataDrop(data).encode(&mut main.code));
    }
    parts.insert(0, (ty, main.finish()));
    Ok(parts)
}

/// The body of a function that does steps.
#[derive(Default)]
struct Body {
    locals: Vec<EncodedType>,
    code: Vec<u8>,
}

impl Body {
    fn steps(&mut self, module: &Module<'_>, steps: &[StartStep], drops: bool) -> Result<(), EncodeError> {
        for step in steps {
            let Some(copy) = CopyRecords::of(step) else {
                encode_step(module, step, drops, &mut self.code)?;
                continue;
            };
            let mut local = |ty| {
                self.locals.push(ty);
                self.locals.len() as u32 - 1
            };
            copy.encode(&mut local, drops, &mut self.code);
        }
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        let mut body = Vec::new();
        (self.locals.len() as u32).encode(&mut body);
        for ty in self.locals {
            1u32.encode(&mut body);
            ty.encode(&mut body);
        }
        body.extend(self.code);
        Instruction::End.encode(&mut body);
        body
    }
}

/// A step where values may be objects.
pub(super) fn encode_heap_step(step: &StartStep, body: &mut BodyBuilder<'_>) -> Result<(), EncodeError> {
    if let Some(copy) = CopyRecords::of(step) {
        let mut code = Vec::new();
        copy.encode(&mut |ty| body.local(ty), true, &mut code);
        body.code.extend(code);
        return Ok(());
    }
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
        _ => encode_step(body.context.module, step, true, &mut body.code),
    }
}

/// Where there is none yet, an instance claims the flag of a shared memory; what follows is for the one that does.
fn begin_first(flag: &InitFlag, out: &mut Vec<u8>) {
    for _ in 0..3 {
        Instruction::Block(BlockType::Empty).encode(out);
    }
    index(flag.address, flag.memory64, out);
    Instruction::I32Const(0).encode(out);
    Instruction::I32Const(1).encode(out);
    Instruction::I32AtomicRmwCmpxchg(word(flag)).encode(out);
    Instruction::BrTable(Cow::Borrowed(&[0, 1]), 2).encode(out);
    Instruction::End.encode(out);
}

/// Says that the memory is initialized, and lets other instances wait for that.
fn end_first(flag: &InitFlag, out: &mut Vec<u8>) {
    index(flag.address, flag.memory64, out);
    Instruction::I32Const(InitFlag::DONE).encode(out);
    Instruction::I32AtomicStore(word(flag)).encode(out);
    index(flag.address, flag.memory64, out);
    Instruction::I32Const(-1).encode(out);
    Instruction::MemoryAtomicNotify(word(flag)).encode(out);
    Instruction::Drop.encode(out);
    Instruction::Br(1).encode(out);
    Instruction::End.encode(out);
    index(flag.address, flag.memory64, out);
    Instruction::I32Const(1).encode(out);
    Instruction::I64Const(-1).encode(out);
    Instruction::MemoryAtomicWait32(word(flag)).encode(out);
    Instruction::Drop.encode(out);
    Instruction::End.encode(out);
}

fn word(flag: &InitFlag) -> MemArg {
    MemArg { offset: 0, align: 2, memory_index: flag.memory }
}

fn encode_step(
    module: &Module<'_>,
    step: &StartStep,
    drops: bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
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
            if drops {
                Instruction::DataDrop(data).encode(out);
            }
        }
        StartStep::DropData { data } => Instruction::DataDrop(data).encode(out),
        // Needs locals, see `CopyRecords`.
        StartStep::CopyRecords { .. } => {}
        StartStep::GrowTable { table, table64, from, by, fill, ty } => {
            Instruction::TableSize(table).encode(out);
            trap_unless_equal(from, table64, out);
            constant_expr::push(module, fill, ValType::Ref(ty), out)?;
            index(by, table64, out);
            Instruction::TableGrow(table).encode(out);
            trap_unless_equal(from, table64, out);
        }
        StartStep::InitTable { table, table64, element, offset, from, len, is_last } => {
            index(offset, table64, out);
            Instruction::I32Const(from as i32).encode(out);
            Instruction::I32Const(len as i32).encode(out);
            Instruction::TableInit { table, elem_index: element }.encode(out);
            if is_last {
                Instruction::ElemDrop(element).encode(out);
            }
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
