//! A few functions of WASI preview 2 as core modules import them, in the canonical ABI. Each is answered by calls of preview 1,
//! which are what is recorded: for the ledger, policies, warnings and audits, a module asks for random numbers, the time,
//! variables, arguments or standard streams, in whichever words.

mod functions;
mod guest;

use wasmtime::{Caller, Func, FuncType, Store, ValType};

use super::HostState;
use crate::host::host_options::ImportName;
use crate::host::interceptor;
use functions::{FUNCTIONS, Function, Ty};

/// The function of this import; `None` if there is none.
fn function(import: &ImportName) -> Option<&'static Function> {
    let interface = match import.module.split_once('@') {
        Some((interface, version)) if version.starts_with("0.2.") => interface,
        Some(_) => return None,
        None => &import.module,
    };
    FUNCTIONS.iter().find(|function| function.interface == interface && function.name == import.name)
}

/// Whether this host has such a function, where WASI is allowed.
pub(in crate::host) fn provides(import: &ImportName) -> bool {
    function(import).is_some()
}

/// The function as an import of this type; `None` if there is none.
pub(in crate::host) fn define(
    store: &mut Store<HostState>,
    import: &ImportName,
    ty: &FuncType,
) -> Option<Func> {
    let function = function(import)?;
    let is = |wanted: &[Ty], found: &mut dyn Iterator<Item = ValType>| {
        let wanted = wanted.iter().map(|ty| matches!(ty, Ty::I64));
        let found = found.map(|ty| match ty {
            ValType::I32 => Some(false),
            ValType::I64 => Some(true),
            _ => None,
        });
        wanted.map(Some).eq(found)
    };
    if !is(function.params, &mut ty.params()) || !is(function.results, &mut ty.results()) {
        return None;
    }
    let (import, signature) = (import.clone(), ty.clone());
    Some(Func::new(store, ty.clone(), move |mut caller: Caller<'_, HostState>, params, results| {
        if interceptor::intercept(&mut caller, &import, &signature, params, results)? {
            return Ok(());
        }
        (function.answer)(&mut guest::Guest { caller, params }, results)
    }))
}
