//! Which exports are called, in which order.

use super::ExecuteError;
use super::init_call::InitCall;
use crate::wording::nearest;
use preinit_core::module::{Module, is_function};
use preinit_core::printable::{Name, Printable, listed};
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
    #[error("none of the default init functions `{}` is exported ({candidates})", joined(names))]
    NoDefault {
        /// The default ones.
        names: Vec<Name>,
        /// Whether it is a command: a program that runs in `_start`.
        is_command: bool,
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
    #[error("there is no exported function `{name}`{}; {candidates}", did_you_mean(near))]
    Missing {
        /// The name.
        name: Name,
        /// The function that is most likely meant.
        near: Option<Name>,
        /// What could be called instead.
        candidates: Candidates,
    },
    /// What was written after the name is no list of arguments.
    #[error("the arguments of the init function in `{call}` cannot be read: {why}")]
    Syntax {
        /// What was written.
        call: Name,
        /// What is wrong.
        why: &'static str,
    },
    /// The function takes another number of arguments.
    #[error("the init function `{name}` takes {takes} and is given {given}; {candidates}")]
    Arguments {
        /// The export.
        name: Name,
        /// Its parameters, in words.
        takes: String,
        /// How many arguments there are, in words.
        given: String,
        /// What could be called instead.
        candidates: Candidates,
    },
    /// An argument is not of the parameter's type.
    #[error("the init function `{name}` cannot be given `{argument}` as {ty}")]
    Argument {
        /// The export.
        name: Name,
        /// The argument.
        argument: Name,
        /// The type of the parameter.
        ty: String,
    },
    /// A text or a list needs memory, which only the module can allocate.
    #[error(
        "the init function `{name}` is given a text or a list, but no memory can be allocated for it: {why}"
    )]
    NoAllocator {
        /// The export.
        name: Name,
        /// What is missing.
        why: String,
    },
    /// The function to be frozen in takes something.
    #[error("`{name}` takes parameters, and there is nothing to call it with; {candidates}")]
    Parameters {
        /// The export.
        name: Name,
        /// What could be called instead.
        candidates: Candidates,
    },
    /// The function takes or returns continuations, which no engine passes on to its host.
    #[error("`{name}` takes or returns a continuation, which only other functions of the module can")]
    Continuation {
        /// The export.
        name: Name,
    },
    /// A program that is frozen before the function returns is entered again without arguments.
    #[error("`{name}` is given arguments, which a program that is frozen in it would not have again")]
    ArgumentsToFrozen {
        /// The export.
        name: Name,
    },
}

fn joined(names: &[Name]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `")
}

fn did_you_mean(near: &Option<Name>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// The exported functions without parameters and results; if there is none, those without parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(pub Vec<Name>);

impl Candidates {
    pub(super) fn of(module: &Module<'_>) -> Candidates {
        let exports = || module.exports.iter().filter(|export| is_function(export.kind));
        let nullary = exports().filter(|export| module.is_nullary(export.index));
        let mut names: Vec<Name> = nullary.map(|export| export.name.into()).collect();
        if names.is_empty() {
            let takes_nothing = |index| module.signature(index).is_some_and(|ty| ty.params().is_empty());
            names.extend(
                exports().filter(|export| takes_nothing(export.index)).map(|export| Name::from(export.name)),
            );
        }
        Candidates(names)
    }
}

impl fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        match self.0.is_empty() {
            true => f.write_str("the module exports no function without parameters"),
            false => write!(f, "candidates are {}", listed(&self.0, SHOWN)),
        }
    }
}

/// The names of init functions that are given, and those that are looked for if there are none.
#[derive(Debug, Clone, Copy)]
pub struct InitNames<'n> {
    /// The given ones, each with its arguments if it has some.
    pub named: &'n [String],
    /// The default ones.
    pub default: &'n [String],
}

/// The default names, to keep.
pub(crate) fn default_init_functions() -> Vec<String> {
    DEFAULT_INIT_FUNCTIONS.map(String::from).to_vec()
}

/// The calls that initialize the module, in order: a reactor's constructors first, once; then those that are named.
///
/// # Errors
/// If one of them does not exist, or takes something that it is not given.
pub(crate) fn init_calls(module: &Module<'_>, names: InitNames<'_>) -> Result<Vec<InitCall>, ExecuteError> {
    let default = names.default.iter().find(|name| is_function_export(module, name));
    let no_default = || InitFunctionError::NoDefault {
        names: names.default.iter().map(|name| name.as_str().into()).collect(),
        is_command: is_function_export(module, COMMAND_START),
        candidates: Candidates::of(module),
    };
    let default = if names.named.is_empty() { Some(default.ok_or_else(no_default)?) } else { None };
    let calls = in_order(module, default.map(String::as_str), names.named)?;
    for call in &calls {
        check_continuations(module, &call.export)?;
        call.check(module)?;
    }
    Ok(calls)
}

fn check_continuations(module: &Module<'_>, export: &str) -> Result<(), InitFunctionError> {
    let signature = module.export(export).and_then(|export| module.signature(export.index));
    let mut types = signature.iter().flat_map(|ty| ty.params().iter().chain(ty.results()));
    match types.any(|ty| module.is_continuation(*ty)) {
        true => Err(InitFunctionError::Continuation { name: export.into() }),
        false => Ok(()),
    }
}

/// The exports of a program that is frozen before they return; what they would return does not matter.
///
/// # Errors
/// If one of them does not exist, or takes something.
pub(crate) fn program_calls(module: &Module<'_>, names: InitNames<'_>) -> Result<Vec<String>, ExecuteError> {
    let default = [COMMAND_START].into_iter().chain(names.default.iter().map(String::as_str));
    let default =
        default.into_iter().find(|name| is_function_export(module, name)).filter(|_| names.named.is_empty());
    let calls = in_order(module, default, names.named)?;
    if calls.is_empty() {
        return Err(InitFunctionError::NoEntry { candidates: Candidates::of(module) }.into());
    }
    let takes = |name: &str| {
        let signature = module.export(name).and_then(|export| module.signature(export.index));
        signature.is_none_or(|ty| !ty.params().is_empty())
    };
    for call in &calls {
        let name = || Name::from(call.export.as_str());
        if !call.arguments.is_empty() {
            return Err(InitFunctionError::ArgumentsToFrozen { name: name() }.into());
        }
        check_continuations(module, &call.export)?;
        if takes(&call.export) {
            let candidates = Candidates::of(module);
            return Err(InitFunctionError::Parameters { name: name(), candidates }.into());
        }
    }
    Ok(calls.into_iter().map(|call| call.export).collect())
}

fn in_order(
    module: &Module<'_>,
    default: Option<&str>,
    named: &[String],
) -> Result<Vec<InitCall>, InitFunctionError> {
    let constructors = Some(REACTOR_INITIALIZE).filter(|name| is_function_export(module, name));
    let mut calls: Vec<InitCall> = constructors.into_iter().chain(default).map(InitCall::plain).collect();
    for text in named {
        let call = match is_function_export(module, text) {
            true => InitCall::plain(text),
            false => InitCall::parse(module, text)?.ok_or_else(|| missing(module, text))?,
        };
        if call.export != REACTOR_INITIALIZE {
            calls.push(call);
        }
    }
    Ok(calls)
}

fn missing(module: &Module<'_>, text: &str) -> InitFunctionError {
    let typed = text.split_once('(').map_or(text, |(name, _)| name).trim_end();
    let exports = module.exports.iter().filter(|export| is_function(export.kind));
    let near = nearest(typed, exports.map(|export| export.name)).map(Name::from);
    InitFunctionError::Missing { name: text.into(), near, candidates: Candidates::of(module) }
}

pub(super) fn is_function_export(module: &Module<'_>, name: &str) -> bool {
    module.export(name).is_some_and(|export| is_function(export.kind))
}

/// A name as it is shown.
pub(super) fn shown(text: &str) -> String {
    Printable(text).to_string()
}
