//! Calls into a store that do without its tasks.

use wasmtime::component::ResourceAny;
use wasmtime::{AsContextMut, Func};

/// Calls a core function that takes and gives nothing. Once a component has functions of the host that are asynchronous by their
/// type, the engine makes no call on this stack any more, so there such calls have one of their own; nothing in them waits.
pub(crate) fn call_core(mut store: impl AsContextMut<Data: Send>, function: Func) -> wasmtime::Result<()> {
    #[cfg(feature = "component-calls")]
    if is_concurrent(&mut store) {
        return at_once(function.call_async(store, &[], &mut []));
    }
    function.call(&mut store, &[], &mut [])
}

/// Drops a resource that has no destructor.
pub(crate) fn drop_resource(
    mut store: impl AsContextMut<Data: Send>,
    resource: ResourceAny,
) -> wasmtime::Result<()> {
    #[cfg(feature = "component-calls")]
    if is_concurrent(&mut store) {
        return at_once(resource.resource_drop_async(store));
    }
    resource.resource_drop(&mut store)
}

/// Whether the store has tasks.
#[cfg(feature = "component-calls")]
fn is_concurrent(store: &mut impl AsContextMut) -> bool {
    store.as_context_mut().concurrent_resource_table().is_some()
}

#[cfg(feature = "component-calls")]
fn at_once(called: impl Future<Output = wasmtime::Result<()>>) -> wasmtime::Result<()> {
    use std::task::{Context, Poll, Waker};
    match std::pin::pin!(called).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => ended,
        Poll::Pending => Err(wasmtime::Error::msg("a call that cannot wait does")),
    }
}
