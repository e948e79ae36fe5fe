//! Marks of what an instance has done to state that not every host can read: segments that were dropped, tables and references
//! in globals that were written.

use super::{Probe, ProbeNames};
use crate::module::{Module, Patch};
use std::collections::BTreeMap;
use wasm_encoder::{Encode, ExportKind, Instruction};
use wasmparser::{BinaryReaderError, Operator, ValType};

/// What is marked once it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// This data segment is dropped.
    Data(u32),
    /// This element segment is dropped.
    Element(u32),
    /// An instruction writes to this table, or makes it grow.
    Table(u32),
    /// An instruction writes to this global, which holds a reference.
    Global(u32),
}

impl Change {
    /// What an instruction changes, apart from numbers and memories.
    fn of(module: &Module<'_>, operator: &Operator<'_>) -> Option<Change> {
        Some(match operator {
            Operator::DataDrop { data_index } => Change::Data(*data_index),
            Operator::ElemDrop { elem_index } => Change::Element(*elem_index),
            Operator::TableSet { table }
            | Operator::TableGrow { table }
            | Operator::TableFill { table }
            | Operator::TableInit { table, .. }
            | Operator::TableCopy { dst_table: table, .. }
            | Operator::TableAtomicSet { table_index: table, .. }
            | Operator::TableAtomicRmwXchg { table_index: table, .. }
            | Operator::TableAtomicRmwCmpxchg { table_index: table, .. } => Change::Table(*table),
            Operator::GlobalSet { global_index }
            | Operator::GlobalAtomicSet { global_index, .. }
            | Operator::GlobalAtomicRmwXchg { global_index, .. }
            | Operator::GlobalAtomicRmwCmpxchg { global_index, .. } => {
                let global = module.globals.get(*global_index as usize)?;
                matches!(global.ty.content_type, ValType::Ref(_)).then_some(Change::Global(*global_index))?
            }
            _ => return None,
        })
    }
}

/// The marks of a probed module: for each change that its code can make the code that leaves its mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeMarks {
    codes: BTreeMap<Change, Vec<u8>>,
}

impl ChangeMarks {
    /// Adds a global that is 0 for each change that the code can make; it is 1 afterwards.
    pub(super) fn install(
        module: &Module<'_>,
        names: &ProbeNames,
        patch: &mut Patch<'_, '_>,
    ) -> Result<ChangeMarks, BinaryReaderError> {
        let mut codes = BTreeMap::new();
        for body in module.bodies() {
            for operator in body.get_operators_reader()? {
                if let Some(change) = Change::of(module, &operator?) {
                    codes.entry(change).or_insert_with(Vec::new);
                }
            }
        }
        for (change, code) in &mut codes {
            let mark = patch.counter();
            patch.export(&names.export(Probe::Change(*change)), ExportKind::Global, mark);
            Instruction::I32Const(1).encode(code);
            Instruction::GlobalSet(mark).encode(code);
        }
        Ok(ChangeMarks { codes })
    }

    /// What goes before an instruction.
    pub(super) fn before(&self, module: &Module<'_>, operator: &Operator<'_>) -> Option<&[u8]> {
        self.codes.get(&Change::of(module, operator)?).map(Vec::as_slice)
    }

    /// Whether no instruction has to leave a mark.
    pub(super) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The changes that are marked, each by a global of type `i32` under the name of [`Probe::Change`].
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.codes.keys().copied()
    }
}
