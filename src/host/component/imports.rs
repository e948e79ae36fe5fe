//! Imports that nothing provides: they trap when they are called, with their name.

use super::ComponentHost;
use crate::host::error::ComponentImportCalled;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};

/// The packages that wasmtime-wasi provides.
const PROVIDED: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// What every resource is that nobody provides.
struct Unprovided;

/// Whether the linker has an interface where WASI is allowed.
pub fn is_provided(interface: &str) -> bool {
    let is_preview2 = interface.rsplit_once('@').is_none_or(|(_, version)| version.starts_with("0.2."));
    is_preview2 && PROVIDED.iter().any(|package| interface.starts_with(package))
}

pub(super) fn add_traps(
    linker: &mut Linker<ComponentHost>,
    component: &Component,
    with_wasi: bool,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let ty = component.component_type();
    for (name, item) in ty.imports(&engine) {
        if with_wasi && is_provided(name) {
            continue;
        }
        match item.ty {
            ComponentItem::ComponentInstance(instance) => {
                let mut defined = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    add_item(&mut defined, (name, export), item.ty)?;
                }
            }
            item => add_item(&mut linker.root(), ("", name), item)?,
        }
    }
    Ok(())
}

fn add_item(
    linker: &mut LinkerInstance<'_, ComponentHost>,
    (interface, name): (&str, &str),
    item: ComponentItem,
) -> wasmtime::Result<()> {
    match item {
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
