//! Finds what names an import, and lets it name another function.

use super::InterposeError;
use crate::module::{Module, Patch, SectionId, element_functions, export_section, is_function, ref_funcs};
use std::collections::BTreeMap;
use std::convert::Infallible;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{ElementSection, Encode, GlobalSection, Instruction, TableSection};
use wasmparser::{
    BinaryReader, ElementSectionReader, FunctionBody, GlobalSectionReader, Operator, TableSectionReader,
};

/// What functions become, by index, and instructions about a memory.
pub(super) struct Redirect<'r> {
    functions: &'r BTreeMap<u32, u32>,
    memory: Option<SizedMemory>,
}

/// A memory whose size functions of ours tell and change, of the types of these instructions.
#[derive(Debug, Clone, Copy)]
pub struct SizedMemory {
    /// Its index.
    pub memory: u32,
    /// What is called instead of `memory.size`.
    pub size: u32,
    /// What is called instead of `memory.grow`.
    pub grow: u32,
}

/// A body whose calls are redirected.
pub(super) struct RedirectedBody {
    /// With its declaration of locals.
    pub body: Vec<u8>,
    /// Whether it has tail calls.
    pub has_tail_calls: bool,
    /// Whether it makes references of functions that were redirected.
    pub makes_references: bool,
}

impl Reencode for Redirect<'_> {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Infallible>> {
        Ok(self.functions.get(&function).copied().unwrap_or(function))
    }
}

impl<'r> Redirect<'r> {
    pub fn new(functions: &'r BTreeMap<u32, u32>) -> Self {
        Redirect { functions, memory: None }
    }

    /// Lets functions answer instead of instructions about a memory, too.
    pub fn with_memory(self, memory: Option<SizedMemory>) -> Self {
        Redirect { memory, ..self }
    }

    /// A copy of a body that names what was redirected; `None` if it names nothing of that. `wasm` is the
    /// module.
    pub fn body(
        &self,
        wasm: &[u8],
        body: &FunctionBody<'_>,
    ) -> Result<Option<RedirectedBody>, InterposeError> {
        let range = body.range();
        let mut operators = body.get_operators_reader()?;
        let mut copy = RedirectedBody { body: Vec::new(), has_tail_calls: false, makes_references: false };
        let mut copied = range.start;
        while !operators.eof() {
            let (operator, at) = operators.read_with_offset()?;
            copy.has_tail_calls |= is_tail_call(&operator);
            let Some(redirected) = self.instruction(&operator) else { continue };
            copy.makes_references |= matches!(operator, Operator::RefFunc { .. });
            copy.body.extend_from_slice(&wasm[copied..at]);
            redirected.encode(&mut copy.body);
            copied = operators.original_position();
        }
        if copied == range.start {
            return Ok(None);
        }
        copy.body.extend_from_slice(&wasm[copied..range.end]);
        Ok(Some(copy))
    }

    fn instruction(&self, operator: &Operator<'_>) -> Option<Instruction<'static>> {
        let of = |function: &u32| self.functions.get(function).copied();
        let sized = |memory: &u32| self.memory.filter(|sized| sized.memory == *memory);
        Some(match operator {
            Operator::Call { function_index } => Instruction::Call(of(function_index)?),
            Operator::ReturnCall { function_index } => Instruction::ReturnCall(of(function_index)?),
            Operator::RefFunc { function_index } => Instruction::RefFunc(of(function_index)?),
            Operator::MemorySize { mem } => Instruction::Call(sized(mem)?.size),
            Operator::MemoryGrow { mem } => Instruction::Call(sized(mem)?.grow),
            _ => return None,
        })
    }

    fn changes(&self, functions: impl IntoIterator<Item = u32>) -> bool {
        functions.into_iter().any(|function| self.functions.contains_key(&function))
    }

    /// Redirects what exports, element segments, globals, tables and the start section name.
    pub fn sections(&self, module: &Module<'_>, patch: &mut Patch<'_, '_>) -> Result<(), InterposeError> {
        let exported = module.exports.iter().filter(|export| is_function(export.kind));
        if self.changes(exported.map(|export| export.index)) {
            patch.replace_section(SectionId::EXPORT, self.exports(module));
        }
        if let Some(start) = module.start.and_then(|start| self.functions.get(&start)) {
            let mut contents = Vec::new();
            start.encode(&mut contents);
            patch.replace_section(SectionId::START, contents);
        }
        if self.changes(module.elements.iter().flat_map(element_functions)) {
            let mut section = ElementSection::new();
            self.section(module, SectionId::ELEMENT, |redirect, reader| {
                redirect.parse_element_section(&mut section, ElementSectionReader::new(reader)?)
            })?;
            patch.replace_section(SectionId::ELEMENT, contents(&section));
        }
        if self.changes(module.globals.iter().filter_map(|global| global.init.as_ref()).flat_map(ref_funcs)) {
            let mut section = GlobalSection::new();
            self.section(module, SectionId::GLOBAL, |redirect, reader| {
                redirect.parse_global_section(&mut section, GlobalSectionReader::new(reader)?)
            })?;
            patch.replace_section(SectionId::GLOBAL, contents(&section));
        }
        if self.changes(module.tables.iter().filter_map(|table| table.init.as_ref()).flat_map(ref_funcs)) {
            let mut section = TableSection::new();
            self.section(module, SectionId::TABLE, |redirect, reader| {
                redirect.parse_table_section(&mut section, TableSectionReader::new(reader)?)
            })?;
            patch.replace_section(SectionId::TABLE, contents(&section));
        }
        Ok(())
    }

    fn section<'a>(
        &self,
        module: &Module<'a>,
        id: SectionId,
        parse: impl FnOnce(&mut Redirect<'r>, BinaryReader<'a>) -> Result<(), reencode::Error<Infallible>>,
    ) -> Result<(), InterposeError> {
        let Some(section) = module.section(id) else { return Ok(()) };
        let mut redirect = Redirect { functions: self.functions, memory: None };
        parse(&mut redirect, BinaryReader::new(section.contents, 0))
            .map_err(|error| InterposeError::Rewrite(error.to_string()))
    }

    fn exports(&self, module: &Module<'_>) -> Vec<u8> {
        let index = |export: &wasmparser::Export<'_>| {
            let redirected = self.functions.get(&export.index).filter(|_| is_function(export.kind));
            redirected.copied().unwrap_or(export.index)
        };
        export_section(module.exports.iter().map(|export| (export.name, export.kind, index(export))))
    }
}

/// The contents of a section without its size.
fn contents(section: &impl Encode) -> Vec<u8> {
    let mut with_size = Vec::new();
    section.encode(&mut with_size);
    let mut reader = BinaryReader::new(&with_size, 0);
    // What was just encoded begins with its own size.
    let start = reader.read_var_u32().map_or(0, |_| reader.original_position());
    with_size.split_off(start)
}

fn is_tail_call(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. }
    )
}
