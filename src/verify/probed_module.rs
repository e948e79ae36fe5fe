use super::VerifyError;
use crate::engine;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::module::{Module, SectionId};
use preinit_core::probe::{ProbeOptions, Probed};

/// Bytes of code up to which an interpreter is fast enough.
const SMALL: usize = 128 << 10;

/// A module and its probed form, in which entered functions leave marks.
pub(super) struct ProbedModule<'a> {
    pub module: Module<'a>,
    pub probed: Probed,
}

impl<'a> ProbedModule<'a> {
    pub fn new(module: Module<'a>) -> Result<Self, VerifyError> {
        let options = ProbeOptions { ends_waits: true, marks_entries: true, ..engine::probe_options() };
        let probed = Probed::with(&module, &options)?;
        Ok(ProbedModule { module, probed })
    }

    pub fn state_reader<'s>(&'s self, functions: &'s FunctionIndices) -> StateReader<'s> {
        StateReader { module: &self.module, probed: &self.probed, functions, compares: true }
    }

    /// Whether an interpreter is fast enough.
    pub fn is_small(&self) -> bool {
        self.module.section(SectionId::CODE).map_or(0, |section| section.contents.len()) <= SMALL
    }
}
