//! What is called after init, before the state is read.

use super::scrub::allocator;
use crate::error::{Error, OptionsError};
use crate::execute::Hook;
use crate::guest::function_named;
use crate::options::Options;
use preinit_core::allocator::Allocator;
use preinit_core::module::{Module, Space, is_function};
use preinit_core::probe::{Probe, Probed};

/// Functions that were named, and the allocator if free memory is to be zeroed.
#[derive(Debug, Default)]
pub(crate) struct BeforeCapture {
    functions: Vec<(u32, String)>,
    pub allocator: Option<Allocator>,
}

impl BeforeCapture {
    /// What `options` ask for, of `module`.
    pub fn of(module: &Module<'_>, options: &Options) -> Result<BeforeCapture, Error> {
        let named = |name: &String| {
            let is_exported = module.export(name).is_some_and(|export| is_function(export.kind));
            let names = module.names();
            let is_named = names.find(Space::Function, name).is_some();
            if !is_exported && is_named && names.find_only(Space::Function, name).is_none() {
                return Err(OptionsError::FunctionsBeforeCapture(name.as_str().into()));
            }
            let index = function_named(module, name)
                .filter(|index| module.signature(*index).is_some_and(|ty| ty.params().is_empty()));
            let none = || OptionsError::NoFunctionBeforeCapture(name.as_str().into());
            Ok((index.ok_or_else(none)?, name.clone()))
        };
        let functions = options.before_capture.iter().map(named).collect::<Result<_, OptionsError>>()?;
        let allocator = match options.scrub {
            true => Some(allocator(module, &options.host)?),
            false => None,
        };
        Ok(BeforeCapture { functions, allocator })
    }

    /// What the probed module must export so that they can be called.
    pub fn indices(&self) -> impl Iterator<Item = u32> {
        let allocator = self.allocator.iter().flat_map(|allocator| [allocator.allocate, allocator.free]);
        self.functions.iter().map(|(index, _)| *index).chain(allocator)
    }

    /// The functions that were named, as `probed` exports them.
    pub fn hooks(&self, probed: &Probed) -> Vec<Hook> {
        let hook = |(index, name): &(u32, String)| Hook {
            export: probed.export_name(Probe::Function(*index)),
            name: name.clone(),
        };
        self.functions.iter().map(hook).collect()
    }
}
