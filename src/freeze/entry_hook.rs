use super::program_run::Listener;
use crate::execute::Begun;
use crate::host::Seen;
use preinit_core::freeze::EntryHook;
use std::sync::Arc;
use wasmtime::{Func, FuncType, Ref, Val};

/// Lets `listener` hear of the calls of the function that has the hook.
pub(super) fn enable(hook: &EntryHook, begun: &mut Begun, listener: Arc<Listener>) -> wasmtime::Result<()> {
    let (instance, store) = (begun.instance.handle, &mut begun.store);
    let missing = || wasmtime::Error::msg("an export that was added is missing");
    let table = instance.get_table(&mut *store, &hook.table).ok_or_else(missing)?;
    let enabled = instance.get_global(&mut *store, &hook.enabled).ok_or_else(missing)?;
    let hooked = instance.get_func(&mut *store, &hook.witness).ok_or_else(missing)?;
    let parameters: Vec<_> = hooked.ty(&*store).params().collect();
    let ty = FuncType::new(store.engine(), parameters, []);
    let function = Func::new(&mut *store, ty, move |mut caller, values, _| {
        listener(&mut caller, None, values).map(|_: Seen| ())
    });
    table.set(&mut *store, 0, Ref::Func(Some(function)))?;
    enabled.set(store, Val::I32(1))
}
