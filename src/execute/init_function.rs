//! Which exports are called, in which order.

use super::ExecuteError;
use preinit_core::module::{Module, is_function};
use preinit_core::printable::{Name, listed};
use std::fmt;

/// Init exports that are looked for when none is named, in this order.
pub const DEFAULT_INIT_FUNCTIONS: [&str; 3] = ["wizer-initialize", "wizer.initialize", "preinit"];

/// A reactor's constructors run in this export (WASI application ABI).
pub const REACTOR_INITIALIZE: &str = "_initialize";

/// A command starts in this export (WASI application ABI).
pub const COMMAND_START: &str = "_start";

/// Why nothing can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitFunctionError {
    /// None is named, and none of the default ones exists.
    #[error("none of the default init functions `{}` is exported ({candidates})", DEFAULT_INIT_FUNCTIONS.join("`, `"))]
    NoDefault {
        /// What could be called instead.
        candidates: Candidates,
    },
    /// None is named, and the program to be frozen has no entry.
    #[error("the module exports no `{COMMAND_START}` and no init function to freeze in ({candidates})")]
    NoEntry {
        /// What could be called instead.
        candidates: Candidates,
    },
    /// There is no export of this name, or it is no function.
    #[error("there is no exported function `{name}`; {candidates}")]
    Missing {
        /// The name.
        name: Name,
        /// What could be called instead.
        candidates: Candidates,
    },
    /// The function takes or returns something.
    #[error("the init function `{name}` must take no parameters and return nothing; {candidates}")]
    Signature {
        /// The export.
        name: Name,
        /// What could be called instead.
        candidates: Candidates,
    },
    /// The function to be frozen in takes something.
    #[error("`{name}` takes parameters, and there is nothing to call it with; {candidates}")]
    Parameters {
        /// The export.
        name: Name,
        /// What could be called instead.
        candidates: Candidates,
    },
}

/// The exported functions without parameters and results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(pub Vec<Name>);

impl Candidates {
    fn of(module: &Module<'_>) -> Candidates {
        let exports = module.exports.iter();
        let nullary = exports.filter(|export| is_function(export.kind) && module.is_nullary(export.index));
        Candidates(nullary.map(|export| export.name.into()).collect())
    }
}

impl fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        match self.0.is_empty() {
            true => f.write_str("the module exports no function without parameters and results"),
            false => write!(f, "candidates are {}", listed(&self.0, SHOWN)),
        }
    }
}

/// The exports that initialize the module, in order: a reactor's constructors first, once; then those that are named.
///
/// # Errors
/// If one of them does not exist, or takes or returns something.
pub(crate) fn init_calls(module: &Module<'_>, named: &[String]) -> Result<Vec<String>, ExecuteError> {
    let default = DEFAULT_INIT_FUNCTIONS.iter().find(|name| is_function_export(module, name));
    let no_default = || InitFunctionError::NoDefault { candidates: Candidates::of(module) };
    let default = if named.is_empty() { Some(default.ok_or_else(no_default)?) } else { None };
    let calls = in_order(module, default.copied(), named)?;
    let nullary = |name: &String| module.export(name).is_some_and(|export| module.is_nullary(export.index));
    match calls.iter().find(|name| !nullary(name)) {
        Some(name) => Err(signature(module, name).into()),
        None => Ok(calls),
    }
}

/// The exports of a program that is frozen before they return; what they would return does not matter.
///
/// # Errors
/// If one of them does not exist, or takes something.
pub(crate) fn program_calls(module: &Module<'_>, named: &[String]) -> Result<Vec<String>, ExecuteError> {
    let default = [COMMAND_START].into_iter().chain(DEFAULT_INIT_FUNCTIONS);
    let default =
        default.into_iter().find(|name| is_function_export(module, name)).filter(|_| named.is_empty());
    let calls = in_order(module, default, named)?;
    if calls.is_empty() {
        return Err(InitFunctionError::NoEntry { candidates: Candidates::of(module) }.into());
    }
    let takes = |name: &&String| {
        let signature = module.export(name).and_then(|export| module.signature(export.index));
        signature.is_none_or(|ty| !ty.params().is_empty())
    };
    match calls.iter().find(takes) {
        Some(name) => {
            let name = name.as_str().into();
            Err(InitFunctionError::Parameters { name, candidates: Candidates::of(module) }.into())
        }
        None => Ok(calls),
    }
}

fn in_order(
    module: &Module<'_>,
    default: Option<&str>,
    named: &[String],
) -> Result<Vec<String>, InitFunctionError> {
    let constructors = Some(REACTOR_INITIALIZE).filter(|name| is_function_export(module, name));
    let mut calls: Vec<String> = constructors.into_iter().chain(default).map(str::to_string).collect();
    for name in named {
        if !is_function_export(module, name) {
            let name = name.as_str().into();
            return Err(InitFunctionError::Missing { name, candidates: Candidates::of(module) });
        }
        if name != REACTOR_INITIALIZE {
            calls.push(name.clone());
        }
    }
    Ok(calls)
}

/// The error for an export that is no function without parameters and results.
pub(crate) fn signature(module: &Module<'_>, name: &str) -> InitFunctionError {
    InitFunctionError::Signature { name: name.into(), candidates: Candidates::of(module) }
}

fn is_function_export(module: &Module<'_>, name: &str) -> bool {
    module.export(name).is_some_and(|export| is_function(export.kind))
}
