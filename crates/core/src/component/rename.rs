//! Giving exports of the outermost component other names.

use super::definition::Step;
use super::section::{HEADER, RawSection, id};
use super::shift::{contents, malformed};
use super::{Component, ComponentError, without_export};
use crate::plan::Rename;
use wasm_encoder::reencode::{ReencodeComponent, RoundtripReencoder};
use wasmparser::ComponentExportSectionReader;

/// The component `bytes` with other names for exports of the outermost one. Those of its exports that have a new name already
/// are taken away first. A rename of an export that does not exist has no effect.
///
/// # Errors
/// [`ComponentError::Rename`], if an export cannot have the name, or if one that has it cannot be taken away.
pub fn with_renamed_exports(bytes: &[u8], renames: &[Rename]) -> Result<Vec<u8>, ComponentError> {
    if renames.is_empty() {
        return Ok(bytes.to_vec());
    }
    let component = Component::parse(bytes)?;
    let renames: Vec<&Rename> =
        renames.iter().filter(|rename| component.exports().any(|name| name == rename.src)).collect();
    if renames.is_empty() {
        return Ok(bytes.to_vec());
    }
    let is_renamed = |name: &str| renames.iter().any(|rename| rename.src == name);
    let mut wasm = bytes.to_vec();
    for rename in &renames {
        if component.exports().any(|name| name == rename.dst) && !is_renamed(&rename.dst) {
            let refused = |error: ComponentError| rename_error(rename, &error);
            wasm = without_export(&wasm, &rename.dst).map_err(refused)?;
        }
    }
    let component = Component::parse(&wasm)?;
    let mut out = HEADER.to_vec();
    for part in &component.root.sections {
        let section = &part.section;
        match section.id {
            id::EXPORT => section.write(renamed(section, &renames)?.as_deref(), &mut out),
            _ => out.extend_from_slice(section.raw),
        }
    }
    match Component::parse(&out) {
        Ok(_) => Ok(out),
        Err(error) => Err(rename_error(renames[0], &error)),
    }
}

fn rename_error(rename: &Rename, error: &ComponentError) -> ComponentError {
    ComponentError::Rename {
        src: rename.src.clone(),
        dst: rename.dst.clone(),
        why: match error {
            ComponentError::Malformed { message, .. } => message.clone(),
            error => error.to_string(),
        },
    }
}

/// The contents of a section of exports with other names.
fn renamed(section: &RawSection<'_>, renames: &[&Rename]) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut new = wasm_encoder::ComponentExportSection::new();
    let mut changes = false;
    for export in ComponentExportSectionReader::new(section.reader())? {
        let mut export = export?;
        if let Some(rename) = renames.iter().find(|rename| rename.src == export.name.name) {
            export.name.name = &rename.dst;
            changes = true;
        }
        RoundtripReencoder.parse_component_export(&mut new, export).map_err(malformed)?;
    }
    Ok(if changes { contents(&new) } else { None })
}

impl<'a> Component<'a> {
    /// The names of what the outermost component exports, in order.
    pub fn exports(&self) -> impl Iterator<Item = &'a str> {
        self.root.steps.iter().filter_map(|step| match step {
            Step::Export { name, .. } => Some(*name),
            _ => None,
        })
    }
}
