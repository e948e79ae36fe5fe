//! What a component imports. What nothing provides traps when it is called, with its name, or is answered by a stub.

use std::sync::Arc;

use super::link::{self, Interface};
use super::{ComponentHost, functions, stub};
use crate::host::component_value::{ComponentValue, Handle};
use crate::host::error::ComponentImportCalled;
use crate::host::host_options::{HostOptions, ImportName};
use crate::host::ledger::{ComponentCall, Outcome};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};

/// What every resource is that nobody provides.
pub(super) struct Unprovided;

/// Whether the linker has a function where WASI is allowed.
pub fn is_provided(interface: &str, function: &str) -> bool {
    Interface::of(interface).is_some_and(|interface| functions::function(&interface, function).is_some())
}

pub(super) fn define(
    linker: &mut Linker<ComponentHost>,
    component: &Component,
    options: &HostOptions,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let with_wasi = options.wasi.is_some();
    let ty = component.component_type();
    for (name, item) in ty.imports(&engine) {
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                let wasi = Interface::of(name).filter(|wasi| with_wasi && functions::has_interface(wasi));
                let mut defined = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    if stub::is_named(options, name, export) {
                        stub::define(&mut defined, (name, export), &item.ty)?;
                        continue;
                    }
                    let is_defined = match &wasi {
                        Some(wasi) => link::define(&mut defined, wasi, (export, &item.ty))?,
                        None => false,
                    };
                    if !is_defined {
                        add_unprovided(&mut defined, (name, export), item.ty, options)?;
                    }
                }
            }
            item if stub::is_named(options, "", name) => {
                stub::define(&mut linker.root(), ("", name), &item)?;
            }
            item => add_unprovided(&mut linker.root(), ("", name), item, options)?,
        }
    }
    Ok(())
}

fn add_unprovided(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (interface, name): (&str, &str),
    item: ComponentItem,
    options: &HostOptions,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) if options.stub_all => stub::define(linker, (interface, name), &item),
        ComponentItem::ComponentFunc(ty) => {
            let called =
                ComponentImportCalled { interface: interface.to_string(), function: name.to_string() };
            let import = Arc::new(ImportName::new(interface, name));
            link::define_dynamic(linker, (name, ty.async_()), move |mut store, _, params, _| {
                store.data_mut().unprovided(&import, params)?;
                Err(called.clone().into())
            })
        }
        ComponentItem::Resource(_) => {
            linker.resource(name, ResourceType::host::<Unprovided>(), |_, _| Ok(()))
        }
        _ => Ok(()),
    }
}

impl ComponentHost {
    /// Records a call of what nothing provides.
    fn unprovided(&mut self, import: &Arc<ImportName>, params: &[Val]) -> wasmtime::Result<()> {
        let mut unknown = |_| Ok(Handle { kind: "resource", number: 0 });
        let args = params.iter().map(|value| ComponentValue::of(value, &mut unknown));
        let here = self.state.ledger().len();
        self.state.recorder.record_component(ComponentCall {
            import: Arc::clone(import),
            args: args.collect::<wasmtime::Result<_>>()?,
            result: None,
            ended: Some(Outcome::ImportCalled),
            answered_by: here..here,
            backtrace: None,
        })?;
        Ok(())
    }
}
