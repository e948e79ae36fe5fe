//! Globals, tables and segments.

use super::heap::{CHUNK, CONTINUATION, HeapReader};
use super::{CaptureError, Instance, Observed, ObservedRef, Segment, TableId, TableSize};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::{GlobalState, ImportedTable, Reference, TableState, Value};
use std::ops::Range;
use wasmparser::ValType;

/// An instance whose roots are being read.
pub(super) struct Roots<'r, 'i, I: ?Sized> {
    pub module: &'r Module<'r>,
    pub instance: &'i mut I,
    pub reader: HeapReader<'r>,
}

type Result<T, I> = std::result::Result<T, CaptureError<<I as Instance>::Error>>;

impl<I: Instance + ?Sized> Roots<'_, '_, I> {
    pub fn globals(&mut self) -> Result<Vec<GlobalState>, I> {
        let mut globals = Vec::with_capacity(self.module.globals.len());
        for (index, declared) in (0u32..).zip(&self.module.globals) {
            if self.module.is_continuation(declared.ty.content_type) {
                globals.push(GlobalState { value: Value::Ref(CONTINUATION), import_changed: false });
                continue;
            }
            let now = self.instance.global(index)?;
            if !is_of_type(now, declared.ty.content_type) {
                return Err(CaptureError::Mismatch("a global that is not of its type"));
            }
            let before = match declared.ty.mutable && index < self.module.imported.globals {
                true => self.instance.imported_global(index)?,
                false => None,
            };
            let import_changed = before.is_some_and(|before| before != now);
            globals.push(GlobalState { value: self.reader.value(self.instance, now)?, import_changed });
        }
        Ok(globals)
    }

    pub fn table(&mut self, index: u32) -> Result<TableState, I> {
        let TableSize { slots, maximum } = self.instance.table(TableId::Table(index))?;
        let before = match index < self.module.imported.tables {
            true => self.instance.imported_table(index)?,
            false => None,
        };
        let compared = before.unwrap_or(0).min(slots);
        let mut changed = with_room(compared)?;
        let element = ValType::Ref(self.module.tables[index as usize].ty.element_type);
        let elements = match self.module.is_continuation(element) {
            true => {
                changed.resize(compared as usize, true);
                let mut elements = with_room(slots)?;
                elements.resize(slots as usize, CONTINUATION);
                elements
            }
            false => self.slots(TableId::Table(index), slots, |instance, range, now| {
                let mut before = Vec::new();
                let end = range.end.min(compared);
                if range.start < end {
                    instance.imported_slots(index, range.start..end, &mut before)?;
                }
                changed.extend(before.iter().zip(now).map(|(before, now)| before != now));
                Ok(())
            })?,
        };
        if changed.len() as u64 != compared {
            return Err(CaptureError::Mismatch("a table that was handed over without its slots"));
        }
        let import = before.map(|size| ImportedTable { size, changed });
        Ok(TableState { elements, maximum, import })
    }

    /// The items of an element segment whose probe has run.
    pub fn items(&mut self, segment: u32) -> Result<Vec<Reference>, I> {
        let table = TableId::Items(segment);
        let TableSize { slots, .. } = self.instance.table(table)?;
        self.slots(table, slots, |_, _, _| Ok(()))
    }

    /// What every slot holds; `look` sees the slots as they are read.
    fn slots(
        &mut self,
        table: TableId,
        count: u64,
        mut look: impl FnMut(&mut I, Range<u64>, &[ObservedRef]) -> std::result::Result<(), I::Error>,
    ) -> Result<Vec<Reference>, I> {
        let mut slots = with_room(count)?;
        let mut observed = Vec::new();
        for start in (0..count).step_by(CHUNK) {
            let range = start..count.min(start + CHUNK as u64);
            observed.clear();
            self.instance.slots(table, range.clone(), &mut observed)?;
            if observed.len() as u64 != range.end - range.start {
                return Err(CaptureError::Mismatch("a table without some of its slots"));
            }
            look(self.instance, range, &observed)?;
            for &reference in &observed {
                slots.push(self.reader.reference(self.instance, reference)?);
            }
        }
        Ok(slots)
    }
}

/// Room for something of each slot of a table: a module decides how many it has.
fn with_room<T, E>(slots: u64) -> std::result::Result<Vec<T>, CaptureError<E>> {
    let mut all = Vec::new();
    let reserved = usize::try_from(slots).is_ok_and(|slots| all.try_reserve_exact(slots).is_ok());
    if reserved { Ok(all) } else { Err(CaptureError::NoMemory(slots)) }
}

/// For each data segment, whether it was dropped.
pub(super) fn dropped_data<I: Instance + ?Sized>(
    module: &Module<'_>,
    probed: &Probed,
    instance: &mut I,
) -> std::result::Result<Vec<bool>, I::Error> {
    let at_start = module.data.iter().map(|segment| !segment.is_passive() || segment.bytes.is_empty());
    let mut dropped: Vec<bool> = at_start.collect();
    for &segment in &probed.droppable_data {
        dropped[segment as usize] |= instance.is_dropped(Segment::Data(segment))?;
    }
    Ok(dropped)
}

/// For each element segment, whether it was dropped.
pub(super) fn dropped_elements<I: Instance + ?Sized>(
    module: &Module<'_>,
    probed: &Probed,
    instance: &mut I,
) -> std::result::Result<Vec<bool>, I::Error> {
    let at_start = module.elements.iter().map(|segment| !segment.is_passive() || segment.is_empty());
    let mut dropped: Vec<bool> = at_start.collect();
    for &segment in probed.droppable_elements.iter().chain(&probed.object_segments) {
        dropped[segment as usize] |= instance.is_dropped(Segment::Element(segment))?;
    }
    Ok(dropped)
}

fn is_of_type(value: Observed, ty: ValType) -> bool {
    matches!(
        (value, ty),
        (Observed::I32(_), ValType::I32)
            | (Observed::I64(_), ValType::I64)
            | (Observed::F32(_), ValType::F32)
            | (Observed::F64(_), ValType::F64)
            | (Observed::V128(_), ValType::V128)
            | (Observed::Ref(_), ValType::Ref(_))
    )
}
