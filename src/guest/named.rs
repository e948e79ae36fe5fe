//! Functions and globals by name.

use preinit_core::module::{Module, Space, is_function};
use preinit_core::wasi_version::WasiVersion;
use wasmparser::ExternalKind;

/// The function that is exported, or called in the name section, by `name`.
pub(crate) fn function_named(module: &Module<'_>, name: &str) -> Option<u32> {
    let exported = module.export(name).filter(|export| is_function(export.kind));
    exported.map(|export| export.index).or_else(|| {
        let index = module.names().find(Space::Function, name);
        index.filter(|index| (*index as usize) < module.functions.len())
    })
}

/// The global that is exported, or called in the name section, by `name`.
pub(super) fn global_named(module: &Module<'_>, name: &str) -> Option<u32> {
    let exported = module.export(name).filter(|export| export.kind == ExternalKind::Global);
    exported.map(|export| export.index).or_else(|| {
        let index = module.names().find(Space::Global, name);
        index.filter(|index| (*index as usize) < module.globals.len())
    })
}

/// The imported WASI function `name`, of whichever version.
pub(crate) fn wasi_import(module: &Module<'_>, name: &str) -> Option<u32> {
    let mut functions = (0u32..).zip(module.imports_of(Space::Function));
    let (index, _) = functions
        .find(|(_, (_, import))| WasiVersion::of_module(import.module).is_some() && import.name == name)?;
    Some(index)
}
