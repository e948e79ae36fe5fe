//! What the verifier adds to a module on which calls are played.

use super::{Probe, Probed};
use crate::module::{Module, ModuleError, Replacements, SectionId, section_of};
use wasm_encoder::{Encode, ExportKind, Instruction, MemArg, MemoryType};
use wasmparser::{BinaryReader, BinaryReaderError, CodeSectionReader, FunctionBody, Operator};

const PAGE: u64 = 1 << 16;

/// `drop` the timeout, `i64.const 0` in its place.
const NO_TIME: [u8; 3] = [0x1a, 0x42, 0x00];

impl Probed {
    /// Makes every `memory.atomic.wait` time out at once: on one thread nobody could end it, so it would last as long as
    /// it may, or for ever.
    ///
    /// # Errors
    /// If the instrumented module cannot be read.
    pub fn end_waits(&mut self) -> Result<(), ModuleError> {
        self.rewrite(None)
    }

    /// Makes every function of `module`, whose instrumented form this is, leave a mark in an added memory when it is
    /// entered: at its index among the defined functions. Waits time out at once too.
    ///
    /// # Errors
    /// If the instrumented module cannot be read.
    pub fn note_entries(&mut self, module: &Module<'_>) -> Result<(), ModuleError> {
        self.rewrite(Some(module.functions.len() as u32 - module.imported.functions))
    }

    fn rewrite(&mut self, marked: Option<u32>) -> Result<(), ModuleError> {
        let name = self.export_name(Probe::Entries);
        let module = Module::parse(&self.wasm)?;
        let Some(code) = module.section(SectionId::CODE) else { return Ok(()) };
        let memory_index = module.memories.len() as u32;
        let bodies = CodeSectionReader::new(BinaryReader::new(code.contents, 0))?;
        let (count, mut entries) = (bodies.count(), Vec::with_capacity(code.contents.len()));
        for (index, body) in (0..).zip(bodies) {
            let mut mark = Vec::new();
            if marked.is_some_and(|marked| index < marked) {
                let place = MemArg { offset: u64::from(index), align: 0, memory_index };
                for instruction in
                    [Instruction::I32Const(0), Instruction::I32Const(1), Instruction::I32Store8(place)]
                {
                    instruction.encode(&mut mark);
                }
            }
            rewritten(code.contents, &body?, &mark)?.as_slice().encode(&mut entries);
        }
        let mut replacements = Replacements::default();
        replacements.set(SectionId::CODE, section_of(count, &entries));
        if let Some(marked) = marked {
            let pages = u64::from(marked).div_ceil(PAGE).max(1);
            let ty = MemoryType {
                minimum: pages,
                maximum: Some(pages),
                memory64: false,
                shared: false,
                page_size_log2: None,
            };
            let (mut memory, mut export) = (Vec::new(), Vec::new());
            ty.encode(&mut memory);
            name.as_str().encode(&mut export);
            ExportKind::Memory.encode(&mut export);
            memory_index.encode(&mut export);
            for (id, entry) in [(SectionId::MEMORY, memory), (SectionId::EXPORT, export)] {
                let contents = match module.section(id) {
                    Some(section) => section.with_entries(1, &entry),
                    None => section_of(1, &entry),
                };
                replacements.set(id, contents);
            }
        }
        self.wasm = replacements.apply(&module.sections);
        Ok(())
    }
}

/// A body with `mark` before its first instruction, and no time for waits.
fn rewritten(contents: &[u8], body: &FunctionBody<'_>, mark: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let range = body.range();
    let mut operators = body.get_operators_reader()?;
    let start = operators.original_position();
    let mut out = Vec::with_capacity(range.len() + mark.len());
    out.extend_from_slice(&contents[range.start..start]);
    out.extend_from_slice(mark);
    let mut copied = start;
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        if is_wait(&operator) {
            out.extend_from_slice(&contents[copied..at]);
            out.extend_from_slice(&NO_TIME);
            copied = at;
        }
    }
    out.extend_from_slice(&contents[copied..range.end]);
    Ok(out)
}

fn is_wait(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. })
}
