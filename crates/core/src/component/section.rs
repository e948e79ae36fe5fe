//! The sections of a component's binary (component model, "Binary format").

use super::ComponentError;
use wasm_encoder::Encode;
use wasmparser::BinaryReader;

/// The magic number and the version, with the layer of components.
pub const HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The custom section that names the items of a component.
pub const NAMES: &str = "component-name";

/// The id byte of a section.
pub mod id {
    pub const CUSTOM: u8 = 0;
    pub const CORE_MODULE: u8 = 1;
    pub const CORE_INSTANCE: u8 = 2;
    pub const CORE_TYPE: u8 = 3;
    pub const COMPONENT: u8 = 4;
    pub const INSTANCE: u8 = 5;
    pub const ALIAS: u8 = 6;
    pub const TYPE: u8 = 7;
    pub const CANONICAL: u8 = 8;
    pub const START: u8 = 9;
    pub const IMPORT: u8 = 10;
    pub const EXPORT: u8 = 11;
}

/// One section as it stands in the file.
#[derive(Debug, Clone, Copy)]
pub struct RawSection<'a> {
    pub id: u8,
    /// All of it, id and size included.
    pub raw: &'a [u8],
    pub contents: &'a [u8],
    /// Where the contents begin in the outermost component.
    pub offset: usize,
}

impl<'a> RawSection<'a> {
    /// The sections of a component that begins at `offset` of the outermost one.
    pub fn read_all(component: &'a [u8], offset: usize) -> Result<Vec<RawSection<'a>>, ComponentError> {
        let mut reader = BinaryReader::new(component, offset);
        reader.read_bytes(HEADER.len())?;
        let mut sections = Vec::new();
        while !reader.eof() {
            let start = reader.original_position() - offset;
            let id = reader.read_u8()?;
            let len = reader.read_var_u32()?;
            let contents_offset = reader.original_position();
            let contents = reader.read_bytes(len as usize)?;
            let end = reader.original_position() - offset;
            sections.push(RawSection { id, raw: &component[start..end], contents, offset: contents_offset });
        }
        Ok(sections)
    }

    pub fn reader(&self) -> BinaryReader<'a> {
        BinaryReader::new(self.contents, self.offset)
    }

    /// How many items it defines.
    pub fn items(&self) -> Result<u32, ComponentError> {
        match self.id {
            id::CORE_INSTANCE | id::CORE_TYPE | id::INSTANCE | id::ALIAS | id::TYPE => {}
            id::CANONICAL | id::IMPORT | id::EXPORT => {}
            _ => return Ok(0),
        }
        Ok(self.reader().read_var_u32()?)
    }

    /// The same with other contents; none are as they were.
    pub fn write(&self, contents: Option<&[u8]>, out: &mut Vec<u8>) {
        match contents {
            Some(contents) if contents != self.contents => {
                out.push(self.id);
                contents.encode(out);
            }
            _ => out.extend_from_slice(self.raw),
        }
    }
}
