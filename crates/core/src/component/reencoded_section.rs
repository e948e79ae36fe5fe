//! A section of a component in which indices have moved.

use super::ComponentError;
use super::section::{RawSection, id};
use super::shift::{contents, malformed};
use std::convert::Infallible;
use wasm_encoder::reencode::ReencodeComponent;
use wasmparser::{
    ComponentAliasSectionReader, ComponentCanonicalSectionReader, ComponentExportSectionReader,
    ComponentImportSectionReader, ComponentInstanceSectionReader, ComponentStartFunction,
    ComponentTypeSectionReader, FromReader, InstanceSectionReader,
};

/// The contents of a section with the indices that `indices` gives; `None` if there are no indices in sections of this kind, or names
/// alone.
///
/// # Errors
/// [`ComponentError::Malformed`].
pub(super) fn reencoded(
    section: &RawSection<'_>,
    indices: &mut impl ReencodeComponent<Error = Infallible>,
) -> Result<Option<Vec<u8>>, ComponentError> {
    let mut reader = section.reader();
    Ok(match section.id {
        id::CORE_INSTANCE => {
            let mut new = wasm_encoder::InstanceSection::new();
            indices
                .parse_instance_section(&mut new, InstanceSectionReader::new(reader)?)
                .map_err(malformed)?;
            contents(&new)
        }
        id::INSTANCE => {
            let mut new = wasm_encoder::ComponentInstanceSection::new();
            let reader = ComponentInstanceSectionReader::new(reader)?;
            indices.parse_component_instance_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        id::ALIAS => {
            let mut new = wasm_encoder::ComponentAliasSection::new();
            let reader = ComponentAliasSectionReader::new(reader)?;
            indices.parse_component_alias_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        id::TYPE => {
            let mut new = wasm_encoder::ComponentTypeSection::new();
            let reader = ComponentTypeSectionReader::new(reader)?;
            indices.parse_component_type_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        id::CANONICAL => {
            let mut new = wasm_encoder::CanonicalFunctionSection::new();
            let reader = ComponentCanonicalSectionReader::new(reader)?;
            indices.parse_component_canonical_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        id::START => {
            let start = ComponentStartFunction::from_reader(&mut reader)?;
            contents(&wasm_encoder::ComponentStartSection {
                function_index: indices.component_func_index(start.func_index),
                args: start.arguments.to_vec(),
                results: start.results,
            })
        }
        id::IMPORT => {
            let mut new = wasm_encoder::ComponentImportSection::new();
            let reader = ComponentImportSectionReader::new(reader)?;
            indices.parse_component_import_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        id::EXPORT => {
            let mut new = wasm_encoder::ComponentExportSection::new();
            let reader = ComponentExportSectionReader::new(reader)?;
            indices.parse_component_export_section(&mut new, reader).map_err(malformed)?;
            contents(&new)
        }
        _ => None,
    })
}
