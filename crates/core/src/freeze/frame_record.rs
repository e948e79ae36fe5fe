//! The form in which instrumented functions write down their frames: one record per activation in an added memory,
//! references in added tables.

use super::ResumeError;
use super::call_stack::{CallSite, Frame};
use super::calls_in_progress::CallsInProgress;
use super::function_code::CallPoint;
use crate::capture::Observed;
use crate::module::{Hierarchy, Module, Patch};
use crate::probe::Probed;
use std::collections::BTreeMap;
use wasm_encoder::{Encode, ExportKind, Instruction, MemArg};
use wasmparser::ValType;

/// Where everything is written.
#[derive(Debug)]
pub struct RecordLayout {
    records: BTreeMap<CallSite, FrameRecord>,
    /// The added memory.
    pub memory: RecordSpace,
    /// The added tables.
    pub tables: Vec<RecordSpace>,
}

/// A memory or table that fills from the start, and the global that counts.
#[derive(Debug)]
pub struct RecordSpace {
    index: u32,
    counter: u32,
    /// The export of the memory or table.
    pub name: String,
    /// The export of the global.
    pub counter_name: String,
}

/// What one activation writes.
#[derive(Debug)]
struct FrameRecord {
    number: u32,
    /// Bytes in memory.
    size: u32,
    /// Entries by table.
    references: Vec<u32>,
    locals: Vec<Option<RecordSlot>>,
    operands: Vec<RecordSlot>,
}

#[derive(Debug, Clone, Copy)]
enum RecordSlot {
    /// Bytes from the start of the record.
    Memory(u32, ValType),
    /// Table, entries from the first of the record.
    Table(usize, u32),
}

/// Bytes at the start of a record: its number.
const HEADER: u32 = 4;

const PAGE: u64 = 1 << 16;

impl RecordLayout {
    /// Adds the memory and the tables to `patch`, as large as all records of the calls in progress together.
    pub(super) fn new(
        module: &Module<'_>,
        probed: &Probed,
        calls: &CallsInProgress<'_>,
        patch: &mut Patch<'_, '_>,
    ) -> Result<RecordLayout, ResumeError> {
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        let mut records: BTreeMap<CallSite, FrameRecord> = BTreeMap::new();
        let (mut bytes, mut entries) = (0u64, Vec::new());
        for (site, point) in calls.iter() {
            if !records.contains_key(&site) {
                let locals = &calls.codes.get(site.function)?.locals;
                let number = records.len() as u32 + 1;
                records.insert(site, FrameRecord::new(module, number, locals, point, &mut hierarchies));
            }
            let record = &records[&site];
            bytes += u64::from(record.size);
            entries.resize(hierarchies.len(), 0u64);
            for (total, count) in entries.iter_mut().zip(&record.references) {
                *total += u64::from(*count);
            }
        }
        let name = |what: &str| probed.private_name(&format!("frames {what}"));
        let index = patch.memory(bytes.div_ceil(PAGE));
        let memory = RecordSpace::new(patch, index, ExportKind::Memory, name("memory"));
        let mut tables = Vec::new();
        for (hierarchy, entries) in hierarchies.into_iter().zip(entries) {
            let index = patch.table(hierarchy.top(), entries);
            tables.push(RecordSpace::new(patch, index, ExportKind::Table, name(&format!("table {index}"))));
        }
        Ok(RecordLayout { records, memory, tables })
    }

    /// Code that writes the record of a call whose operands are in these locals.
    pub(super) fn write(&self, site: CallSite, operands: &[u32], code: &mut Vec<u8>) {
        let Some(record) = self.records.get(&site) else { return };
        Instruction::GlobalGet(self.memory.counter).encode(code);
        Instruction::I32Const(record.number as i32).encode(code);
        Instruction::I32Store(self.at(0)).encode(code);
        let locals = (0u32..).zip(&record.locals).filter_map(|(local, slot)| Some((local, (*slot)?)));
        let operands = operands.iter().copied().zip(record.operands.iter().copied());
        for (local, slot) in locals.chain(operands) {
            self.write_local(local, slot, code);
        }
        let counts = record.references.iter().zip(&self.tables).map(|(count, table)| (table.counter, *count));
        for (counter, count) in counts.chain([(self.memory.counter, record.size)]) {
            Instruction::GlobalGet(counter).encode(code);
            Instruction::I32Const(count as i32).encode(code);
            Instruction::I32Add.encode(code);
            Instruction::GlobalSet(counter).encode(code);
        }
    }

    fn write_local(&self, local: u32, slot: RecordSlot, code: &mut Vec<u8>) {
        match slot {
            RecordSlot::Memory(offset, ty) => {
                Instruction::GlobalGet(self.memory.counter).encode(code);
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
            RecordSlot::Table(table, entry) => {
                let table = &self.tables[table];
                Instruction::GlobalGet(table.counter).encode(code);
                Instruction::I32Const(entry as i32).encode(code);
                Instruction::I32Add.encode(code);
                Instruction::LocalGet(local).encode(code);
                Instruction::TableSet(table.index).encode(code);
            }
        }
    }

    fn at(&self, offset: u32) -> MemArg {
        MemArg { offset: u64::from(offset), align: 0, memory_index: self.memory.index }
    }

    /// The frames at `sites` as they were written: `None` if what was written is something else than a record for each of
    /// them. `written` is the part of the memory that was used; `reference` gives what is in an entry of the table at a
    /// position in [`RecordLayout::tables`].
    ///
    /// # Errors
    /// What `reference` says.
    pub fn read<V: From<Observed>, E>(
        &self,
        written: &[u8],
        sites: &[CallSite],
        mut reference: impl FnMut(usize, u64) -> Result<V, E>,
    ) -> Result<Option<Vec<Frame<V>>>, E> {
        let mut frames = Vec::with_capacity(sites.len());
        let mut rest = written;
        let mut entries = vec![0u64; self.tables.len()];
        for site in sites {
            let Some(record) = self.records.get(site) else { return Ok(None) };
            let Some((bytes, behind)) = rest.split_at_checked(record.size as usize) else {
                return Ok(None);
            };
            if word(bytes, 0) != record.number {
                return Ok(None);
            }
            let mut read = |slot: RecordSlot| match slot {
                RecordSlot::Memory(offset, ty) => Ok(V::from(number(bytes, offset as usize, ty))),
                RecordSlot::Table(table, entry) => reference(table, entries[table] + u64::from(entry)),
            };
            let locals = record.locals.iter().map(|slot| slot.map(&mut read).transpose());
            let locals = locals.collect::<Result<_, _>>()?;
            let operands = record.operands.iter().map(|slot| read(*slot)).collect::<Result<_, _>>()?;
            frames.push(Frame { site: *site, locals, operands });
            rest = behind;
            for (entries, count) in entries.iter_mut().zip(&record.references) {
                *entries += u64::from(*count);
            }
        }
        Ok(rest.is_empty().then_some(frames))
    }
}

impl RecordSpace {
    fn new(patch: &mut Patch<'_, '_>, index: u32, kind: ExportKind, name: String) -> RecordSpace {
        let counter = patch.counter();
        let counter_name = format!("{name} counter");
        patch.export(&name, kind, index);
        patch.export(&counter_name, ExportKind::Global, counter);
        RecordSpace { index, counter, name, counter_name }
    }
}

impl FrameRecord {
    fn new(
        module: &Module<'_>,
        number: u32,
        locals: &[ValType],
        point: &CallPoint,
        hierarchies: &mut Vec<Hierarchy>,
    ) -> FrameRecord {
        let mut size = HEADER;
        let mut references: Vec<u32> = Vec::new();
        let mut slot = |ty: &ValType| match ty {
            ValType::Ref(ty) => {
                let hierarchy = module.hierarchy(ty.heap_type());
                let table = hierarchies.iter().position(|known| *known == hierarchy).unwrap_or_else(|| {
                    hierarchies.push(hierarchy);
                    hierarchies.len() - 1
                });
                references.resize(references.len().max(table + 1), 0);
                references[table] += 1;
                RecordSlot::Table(table, references[table] - 1)
            }
            number => {
                let offset = size;
                size += width(*number);
                RecordSlot::Memory(offset, *number)
            }
        };
        let locals = (0u32..).zip(locals);
        let locals = locals.map(|(index, ty)| (!point.unset.contains(&index)).then(|| slot(ty))).collect();
        let operands = point.operands[..point.kept].iter().map(&mut slot).collect();
        FrameRecord { number, size, references, locals, operands }
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
