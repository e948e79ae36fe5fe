//! Shows host calls to whoever waits for one, before they are answered.

use std::collections::HashSet;
use std::fmt;

use wasmtime::{AsContext, AsContextMut, Caller, Extern, Func, FuncType, Store, Val};

use super::HostState;
use super::host_options::ImportName;
use super::sealed::Sealed;

/// What becomes of a call that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is answered as usual.
    Answer,
    /// It returns zeros and nulls, and nobody hears of it.
    Ignore,
}

/// Looks at a call: who makes it, of what, with which arguments. An error ends the run.
pub(crate) type Observe =
    dyn FnMut(&mut Caller<'_, HostState>, &ImportName, &[Val]) -> wasmtime::Result<Seen> + Send + Sync;

/// Somebody who looks at host calls.
pub(crate) struct Watch {
    /// Imports whose calls are shown even where a preload or a library user's linker provides them.
    pub imports: HashSet<ImportName>,
    /// Looks at them.
    pub observe: Box<Observe>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({:?}, ..)", self.imports)
    }
}

/// Shows a call; `true` means that it was answered with zeros and nulls.
pub(super) fn intercept(
    caller: &mut Caller<'_, HostState>,
    import: &ImportName,
    ty: &FuncType,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<bool> {
    if caller.data().limiter.closed {
        return Err(Sealed.into());
    }
    let Some(mut watch) = caller.data_mut().watch.take() else { return Ok(false) };
    let seen = (watch.observe)(caller, import, params);
    caller.data_mut().watch = Some(watch);
    match seen? {
        Seen::Answer => Ok(false),
        Seen::Ignore => {
            for (result, ty) in results.iter_mut().zip(ty.results()) {
                let no_default =
                    || wasmtime::Error::msg(format!("`{import}` returns a non-nullable reference"));
                *result = Val::default_for_ty(&ty).ok_or_else(no_default)?;
            }
            Ok(true)
        }
    }
}

/// A function of somebody else, with its calls shown. It is called by the host, so that one of a linker does not see
/// who calls.
pub(super) fn intercepted(store: &mut Store<HostState>, import: &ImportName, provided: Extern) -> Extern {
    let watched = store.data().watch.as_ref().is_some_and(|watch| watch.imports.contains(import));
    let Extern::Func(function) = provided else { return provided };
    if !watched {
        return provided;
    }
    let import = import.clone();
    let ty = function.ty(store.as_context());
    let signature = ty.clone();
    Func::new(store.as_context_mut(), ty, move |mut caller, params, results| {
        if intercept(&mut caller, &import, &signature, params, results)? {
            return Ok(());
        }
        function.call(&mut caller, params, results)
    })
    .into()
}
