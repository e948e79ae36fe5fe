//! Which exports are called.

use super::{DEFAULT_INIT_FUNCTIONS, ExecuteError, REACTOR_INITIALIZE};
use preinit_core::module::{Module, is_function};

/// The export at which a command begins (WASI application ABI).
pub const COMMAND_START: &str = "_start";

/// What exports are called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To initialize the module: they take and return nothing.
    Init,
    /// To stop in one of them: it may be a command, and what it returns is left to its caller.
    Freeze,
}

/// The exports to call in order: a reactor's constructors first, once; without `named` ones, the first that is there by
/// default.
pub(crate) fn calls(
    module: &Module<'_>,
    named: &[String],
    purpose: Purpose,
) -> Result<Vec<String>, ExecuteError> {
    let mut calls: Vec<String> = Vec::new();
    if is_function_export(module, REACTOR_INITIALIZE) {
        calls.push(REACTOR_INITIALIZE.to_string());
    }
    if named.is_empty() {
        let command = (purpose == Purpose::Freeze).then_some(COMMAND_START);
        let mut defaults = command.into_iter().chain(DEFAULT_INIT_FUNCTIONS);
        match defaults.find(|name| is_function_export(module, name)) {
            Some(name) => calls.push(name.to_string()),
            // A program may be stopped in its constructors.
            None if purpose == Purpose::Freeze && !calls.is_empty() => {}
            None => return Err(no_default(module, purpose)),
        }
    }
    for name in named {
        if !is_function_export(module, name) {
            return Err(ExecuteError::NoInitFunction(format!(
                "there is no exported function `{name}`; {}",
                exported_functions(module)
            )));
        }
        if name != REACTOR_INITIALIZE {
            calls.push(name.clone());
        }
    }
    match calls.iter().find(|name| !is_callable(module, name, purpose)) {
        Some(name) => Err(not_callable(module, name, purpose)),
        None => Ok(calls),
    }
}

fn is_callable(module: &Module<'_>, name: &str, purpose: Purpose) -> bool {
    module.export(name).is_some_and(|export| match purpose {
        Purpose::Init => module.is_nullary(export.index),
        Purpose::Freeze => module.signature(export.index).is_some_and(|ty| ty.params().is_empty()),
    })
}

fn not_callable(module: &Module<'_>, name: &str, purpose: Purpose) -> ExecuteError {
    match purpose {
        Purpose::Init => init_signature(module, name),
        Purpose::Freeze => ExecuteError::NoInitFunction(format!(
            "`{name}` takes parameters, and there is nothing to call it with; {}",
            exported_functions(module)
        )),
    }
}

pub(super) fn init_signature(module: &Module<'_>, name: &str) -> ExecuteError {
    ExecuteError::InitSignature { name: name.to_string(), candidates: exported_functions(module) }
}

fn no_default(module: &Module<'_>, purpose: Purpose) -> ExecuteError {
    let exports = exported_functions(module);
    ExecuteError::NoInitFunction(match purpose {
        Purpose::Init => format!(
            "none of the default init functions `{}` is exported ({exports})",
            DEFAULT_INIT_FUNCTIONS.join("`, `")
        ),
        Purpose::Freeze => {
            format!("the module exports no `{COMMAND_START}` and no init function to freeze in ({exports})")
        }
    })
}

fn exported_functions(module: &Module<'_>) -> String {
    const SHOWN: usize = 12;
    let nullary =
        |export: &&wasmparser::Export<'_>| is_function(export.kind) && module.is_nullary(export.index);
    let mut names: Vec<&str> = module.exports.iter().filter(nullary).map(|export| export.name).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "the module exports no function without parameters and results".to_string(),
        (false, 0) => format!("candidates are `{}`", names.join("`, `")),
        (false, more) => format!("candidates are `{}` and {more} more", names.join("`, `")),
    }
}

fn is_function_export(module: &Module<'_>, name: &str) -> bool {
    module.export(name).is_some_and(|export| is_function(export.kind))
}
