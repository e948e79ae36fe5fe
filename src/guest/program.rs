//! What is recognized in a module all at once: who calls whom, and the functions of libc.

use super::CallGraph;
use super::libc_functions::LibcFunctions;
use crate::execute::{DEFAULT_INIT_FUNCTIONS, REACTOR_INITIALIZE};
use preinit_core::module::{Module, is_function};

/// A module with its call graph and the functions of libc.
pub(crate) struct Program<'m> {
    pub module: &'m Module<'m>,
    pub calls: CallGraph<'m>,
    pub libc: LibcFunctions,
}

impl<'m> Program<'m> {
    pub fn of(module: &'m Module<'m>) -> Program<'m> {
        let calls = CallGraph::of(module);
        let libc = LibcFunctions::of(module, &calls);
        Program { module, calls, libc }
    }

    /// The exports that run the constructors, except for those that `is_removed` from the output.
    pub fn exports_with_constructors(&self, is_removed: impl Fn(&str) -> bool) -> Vec<&'m str> {
        /// An export calls the constructors itself, or its wrapper does.
        const DEPTH: usize = 2;
        let Some(constructors) = self.libc.constructors else { return Vec::new() };
        let kept = self.module.exports.iter().filter(|export| {
            is_function(export.kind)
                && export.name != REACTOR_INITIALIZE
                && !DEFAULT_INIT_FUNCTIONS.contains(&export.name)
                && !is_removed(export.name)
        });
        kept.filter(|export| self.calls.reaches(export.index, constructors, DEPTH))
            .map(|export| export.name)
            .collect()
    }

    /// Whether one of these exports runs the constructors.
    pub fn runs_constructors(&self, exports: &[String]) -> bool {
        /// How far calls are followed.
        const DEPTH: usize = 3;
        exports.iter().any(|name| {
            let index = self.module.export(name).map(|export| export.index);
            let reached = index.zip(self.libc.constructors);
            name == REACTOR_INITIALIZE
                || reached.is_some_and(|(index, constructors)| self.calls.reaches(index, constructors, DEPTH))
        })
    }
}
