//! The functions that make wasi-libc look again at what it has cached of the host.

use crate::execute::Hook;
use crate::guest::function_named;
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};

/// These functions of one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResetHooks {
    /// Index and name, in the order in which they are to be called.
    functions: Vec<(u32, &'static str)>,
}

impl ResetHooks {
    /// Those that `module` exports or has in its name section.
    pub fn of(module: &Module<'_>) -> ResetHooks {
        const HOOKS: [&str; 3] = [
            "__wasilibc_reset_preopens",
            "__wasilibc_deinitialize_environ",
            // For programs that use the variable `environ`, which must be valid.
            "__wasilibc_maybe_reinitialize_environ_eagerly",
        ];
        let found = HOOKS.into_iter().filter_map(|name| {
            let index = function_named(module, name)?;
            (index >= module.imported.functions && module.is_nullary(index)).then_some((index, name))
        });
        ResetHooks { functions: found.collect() }
    }

    /// Whether the module has none of them.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
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
