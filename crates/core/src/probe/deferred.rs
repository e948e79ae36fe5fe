use crate::module::{Module, Replacements, SectionEntries, SectionId};
use crate::snapshot::constant_address;
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::DataKind;

/// What the host does instead of the engine: active data segments, then the start function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// In the order in which they are applied.
    pub data: Vec<DeferredData>,
    /// The start function; it must see the data.
    pub start: Option<u32>,
}

/// An active data segment that the host writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeferredData {
    /// Where its contents lie in the original binary.
    pub contents: Range<usize>,
    /// Memory index.
    pub memory: u32,
    /// Byte offset in the memory.
    pub offset: usize,
}

impl Deferred {
    /// Everything or nothing, so that effects keep their order: only if each active segment goes to an unshared memory
    /// that the module defines, and surely fits.
    pub(super) fn of(module: &Module<'_>) -> Option<Deferred> {
        let mut data = Vec::new();
        for segment in &module.data {
            let DataKind::Active { memory_index, offset_expr } = &segment.kind else { continue };
            let ty = &module.memories[*memory_index as usize];
            let size = ty.initial.checked_shl(ty.page_size_log2.unwrap_or(16))?;
            let offset = constant_address(offset_expr)?;
            let end = offset.checked_add(segment.bytes.len() as u64)?;
            if *memory_index < module.imported.memories || ty.shared || end > size {
                return None;
            }
            let contents = segment.range.clone();
            data.push(DeferredData {
                contents,
                memory: *memory_index,
                offset: usize::try_from(offset).ok()?,
            });
        }
        (!data.is_empty()).then_some(Deferred { data, start: module.start })
    }
}

/// Takes the active data and the start function out of the module. Indices that code names keep an empty segment: that
/// is what an active one is once it was applied.
pub(super) fn leave_out(module: &Module<'_>, replacements: &mut Replacements) {
    replacements.remove(SectionId::START);
    let Some(highest) = module.code.highest_data else {
        replacements.remove(SectionId::DATA);
        replacements.remove(SectionId::DATA_COUNT);
        return;
    };
    const PASSIVE: u8 = 1;
    let mut entries = SectionEntries::default();
    for segment in &module.data[..=highest as usize] {
        let bytes = if segment.is_passive() { segment.bytes } else { &[] };
        entries.add(|out| {
            out.push(PASSIVE);
            bytes.encode(out);
        });
    }
    replacements.set(SectionId::DATA, entries.contents());
    let mut count = Vec::new();
    entries.len().encode(&mut count);
    replacements.set(SectionId::DATA_COUNT, count);
}
