//! Generated init code that changes every kind of state that a module has, and exported functions that look at what no
//! export shows: whether a segment was dropped.

use arbitrary::{Result, Unstructured};
use preinit::stages::module::Module;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Ieee32, Ieee64, Instruction, MemArg};
use wasmparser::{AbstractHeapType, ElementItems, HeapType, RefType, ValType};

pub type Body = Vec<Instruction<'static>>;

/// A sequence of operations, none of which traps in a module that was just instantiated.
pub fn changes(module: &Module<'_>, source: &mut Unstructured<'_>) -> Result<Body> {
    let mut body = Body::new();
    for _ in 0..source.int_in_range(1..=25)? {
        match source.int_in_range(0..=5)? {
            0 => set_global(module, source, &mut body)?,
            1 | 2 => change_memory(module, source, &mut body)?,
            3 | 4 => change_table(module, source, &mut body)?,
            _ => drop_segment(module, source, &mut body)?,
        }
    }
    Ok(body)
}

/// Functions that trap if a segment is dropped, where there is a memory or table to tell it by.
pub fn observers(module: &Module<'_>) -> Vec<(String, Body)> {
    let mut observers = Vec::new();
    if let Some(memory) = module.memories.iter().position(|memory| memory.initial > 0) {
        let is_64 = module.memories[memory].memory64;
        for k in (0..module.data.len() as u32).filter(|_| module.has_data_count) {
            let init = Instruction::MemoryInit { mem: memory as u32, data_index: k };
            observers.push((format!("data {k}"), copy_one(is_64, init)));
        }
    }
    for (k, element) in (0u32..).zip(&module.elements) {
        let fits = |table: &preinit::stages::module::Table<'_>| {
            table.ty.initial > 0 && table.ty.element_type == element.ty()
        };
        if let Some(table) = module.tables.iter().position(fits) {
            let is_64 = module.tables[table].ty.table64;
            let init = Instruction::TableInit { elem_index: k, table: table as u32 };
            observers.push((format!("elements {k}"), copy_one(is_64, init)));
        }
    }
    observers
}

fn copy_one(is_64: bool, init: Instruction<'static>) -> Body {
    vec![index(0, is_64), Instruction::I32Const(0), Instruction::I32Const(1), init]
}

/// A constant of type `ty`; `None` for references that have none that is always valid.
pub fn constant(module: &Module<'_>, ty: ValType, source: &mut Unstructured<'_>) -> Result<Option<Body>> {
    let number: u64 = source.arbitrary()?;
    let numeric = match ty {
        ValType::I32 => Instruction::I32Const(number as i32),
        ValType::I64 => Instruction::I64Const(number as i64),
        ValType::F32 => Instruction::F32Const(Ieee32::new(number as u32)),
        ValType::F64 => Instruction::F64Const(Ieee64::new(number)),
        ValType::V128 => Instruction::V128Const(i128::from(number) << 40),
        ValType::Ref(ty) => return reference(module, ty, source),
    };
    Ok(Some(vec![numeric]))
}

fn reference(module: &Module<'_>, ty: RefType, source: &mut Unstructured<'_>) -> Result<Option<Body>> {
    let abstract_type = match ty.heap_type() {
        HeapType::Abstract { shared: false, ty } => Some(ty),
        _ => None,
    };
    if source.arbitrary()? {
        match abstract_type {
            Some(AbstractHeapType::Func) => {
                let functions: Vec<u32> = module.referenceable_functions().into_iter().collect();
                if !functions.is_empty() {
                    return Ok(Some(vec![Instruction::RefFunc(*source.choose(&functions)?)]));
                }
            }
            Some(AbstractHeapType::I31 | AbstractHeapType::Any | AbstractHeapType::Eq) => {
                return Ok(Some(vec![Instruction::I32Const(source.arbitrary()?), Instruction::RefI31]));
            }
            _ => {}
        }
    }
    let null = RoundtripReencoder.heap_type(ty.heap_type()).ok().map(|ty| vec![Instruction::RefNull(ty)]);
    Ok(null.filter(|_| ty.is_nullable()))
}

fn set_global(module: &Module<'_>, source: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    let mutable: Vec<(u32, ValType)> = (0u32..)
        .zip(&module.globals)
        .filter(|(_, global)| global.ty.mutable)
        .map(|(index, global)| (index, global.ty.content_type))
        .collect();
    if mutable.is_empty() {
        return Ok(());
    }
    let &(global, ty) = source.choose(&mutable)?;
    if let Some(value) = constant(module, ty, source)? {
        body.extend(value);
        body.push(Instruction::GlobalSet(global));
    }
    Ok(())
}

fn change_memory(module: &Module<'_>, source: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    if module.memories.is_empty() {
        return Ok(());
    }
    let memory = source.choose_index(module.memories.len())?;
    let ty = module.memories[memory];
    let (memory, is_64) = (memory as u32, ty.memory64);
    let size = ty.initial << ty.page_size_log2.unwrap_or(16);
    let address = |source: &mut Unstructured<'_>| {
        let near_the_end = size - size.min(source.int_in_range(1..=20)?);
        let anywhere = source.int_in_range(0..=size.saturating_sub(1))?;
        Ok(*source.choose(&[anywhere, near_the_end, size / 2])?)
    };
    match source.int_in_range(0..=4)? {
        0 => {
            body.push(index(source.int_in_range(0..=2)?, is_64));
            body.extend([Instruction::MemoryGrow(memory), Instruction::Drop]);
        }
        1 if size > 0 => {
            let start = address(source)?;
            let length = source.int_in_range(0..=(size - start).min(300))?;
            body.extend([index(start, is_64), Instruction::I32Const(source.int_in_range(0..=3)?)]);
            body.extend([index(length, is_64), Instruction::MemoryFill(memory)]);
        }
        _ if size > 0 => {
            let memarg = MemArg { offset: 0, align: 0, memory_index: memory };
            body.extend([index(address(source)?, is_64), Instruction::I32Const(source.arbitrary()?)]);
            body.push(Instruction::I32Store8(memarg));
        }
        _ => {}
    }
    Ok(())
}

fn change_table(module: &Module<'_>, source: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    if module.tables.is_empty() {
        return Ok(());
    }
    let table = source.choose_index(module.tables.len())?;
    let ty = module.tables[table].ty;
    let (table, is_64) = (table as u32, ty.table64);
    let Some(value) = constant(module, ValType::Ref(ty.element_type), source)? else { return Ok(()) };
    match source.int_in_range(0..=2)? {
        0 => {
            body.extend(value);
            body.push(index(source.int_in_range(0..=3)?, is_64));
            body.extend([Instruction::TableGrow(table), Instruction::Drop]);
        }
        1 if ty.initial > 0 => {
            body.push(index(source.int_in_range(0..=ty.initial - 1)?, is_64));
            body.extend(value);
            body.push(Instruction::TableSet(table));
        }
        _ => {
            let start = source.int_in_range(0..=ty.initial)?;
            body.push(index(start, is_64));
            body.extend(value);
            body.push(index(source.int_in_range(0..=ty.initial - start)?, is_64));
            body.push(Instruction::TableFill(table));
        }
    }
    Ok(())
}

fn drop_segment(module: &Module<'_>, source: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
    if source.arbitrary()? {
        if module.has_data_count && !module.data.is_empty() {
            body.push(Instruction::DataDrop(source.choose_index(module.data.len())? as u32));
        }
    } else if !module.elements.is_empty() {
        let element = source.choose_index(module.elements.len())?;
        let is_known = match &module.elements[element].items {
            ElementItems::Functions(_) => true,
            ElementItems::Expressions(ty, _) => RoundtripReencoder.ref_type(*ty).is_ok(),
        };
        if is_known {
            body.push(Instruction::ElemDrop(element as u32));
        }
    }
    Ok(())
}

fn index(value: u64, is_64: bool) -> Instruction<'static> {
    match is_64 {
        true => Instruction::I64Const(value as i64),
        false => Instruction::I32Const(value as i32),
    }
}
