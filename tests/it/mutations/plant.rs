//! Faults, each planted in one random place of a snapshot.

use super::code;
use super::dice::Dice;
use super::imports;
use super::rewrite::{
    add_function, append, are_numbers, count_data, exports, images, pass_on, redirected, rewrite_data,
    rewrite_element, slots, start, write_slots, zeros,
};
use preinit::stages::module::{Module, Replacements, SectionId, is_function, section_of};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction};
use wasmparser::{ConstExpr, Operator};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    MemoryByteFlipped,
    GlobalOffByOne,
    MinusZeroForZero,
    OtherNanPayload,
    TableSlotNulled,
    TableSlotsSwapped,
    TableOneShort,
    MemoryOnePageShort,
    DroppedSegmentRevived,
    LiveSegmentDropped,
    ExportMissing,
    StartRunsAgain,
    ImportCalledOnceMoreAtStart,
    ImportCalledOnceMoreByAnExport,
    ExportRedirected,
    AddedFunctionWithMagicArgument,
    StartSwapped,
    AllStubs,
    DataAtImport,
    SlotAtImport,
    GlobalIsImport,
    TableFullOfImport,
    /// Only in programs that were frozen.
    ResumeCodeChanged,
}

impl Kind {
    pub const ALL: [Kind; 23] = [
        Kind::MemoryByteFlipped,
        Kind::GlobalOffByOne,
        Kind::MinusZeroForZero,
        Kind::OtherNanPayload,
        Kind::TableSlotNulled,
        Kind::TableSlotsSwapped,
        Kind::TableOneShort,
        Kind::MemoryOnePageShort,
        Kind::DroppedSegmentRevived,
        Kind::LiveSegmentDropped,
        Kind::ExportMissing,
        Kind::StartRunsAgain,
        Kind::ImportCalledOnceMoreAtStart,
        Kind::ImportCalledOnceMoreByAnExport,
        Kind::ExportRedirected,
        Kind::AddedFunctionWithMagicArgument,
        Kind::StartSwapped,
        Kind::AllStubs,
        Kind::DataAtImport,
        Kind::SlotAtImport,
        Kind::GlobalIsImport,
        Kind::TableFullOfImport,
        Kind::ResumeCodeChanged,
    ];

    /// Whether calls, if any, show only by chance what is wrong, so that "could not tell" finds it too.
    pub fn hides(self) -> bool {
        matches!(
            self,
            Kind::AddedFunctionWithMagicArgument
                | Kind::StartSwapped
                | Kind::AllStubs
                | Kind::DataAtImport
                | Kind::SlotAtImport
                | Kind::GlobalIsImport
                | Kind::TableFullOfImport
                | Kind::ResumeCodeChanged
        )
    }
}

/// The snapshot with a fault and what the fault is; `None` if it has no place for one.
pub fn plant(
    kind: Kind,
    original: &Module<'_>,
    snapshot: &Module<'_>,
    dice: &mut Dice,
) -> Option<(Vec<u8>, String)> {
    let (replacements, what) = match kind {
        Kind::MemoryByteFlipped => flip_byte(snapshot, dice),
        Kind::GlobalOffByOne => global(snapshot, dice, &|value| match value {
            Operator::I32Const { value } => Some(Instruction::I32Const(value.wrapping_add(1))),
            Operator::I64Const { value } => Some(Instruction::I64Const(value.wrapping_sub(1))),
            _ => None,
        }),
        Kind::MinusZeroForZero => global(snapshot, dice, &|value| match value {
            Operator::F32Const { value } if value.bits() << 1 == 0 => {
                Some(Instruction::F32Const(f32::from_bits(value.bits() ^ 1 << 31).into()))
            }
            Operator::F64Const { value } if value.bits() << 1 == 0 => {
                Some(Instruction::F64Const(f64::from_bits(value.bits() ^ 1 << 63).into()))
            }
            _ => None,
        }),
        Kind::OtherNanPayload => {
            let bit = dice.roll();
            global(snapshot, dice, &|value| match value {
                Operator::F32Const { value } if f32::from_bits(value.bits()).is_nan() => {
                    Some(Instruction::F32Const(wasm_encoder::Ieee32::new(value.bits() ^ 1 << (bit % 20))))
                }
                Operator::F64Const { value } if f64::from_bits(value.bits()).is_nan() => {
                    Some(Instruction::F64Const(wasm_encoder::Ieee64::new(value.bits() ^ 1 << (bit % 50))))
                }
                _ => None,
            })
        }
        Kind::TableSlotNulled => null_slot(snapshot, dice),
        Kind::TableSlotsSwapped => swap_slots(snapshot, dice),
        Kind::TableOneShort => shorten_table(snapshot, dice),
        Kind::MemoryOnePageShort => shorten_memory(snapshot, dice),
        Kind::DroppedSegmentRevived => revive(original, snapshot, dice),
        Kind::LiveSegmentDropped => drop_segment(snapshot, dice),
        Kind::ExportMissing => remove_export(snapshot, dice),
        Kind::StartRunsAgain => start_again(original, snapshot, dice),
        Kind::ImportCalledOnceMoreAtStart => call_at_start(snapshot, dice),
        Kind::ImportCalledOnceMoreByAnExport => call_in_export(snapshot, dice),
        Kind::ExportRedirected => code::redirect_export(snapshot, dice),
        Kind::AddedFunctionWithMagicArgument => code::answer_to_magic(snapshot, dice),
        Kind::StartSwapped => code::swap_start(snapshot, dice),
        Kind::AllStubs => code::stub_everything(snapshot, dice),
        Kind::DataAtImport => imports::data(snapshot, dice),
        Kind::SlotAtImport => imports::slot(snapshot, dice),
        Kind::GlobalIsImport => imports::global(snapshot, dice),
        Kind::TableFullOfImport => imports::table(snapshot, dice),
        Kind::ResumeCodeChanged => code::change_added_code(original, snapshot, dice),
    }?;
    let wasm = replacements.apply(&snapshot.sections);
    // A table or memory that is too short for its own segments is still a module.
    Module::parse(&wasm).unwrap_or_else(|error| panic!("{kind:?}, {what}: {error}"));
    Some((wasm, what))
}

pub type Planted = Option<(Replacements<'static>, String)>;

/// An active data segment of one byte at the end wins over what was written there before.
fn flip_byte(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let images = images(module);
    let memory = dice.below(images.len().max(1));
    let image = images.get(memory).filter(|image| !image.is_empty())?;
    let address = dice.below(image.len());
    let byte = image[address] ^ 1 << dice.below(8);
    let mut entry = vec![2];
    (memory as u32).encode(&mut entry);
    Instruction::I32Const(address as i32).encode(&mut entry);
    Instruction::End.encode(&mut entry);
    entry.extend([1, byte]);
    let mut replacements = Replacements::default();
    append(module, SectionId::DATA, 1, &entry, &mut replacements);
    count_data(module, module.data.len() + 1, &mut replacements);
    Some((replacements, format!("memory {memory}, byte {address:#x}")))
}

/// Replaces the value of a global whose value `change` has another one for.
fn global(
    module: &Module<'_>,
    dice: &mut Dice,
    change: &dyn Fn(&Operator<'_>) -> Option<Instruction<'static>>,
) -> Planted {
    let changed = |expression: &ConstExpr<'_>| change(&expression.get_operators_reader().read().unwrap());
    let fitting = (0..module.globals.len())
        .filter(|&index| module.globals[index].init.as_ref().and_then(changed).is_some());
    let index = *dice.pick(&fitting.collect::<Vec<_>>())?;
    let mut entries = Vec::new();
    let defined = &module.globals[module.imported.globals as usize..];
    for (at, global) in (module.imported.globals as usize..).zip(defined) {
        RoundtripReencoder.global_type(global.ty).unwrap().encode(&mut entries);
        let init = global.init.as_ref().unwrap();
        if at == index {
            changed(init).unwrap().encode(&mut entries);
            Instruction::End.encode(&mut entries);
        } else {
            entries.extend_from_slice(&module.bytes[init.get_binary_reader().range()]);
        }
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::GLOBAL, section_of(defined.len() as u32, &entries));
    Some((replacements, format!("global {index}")))
}

fn null_slot(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let tables = slots(module);
    let full = tables.iter().flat_map(|(table, slots)| {
        slots
            .iter()
            .enumerate()
            .filter(|(_, function)| function.is_some())
            .map(move |(slot, _)| (*table, slot))
    });
    let &(table, slot) = dice.pick(&full.collect::<Vec<_>>())?;
    Some((write_slots(module, table, &[(slot, None)]), format!("table {table}, slot {slot}")))
}

fn swap_slots(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let tables = slots(module);
    let differs = |slots: &Vec<Option<u32>>| slots.iter().any(|function| *function != slots[0]);
    let tables: Vec<_> =
        tables.into_iter().filter(|(_, slots)| !slots.is_empty() && differs(slots)).collect();
    let (table, slots) = dice.pick(&tables)?;
    let first = dice.below(slots.len());
    let others: Vec<usize> = (0..slots.len()).filter(|&other| slots[other] != slots[first]).collect();
    let second = *dice.pick(&others)?;
    let swapped = [(first, slots[second]), (second, slots[first])];
    Some((write_slots(module, *table, &swapped), format!("table {table}, slots {first} and {second}")))
}

fn shorten_table(module: &Module<'_>, dice: &mut Dice) -> Planted {
    if module.imported.tables > 0 {
        return None;
    }
    let fitting: Vec<usize> = (0..module.tables.len()).filter(|&k| module.tables[k].ty.initial > 0).collect();
    let index = *dice.pick(&fitting)?;
    let mut entries = Vec::new();
    for (at, table) in module.tables.iter().enumerate() {
        let mut ty = table.ty;
        ty.initial -= u64::from(at == index);
        if table.init.is_some() {
            return None;
        }
        RoundtripReencoder.table_type(ty).unwrap().encode(&mut entries);
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::TABLE, section_of(module.tables.len() as u32, &entries));
    Some((replacements, format!("table {index}")))
}

fn shorten_memory(module: &Module<'_>, dice: &mut Dice) -> Planted {
    if module.imported.memories > 0 {
        return None;
    }
    let fitting: Vec<usize> =
        (0..module.memories.len()).filter(|&k| module.memories[k].initial > 0).collect();
    let index = *dice.pick(&fitting)?;
    let mut entries = Vec::new();
    for (at, memory) in module.memories.iter().enumerate() {
        let mut ty = *memory;
        ty.initial -= u64::from(at == index);
        RoundtripReencoder.memory_type(ty).unwrap().encode(&mut entries);
    }
    let mut replacements = Replacements::default();
    replacements.set(SectionId::MEMORY, section_of(module.memories.len() as u32, &entries));
    Some((replacements, format!("memory {index}")))
}

fn named(highest: Option<u32>) -> std::ops::Range<usize> {
    0..highest.map_or(0, |highest| highest as usize + 1)
}

fn revive(original: &Module<'_>, snapshot: &Module<'_>, dice: &mut Dice) -> Planted {
    let data = named(original.code.highest_data).filter(|&k| {
        let is_dead = !snapshot.data[k].is_passive() || snapshot.data[k].bytes.is_empty();
        original.data[k].is_passive() && !original.data[k].bytes.is_empty() && is_dead
    });
    let elements = named(original.code.highest_element).filter(|&k| {
        let is_dead = !snapshot.elements[k].is_passive() || snapshot.elements[k].is_empty();
        original.elements[k].is_passive() && !original.elements[k].is_empty() && is_dead
    });
    let places: Vec<(bool, usize)> = data.map(|k| (true, k)).chain(elements.map(|k| (false, k))).collect();
    let &(is_data, index) = dice.pick(&places)?;
    Some(match is_data {
        true => {
            (rewrite_data(snapshot, index, original.data[index].bytes, true), format!("data segment {index}"))
        }
        false => {
            let entry = &original.bytes[original.elements[index].range.clone()];
            (rewrite_element(snapshot, index, entry, true), format!("element segment {index}"))
        }
    })
}

fn drop_segment(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let data = named(module.code.highest_data)
        .filter(|&k| module.data[k].is_passive() && !module.data[k].bytes.is_empty());
    let elements = named(module.code.highest_element)
        .filter(|&k| module.elements[k].is_passive() && !module.elements[k].is_empty());
    let places: Vec<(bool, usize)> = data.map(|k| (true, k)).chain(elements.map(|k| (false, k))).collect();
    let &(is_data, index) = dice.pick(&places)?;
    // Passive, expressions of type funcref, none of them.
    const EMPTY: [u8; 3] = [5, 0x70, 0];
    Some(match is_data {
        true => (rewrite_data(module, index, &[], false), format!("data segment {index}")),
        false => (rewrite_element(module, index, &EMPTY, false), format!("element segment {index}")),
    })
}

fn remove_export(module: &Module<'_>, dice: &mut Dice) -> Planted {
    if module.exports.is_empty() {
        return None;
    }
    let removed = dice.below(module.exports.len());
    let mut replacements = Replacements::default();
    replacements
        .set(SectionId::EXPORT, exports(module, |at| (at != removed).then_some(module.exports[at].index)));
    Some((replacements, format!("export {}", module.exports[removed].name)))
}

/// What ran before the snapshot runs once more: the original's start function, or an init function.
fn start_again(original: &Module<'_>, snapshot: &Module<'_>, dice: &mut Dice) -> Planted {
    if snapshot.start.is_some() {
        return None;
    }
    let exported = original.exports.iter().filter(|export| is_function(export.kind));
    let nullary = exported.map(|export| export.index).filter(|index| original.is_nullary(*index));
    let functions: Vec<u32> = nullary.chain(original.start).collect();
    let function = *dice.pick(&functions)?;
    let mut replacements = Replacements::default();
    replacements.set(SectionId::START, start(function));
    Some((replacements, format!("function {function}")))
}

/// Instructions that call an imported function with zeros and drop what it returns.
fn call_import(module: &Module<'_>, dice: &mut Dice, body: &mut Vec<u8>) -> Option<u32> {
    // WASI functions that end the run, or that write where their zeros point, say more than the fault should.
    let harmless =
        ["log", "now", "sched_yield", "fd_close", "random_get", "clock_time_get", "fd_seek", "environ_get"];
    let imports = module.imports.iter().filter(|import| {
        matches!(import.ty, wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_))
    });
    let fitting: Vec<u32> = (0u32..)
        .zip(imports)
        .filter(|(index, import)| {
            let signature = module.signature(*index).unwrap();
            harmless.contains(&import.name) && are_numbers(signature.params())
        })
        .map(|(index, _)| index)
        .collect();
    let function = *dice.pick(&fitting)?;
    let signature = module.signature(function).unwrap();
    zeros(signature.params(), body);
    Instruction::Call(function).encode(body);
    signature.results().iter().for_each(|_| Instruction::Drop.encode(body));
    Some(function)
}

fn call_at_start(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let nullary = (0..module.functions.len() as u32).find(|index| module.is_nullary(*index))?;
    if module.start.is_some() {
        return None;
    }
    let mut body = vec![0];
    let import = call_import(module, dice, &mut body)?;
    Instruction::End.encode(&mut body);
    let mut replacements = Replacements::default();
    let index = add_function(module, module.functions[nullary as usize], &body, &mut replacements);
    replacements.set(SectionId::START, start(index));
    Some((replacements, format!("import {import}")))
}

/// An export becomes a wrapper that calls an import first.
fn call_in_export(module: &Module<'_>, dice: &mut Dice) -> Planted {
    let fitting: Vec<usize> =
        (0..module.exports.len()).filter(|&at| is_function(module.exports[at].kind)).collect();
    let at = *dice.pick(&fitting)?;
    let export = &module.exports[at];
    let mut body = vec![0];
    let import = call_import(module, dice, &mut body)?;
    pass_on(module.signature(export.index).unwrap(), export.index, &mut body);
    let mut replacements = Replacements::default();
    let ty = module.functions[export.index as usize];
    let wrapper = add_function(module, ty, &body, &mut replacements);
    replacements.set(SectionId::EXPORT, redirected(module, at, wrapper));
    Some((replacements, format!("import {import} in export {}", export.name)))
}
