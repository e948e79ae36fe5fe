use super::VerifyError;
use crate::engine;
use crate::host::Preload;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::module::{Module, SectionId};
use preinit_core::probe::{ProbeOptions, Probed};

/// Bytes of code up to which an interpreter is fast enough.
const SMALL: usize = 128 << 10;

/// A module and its probed form, in which entered functions leave marks.
pub(super) struct ProbedModule<'a> {
    pub module: Module<'a>,
    pub probed: Probed,
    /// The modules that are preloaded for it and can be read, by their names.
    pub preloads: Vec<(&'a str, Module<'a>)>,
}

impl<'a> ProbedModule<'a> {
    pub fn new(module: Module<'a>, preloads: &'a [Preload]) -> Result<Self, VerifyError> {
        let options = ProbeOptions { ends_waits: true, marks_entries: true, ..engine::probe_options() };
        let probed = Probed::with(&module, &options)?;
        let preload = |preload: &'a Preload| {
            let module = Module::parse_part(&preload.wasm).ok()?;
            Some((preload.name.as_str(), module))
        };
        Ok(ProbedModule { module, probed, preloads: preloads.iter().filter_map(preload).collect() })
    }

    pub fn state_reader<'s>(&'s self, functions: &'s FunctionIndices) -> StateReader<'s> {
        StateReader { module: &self.module, probed: &self.probed, functions, compares: true }
    }

    /// Whether an interpreter is fast enough.
    pub fn is_small(&self) -> bool {
        self.module.section(SectionId::CODE).map_or(0, |section| section.contents.len()) <= SMALL
    }
}
