//! Writes the planned module: what did not change is copied byte for byte, the rest is encoded anew, and the result is
//! always validated.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

pub(crate) mod constant_expr;
mod copy_records;
mod heap;
mod output_names;
mod producers;
mod segment_sections;
mod start_function;

use crate::module::{
    Module, ModuleError, Patch, Replacements, SectionEntries, SectionId, Space, export_section,
};
use crate::plan::{GlobalInit, Plan};
use crate::snapshot::Snapshot;
use wasm_encoder::Encode;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};

/// Why the output could not be written. [`EncodeError::TooLarge`] is about the state; the others should not happen with a
/// module that was validated.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A type of a proposal that the encoder does not know.
    #[error("cannot re-encode a {0} of the module: it uses a proposal that preinit does not know")]
    Unknown(&'static str),
    /// The data is more than a section can say.
    #[error("the snapshot has {0} bytes of data, and a module holds less than 4 GiB")]
    TooLarge(u64),
    /// The machine has no memory left for the output.
    #[error("this machine has no memory left for a snapshot with {0} bytes of data")]
    NoMemory(u32),
    /// The output does not validate.
    #[error("the output does not validate, which is a bug in preinit; nothing was written: {0}")]
    Invalid(#[source] ModuleError),
}

/// The new binary.
///
/// # Errors
/// [`EncodeError::Invalid`] should never happen; it is checked because a wrong snapshot is worse than none.
pub fn encode(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut patch = Patch::new(module);
    let sections = &mut patch.replacements;
    if plan.kept_imports.contains(&false) {
        set_list(sections, SectionId::IMPORT, imports(module, plan)?);
    }
    set_list(sections, SectionId::MEMORY, memories(plan));
    set_list(sections, SectionId::TABLE, tables(plan)?);
    set_list(sections, SectionId::GLOBAL, globals(module, plan)?);
    match plan.exports.is_empty() {
        true => sections.remove(SectionId::EXPORT),
        false => sections.set(SectionId::EXPORT, exports(plan)),
    }
    set_list(sections, SectionId::ELEMENT, segment_sections::elements(module, plan)?);
    if plan.data.is_empty() {
        sections.remove(SectionId::DATA);
    } else {
        let len = segment_sections::data_len(module, plan);
        let len = u32::try_from(len).map_err(|_| EncodeError::TooLarge(len))?;
        let others = module.sections.iter().filter(|section| section.id != SectionId::DATA);
        let output = len as usize + others.map(|section| section.contents.len()).sum::<usize>();
        // It is given back at once: what is written next takes it.
        Vec::<u8>::new().try_reserve_exact(output).map_err(|_| EncodeError::NoMemory(len))?;
        let write = |out: &mut Vec<u8>| segment_sections::data(module, snapshot, plan, out);
        sections.set_written(SectionId::DATA, len, write);
    }
    if plan.data_count {
        let mut count = Vec::new();
        (plan.data.len() as u32).encode(&mut count);
        sections.set(SectionId::DATA_COUNT, count);
    }
    if plan.drops_dwarf {
        sections.remove_dwarf();
    }
    if let Some(payload) = output_names::rewrite(module, plan) {
        sections.set_custom("name", payload);
    }
    if let Some(payload) = producers::add_preinit(module) {
        sections.set_custom("producers", payload);
    }
    match &plan.start {
        None => sections.remove(SectionId::START),
        Some(start) => start_function::add(module, plan, start, &mut patch)?,
    }
    let wasm = patch.apply();
    module.validate_rewritten(&wasm).map_err(EncodeError::Invalid)?;
    Ok(wasm)
}

fn set_list(sections: &mut Replacements<'_>, id: SectionId, entries: SectionEntries) {
    match entries.is_empty() {
        true => sections.remove(id),
        false => sections.set(id, entries.contents()),
    }
}

fn imports(module: &Module<'_>, plan: &Plan<'_>) -> Result<SectionEntries, EncodeError> {
    let mut list = SectionEntries::default();
    for (import, _) in module.imports.iter().zip(&plan.kept_imports).filter(|(_, kept)| **kept) {
        let ty = RoundtripReencoder.entity_type(import.ty).map_err(|_| EncodeError::Unknown("import"))?;
        list.add(|out| {
            import.module.encode(out);
            import.name.encode(out);
            ty.encode(out);
        });
    }
    Ok(list)
}

fn memories(plan: &Plan<'_>) -> SectionEntries {
    let mut list = SectionEntries::default();
    for ty in &plan.memories {
        let ty = wasm_encoder::MemoryType {
            minimum: ty.initial,
            maximum: ty.maximum,
            memory64: ty.memory64,
            shared: ty.shared,
            page_size_log2: ty.page_size_log2,
        };
        list.add(|out| ty.encode(out));
    }
    list
}

fn tables(plan: &Plan<'_>) -> Result<SectionEntries, EncodeError> {
    const WITH_INITIALIZER: [u8; 2] = [0x40, 0x00];
    let mut list = SectionEntries::default();
    for table in &plan.tables {
        let ty = RoundtripReencoder.table_type(table.ty).map_err(|_| EncodeError::Unknown("table"))?;
        list.add(|out| match &table.init {
            None => ty.encode(out),
            Some(init) => {
                out.extend(WITH_INITIALIZER);
                ty.encode(out);
                constant_expr::original(init, out);
            }
        });
    }
    Ok(list)
}

fn globals(module: &Module<'_>, plan: &Plan<'_>) -> Result<SectionEntries, EncodeError> {
    let mut list = SectionEntries::default();
    for global in &plan.globals {
        let ty = RoundtripReencoder.global_type(global.ty).map_err(|_| EncodeError::Unknown("global"))?;
        list.try_add(|out| {
            ty.encode(out);
            match &global.init {
                GlobalInit::Original(init) => constant_expr::original(init, out),
                GlobalInit::Value(value) => {
                    constant_expr::value(module, *value, global.ty.content_type, out)?;
                }
            }
            Ok(())
        })?;
    }
    debug_assert_eq!(list.len() as usize + kept_globals(module, plan), module.globals.len());
    Ok(list)
}

fn kept_globals(module: &Module<'_>, plan: &Plan<'_>) -> usize {
    module.imports_of(Space::Global).filter(|(at, _)| plan.kept_imports[*at]).count()
}

fn exports(plan: &Plan<'_>) -> Vec<u8> {
    export_section(plan.exports.iter().map(|export| (export.name.as_ref(), export.kind, export.index)))
}
