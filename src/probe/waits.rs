//! Waits that end at once.

use super::Probed;
use crate::module::{Module, ModuleError, Replacements, SectionId, section_of};
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BinaryReaderError, CodeSectionReader, FunctionBody, Operator};

/// `drop` the timeout, `i64.const 0` in its place.
const NO_TIME: [u8; 3] = [0x1a, 0x42, 0x00];

impl Probed {
    /// Makes every `memory.atomic.wait` time out at once: on one thread nobody could end it, so it would last as long as
    /// it may, or for ever.
    ///
    /// # Errors
    /// If the instrumented module cannot be read.
    pub fn end_waits(&mut self) -> Result<(), ModuleError> {
        let module = Module::parse(&self.wasm)?;
        let Some(code) = module.section(SectionId::CODE) else { return Ok(()) };
        let bodies = CodeSectionReader::new(BinaryReader::new(code.contents, 0))?;
        let (count, mut entries) = (bodies.count(), Vec::with_capacity(code.contents.len()));
        for body in bodies {
            without_waits(code.contents, &body?)?.as_slice().encode(&mut entries);
        }
        let mut replacements = Replacements::default();
        replacements.set(SectionId::CODE, section_of(count, &entries));
        self.wasm = replacements.apply(&module.sections);
        Ok(())
    }
}

fn without_waits(contents: &[u8], body: &FunctionBody<'_>) -> Result<Vec<u8>, BinaryReaderError> {
    let range = body.range();
    let mut out = Vec::with_capacity(range.len());
    let mut copied = range.start;
    let mut operators = body.get_operators_reader()?;
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
