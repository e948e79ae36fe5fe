//! What makes wasi-libc look again at what it has cached of the host: functions of its own, or its variables put back.

use super::libc_variables::{LibcVariables, PutBack};
use crate::engine::Compiled;
use crate::execute::{Execution, Hook};
use crate::guest::{Program, function_named};
use crate::host::Ledger;
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};

/// These functions of one module, if they are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResetHooks {
    is_wanted: bool,
    /// Index and name, in the order in which they are to be called.
    functions: Vec<(u32, &'static str)>,
}

const RESET_PREOPENS: &str = "__wasilibc_reset_preopens";
const DEINITIALIZE_ENVIRON: &str = "__wasilibc_deinitialize_environ";

impl ResetHooks {
    /// What libc asks of WASI and caches, and the function that makes it forget that.
    pub const CACHED: [(&'static str, &'static str); 2] =
        [("fd_prestat_get", RESET_PREOPENS), ("environ_sizes_get", DEINITIALIZE_ENVIRON)];

    /// Those that `module` exports or has in its name section, if libc is to be reset.
    pub fn of(module: &Module<'_>, is_wanted: bool) -> ResetHooks {
        if !is_wanted {
            return ResetHooks::default();
        }
        const HOOKS: [&str; 3] = [
            RESET_PREOPENS,
            DEINITIALIZE_ENVIRON,
            // For programs that use the variable `environ`, which must be valid.
            "__wasilibc_maybe_reinitialize_environ_eagerly",
        ];
        let found = HOOKS.into_iter().filter_map(|name| {
            let index = function_named(module, name)?;
            (index >= module.imported.functions && module.is_nullary(index)).then_some((index, name))
        });
        ResetHooks { is_wanted, functions: found.collect() }
    }

    /// What is put back where the function that resets it is missing, after a run that asked the host for what `ledger` has.
    pub fn put_back(
        &self,
        execution: Execution<'_>,
        compiled: &Compiled,
        program: &Program<'_>,
        ledger: &Ledger,
    ) -> Vec<PutBack> {
        if !self.is_wanted {
            return Vec::new();
        }
        let variables = LibcVariables::new(execution, compiled, program, ledger);
        let is_missing = |name, asks| !self.has(name) && ledger.wasi_calls(asks).next().is_some();
        let mut put_back = Vec::new();
        if is_missing(RESET_PREOPENS, "fd_prestat_get") {
            put_back.extend(variables.of_directories(!ledger.preopens_seen().is_empty()).unwrap_or_default());
        }
        if is_missing(DEINITIALIZE_ENVIRON, "environ_sizes_get") {
            put_back.extend(variables.of_environment().unwrap_or_default());
        }
        put_back
    }

    /// Whether there is nothing that could be reset, although that is wanted.
    pub fn have_no_effect(&self, put_back: &[PutBack]) -> bool {
        self.is_wanted && self.functions.is_empty() && put_back.is_empty()
    }

    /// Whether libc looks for directories again.
    pub fn forgets_directories(&self, put_back: &[PutBack]) -> bool {
        self.has(RESET_PREOPENS) || put_back.iter().any(|part| part.of_directories)
    }

    /// Whether there is a function of this name.
    pub fn has(&self, name: &str) -> bool {
        self.functions.iter().any(|(_, hook)| *hook == name)
    }

    /// What the probed module must export so that they can be called.
    pub fn indices(&self) -> impl Iterator<Item = u32> {
        self.functions.iter().map(|(index, _)| *index)
    }

    /// The functions as `probed` exports them.
    pub fn hooks(&self, probed: &Probed) -> Vec<Hook> {
        let hook = |(index, name): &(u32, &'static str)| Hook {
            export: probed.export_name(Probe::Function(*index)),
            name: name.to_string(),
        };
        self.functions.iter().map(hook).collect()
    }
}
