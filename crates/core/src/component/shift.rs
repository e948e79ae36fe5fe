//! Taking an export away. An export of a component is an item of its own, so every later index of its kind moves.

use super::definition::Step;
use super::section::{HEADER, NAMES, RawSection, id};
use super::{Component, ComponentError, names};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent};
use wasm_encoder::{ComponentSection, Encode};
use wasmparser::{
    ComponentAliasSectionReader, ComponentCanonicalSectionReader, ComponentExport,
    ComponentExportSectionReader, ComponentExternalKind, ComponentInstanceSectionReader,
    ComponentStartFunction, CustomSectionReader, FromReader,
};

/// An item that an export made, and that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    pub kind: ComponentExternalKind,
    pub index: u32,
    /// What was exported: whoever means the export can as well mean that.
    pub exported: u32,
}

impl Removed {
    /// Where an index of this kind is now.
    pub fn shifted(&self, index: u32) -> u32 {
        match index.cmp(&self.index) {
            std::cmp::Ordering::Less => index,
            std::cmp::Ordering::Equal => self.exported,
            std::cmp::Ordering::Greater => index - 1,
        }
    }
}

/// The component `bytes` without the function or instance that the outermost one exports as `name`. What was exported stays
/// as a part that nobody reaches. Sections in which no index moves stay byte for byte.
///
/// # Errors
/// [`ComponentError::NoSuchExport`], or [`ComponentError::Malformed`] if the bytes are not a valid component.
pub fn without_export(bytes: &[u8], name: &str) -> Result<Vec<u8>, ComponentError> {
    let component = Component::parse(bytes)?;
    let removed = removed(&component.root.steps, name);
    let removed = removed.ok_or_else(|| ComponentError::NoSuchExport(name.to_string()))?;
    let mut out = HEADER.to_vec();
    let mut before = true;
    for part in &component.root.sections {
        let section = &part.section;
        if section.id == id::EXPORT && before && exports(section, name)? {
            before = false;
            if let Some(rest) = shifted(section, removed, Some(name))? {
                section.write(Some(&rest), &mut out);
            }
            continue;
        }
        // What stands before the export cannot name it; names can stand anywhere.
        if before && section.id != id::CUSTOM {
            out.extend_from_slice(section.raw);
            continue;
        }
        let moved = shifted(section, removed, None)?;
        let unmoved = shifted(section, Removed { index: u32::MAX, ..removed }, None)?;
        section.write(moved.as_deref().filter(|_| moved != unmoved), &mut out);
    }
    Component::parse(&out)?;
    Ok(out)
}

/// The item that an export of a function or an instance makes.
fn removed(steps: &[Step<'_>], wanted: &str) -> Option<Removed> {
    let at = steps.iter().position(|step| match step {
        Step::Export { kind, name, .. } => {
            *name == wanted && matches!(kind, ComponentExternalKind::Func | ComponentExternalKind::Instance)
        }
        _ => false,
    })?;
    let Step::Export { kind, index: exported, .. } = steps[at] else { return None };
    let before = steps[..at].iter().filter(|step| step.defines() == Some(kind)).count();
    Some(Removed { kind, index: before as u32, exported })
}

fn exports(section: &RawSection<'_>, wanted: &str) -> Result<bool, ComponentError> {
    for export in ComponentExportSectionReader::new(section.reader())? {
        let export = export?;
        if is_wanted(&export, wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_wanted(export: &ComponentExport<'_>, wanted: &str) -> bool {
    export.name.name == wanted
        && matches!(export.kind, ComponentExternalKind::Func | ComponentExternalKind::Instance)
}

/// The contents of a section with moved indices; `None` if there are none in it, or if nothing is left of it.
fn shifted(
    section: &RawSection<'_>,
    removed: Removed,
    without: Option<&str>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut indices = Indices { removed };
    let reader = section.reader();
    Ok(match section.id {
        id::CUSTOM => {
            let custom = CustomSectionReader::new(reader)?;
            if custom.name() != NAMES {
                return Ok(None);
            }
            names::shifted(custom.data(), removed).map(|names| {
                let mut contents = Vec::new();
                custom.name().encode(&mut contents);
                contents.extend(names);
                contents
            })
        }
        id::INSTANCE => {
            let mut new = wasm_encoder::ComponentInstanceSection::new();
            let read = ComponentInstanceSectionReader::new(reader)?;
            indices.parse_component_instance_section(&mut new, read).map_err(malformed)?;
            contents(&new)
        }
        id::ALIAS => {
            let mut new = wasm_encoder::ComponentAliasSection::new();
            let read = ComponentAliasSectionReader::new(reader)?;
            indices.parse_component_alias_section(&mut new, read).map_err(malformed)?;
            contents(&new)
        }
        id::CANONICAL => {
            let mut new = wasm_encoder::CanonicalFunctionSection::new();
            let read = ComponentCanonicalSectionReader::new(reader)?;
            indices.parse_component_canonical_section(&mut new, read).map_err(malformed)?;
            contents(&new)
        }
        id::START => {
            let mut reader = reader;
            let start = ComponentStartFunction::from_reader(&mut reader)?;
            contents(&wasm_encoder::ComponentStartSection {
                function_index: indices.component_func_index(start.func_index),
                args: start.arguments.to_vec(),
                results: start.results,
            })
        }
        id::EXPORT => {
            let mut new = wasm_encoder::ComponentExportSection::new();
            for export in ComponentExportSectionReader::new(reader)? {
                let export = export?;
                if !without.is_some_and(|name| is_wanted(&export, name)) {
                    indices.parse_component_export(&mut new, export).map_err(malformed)?;
                }
            }
            if new.is_empty() { None } else { contents(&new) }
        }
        _ => None,
    })
}

/// The contents of a section that was encoded with its size.
pub(super) fn contents(section: &impl ComponentSection) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    section.append_to_component(&mut bytes);
    let mut reader = wasmparser::BinaryReader::new(&bytes, 0);
    reader.read_u8().ok()?;
    reader.read_var_u32().ok()?;
    Some(bytes[reader.original_position()..].to_vec())
}

pub(super) fn malformed(error: Error<Infallible>) -> ComponentError {
    match error {
        Error::ParseError(error) => error.into(),
        error => ComponentError::Malformed { message: error.to_string(), offset: 0 },
    }
}

/// Moves the indices of one kind, in the outermost component only: nothing nested can name a function or an instance of it.
struct Indices {
    removed: Removed,
}

impl Reencode for Indices {
    type Error = Infallible;
}

impl ReencodeComponent for Indices {
    fn component_func_index(&mut self, index: u32) -> u32 {
        match self.removed.kind {
            ComponentExternalKind::Func => self.removed.shifted(index),
            _ => index,
        }
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        match self.removed.kind {
            ComponentExternalKind::Instance => self.removed.shifted(index),
            _ => index,
        }
    }
}
