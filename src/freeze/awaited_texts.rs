//! Arguments and environment variables: a program first asks for their sizes, and makes room.

use super::{FreezeError, is_wasi};
use crate::host::{Entry, Ledger};
use preinit_core::embed::{EmbeddedKind, EmbeddedTree};
use preinit_core::module::Module;

/// What a program asks for in two steps.
pub(crate) struct Texts {
    pub name: &'static str,
    /// The function that tells their sizes.
    pub sizes: &'static str,
    /// The one that writes them.
    pub get: &'static str,
}

static ARGUMENTS: Texts = Texts { name: "arguments", sizes: "args_sizes_get", get: "args_get" };
static VARIABLES: Texts =
    Texts { name: "environment variables", sizes: "environ_sizes_get", get: "environ_get" };

/// Refuses a program that has room for the texts of this run and does not have them yet: those of another run would be
/// written beyond it. `callee` is the function that is called next.
///
/// # Errors
/// [`FreezeError::Refused`].
pub(crate) fn check_next(module: &Module<'_>, callee: u32) -> Result<(), FreezeError> {
    let next = module.imported_functions().find(|(index, _)| *index == callee).map(|(_, import)| import);
    let is_next =
        |texts: &Texts| next.as_ref().is_some_and(|import| is_wasi(&import.module, &import.name, texts.get));
    [&ARGUMENTS, &VARIABLES]
        .into_iter()
        .find(|texts| is_next(texts))
        .map_or(Ok(()), |texts| Err(refused(texts)))
}

/// The same, if it does something else in between. `ledger` has the calls so far.
///
/// # Errors
/// [`FreezeError::Refused`].
pub(super) fn check(module: &Module<'_>, ledger: &Ledger) -> Result<(), FreezeError> {
    awaited_in(module, ledger).next().map_or(Ok(()), |texts| Err(refused(texts)))
}

/// The texts whose sizes were told last, where there are any, and not they themselves.
pub(crate) fn awaited_in<'c>(
    module: &'c Module<'_>,
    ledger: &'c Ledger,
) -> impl Iterator<Item = &'static Texts> + 'c {
    [&ARGUMENTS, &VARIABLES].into_iter().filter(move |texts| {
        let is_of_these = |entry: &&Entry| {
            entry.call.wasi().is_some_and(|function| function == texts.sizes || function == texts.get)
        };
        let last = ledger.entries().rfind(is_of_these).filter(|entry| entry.call.wasi() == Some(texts.sizes));
        let has_some = last
            .is_some_and(|entry| entry.writes.iter().flat_map(|region| &region.bytes).any(|&byte| byte != 0));
        // Of a file with the arguments, the file layer tells the length.
        has_some && (texts.name != ARGUMENTS.name || !has_file_of_arguments(module))
    })
}

fn refused(texts: &Texts) -> FreezeError {
    let Texts { name, sizes, get } = texts;
    FreezeError::Refused(format!(
        "the program has asked for the sizes of its {name} (`{sizes}`), but not for them yet (`{get}`): it has room for those \
         of this run, and those of another one would be written beyond it; freeze it before the one or after the other"
    ))
}

fn has_file_of_arguments(module: &Module<'_>) -> bool {
    let trees = EmbeddedTree::all_in(module);
    trees.iter().any(|tree| tree.entries().any(|entry| matches!(entry.kind, EmbeddedKind::Arguments)))
}
