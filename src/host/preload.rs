//! Modules that provide imports to the module that is initialized.

use wasmtime::{Instance, Module, Store};

use super::HostState;
use super::error::HostError;
use super::host_options::Preload;
use super::resolve::Resolver;
use crate::engine;

/// Instantiates `preload`, whose own imports come from `resolver`, and runs its `_initialize`.
pub(super) fn instantiate(
    store: &mut Store<HostState>,
    preload: &Preload,
    resolver: &mut Resolver,
) -> Result<Instance, HostError> {
    let failed =
        |action| move |source| HostError::Preload { name: preload.name.as_str().into(), action, source };
    let wasm = engine::without_long_names(&preload.wasm);
    let module = Module::new(store.engine(), &wasm).map_err(failed("compilation"))?;
    store.data_mut().preloaded.push((module.clone(), preload.name.clone()));
    let imports = resolver.resolve(store, &module, Some(&preload.name))?;
    let instance = Instance::new(&mut *store, &module, &imports).map_err(failed("instantiation"))?;
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(store, ()).map_err(failed("`_initialize`"))?;
    }
    Ok(instance)
}
