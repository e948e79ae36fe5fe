//! Inserts calls of an import between the instructions of a module.

use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, EntityType, ImportSection, Instruction, Module, SectionId, TypeSection};
use wasmparser::{FunctionBody, ImportSectionReader, Parser, TypeSectionReader};

/// The import: `env.c`, which takes and returns nothing. It comes before all others.
struct Checkpoints<'c> {
    ty: u32,
    imported: bool,
    /// Whether to call it before an instruction, by position in the code section and in the body.
    chosen: &'c mut dyn FnMut(usize, usize) -> bool,
    function: usize,
}

/// The module with calls of `env.c` before the chosen instructions, and how many. It must have a type section.
pub fn insert(wasm: &[u8], chosen: &mut dyn FnMut(usize, usize) -> bool) -> Vec<u8> {
    let mut checkpoints = Checkpoints { ty: 0, imported: false, chosen, function: 0 };
    let mut module = Module::new();
    checkpoints.parse_core_module(&mut module, Parser::new(0), wasm).unwrap();
    module.finish()
}

impl Checkpoints<'_> {
    fn import(&mut self, imports: &mut ImportSection) {
        imports.import("env", "c", EntityType::Function(self.ty));
        self.imported = true;
    }
}

type Done = Result<(), Error<Infallible>>;

impl Reencode for Checkpoints<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(function + 1)
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Done {
        for group in section.clone() {
            self.ty += group?.types().len() as u32;
        }
        wasm_encoder::reencode::utils::parse_type_section(self, types, section)?;
        types.ty().function([], []);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Done {
        self.import(imports);
        wasm_encoder::reencode::utils::parse_import_section(self, imports, section)
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Done {
        if !self.imported && after == Some(SectionId::Type) && before != Some(SectionId::Import) {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Done {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        let mut at = 0;
        while !reader.eof() {
            if (self.chosen)(self.function, at) {
                function.instruction(&Instruction::Call(0));
            }
            function.instruction(&self.parse_instruction(&mut reader)?);
            at += 1;
        }
        code.function(&function);
        self.function += 1;
        Ok(())
    }
}
