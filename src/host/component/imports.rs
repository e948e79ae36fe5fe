//! Imports that nothing provides: they trap when they are called, with their name, or are answered by stubs.

use super::ComponentHost;
use super::stub::{NoAnswer, answer};
use crate::host::StubCalls;
use crate::host::error::{ComponentImportCalled, HostError};
use crate::host::host_options::{HostOptions, ImportName};
use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};

/// The packages that wasmtime-wasi provides.
const PROVIDED: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// What every resource is that nobody provides.
pub(super) struct Unprovided;

/// Whether the linker has an interface where WASI is allowed.
pub fn is_provided(interface: &str) -> bool {
    let is_preview2 = interface.rsplit_once('@').is_none_or(|(_, version)| version.starts_with("0.2."));
    is_preview2 && PROVIDED.iter().any(|package| interface.starts_with(package))
}

/// Functions that a component imports and that stubs answer.
pub(super) struct Stubs<'s> {
    names: &'s [ImportName],
    all: bool,
}

impl<'s> Stubs<'s> {
    pub fn of(options: &'s HostOptions) -> Stubs<'s> {
        Stubs { names: &options.stubs, all: options.stub_all }
    }

    fn is_named(&self, interface: &str, function: &str) -> bool {
        self.names.iter().any(|stub| stub.module == interface && stub.name == function)
    }

    /// Whether a stub is named for a function of an interface. Those of WASI come as a whole.
    fn names_one_of(&self, interface: &str) -> bool {
        self.names.iter().any(|stub| stub.module == interface)
    }
}

/// Defines what the component imports and WASI does not provide.
///
/// # Errors
/// [`HostError::StubOfWasi`], or if the engine refuses a definition.
pub(super) fn add_unprovided(
    linker: &mut Linker<ComponentHost>,
    component: &Component,
    (with_wasi, stubs): (bool, &Stubs<'_>),
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let ty = component.component_type();
    for (name, item) in ty.imports(&engine) {
        if with_wasi && is_provided(name) {
            if stubs.names_one_of(name) {
                return Err(HostError::StubOfWasi { interface: name.into() }.into());
            }
            continue;
        }
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                let mut defined = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    add_item(&mut defined, (name, export), item.ty, stubs)?;
                }
            }
            item => add_item(&mut linker.root(), ("", name), item, stubs)?,
        }
    }
    Ok(())
}

fn add_item(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (interface, name): (&str, &str),
    item: ComponentItem,
    stubs: &Stubs<'_>,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) if stubs.all || stubs.is_named(interface, name) => {
            let import = ImportName::new(interface, name);
            linker.func_new(name, move |mut store, ty, _, results| stub(&mut store, &ty, results, &import))
        }
        ComponentItem::ComponentFunc(_) => {
            let called =
                ComponentImportCalled { interface: interface.to_string(), function: name.to_string() };
            linker.func_new(name, move |_, _, _, _| Err(called.clone().into()))
        }
        ComponentItem::Resource(_) => {
            linker.resource(name, ResourceType::host::<Unprovided>(), |_, _| Ok(()))
        }
        _ => Ok(()),
    }
}

/// Answers a call with the emptiest results that its type has.
fn stub(
    store: &mut StoreContextMut<'_, ComponentHost>,
    ty: &ComponentFunc,
    results: &mut [Val],
    import: &ImportName,
) -> wasmtime::Result<()> {
    for (ty, result) in ty.results().zip(results) {
        *result = answer(&ty, store).map_err(|NoAnswer| HostError::NoStub { import: import.clone() })?;
    }
    let calls = store.data_mut().stub_calls.entry(import.clone()).or_insert_with(|| StubCalls {
        import: format!("{}#{}", import.module, import.name),
        count: 0,
        has_value: ty.results().len() > 0,
    });
    calls.count += 1;
    Ok(())
}
