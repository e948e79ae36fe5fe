//! Modules that provide imports to the module that is initialized.

use wasmtime::{Func, Instance, Module, Store};

use super::HostState;
use super::error::HostError;
use super::host_options::Preload;
use super::resolve::Resolver;
use crate::engine;
use preinit_core::probe::{Probe, ProbeOptions, Probed};

/// Instantiates `preload`, whose own imports come from `resolver`, and runs its `_initialize`.
pub(super) fn instantiate(
    store: &mut Store<HostState>,
    preload: &Preload,
    resolver: &mut Resolver,
) -> Result<Instance, HostError> {
    let failed =
        |action| move |source| HostError::Preload { name: preload.name.as_str().into(), action, source };
    let probed = if resolver.tells_preloaded_apart { probed(&preload.wasm) } else { None };
    let wasm = probed.as_ref().map_or(&preload.wasm, |probed| &probed.wasm);
    let wasm = engine::without_long_names(wasm);
    let module = Module::new(store.engine(), &wasm).map_err(failed("compilation"))?;
    store.data_mut().preloaded.push((module.clone(), preload.name.clone()));
    let imports = resolver.resolve(store, &module, Some(&preload.name))?;
    let instance = Instance::new(&mut *store, &module, &imports).map_err(failed("instantiation"))?;
    if let Some(probed) = &probed {
        let functions = functions(store, instance, probed);
        store.data_mut().preloaded_functions.extend(functions);
    }
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(store, ()).map_err(failed("`_initialize`"))?;
    }
    Ok(instance)
}

/// The module with exports for all functions that can be in references. One that cannot be instrumented stays as it is.
fn probed(wasm: &[u8]) -> Option<Probed> {
    let options = ProbeOptions { leaves_nothing_to_host: true, ..ProbeOptions::default() };
    Probed::with(&preinit_core::module::Module::parse(wasm).ok()?, &options).ok()
}

fn functions(store: &mut Store<HostState>, instance: Instance, probed: &Probed) -> Vec<Func> {
    let name = |index: &u32| probed.export_name(Probe::Function(*index));
    probed.functions.iter().filter_map(|index| instance.get_func(&mut *store, &name(index))).collect()
}
