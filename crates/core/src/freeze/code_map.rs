use super::ResumeError;
use super::call_stack::CallSite;
use super::call_stop::StoppingModule;
use super::entry_hook::EntryHook;
use super::function_code::FunctionCodes;
use crate::module::{Module, body_ranges};
use crate::probe::Probed;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Where the functions of a module lie in a binary that runs in its place.
pub struct CodeMap {
    imported: u32,
    bodies: Vec<Range<usize>>,
    /// By function, in order.
    inserted: BTreeMap<u32, Vec<Inserted>>,
}

/// Code that a function of the binary has besides its own.
struct Inserted {
    /// The instruction before which it is, from the start of the body.
    start: u32,
    len: u32,
    /// How much is inserted before it.
    before: u32,
}

impl CodeMap {
    /// `wasm` is the binary of `probed`, the probed form of `module`, or that with `hook`.
    ///
    /// # Errors
    /// If a binary cannot be read.
    pub fn new(
        module: &Module<'_>,
        probed: &Probed,
        wasm: &[u8],
        hook: Option<&EntryHook>,
    ) -> Result<CodeMap, ResumeError> {
        let mut inserted: BTreeMap<u32, Vec<Inserted>> = BTreeMap::new();
        if let Some(EntryHook { function, code, .. }) = hook {
            let codes = FunctionCodes::read(module, &BTreeSet::from([*function]))?;
            let start = codes.get(*function)?.first_instruction() as u32;
            inserted.entry(*function).or_default().push(Inserted {
                start,
                len: code.len() as u32,
                before: 0,
            });
        }
        CodeMap::with((module, probed, wasm), inserted)
    }

    /// The same of a module that ends at a call by itself.
    ///
    /// # Errors
    /// If a binary cannot be read.
    pub fn of_stopping(
        module: &Module<'_>,
        probed: &Probed,
        stopping: &StoppingModule,
    ) -> Result<CodeMap, ResumeError> {
        let mut inserted: BTreeMap<u32, Vec<Inserted>> = BTreeMap::new();
        for &(function, start, len) in &stopping.inserted {
            inserted.entry(function).or_default().push(Inserted { start, len, before: 0 });
        }
        CodeMap::with((module, probed, &stopping.wasm), inserted)
    }

    fn with(
        (module, probed, wasm): (&Module<'_>, &Probed, &[u8]),
        mut inserted: BTreeMap<u32, Vec<Inserted>>,
    ) -> Result<CodeMap, ResumeError> {
        if let Some(count) = &probed.memory_count {
            for (function, body) in (module.imported.functions..).zip(module.bodies()) {
                let mut operators = body.get_operators_reader()?;
                while !operators.eof() {
                    let (operator, at) = operators.read_with_offset()?;
                    let own = &module.bytes[at..operators.original_position()];
                    if let Some(code) = count.instead(&operator, own) {
                        let start = (at - body.range().start) as u32;
                        let len = (code.len() - own.len()) as u32;
                        inserted.entry(function).or_default().push(Inserted { start, len, before: 0 });
                    }
                }
            }
        }
        for inserted in inserted.values_mut() {
            inserted.sort_by_key(|inserted| inserted.start);
            let mut before = 0;
            for inserted in inserted {
                inserted.before = before;
                before += inserted.len;
            }
        }
        Ok(CodeMap { imported: module.imported.functions, bodies: body_ranges(wasm)?, inserted })
    }

    /// The site in the module that is at `offset` of the binary. An offset in code that was inserted is taken for the
    /// instruction after it.
    ///
    /// # Errors
    /// If that is not in the function.
    pub fn site(&self, function: u32, offset: usize) -> Result<CallSite, ResumeError> {
        let body = function.checked_sub(self.imported).and_then(|index| self.bodies.get(index as usize));
        let body = body.filter(|body| body.contains(&offset));
        let body = body.ok_or(ResumeError::Unexplained("a frame outside of its function"))?;
        self.site_in_body(function, offset - body.start)
    }

    /// The same, where the offset is counted from the start of the function's body.
    ///
    /// # Errors
    /// If that is not in the function.
    pub fn site_in_body(&self, function: u32, offset: usize) -> Result<CallSite, ResumeError> {
        let body = function.checked_sub(self.imported).and_then(|index| self.bodies.get(index as usize));
        body.filter(|body| offset < body.len())
            .ok_or(ResumeError::Unexplained("a frame outside of its function"))?;
        let offset = offset as u32;
        let inserted = self.inserted.get(&function).map_or(&[][..], Vec::as_slice);
        let passed = inserted.partition_point(|inserted| inserted.start + inserted.before <= offset);
        let offset = inserted[..passed].last().map_or(offset, |&Inserted { start, len, before }| {
            start.max(offset.saturating_sub(before + len))
        });
        Ok(CallSite { function, offset })
    }
}
