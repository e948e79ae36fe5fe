//! What the data segments of a module make of its memories.

use preinit_core::module::Module;
use preinit_core::snapshot::{Chunk, Image};
use std::borrow::Cow;
use std::ops::Range;
use wasmparser::{DataKind, Operator};

/// An active data segment at a constant address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticData {
    pub memory: u32,
    pub range: Range<u64>,
    /// Its index.
    pub segment: u32,
}

/// The active data segments whose address is a constant.
pub(crate) fn static_data(module: &Module<'_>) -> Vec<StaticData> {
    let placed = (0u32..).zip(&module.data).filter_map(|(segment, data)| {
        let DataKind::Active { memory_index, offset_expr } = &data.kind else { return None };
        let start = match offset_expr.get_operators_reader().into_iter().next()?.ok()? {
            Operator::I32Const { value } => u64::from(value as u32),
            Operator::I64Const { value } => value as u64,
            _ => return None,
        };
        let end = start.checked_add(data.bytes.len() as u64)?;
        Some(StaticData { memory: *memory_index, range: start..end, segment })
    });
    placed.collect()
}

/// Whether instantiation writes `bytes` to `address` of `memory`. `data` are the module's [`static_data`].
pub(crate) fn is_static(
    module: &Module<'_>,
    data: &[StaticData],
    (memory, address): (u32, u64),
    bytes: &[u8],
) -> bool {
    data.iter().filter(|data| data.memory == memory && data.range.contains(&address)).any(|data| {
        let from = (address - data.range.start) as usize;
        let segment = module.data.get(data.segment as usize).map_or(&[][..], |data| data.bytes);
        segment.get(from..from + bytes.len()) == Some(bytes)
    })
}

/// A memory of `size` bytes as instantiation leaves it.
pub(crate) fn input_image(module: &Module<'_>, memory: u32, size: u64) -> Image<'static> {
    let mut bytes = Vec::new();
    let in_memory = |data: &StaticData| data.memory == memory && data.range.end <= size;
    for data in static_data(module).into_iter().filter(in_memory) {
        let (Ok(start), Ok(end)) = (usize::try_from(data.range.start), usize::try_from(data.range.end))
        else {
            continue;
        };
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(module.data[data.segment as usize].bytes);
    }
    let chunk = (!bytes.is_empty()).then_some(Chunk { offset: 0, bytes: Cow::Owned(bytes) });
    Image::new(chunk.into_iter().collect())
}
