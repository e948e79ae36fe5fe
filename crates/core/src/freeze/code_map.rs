use super::ResumeError;
use super::call_stack::CallSite;
use super::entry_hook::EntryHook;
use super::function_code::FunctionCodes;
use crate::module::{Module, body_ranges};
use std::collections::BTreeSet;
use std::ops::Range;

/// Where the functions of a module lie in a binary that runs in its place.
pub struct CodeMap {
    imported: u32,
    bodies: Vec<Range<usize>>,
    inserted: Option<Inserted>,
}

/// Code that a function of the binary has before its first instruction.
struct Inserted {
    function: u32,
    /// Where it is, from the start of the body.
    start: u32,
    len: u32,
}

impl CodeMap {
    /// `wasm` is the probed form of `module`, or that form with `hook`.
    ///
    /// # Errors
    /// If the binary cannot be read.
    pub fn new(module: &Module<'_>, wasm: &[u8], hook: Option<&EntryHook>) -> Result<CodeMap, ResumeError> {
        let inserted = match hook {
            None => None,
            Some(EntryHook { function, code, .. }) => {
                let codes = FunctionCodes::read(module, &BTreeSet::from([*function]))?;
                let start = codes.get(*function)?.first_instruction() as u32;
                Some(Inserted { function: *function, start, len: code.len() as u32 })
            }
        };
        Ok(CodeMap { imported: module.imported.functions, bodies: body_ranges(wasm)?, inserted })
    }

    /// The site in the module that is at `offset` of the binary. An offset in code that was inserted is taken for the
    /// first instruction.
    ///
    /// # Errors
    /// If that is not in the function.
    pub fn site(&self, function: u32, offset: usize) -> Result<CallSite, ResumeError> {
        let body = function.checked_sub(self.imported).and_then(|index| self.bodies.get(index as usize));
        let body = body.filter(|body| body.contains(&offset));
        let body = body.ok_or(ResumeError::Unexplained("a frame outside of its function"))?;
        let offset = (offset - body.start) as u32;
        let offset = match &self.inserted {
            Some(Inserted { function: changed, start, len }) if *changed == function && offset >= *start => {
                (*start).max(offset.saturating_sub(*len))
            }
            _ => offset,
        };
        Ok(CallSite { function, offset })
    }
}
