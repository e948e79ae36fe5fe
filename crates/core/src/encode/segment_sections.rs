use super::{EncodeError, constant_expr};
use crate::module::{Module, SectionEntries};
use crate::plan::{DataSegment, ElementSegment, ElementType, Plan};
use crate::snapshot::{Reference, Snapshot, Value};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction};
use wasmparser::ValType;

// Flags of segments (spec, 5.5.12 and 5.5.14).
const PASSIVE_OR_DECLARED: u8 = 0b001;
const EXPLICIT_INDEX: u8 = 0b010;
const EXPRESSIONS: u8 = 0b100;
const ELEMENT_KIND_FUNCTION: u8 = 0x00;

/// The contents of the data section.
pub(super) fn data(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>, out: &mut Vec<u8>) {
    (plan.data.len() as u32).encode(out);
    for segment in &plan.data {
        data_header(module, plan, segment, out);
        match segment {
            DataSegment::Original(index) => out.extend_from_slice(module.data[*index as usize].bytes),
            DataSegment::Empty => {}
            DataSegment::Heap => out.extend_from_slice(heap_data(plan)),
            DataSegment::Sparse(sparse) => {
                sparse.append_to(&snapshot.memories[sparse.memory as usize].image, out);
            }
            DataSegment::Active { memory, range } | DataSegment::Passive { memory, range } => {
                snapshot.memories[*memory as usize].image.append_to(range.start, range.end, out);
            }
        }
    }
}

/// The size of the data section's contents.
pub(super) fn data_len(module: &Module<'_>, plan: &Plan<'_>) -> u64 {
    let mut header = Vec::new();
    (plan.data.len() as u32).encode(&mut header);
    let mut len = header.len() as u64;
    for segment in &plan.data {
        header.clear();
        let contents = data_header(module, plan, segment, &mut header);
        len += header.len() as u64 + contents;
    }
    len
}

/// What the objects of the heap are made of.
fn heap_data<'p>(plan: &'p Plan<'_>) -> &'p [u8] {
    plan.heap.as_ref().map_or(&[], |heap| &heap.plan.data.contents)
}

/// Everything of a data segment up to its contents; returns their size, which a plan keeps below 4 GiB.
fn data_header(module: &Module<'_>, plan: &Plan<'_>, segment: &DataSegment, out: &mut Vec<u8>) -> u64 {
    let len = match segment {
        DataSegment::Original(index) => module.data[*index as usize].bytes.len() as u64,
        DataSegment::Empty => 0,
        DataSegment::Heap => heap_data(plan).len() as u64,
        DataSegment::Sparse(sparse) => sparse.bytes(),
        DataSegment::Active { range, .. } | DataSegment::Passive { range, .. } => range.end - range.start,
    };
    match segment {
        DataSegment::Active { memory, range } => {
            if *memory == 0 {
                out.push(0);
            } else {
                out.push(EXPLICIT_INDEX);
                memory.encode(out);
            }
            offset(range.start, module.memories[*memory as usize].memory64, out);
        }
        DataSegment::Original(_)
        | DataSegment::Empty
        | DataSegment::Heap
        | DataSegment::Sparse(_)
        | DataSegment::Passive { .. } => out.push(PASSIVE_OR_DECLARED),
    }
    (len as u32).encode(out);
    len
}

fn offset(offset: u64, is_64: bool, out: &mut Vec<u8>) {
    let instruction = if is_64 {
        Instruction::I64Const(offset as i64)
    } else {
        Instruction::I32Const(offset as u32 as i32)
    };
    instruction.encode(out);
    Instruction::End.encode(out);
}

pub(super) fn elements(module: &Module<'_>, plan: &Plan<'_>) -> Result<SectionEntries, EncodeError> {
    let mut entries = SectionEntries::default();
    for segment in &plan.elements {
        entries.try_add(|out| element(module, segment, out))?;
    }
    Ok(entries)
}

fn element(module: &Module<'_>, segment: &ElementSegment, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match segment {
        ElementSegment::Original(index) => {
            out.extend_from_slice(&module.bytes[module.elements[*index as usize].range.clone()]);
        }
        ElementSegment::Empty(ty) => passive(module, *ty, &[], out)?,
        ElementSegment::Passive { ty, items: elements } => passive(module, *ty, elements, out)?,
        ElementSegment::Active { table, offset: slot, ty, items: elements } => {
            let is_64 = module.tables[*table as usize].ty.table64;
            match ty {
                ElementType::Functions if *table == 0 => {
                    out.push(0);
                    offset(*slot, is_64, out);
                }
                ElementType::Functions => {
                    out.push(EXPLICIT_INDEX);
                    table.encode(out);
                    offset(*slot, is_64, out);
                    out.push(ELEMENT_KIND_FUNCTION);
                }
                ElementType::Expressions(ty) => {
                    out.push(EXPLICIT_INDEX | EXPRESSIONS);
                    table.encode(out);
                    offset(*slot, is_64, out);
                    reference_type(*ty, out)?;
                }
            }
            items(module, *ty, elements, out)?;
        }
        ElementSegment::Builders(count) => {
            // The start function comes first.
            let first = module.functions.len() as u32 + 1;
            out.extend([PASSIVE_OR_DECLARED, ELEMENT_KIND_FUNCTION]);
            (first..first + count).collect::<Vec<u32>>().as_slice().encode(out);
        }
        ElementSegment::Declared(functions) => {
            out.extend([PASSIVE_OR_DECLARED | EXPLICIT_INDEX, ELEMENT_KIND_FUNCTION]);
            functions.as_slice().encode(out);
        }
    }
    Ok(())
}

fn passive(
    module: &Module<'_>,
    ty: ElementType,
    elements: &[Reference],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match ty {
        ElementType::Functions => out.extend([PASSIVE_OR_DECLARED, ELEMENT_KIND_FUNCTION]),
        ElementType::Expressions(ty) => {
            out.push(PASSIVE_OR_DECLARED | EXPRESSIONS);
            reference_type(ty, out)?;
        }
    }
    items(module, ty, elements, out)
}

fn reference_type(ty: wasmparser::RefType, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let ty = RoundtripReencoder.ref_type(ty).map_err(|_| EncodeError::Unknown("type"))?;
    ty.encode(out);
    Ok(())
}

fn items(
    module: &Module<'_>,
    ty: ElementType,
    elements: &[Reference],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    (elements.len() as u32).encode(out);
    for &element in elements {
        match (ty, element) {
            (ElementType::Functions, Reference::Func(index)) => index.encode(out),
            (ElementType::Functions, _) => return Err(EncodeError::Unknown("reference")),
            (ElementType::Expressions(ty), element) => {
                constant_expr::value(module, Value::Ref(element), ValType::Ref(ty), out)?;
            }
        }
    }
    Ok(())
}
