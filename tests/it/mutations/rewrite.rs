//! Pieces of a module, written anew with something in them changed.

use preinit::stages::module::{Module, Replacements, SectionId, ref_funcs, section_of};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction};
use wasmparser::{ConstExpr, DataKind, ElementKind, FuncType, Operator, ValType};

pub fn append(
    module: &Module<'_>,
    id: SectionId,
    count: u32,
    entries: &[u8],
    replacements: &mut Replacements,
) {
    let contents = match module.section(id) {
        Some(section) => section.with_entries(count, entries),
        None => section_of(count, entries),
    };
    replacements.set(id, contents);
}

pub fn count_data(module: &Module<'_>, count: usize, replacements: &mut Replacements) {
    if module.has_data_count {
        let mut contents = Vec::new();
        (count as u32).encode(&mut contents);
        replacements.set(SectionId::DATA_COUNT, contents);
    }
}

/// What the memories hold after instantiation; only for modules that define all of them, and whose data goes to constant places.
pub fn images(module: &Module<'_>) -> Vec<Vec<u8>> {
    if module.imported.memories > 0 {
        return Vec::new();
    }
    let mut images: Vec<Vec<u8>> =
        module.memories.iter().map(|memory| vec![0; memory.initial as usize * 65536]).collect();
    for data in data_segments(module) {
        if let DataKind::Active { memory_index, offset_expr } = data.kind {
            let Some(start) = constant(&offset_expr) else { return Vec::new() };
            let start = start as usize;
            images[memory_index as usize][start..start + data.data.len()].copy_from_slice(data.data);
        }
    }
    images
}

pub fn data_segments<'a>(module: &Module<'a>) -> Vec<wasmparser::Data<'a>> {
    let Some(section) = module.section(SectionId::DATA) else { return Vec::new() };
    let reader = wasmparser::BinaryReader::new(section.contents, 0);
    wasmparser::DataSectionReader::new(reader).unwrap().into_iter().map(Result::unwrap).collect()
}

pub fn constant(expression: &ConstExpr<'_>) -> Option<u32> {
    match expression.get_operators_reader().read().unwrap() {
        Operator::I32Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}

/// The functions in the slots of every table of functions.
pub fn slots(module: &Module<'_>) -> Vec<(u32, Vec<Option<u32>>)> {
    if module.imported.tables > 0 {
        return Vec::new();
    }
    let mut tables: Vec<(u32, Vec<Option<u32>>)> = Vec::new();
    for (index, table) in (0u32..).zip(&module.tables) {
        if table.ty.element_type != wasmparser::RefType::FUNCREF || table.init.is_some() {
            continue;
        }
        let mut slots = vec![None; table.ty.initial as usize];
        for element in &module.elements {
            let ElementKind::Active { table_index, offset_expr } = &element.kind else { continue };
            if table_index.unwrap_or(0) == index {
                let start = constant(offset_expr).unwrap() as usize;
                let items: Vec<Option<u32>> = match &element.items {
                    wasmparser::ElementItems::Functions(items) => {
                        items.clone().into_iter().map(|function| function.ok()).collect()
                    }
                    wasmparser::ElementItems::Expressions(_, items) => items
                        .clone()
                        .into_iter()
                        .map(|item| ref_funcs(&item.unwrap()).first().copied())
                        .collect(),
                };
                slots[start..start + items.len()].copy_from_slice(&items);
            }
        }
        tables.push((index, slots));
    }
    tables
}

/// Active element segments at the end win over what was written before.
pub fn write_slots(module: &Module<'_>, table: u32, slots: &[(usize, Option<u32>)]) -> Replacements<'static> {
    let mut entries = Vec::new();
    for (slot, function) in slots {
        entries.push(6);
        table.encode(&mut entries);
        Instruction::I32Const(*slot as i32).encode(&mut entries);
        Instruction::End.encode(&mut entries);
        entries.extend([0x70, 1]);
        match function {
            Some(function) => Instruction::RefFunc(*function).encode(&mut entries),
            None => Instruction::RefNull(wasm_encoder::HeapType::FUNC).encode(&mut entries),
        }
        Instruction::End.encode(&mut entries);
    }
    let mut replacements = Replacements::default();
    append(module, SectionId::ELEMENT, slots.len() as u32, &entries, &mut replacements);
    replacements
}

/// Data segments as they are written, or others in their place.
pub fn rewrite_data(
    module: &Module<'_>,
    index: usize,
    contents: &[u8],
    keep_active: bool,
) -> Replacements<'static> {
    let mut entries = Vec::new();
    let mut moved = Vec::new();
    let segments = data_segments(module);
    let section = module.section(SectionId::DATA).unwrap();
    for (at, segment) in segments.iter().enumerate() {
        let bytes = &section.contents[segment.range.clone()];
        if at != index {
            entries.extend_from_slice(bytes);
            continue;
        }
        if keep_active && matches!(segment.kind, DataKind::Active { .. }) {
            moved = bytes.to_vec();
        }
        entries.push(1);
        contents.encode(&mut entries);
    }
    let count = segments.len() + usize::from(!moved.is_empty());
    entries.extend(moved);
    let mut replacements = Replacements::default();
    replacements.set(SectionId::DATA, section_of(count as u32, &entries));
    count_data(module, count, &mut replacements);
    replacements
}

pub fn rewrite_element(
    module: &Module<'_>,
    index: usize,
    entry: &[u8],
    keep_active: bool,
) -> Replacements<'static> {
    let mut entries = Vec::new();
    let mut moved = Vec::new();
    for (at, element) in module.elements.iter().enumerate() {
        let bytes = &module.bytes[element.range.clone()];
        if at != index {
            entries.extend_from_slice(bytes);
            continue;
        }
        if keep_active && matches!(element.kind, ElementKind::Active { .. }) {
            moved = bytes.to_vec();
        }
        entries.extend_from_slice(entry);
    }
    let count = module.elements.len() + usize::from(!moved.is_empty());
    entries.extend(moved);
    let mut replacements = Replacements::default();
    replacements.set(SectionId::ELEMENT, section_of(count as u32, &entries));
    replacements
}

pub fn exports(module: &Module<'_>, change: impl Fn(usize) -> Option<u32>) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut count = 0;
    for (at, export) in module.exports.iter().enumerate() {
        if let Some(index) = change(at) {
            count += 1;
            export.name.encode(&mut entries);
            RoundtripReencoder.export_kind(export.kind).unwrap().encode(&mut entries);
            index.encode(&mut entries);
        }
    }
    section_of(count, &entries)
}

pub fn add_function(module: &Module<'_>, ty: u32, body: &[u8], replacements: &mut Replacements) -> u32 {
    let mut entry = Vec::new();
    ty.encode(&mut entry);
    append(module, SectionId::FUNCTION, 1, &entry, replacements);
    let mut entry = Vec::new();
    body.encode(&mut entry);
    append(module, SectionId::CODE, 1, &entry, replacements);
    module.functions.len() as u32
}

/// Adds to a body the zeros of these types of numbers.
pub fn zeros(types: &[ValType], body: &mut Vec<u8>) {
    for ty in types {
        match ty {
            ValType::I32 => Instruction::I32Const(0),
            ValType::I64 => Instruction::I64Const(0),
            ValType::F32 => Instruction::F32Const(0.0.into()),
            _ => Instruction::F64Const(0.0.into()),
        }
        .encode(body);
    }
}

/// Whether they are all types of numbers.
pub fn are_numbers(types: &[ValType]) -> bool {
    types.iter().all(|ty| matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64))
}

/// Ends a body with a call of `function`, with the parameters of the body.
pub fn pass_on(ty: &FuncType, function: u32, body: &mut Vec<u8>) {
    (0..ty.params().len() as u32).for_each(|local| Instruction::LocalGet(local).encode(body));
    Instruction::Call(function).encode(body);
    Instruction::End.encode(body);
}

/// An export leads to a function.
pub fn redirected(module: &Module<'_>, export: usize, to: u32) -> Vec<u8> {
    exports(module, |at| Some(if at == export { to } else { module.exports[at].index }))
}

/// The start section.
pub fn start(function: u32) -> Vec<u8> {
    let mut contents = Vec::new();
    function.encode(&mut contents);
    contents
}
