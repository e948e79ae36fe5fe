use super::FreezeError;
use super::program_run::Listener;
use crate::engine::is_continuation;
use crate::execute::{Begun, ExecuteError};
use crate::host::Seen;
use preinit_core::freeze::EntryHook;
use std::sync::Arc;
use wasmtime::{Func, FuncType, Ref, Val};

/// Lets `listener` hear of the calls of the function that has the hook.
pub(super) fn enable(
    hook: &EntryHook,
    begun: &mut Begun,
    listener: Arc<Listener>,
) -> Result<(), FreezeError> {
    let (instance, store) = (begun.instance.handle, &mut begun.store);
    let missing = || FreezeError::Unexplained("an export that was added is missing");
    let engine = |error| FreezeError::Execute(ExecuteError::Compile(error));
    let table = instance.get_table(&mut *store, &hook.table).ok_or_else(missing)?;
    let enabled = instance.get_global(&mut *store, &hook.enabled).ok_or_else(missing)?;
    let hooked = instance.get_func(&mut *store, &hook.witness).ok_or_else(missing)?;
    let parameters: Vec<_> = hooked.ty(&*store).params().collect();
    if parameters.iter().any(is_continuation) {
        return Err(FreezeError::Refused(
            "the function takes a continuation, which no engine shows: freeze it at another call".to_string(),
        ));
    }
    let ty = FuncType::new(store.engine(), parameters, []);
    let function = Func::new(&mut *store, ty, move |mut caller, values, _| {
        listener(&mut caller, None, values).map(|_: Seen| ())
    });
    table.set(&mut *store, 0, Ref::Func(Some(function))).map_err(engine)?;
    enabled.set(store, Val::I32(1)).map_err(engine)
}
