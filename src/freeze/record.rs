//! The form in which functions write down their frames: one record per activation in an added memory, references in added
//! tables.

use super::FreezeError;
use super::play::Scene;
use super::stop;
use crate::execute::Begun;
use crate::instance::{HeldValue, InstanceError};
use preinit_core::capture::Observed;
use preinit_core::freeze::{CallPoint, FunctionCodes};
use preinit_core::freeze::{CallSite, Frame};
use preinit_core::module::Hierarchy;
use preinit_core::module::Module;
use preinit_core::module::Patch;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_encoder::{Encode, ExportKind, Instruction, MemArg};
use wasmparser::ValType;
use wasmtime::{Extern, RootScope, Val};

/// Where everything is written.
pub(super) struct Layout {
    sites: BTreeMap<CallSite, Record>,
    memory: Space,
    tables: Vec<Space>,
}

/// A memory or table that fills from the start, and the global that counts.
struct Space {
    index: u32,
    counter: u32,
    name: String,
    counter_name: String,
}

/// What one activation writes.
struct Record {
    number: u32,
    /// Bytes in memory.
    size: u32,
    /// Entries by table.
    references: Vec<u32>,
    locals: Vec<Option<Place>>,
    operands: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Bytes from the start of the record.
    Memory(u32, ValType),
    /// Table, entries from the first of the record.
    Table(usize, u32),
}

/// Bytes at the start of a record: its number.
const HEADER: u32 = 4;

const PAGE: u64 = 1 << 16;

impl Layout {
    /// Adds the memory and the tables to `patch`, as large as all records of the calls in progress together.
    pub fn new(
        scene: Scene<'_>,
        bodies: &FunctionCodes<'_>,
        stop: &stop::Place,
        points: &[Arc<CallPoint>],
        patch: &mut Patch<'_, '_>,
    ) -> Result<Layout, FreezeError> {
        let mut families: Vec<Hierarchy> = Vec::new();
        let mut sites: BTreeMap<CallSite, Record> = BTreeMap::new();
        let (mut bytes, mut entries) = (0u64, Vec::new());
        for (site, point) in stop.sites.iter().zip(points) {
            if !sites.contains_key(site) {
                let locals = &bodies.get(site.function)?.locals;
                let number = sites.len() as u32 + 1;
                let record = Record::new(scene.module(), number, locals, point, &mut families);
                sites.insert(*site, record);
            }
            let record = &sites[site];
            bytes += u64::from(record.size);
            entries.resize(families.len(), 0u64);
            for (total, count) in entries.iter_mut().zip(&record.references) {
                *total += u64::from(*count);
            }
        }
        let name = |what: &str| scene.probed().private_name(&format!("frames {what}"));
        let index = patch.memory(bytes.div_ceil(PAGE));
        let memory = Space::new(patch, index, ExportKind::Memory, name("memory"));
        let mut tables = Vec::new();
        for (family, entries) in families.into_iter().zip(entries) {
            let index = patch.table(family.top(), entries);
            tables.push(Space::new(patch, index, ExportKind::Table, name(&format!("table {index}"))));
        }
        Ok(Layout { sites, memory, tables })
    }

    /// Code that writes the record of a call whose operands are in these locals.
    pub fn write(&self, site: CallSite, operands: &[u32], code: &mut Vec<u8>) {
        let Some(record) = self.sites.get(&site) else { return };
        let start = |code: &mut Vec<u8>| Instruction::GlobalGet(self.memory.counter).encode(code);
        start(code);
        Instruction::I32Const(record.number as i32).encode(code);
        Instruction::I32Store(self.at(0)).encode(code);
        let locals = (0u32..).zip(&record.locals).filter_map(|(local, place)| Some((local, (*place)?)));
        let operands = operands.iter().copied().zip(record.operands.iter().copied());
        for (local, place) in locals.chain(operands) {
            match place {
                Place::Memory(offset, ty) => {
                    start(code);
                    Instruction::LocalGet(local).encode(code);
                    let at = self.at(offset);
                    match ty {
                        ValType::I32 => Instruction::I32Store(at).encode(code),
                        ValType::I64 => Instruction::I64Store(at).encode(code),
                        ValType::F32 => Instruction::F32Store(at).encode(code),
                        ValType::F64 => Instruction::F64Store(at).encode(code),
                        _ => Instruction::V128Store(at).encode(code),
                    }
                }
                Place::Table(table, entry) => {
                    let table = &self.tables[table];
                    Instruction::GlobalGet(table.counter).encode(code);
                    Instruction::I32Const(entry as i32).encode(code);
                    Instruction::I32Add.encode(code);
                    Instruction::LocalGet(local).encode(code);
                    Instruction::TableSet(table.index).encode(code);
                }
            }
        }
        let counts = record.references.iter().zip(&self.tables).map(|(count, table)| (table.counter, *count));
        for (counter, count) in counts.chain([(self.memory.counter, record.size)]) {
            Instruction::GlobalGet(counter).encode(code);
            Instruction::I32Const(count as i32).encode(code);
            Instruction::I32Add.encode(code);
            Instruction::GlobalSet(counter).encode(code);
        }
    }

    fn at(&self, offset: u32) -> MemArg {
        MemArg { offset: u64::from(offset), align: 0, memory_index: self.memory.index }
    }

    /// Reads what was written, which must be a record for each of `sites`.
    pub fn read(&self, begun: &mut Begun, sites: &[CallSite]) -> Result<Vec<Frame<HeldValue>>, FreezeError> {
        let instance = begun.instance.handle;
        let missing = FreezeError::Unexplained("an export that was added is missing");
        let Some(memory) = instance.get_memory(&mut begun.store, &self.memory.name) else {
            return Err(missing);
        };
        let mut tables = Vec::new();
        for table in &self.tables {
            let Some(Extern::Table(table)) = instance.get_export(&mut begun.store, &table.name) else {
                return Err(missing);
            };
            tables.push(table);
        }
        let bytes = memory.data(&begun.store).to_vec();
        let other = || FreezeError::NotRepeated("other calls were in progress".to_string());
        let mut frames = Vec::with_capacity(sites.len());
        let mut start = 0usize;
        let mut entries = vec![0u64; tables.len()];
        for site in sites {
            let record = self.sites.get(site).ok_or_else(other)?;
            let bytes = bytes.get(start..start + record.size as usize).ok_or_else(other)?;
            if word(bytes, 0) != record.number {
                return Err(other());
            }
            let mut read = |place: Place| match place {
                Place::Memory(offset, ty) => Ok(HeldValue::Plain(number(bytes, offset as usize, ty))),
                Place::Table(table, entry) => {
                    let mut scope = RootScope::new(&mut begun.store);
                    let element = tables[table].get(&mut scope, entries[table] + u64::from(entry));
                    let element = element.ok_or(FreezeError::Unexplained("a reference that is missing"))?;
                    Ok(HeldValue::new(&mut scope, &Val::from(element)).map_err(InstanceError::from)?)
                }
            };
            let locals = record.locals.iter().map(|place| place.map(&mut read).transpose());
            let locals = locals.collect::<Result<Vec<_>, FreezeError>>()?;
            let operands = record.operands.iter().map(|place| read(*place)).collect::<Result<_, _>>()?;
            frames.push(Frame { site: *site, locals, operands });
            start += record.size as usize;
            for (entries, count) in entries.iter_mut().zip(&record.references) {
                *entries += u64::from(*count);
            }
        }
        let counter = instance.get_global(&mut begun.store, &self.memory.counter_name);
        let written = counter.map(|counter| counter.get(&mut begun.store).i32());
        match written {
            Some(Some(written)) if written as u32 as usize == start => Ok(frames),
            _ => Err(other()),
        }
    }
}

impl Space {
    fn new(patch: &mut Patch<'_, '_>, index: u32, kind: ExportKind, name: String) -> Space {
        let counter = patch.counter();
        let counter_name = format!("{name} counter");
        patch.export(&name, kind, index);
        patch.export(&counter_name, ExportKind::Global, counter);
        Space { index, counter, name, counter_name }
    }
}

impl Record {
    fn new(
        module: &Module<'_>,
        number: u32,
        locals: &[ValType],
        point: &CallPoint,
        families: &mut Vec<Hierarchy>,
    ) -> Record {
        let mut size = HEADER;
        let mut references: Vec<u32> = Vec::new();
        let mut place = |ty: &ValType| match ty {
            ValType::Ref(ty) => {
                let family = module.hierarchy(ty.heap_type());
                let table = families.iter().position(|known| *known == family).unwrap_or_else(|| {
                    families.push(family);
                    families.len() - 1
                });
                references.resize(references.len().max(table + 1), 0);
                references[table] += 1;
                Place::Table(table, references[table] - 1)
            }
            number => {
                let offset = size;
                size += width(*number);
                Place::Memory(offset, *number)
            }
        };
        let locals = (0u32..).zip(locals);
        let locals = locals.map(|(index, ty)| (!point.unset.contains(&index)).then(|| place(ty))).collect();
        let operands = point.operands[..point.kept].iter().map(&mut place).collect();
        Record { number, size, references, locals, operands }
    }
}

/// Bytes of a number.
fn width(ty: ValType) -> u32 {
    match ty {
        ValType::I32 | ValType::F32 => 4,
        ValType::I64 | ValType::F64 => 8,
        _ => 16,
    }
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn number(bytes: &[u8], offset: usize, ty: ValType) -> Observed {
    let long = || bytes[offset..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    match ty {
        ValType::I32 => Observed::I32(word(bytes, offset) as i32),
        ValType::I64 => Observed::I64(long() as i64),
        ValType::F32 => Observed::F32(word(bytes, offset)),
        ValType::F64 => Observed::F64(long()),
        _ => Observed::V128(bytes[offset..].first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))),
    }
}
