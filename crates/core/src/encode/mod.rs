//! Writes the planned module: what did not change is copied byte for byte, the rest is encoded anew, and the result is
//! always validated.

pub(crate) mod constant_expr;
mod heap;
pub(crate) mod name_section;
mod producers;
mod segment_sections;
mod start_function;

use crate::module::{Module, ModuleError, Replacements, SectionId, section_of};
use crate::plan::{GlobalInit, Plan, PlannedExport};
use crate::snapshot::Snapshot;
use wasm_encoder::Encode;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};

/// Why the output could not be written. Except for the second, they are mistakes of preinit and not of its input.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A type of a proposal that the encoder does not know.
    #[error("cannot re-encode a {0} of the module: it uses a proposal that preinit does not know")]
    Unknown(&'static str),
    /// The data is more than a section can say.
    #[error("the snapshot has {0} bytes of data, and a module holds less than 4 GiB")]
    TooLarge(u64),
    /// The output does not validate.
    #[error("the output does not validate, which is a bug in preinit; nothing was written: {0}")]
    Invalid(#[source] ModuleError),
}

/// The new binary.
///
/// # Errors
/// [`EncodeError::Invalid`] should never happen; it is checked because a wrong snapshot is worse than none.
pub fn encode(module: &Module<'_>, snapshot: &Snapshot<'_>, plan: &Plan<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut sections = Replacements::default();
    if plan.kept_imports.contains(&false) {
        set_list(&mut sections, SectionId::IMPORT, imports(module, plan)?);
    }
    set_list(&mut sections, SectionId::MEMORY, memories(plan));
    set_list(&mut sections, SectionId::TABLE, tables(plan)?);
    set_list(&mut sections, SectionId::GLOBAL, globals(module, plan)?);
    set_list(&mut sections, SectionId::EXPORT, exports(&plan.exports));
    set_list(&mut sections, SectionId::ELEMENT, segment_sections::elements(module, plan)?);
    if plan.data.is_empty() {
        sections.remove(SectionId::DATA);
    } else {
        let len = segment_sections::data_len(module, plan);
        let len = u32::try_from(len).map_err(|_| EncodeError::TooLarge(len))?;
        sections.set_written(SectionId::DATA, len, |out| segment_sections::data(module, snapshot, plan, out));
    }
    if plan.data_count {
        let mut count = Vec::new();
        (plan.data.len() as u32).encode(&mut count);
        sections.set(SectionId::DATA_COUNT, count);
    }
    match &plan.start {
        None => sections.remove(SectionId::START),
        Some(start) => start_function::add(module, plan, start, &mut sections)?,
    }
    if plan.drops_dwarf {
        sections.remove_dwarf();
    }
    if let Some(payload) = name_section::rewrite(module, plan) {
        sections.set_custom("name", payload);
    }
    if let Some(payload) = producers::add_preinit(module) {
        sections.set_custom("producers", payload);
    }
    let wasm = sections.apply(&module.sections);
    module.validate_rewritten(&wasm).map_err(EncodeError::Invalid)?;
    Ok(wasm)
}

/// Entries of a section that is a list, and their number.
#[derive(Default)]
struct List {
    count: u32,
    entries: Vec<u8>,
}

impl List {
    fn push(&mut self, entry: &impl Encode) {
        self.count += 1;
        entry.encode(&mut self.entries);
    }
}

fn set_list(sections: &mut Replacements, id: SectionId, list: List) {
    match list.count {
        0 => sections.remove(id),
        _ => sections.set(id, section_of(list.count, &list.entries)),
    }
}

fn imports(module: &Module<'_>, plan: &Plan<'_>) -> Result<List, EncodeError> {
    let mut list = List::default();
    for (import, _) in module.imports.iter().zip(&plan.kept_imports).filter(|(_, kept)| **kept) {
        let ty = RoundtripReencoder.entity_type(import.ty).map_err(|_| EncodeError::Unknown("import"))?;
        list.count += 1;
        import.module.encode(&mut list.entries);
        import.name.encode(&mut list.entries);
        ty.encode(&mut list.entries);
    }
    Ok(list)
}

fn memories(plan: &Plan<'_>) -> List {
    let mut list = List::default();
    for ty in &plan.memories {
        list.push(&wasm_encoder::MemoryType {
            minimum: ty.initial,
            maximum: ty.maximum,
            memory64: ty.memory64,
            shared: ty.shared,
            page_size_log2: ty.page_size_log2,
        });
    }
    list
}

fn tables(plan: &Plan<'_>) -> Result<List, EncodeError> {
    let mut list = List::default();
    for table in &plan.tables {
        let ty = RoundtripReencoder.table_type(table.ty).map_err(|_| EncodeError::Unknown("table"))?;
        match &table.init {
            None => list.push(&ty),
            Some(init) => {
                list.count += 1;
                list.entries.extend([0x40, 0x00]);
                ty.encode(&mut list.entries);
                constant_expr::original(init, &mut list.entries);
            }
        }
    }
    Ok(list)
}

fn globals(module: &Module<'_>, plan: &Plan<'_>) -> Result<List, EncodeError> {
    let mut list = List::default();
    for global in &plan.globals {
        let ty = RoundtripReencoder.global_type(global.ty).map_err(|_| EncodeError::Unknown("global"))?;
        list.push(&ty);
        match &global.init {
            GlobalInit::Original(init) => constant_expr::original(init, &mut list.entries),
            GlobalInit::Value(value) => {
                constant_expr::value(module, *value, global.ty.content_type, &mut list.entries)?;
            }
        }
    }
    debug_assert_eq!(list.count as usize + kept_globals(module, plan), module.globals.len());
    Ok(list)
}

fn kept_globals(module: &Module<'_>, plan: &Plan<'_>) -> usize {
    module.imports_of(crate::module::Space::Global).filter(|(at, _)| plan.kept_imports[*at]).count()
}

fn exports(exports: &[PlannedExport<'_>]) -> List {
    let mut list = List::default();
    for export in exports {
        list.count += 1;
        export.name.as_ref().encode(&mut list.entries);
        list.entries.push(export_kind(export.kind));
        export.index.encode(&mut list.entries);
    }
    list
}

pub(crate) fn export_kind(kind: wasmparser::ExternalKind) -> u8 {
    use wasmparser::ExternalKind;
    match kind {
        ExternalKind::Func => 0x00,
        ExternalKind::Table => 0x01,
        ExternalKind::Memory => 0x02,
        ExternalKind::Global => 0x03,
        ExternalKind::Tag => 0x04,
        ExternalKind::FuncExact => 0x20,
    }
}
