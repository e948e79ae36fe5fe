//! Faults that do not show with the values that imports have here: what is added is what is there already, but on another host it
//! is somewhere else, or something else.

use super::dice::Dice;
use super::plant::Planted;
use super::rewrite::{append, count_data, images, slots};
use preinit::stages::module::{Module, Replacements, SectionId, section_of};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction};
use wasmparser::{Operator, RefType, ValType};

/// An imported global of this type. It holds zero, or null.
fn imported(module: &Module<'_>, ty: ValType, dice: &mut Dice) -> Option<u32> {
    let globals = (0..module.imported.globals).filter(|&index| {
        let global = &module.globals[index as usize].ty;
        !global.mutable && global.content_type == ty
    });
    dice.pick(&globals.collect::<Vec<_>>()).copied()
}

fn get(global: u32, entry: &mut Vec<u8>) {
    Instruction::GlobalGet(global).encode(entry);
    Instruction::End.encode(entry);
}

/// A byte is written to the address that an import holds.
pub fn data(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let images = images(module);
    let memory = dice.below(images.len().max(1));
    let byte = *images.get(memory)?.first()?;
    let global = imported(module, ValType::I32, dice)?;
    let mut entry = vec![2];
    (memory as u32).encode(&mut entry);
    get(global, &mut entry);
    entry.extend([1, byte]);
    let mut replacements = Replacements::default();
    append(module, SectionId::DATA, 1, &entry, &mut replacements);
    count_data(module, module.data.len() + 1, &mut replacements);
    Some((replacements, format!("memory {memory}, at global {global}")))
}

/// A slot is written at the index that an import holds.
pub fn slot(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let tables = slots(module);
    let (table, slots) = dice.pick(&tables)?;
    let function = *slots.first()?;
    let global = imported(module, ValType::I32, dice)?;
    let mut entry = vec![6];
    table.encode(&mut entry);
    get(global, &mut entry);
    entry.extend([0x70, 1]);
    match function {
        Some(function) => Instruction::RefFunc(function).encode(&mut entry),
        None => Instruction::RefNull(wasm_encoder::HeapType::FUNC).encode(&mut entry),
    }
    Instruction::End.encode(&mut entry);
    let mut replacements = Replacements::default();
    append(module, SectionId::ELEMENT, 1, &entry, &mut replacements);
    Some((replacements, format!("table {table}, at global {global}")))
}

/// A variable begins as what an import holds.
pub fn global(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let is_zero = |index: &usize| {
        let global = &module.globals[*index];
        let mut operators = global.init.iter().flat_map(|init| init.get_operators_reader()).flatten();
        global.ty.mutable && matches!(operators.next(), Some(Operator::I32Const { value: 0 }))
    };
    let own = module.imported.globals as usize;
    let fitting: Vec<usize> = (own..module.globals.len()).filter(is_zero).collect();
    let index = *dice.pick(&fitting)?;
    let import = imported(module, ValType::I32, dice)?;
    let mut entries = Vec::new();
    for (at, global) in module.globals.iter().enumerate().skip(own) {
        RoundtripReencoder.global_type(global.ty).unwrap().encode(&mut entries);
        match at == index {
            true => get(import, &mut entries),
            false => {
                let init = global.init.as_ref().unwrap();
                entries.extend_from_slice(&module.bytes[init.get_binary_reader().range()]);
            }
        }
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::GLOBAL, section_of((module.globals.len() - own) as u32, &entries));
    Some((replacements, format!("global {index} is global {import}")))
}

/// A table is filled with what an import holds.
pub fn table(module: &Module<'_>, dice: &mut Dice) -> Planted {
    if module.imported.tables > 0 {
        return None;
    }
    let fits = |index: &usize| {
        let table = &module.tables[*index];
        table.init.is_none() && table.ty.element_type == RefType::FUNCREF
    };
    let fitting: Vec<usize> = (0..module.tables.len()).filter(fits).collect();
    let index = *dice.pick(&fitting)?;
    let import = imported(module, ValType::Ref(RefType::FUNCREF), dice)?;
    let mut entries = Vec::new();
    for (at, table) in module.tables.iter().enumerate() {
        let ty = RoundtripReencoder.table_type(table.ty).unwrap();
        let init = table.init.as_ref().map(|init| &module.bytes[init.get_binary_reader().range()]);
        if at == index || init.is_some() {
            entries.extend([0x40, 0]);
        }
        ty.encode(&mut entries);
        match init {
            _ if at == index => get(import, &mut entries),
            Some(init) => entries.extend_from_slice(init),
            None => {}
        }
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::TABLE, section_of(module.tables.len() as u32, &entries));
    Some((replacements, format!("table {index} is full of global {import}")))
}
