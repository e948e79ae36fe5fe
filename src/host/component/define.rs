//! Definitions of functions for the engine that take and give values: plain ones, and those that are asynchronous by their type.

use super::ComponentHost;
use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{LinkerInstance, Val};

/// Defines a function of this type. One that is asynchronous answers at once, too: nothing in this host takes time.
pub(super) fn function(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (name, ty): (&str, &ComponentFunc),
    body: impl Fn(StoreContextMut<'_, ComponentHost>, &ComponentFunc, &[Val], &mut [Val]) -> wasmtime::Result<()>
    + Send
    + Sync
    + 'static,
) -> wasmtime::Result<()> {
    match ty.async_() {
        #[cfg(feature = "component-calls")]
        true => linker.func_new_concurrent(name, move |accessor, ty, params, results| {
            use wasmtime::AsContextMut;
            let ended = accessor.with(|mut access| body(access.as_context_mut(), &ty, params, results));
            Box::pin(async move { ended })
        }),
        _ => linker.func_new(name, move |store, ty, params, results| body(store, &ty, params, results)),
    }
}
