//! Modules that provide imports to the module that is initialized.

use std::sync::Arc;

use wasmtime::{Extern, Func, Instance, Module, Store};

use super::HostState;
use super::error::HostError;
use super::host_options::Preload;
use super::resolve::Resolver;
use crate::engine;
use preinit_core::module;
use preinit_core::probe::{Probe, ProbeOptions, Probed};

/// A preloaded module.
pub(crate) struct Preloaded {
    pub name: String,
    /// What of it is compiled.
    pub form: Form,
    code: Module,
    /// The instance and its imports, once it is there.
    pub instance: Option<(Instance, Vec<Extern>)>,
}

/// Which form of a preloaded module runs.
pub(crate) enum Form {
    /// It is as it was given: nothing in it can change, and nobody asks for its functions.
    Stateless,
    /// It is as it was given, and its state cannot be read.
    Unreadable,
    /// With its state made visible.
    Probed(Arc<Probed>),
}

impl Preloaded {
    pub fn has(&self, code: &Module) -> bool {
        Module::same(&self.code, code)
    }

    fn probed(&self) -> Option<Arc<Probed>> {
        match &self.form {
            Form::Probed(probed) => Some(Arc::clone(probed)),
            Form::Stateless | Form::Unreadable => None,
        }
    }

    /// What it exports itself.
    pub fn export(&self, store: &mut Store<HostState>, name: &str) -> Option<Extern> {
        let (instance, _) = self.instance.as_ref()?;
        match &self.form {
            Form::Probed(probed) if probed.is_probe(name) => None,
            _ => instance.get_export(store, name),
        }
    }
}

/// Instantiates `preload`, whose own imports come from `resolver`, and runs its `_initialize`. The host keeps it.
pub(super) fn instantiate(
    store: &mut Store<HostState>,
    preload: &Preload,
    resolver: &mut Resolver,
) -> Result<(), HostError> {
    let failed =
        |action| move |source| HostError::Preload { name: preload.name.as_str().into(), action, source };
    let tells_apart = resolver.tells_preloaded_apart;
    let (code, form) = compile(store.engine(), &preload.wasm, tells_apart).map_err(failed("compilation"))?;
    let number = store.data().preloaded.len();
    let preloaded = Preloaded { name: preload.name.clone(), form, code: code.clone(), instance: None };
    store.data_mut().preloaded.push(preloaded);
    let imports = resolver.resolve(store, &code, Some(&preload.name))?;
    let instance = Instance::new(&mut *store, &code, &imports).map_err(failed("instantiation"))?;
    let preloaded = &mut store.data_mut().preloaded[number];
    preloaded.instance = Some((instance, imports));
    let probed = preloaded.probed();
    if let Some(probed) = probed.filter(|_| tells_apart) {
        let functions = functions(store, instance, &probed);
        store.data_mut().preloaded_functions.extend(functions);
    }
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(store, ()).map_err(failed("`_initialize`"))?;
    }
    Ok(())
}

/// What cannot be probed runs as it is.
fn compile(engine: &wasmtime::Engine, wasm: &[u8], tells_apart: bool) -> wasmtime::Result<(Module, Form)> {
    let compile = |wasm: &[u8]| Module::new(engine, engine::without_long_names(wasm));
    let form = match module::Module::parse_part(wasm) {
        Ok(module) if !has_state(&module) && !tells_apart => Form::Stateless,
        Ok(module) => {
            let options = ProbeOptions {
                leaves_nothing_to_host: true,
                leaves_out_dwarf: true,
                tables_functions: true,
                ..ProbeOptions::default()
            };
            Probed::with(&module, &options).map_or(Form::Unreadable, |probed| Form::Probed(Arc::new(probed)))
        }
        Err(_) => Form::Unreadable,
    };
    if let Form::Probed(probed) = &form
        && let Ok(code) = compile(&probed.wasm)
    {
        return Ok((code, form));
    }
    let form = if matches!(form, Form::Stateless) { form } else { Form::Unreadable };
    Ok((compile(wasm)?, form))
}

/// Whether there is anything that its code can change. Objects of the heap are of types that it has.
fn has_state(module: &module::Module<'_>) -> bool {
    use wasmparser::CompositeInnerType::{Array, Struct};
    !module.memories.is_empty()
        || !module.tables.is_empty()
        || !module.code.dropped_data.is_empty()
        || !module.code.dropped_elements.is_empty()
        || module.globals.iter().any(|global| global.ty.mutable)
        || module.types.iter().any(|ty| matches!(ty.composite_type.inner, Struct(_) | Array(_)))
}

/// All functions that can be in references.
fn functions(store: &mut Store<HostState>, instance: Instance, probed: &Probed) -> Vec<Func> {
    if !probed.tables_functions {
        let name = |index: &u32| probed.export_name(Probe::Function(*index));
        return probed
            .functions
            .iter()
            .filter_map(|index| instance.get_func(&mut *store, &name(index)))
            .collect();
    }
    let table = instance.get_table(&mut *store, &probed.export_name(Probe::Functions));
    let slots = (0..probed.functions.len() as u64).filter_map(|slot| table?.get(&mut *store, slot));
    slots.filter_map(|reference| reference.as_func().flatten().copied()).collect()
}
