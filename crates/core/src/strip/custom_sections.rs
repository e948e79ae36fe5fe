//! Custom sections that say something about bodies.

use crate::module::{Module, NameSubsection, Replacements};
use std::collections::BTreeSet;
use wasm_encoder::{Encode, IndirectNameMap, NameMap};
use wasmparser::{BinaryReader, Name};

/// Brings what describes code in line with bodies that moved and bodies that are gone, and names the sections that had
/// to go.
pub(super) fn adjust(module: &Module<'_>, stubs: &BTreeSet<u32>, sections: &mut Replacements) -> Vec<String> {
    let mut dropped = Vec::new();
    for section in &module.sections {
        let Some((name, payload)) = section.custom else { continue };
        if section.is_dwarf() || name == "sourceMappingURL" {
            // Both give places in the code section by their distance from its start.
            sections.remove_custom(name);
            dropped.push(name.to_string());
        } else if name.starts_with("metadata.code.") {
            match without_functions(payload, stubs) {
                Some(payload) => sections.set_custom(name, payload),
                None => {
                    sections.remove_custom(name);
                    dropped.push(name.to_string());
                }
            }
        } else if name == "name"
            && let Some(payload) = without_insides(payload, stubs)
        {
            sections.set_custom(name, payload);
        }
    }
    dropped
}

/// Code metadata (tool conventions, `CodeMetadata.md`) counts from the start of each body, so only that of stubs is
/// wrong: a vector of functions, each with a vector of offsets and payloads.
fn without_functions(payload: &[u8], stubs: &BTreeSet<u32>) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(payload, 0);
    let (mut kept, mut entries) = (0u32, Vec::new());
    for _ in 0..reader.read_var_u32().ok()? {
        let start = reader.original_position();
        let function = reader.read_var_u32().ok()?;
        for _ in 0..reader.read_var_u32().ok()? {
            reader.read_var_u32().ok()?;
            let len = reader.read_var_u32().ok()?;
            reader.read_bytes(len as usize).ok()?;
        }
        if !stubs.contains(&function) {
            kept += 1;
            entries.extend_from_slice(&payload[start..reader.original_position()]);
        }
    }
    let mut out = Vec::with_capacity(entries.len() + 5);
    kept.encode(&mut out);
    out.extend_from_slice(&entries);
    reader.eof().then_some(out)
}

/// The name section without names of locals and labels of stubs, which have none. A malformed one is left alone.
fn without_insides(payload: &[u8], stubs: &BTreeSet<u32>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(payload.len());
    for subsection in NameSubsection::read_all(payload)? {
        match subsection.id {
            NameSubsection::LOCAL | NameSubsection::LABEL => {
                NameSubsection::write(subsection.id, &retained(&subsection, stubs)?, &mut out);
            }
            _ => out.extend_from_slice(subsection.raw),
        }
    }
    Some(out)
}

fn retained(subsection: &NameSubsection<'_>, stubs: &BTreeSet<u32>) -> Option<IndirectNameMap> {
    let (Name::Local(functions) | Name::Label(functions)) = subsection.parse()? else { return None };
    let mut map = IndirectNameMap::new();
    for function in functions {
        let function = function.ok()?;
        if stubs.contains(&function.index) {
            continue;
        }
        let mut names = NameMap::new();
        for naming in function.names {
            let naming = naming.ok()?;
            names.append(naming.index, naming.name);
        }
        map.append(function.index, &names);
    }
    Some(map)
}
