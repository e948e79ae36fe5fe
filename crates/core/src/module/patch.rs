//! Adds entries to the sections of a module, and replaces function bodies. Every stage that adds something does it here.

use super::{Module, Replacements, Section, SectionEntries, SectionId, name_section};
use std::collections::BTreeMap;
use wasm_encoder::{ConstExpr, Encode, ExportKind, GlobalType, ValType};

/// Changes to a module: entries at the end of its sections, other function bodies, other sections.
pub struct Patch<'m, 'a> {
    module: &'m Module<'a>,
    added: BTreeMap<SectionId, SectionEntries>,
    bodies: BTreeMap<u32, Vec<u8>>,
    replaced: BTreeMap<SectionId, Vec<u8>>,
    /// Sections and custom sections that get other contents. What is set here for a section to which entries are added is
    /// lost; [`Patch::replace_section`] is for those.
    pub replacements: Replacements<'m>,
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

    /// Adds an entry to a section and gives its position among the added ones.
    pub fn add(&mut self, id: SectionId, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        self.added.entry(id).or_default().add(encode)
    }

    /// Adds a type and gives its index.
    pub fn ty(&mut self, entry: &[u8]) -> u32 {
        self.module.types.len() as u32 + self.add(SectionId::TYPE, |out| out.extend_from_slice(entry))
    }

    /// Adds a function and gives its index. `body` begins with the locals.
    pub fn function(&mut self, ty: u32, body: &[u8]) -> u32 {
        self.add(SectionId::FUNCTION, |out| ty.encode(out));
        self.module.functions.len() as u32 + self.add(SectionId::CODE, |out| body.encode(out))
    }

    /// Adds a mutable `i32` that is zero, and gives its index.
    pub fn counter(&mut self) -> u32 {
        self.variable(ValType::I32, &ConstExpr::i32_const(0))
    }

    /// Adds a mutable global and gives its index.
    pub fn variable(&mut self, val_type: ValType, init: &ConstExpr) -> u32 {
        let added = self.add(SectionId::GLOBAL, |out| {
            GlobalType { val_type, mutable: true, shared: false }.encode(out);
            init.encode(out);
        });
        self.module.globals.len() as u32 + added
    }

    /// Adds a memory and gives its index.
    pub fn memory(&mut self, pages: u64) -> u32 {
        self.memory_of(pages, Some(pages))
    }

    /// Adds a memory that is empty and can grow. Its addresses have 64 bits.
    pub fn growing_memory(&mut self) -> u32 {
        self.memory_of(0, None)
    }

    fn memory_of(&mut self, minimum: u64, maximum: Option<u64>) -> u32 {
        let memory64 = maximum.is_none();
        let ty = wasm_encoder::MemoryType { minimum, maximum, memory64, shared: false, page_size_log2: None };
        self.module.memories.len() as u32 + self.add(SectionId::MEMORY, |out| ty.encode(out))
    }

    /// Adds a table of nulls and gives its index.
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

    /// Gives added functions names, if the name section can be read. To be called once.
    pub fn name_functions(&mut self, names: &[(u32, String)]) {
        if let Some(payload) = name_section::with_functions(self.module, names) {
            self.replacements.set_custom("name", payload);
        }
    }

    /// Gives a section other contents, to which entries are added as to the original ones.
    pub fn replace_section(&mut self, id: SectionId, contents: Vec<u8>) {
        self.replaced.insert(id, contents);
    }

    /// Gives a defined function another body.
    pub fn replace_body(&mut self, function: u32, body: Vec<u8>) {
        self.bodies.insert(function, body);
    }

    /// Leaves the debug information out if these changes move the code that it describes, and returns whether they do.
    pub fn drop_moved_dwarf(&mut self) -> bool {
        let drops = self.moves_code() && self.module.has_dwarf();
        if drops {
            self.replacements.remove_dwarf();
        }
        drops
    }

    fn moves_code(&self) -> bool {
        let added = self.added.get(&SectionId::CODE).map_or(0, SectionEntries::len);
        self.module.code_moves_with(added) || !self.keeps_body_lengths()
    }

    fn keeps_body_lengths(&self) -> bool {
        if self.bodies.is_empty() {
            return true;
        }
        let mut bodies = (self.module.imported.functions..).zip(self.module.bodies());
        bodies.all(|(function, body)| {
            self.bodies.get(&function).is_none_or(|replaced| replaced.len() == body.range().len())
        })
    }

    /// The patched binary.
    pub fn apply(mut self) -> Vec<u8> {
        if let Some(code) = self.module.section(SectionId::CODE).filter(|_| !self.bodies.is_empty()) {
            let contents = match self.keeps_body_lengths() {
                true => self.overwritten_bodies(code),
                false => self.rewritten_bodies(),
            };
            self.replaced.insert(SectionId::CODE, contents);
        }
        for (id, entries) in self.added {
            let replaced = self.replaced.remove(&id);
            let contents = replaced.as_deref().or_else(|| Some(self.module.section(id)?.contents));
            self.replacements.set(
                id,
                match contents {
                    Some(contents) => entries.appended_to(contents),
                    None => entries.contents(),
                },
            );
        }
        for (id, contents) in self.replaced {
            self.replacements.set(id, contents);
        }
        self.replacements.apply(&self.module.sections)
    }

    /// The code section with replaced bodies of the same length where they were.
    fn overwritten_bodies(&self, code: &Section<'_>) -> Vec<u8> {
        let mut contents = code.contents.to_vec();
        for (function, body) in (self.module.imported.functions..).zip(self.module.bodies()) {
            if let Some(replaced) = self.bodies.get(&function) {
                let range = body.range();
                contents[range.start - code.range.start..range.end - code.range.start]
                    .copy_from_slice(replaced);
            }
        }
        contents
    }

    fn rewritten_bodies(&self) -> Vec<u8> {
        let mut entries = SectionEntries::default();
        for (function, body) in (self.module.imported.functions..).zip(self.module.bodies()) {
            let bytes = self.bodies.get(&function).map_or(body.as_bytes(), Vec::as_slice);
            entries.add(|out| bytes.encode(out));
        }
        entries.contents()
    }
}

/// Where the bodies of a binary's functions lie, by position in the code section.
pub fn body_ranges(wasm: &[u8]) -> Result<Vec<std::ops::Range<usize>>, wasmparser::BinaryReaderError> {
    let module = Module::read_valid(wasm)?;
    Ok(module.bodies().iter().map(wasmparser::FunctionBody::range).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        CodeSection, CustomSection, ExportSection, Function, FunctionSection, Instruction, TypeSection,
        ValType,
    };

    /// `count` functions with a body of four bytes, the first exported as `f`, and a section of debug information.
    fn binary(count: u32) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I32]);
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        for _ in 0..count {
            functions.function(0);
            code.function(&constant(1));
        }
        let mut exports = ExportSection::new();
        exports.export("f", ExportKind::Func, 0);
        let mut module = wasm_encoder::Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        module.section(&CustomSection { name: ".debug_info".into(), data: (&[1, 2, 3]).into() });
        module.finish()
    }

    fn constant(value: i32) -> Function {
        let mut function = Function::new([]);
        function.instruction(&Instruction::I32Const(value)).instruction(&Instruction::End);
        function
    }

    fn patched(wasm: &[u8], change: impl FnOnce(&mut Patch<'_, '_>)) -> Vec<u8> {
        let module = Module::parse(wasm).unwrap();
        let mut patch = Patch::new(&module);
        change(&mut patch);
        let patched = patch.apply();
        Module::parse(&patched).expect("the patched module is valid");
        patched
    }

    #[test]
    fn nothing_changes_without_changes() {
        let wasm = binary(3);
        assert_eq!(patched(&wasm, |_| {}), wasm);
    }

    #[test]
    fn added_entries_have_the_indices_that_were_given() {
        let wasm = patched(&binary(2), |patch| {
            let ty = patch.ty(&[0x60, 0, 0]);
            let function = patch.function(ty, &[0x00, 0x0b]);
            assert_eq!((ty, function), (1, 2));
            let memory = patch.memory(2);
            let table = patch.table(wasm_encoder::HeapType::FUNC, 3);
            let counter = patch.counter();
            for (name, kind, index) in [
                ("function", ExportKind::Func, function),
                ("memory", ExportKind::Memory, memory),
                ("table", ExportKind::Table, table),
                ("counter", ExportKind::Global, counter),
            ] {
                patch.export(name, kind, index);
            }
        });
        let module = Module::parse(&wasm).unwrap();
        assert!(module.is_nullary(module.export("function").unwrap().index));
        assert_eq!(module.memories[module.export("memory").unwrap().index as usize].initial, 2);
        assert_eq!(module.tables[module.export("table").unwrap().index as usize].ty.initial, 3);
        assert!(module.globals[module.export("counter").unwrap().index as usize].ty.mutable);
        assert_eq!(module.export("f").unwrap().index, 0);
    }

    #[test]
    fn entries_are_added_to_a_section_that_is_replaced() {
        let wasm = patched(&binary(2), |patch| {
            let exports = super::super::export_section([("g", wasmparser::ExternalKind::Func, 1)]);
            patch.replace_section(SectionId::EXPORT, exports);
            patch.export("h", ExportKind::Func, 0);
        });
        let module = Module::parse(&wasm).unwrap();
        let exports: Vec<_> = module.exports.iter().map(|export| (export.name, export.index)).collect();
        assert_eq!(exports, [("g", 1), ("h", 0)]);
    }

    #[test]
    fn a_body_of_the_same_length_is_replaced_where_it_is() {
        let before = binary(3);
        let wasm = patched(&before, |patch| patch.replace_body(1, vec![0x00, 0x41, 0x07, 0x0b]));
        let differences: Vec<_> = before.iter().zip(&wasm).filter(|(a, b)| a != b).collect();
        assert_eq!((wasm.len(), differences), (before.len(), vec![(&1, &7)]));
    }

    #[test]
    fn a_body_of_another_length_moves_the_others() {
        let wasm = patched(&binary(3), |patch| patch.replace_body(1, vec![0x00, 0x01, 0x41, 0x07, 0x0b]));
        let module = Module::parse(&wasm).unwrap();
        let bodies: Vec<_> = module.bodies().iter().map(|body| body.as_bytes().to_vec()).collect();
        assert_eq!(
            bodies,
            [vec![0x00, 0x41, 0x01, 0x0b], vec![0x00, 0x01, 0x41, 0x07, 0x0b], vec![0x00, 0x41, 0x01, 0x0b]]
        );
    }

    /// What a patch with this many functions and these bodies does to the debug information of a module of `count`.
    fn drops_dwarf(count: u32, added: u32, bodies: &[&[u8]]) -> bool {
        let wasm = binary(count);
        let module = Module::parse(&wasm).unwrap();
        let mut patch = Patch::new(&module);
        for _ in 0..added {
            patch.function(0, &[0x00, 0x41, 0x00, 0x0b]);
        }
        for (function, body) in (0u32..).zip(bodies) {
            patch.replace_body(function, body.to_vec());
        }
        let dropped = patch.drop_moved_dwarf();
        let patched = patch.apply();
        assert_eq!(Module::parse(&patched).unwrap().has_dwarf(), !dropped);
        dropped
    }

    #[test]
    fn debug_information_goes_exactly_where_code_moves() {
        assert!(!drops_dwarf(3, 0, &[]));
        assert!(!drops_dwarf(126, 1, &[]));
        assert!(drops_dwarf(127, 1, &[]));
        assert!(drops_dwarf(100, 100, &[]));
        // The count is as wide as before.
        assert!(!drops_dwarf(128, 1000, &[]));
        assert!(!drops_dwarf(3, 0, &[&[0x00, 0x41, 0x07, 0x0b]]));
        assert!(drops_dwarf(3, 0, &[&[0x00, 0x01, 0x41, 0x07, 0x0b]]));
    }
}
