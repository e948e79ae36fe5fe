//! Adds entries to the sections of a module, and replaces function bodies.

use super::section::with_entries;
use super::{Module, Replacements, Section, SectionId, section_of};
use std::collections::BTreeMap;
use wasm_encoder::{Encode, ExportKind};

/// Entries to add to the sections of a module, and bodies to replace.
pub struct Patch<'m, 'a> {
    module: &'m Module<'a>,
    added: BTreeMap<SectionId, (u32, Vec<u8>)>,
    bodies: BTreeMap<u32, Vec<u8>>,
    replaced: BTreeMap<SectionId, Vec<u8>>,
    /// Sections and custom sections that get other contents.
    pub replacements: Replacements<'static>,
}

impl<'m, 'a> Patch<'m, 'a> {
    /// No change yet.
    pub fn new(module: &'m Module<'a>) -> Self {
        Patch {
            module,
            added: BTreeMap::new(),
            bodies: BTreeMap::new(),
            replaced: BTreeMap::new(),
            replacements: Replacements::default(),
        }
    }

    /// Adds an entry to a section and tells its position among the added ones.
    pub fn add(&mut self, id: SectionId, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let (count, bytes) = self.added.entry(id).or_default();
        *count += 1;
        encode(bytes);
        *count - 1
    }

    /// Adds a type and tells its index.
    pub fn ty(&mut self, entry: &[u8]) -> u32 {
        self.module.types.len() as u32 + self.add(SectionId::TYPE, |out| out.extend_from_slice(entry))
    }

    /// Adds a function and tells its index. `body` begins with the locals.
    pub fn function(&mut self, ty: u32, body: &[u8]) -> u32 {
        self.add(SectionId::FUNCTION, |out| ty.encode(out));
        self.module.functions.len() as u32 + self.add(SectionId::CODE, |out| body.encode(out))
    }

    /// Adds a mutable `i32` that is zero, and tells its index.
    pub fn counter(&mut self) -> u32 {
        const I32: u8 = 0x7f;
        const MUTABLE: u8 = 1;
        let zero = [I32, MUTABLE, 0x41, 0x00, 0x0b];
        self.module.globals.len() as u32 + self.add(SectionId::GLOBAL, |out| out.extend_from_slice(&zero))
    }

    /// Adds a memory and tells its index.
    pub fn memory(&mut self, pages: u64) -> u32 {
        let ty = wasm_encoder::MemoryType {
            minimum: pages,
            maximum: Some(pages),
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        self.module.memories.len() as u32 + self.add(SectionId::MEMORY, |out| ty.encode(out))
    }

    /// Adds a table of nulls and tells its index.
    pub fn table(&mut self, heap_type: wasm_encoder::HeapType, size: u64) -> u32 {
        let ty = wasm_encoder::TableType {
            element_type: wasm_encoder::RefType { nullable: true, heap_type },
            table64: false,
            minimum: size,
            maximum: Some(size),
            shared: false,
        };
        self.module.tables.len() as u32 + self.add(SectionId::TABLE, |out| ty.encode(out))
    }

    /// Adds an export.
    pub fn export(&mut self, name: &str, kind: ExportKind, index: u32) {
        self.add(SectionId::EXPORT, |out| {
            name.encode(out);
            kind.encode(out);
            index.encode(out);
        });
    }

    /// Gives a section other contents, to which entries are added as to the original ones.
    pub fn replace_section(&mut self, id: SectionId, contents: Vec<u8>) {
        self.replaced.insert(id, contents);
    }

    /// Gives a defined function another body.
    pub fn replace_body(&mut self, function: u32, body: Vec<u8>) {
        self.bodies.insert(function, body);
    }

    /// The patched binary.
    ///
    /// # Errors
    /// If the bodies of the module cannot be read.
    pub fn apply(mut self) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
        if let Some(code) = self.module.section(SectionId::CODE).filter(|_| !self.bodies.is_empty()) {
            let contents = match self.in_place(code)? {
                Some(contents) => contents,
                None => self.rewritten_bodies()?,
            };
            self.replaced.insert(SectionId::CODE, contents);
        }
        for (id, (count, entries)) in self.added {
            let contents = match (self.replaced.remove(&id), self.module.section(id)) {
                (Some(replaced), _) => with_entries(&replaced, count, &entries),
                (None, Some(section)) => section.with_entries(count, &entries),
                (None, None) => section_of(count, &entries),
            };
            self.replacements.set(id, contents);
        }
        for (id, contents) in self.replaced {
            self.replacements.set(id, contents);
        }
        Ok(self.replacements.apply(&self.module.sections))
    }

    /// The code section with the replaced bodies where they were; `None` if one has another length.
    fn in_place(&self, code: &Section<'_>) -> Result<Option<Vec<u8>>, wasmparser::BinaryReaderError> {
        let mut contents = code.contents.to_vec();
        for (function, range) in (self.module.imported.functions..).zip(body_ranges(self.module.bytes)?) {
            let Some(body) = self.bodies.get(&function) else { continue };
            if body.len() != range.len() {
                return Ok(None);
            }
            contents[range.start - code.range.start..range.end - code.range.start].copy_from_slice(body);
        }
        Ok(Some(contents))
    }

    fn rewritten_bodies(&self) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
        let mut entries = Vec::new();
        let mut count = 0;
        for (function, range) in (self.module.imported.functions..).zip(body_ranges(self.module.bytes)?) {
            match self.bodies.get(&function) {
                Some(body) => body.as_slice().encode(&mut entries),
                None => self.module.bytes[range].encode(&mut entries),
            }
            count += 1;
        }
        Ok(section_of(count, &entries))
    }
}

/// Where the bodies of a binary's functions lie, by position in the code section.
pub fn body_ranges(wasm: &[u8]) -> Result<Vec<std::ops::Range<usize>>, wasmparser::BinaryReaderError> {
    let mut ranges = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload? {
            ranges.push(body.range());
        }
    }
    Ok(ranges)
}
