//! Components without instances, around which others have copies: only their outer aliases change.

use super::ComponentError;
use super::copies::{Copies, Space};
use super::definition::{Definition, Nested};
use super::section::{HEADER, RawSection, id};
use super::shift::{contents, malformed};
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, ReencodeComponent, RoundtripReencoder};
use wasmparser::ComponentAliasSectionReader;

/// The binary of a definition that stands `depth` deep in the component instance `frame`. Whoever instantiates it gets the first
/// of several copies.
pub fn unused(
    copies: &Copies<'_, '_>,
    definition: &Definition<'_>,
    (frame, depth): (usize, u32),
) -> Result<Vec<u8>, ComponentError> {
    let mut out = HEADER.to_vec();
    for part in &definition.sections {
        let section = &part.section;
        let changed = match part.nested {
            Nested::Component(child) => {
                Some(unused(copies, &definition.components[child], (frame, depth + 1))?)
            }
            Nested::Nothing if section.id == id::ALIAS => aliases(copies, section, (frame, depth))?,
            Nested::Nothing | Nested::Module(_) => None,
        };
        section.write(changed.as_deref(), &mut out);
    }
    Ok(out)
}

/// The contents of a section of aliases; `None` if none changes.
fn aliases(
    copies: &Copies<'_, '_>,
    section: &RawSection<'_>,
    (frame, depth): (usize, u32),
) -> Result<Option<Vec<u8>>, ComponentError> {
    let reader = || ComponentAliasSectionReader::new(section.reader());
    let mut old = wasm_encoder::ComponentAliasSection::new();
    RoundtripReencoder.parse_component_alias_section(&mut old, reader()?).map_err(malformed)?;
    let mut new = wasm_encoder::ComponentAliasSection::new();
    let mut outside = Outside { copies, frame, depth };
    outside.parse_component_alias_section(&mut new, reader()?).map_err(malformed)?;
    let (old, new) = (contents(&old), contents(&new));
    Ok(if old == new { None } else { new })
}

/// Moves what leads out of the component.
struct Outside<'o, 'c, 'a> {
    copies: &'o Copies<'c, 'a>,
    frame: usize,
    depth: u32,
}

impl Outside<'_, '_, '_> {
    fn moved(&self, space: Space, count: u32, index: u32) -> u32 {
        match count.checked_sub(self.depth) {
            Some(count) => self.copies.base(self.copies.up(self.frame, count), space, index),
            None => index,
        }
    }
}

impl Reencode for Outside<'_, '_, '_> {
    type Error = Infallible;
}

impl ReencodeComponent for Outside<'_, '_, '_> {
    fn outer_component_index(&mut self, count: u32, index: u32) -> u32 {
        self.moved(Space::Component, count, index)
    }

    fn outer_module_index(&mut self, count: u32, index: u32) -> u32 {
        self.moved(Space::Module, count, index)
    }
}
