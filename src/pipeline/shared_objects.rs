//! Objects of preloaded modules. One of a type that the module has, too, looks like its own, and a snapshot has a copy of it.

use crate::host::Preload;
use preinit_core::module::{Hierarchy, Module};
use preinit_core::printable::Name;
use wasmparser::{CompositeInnerType, TypeRef, ValType};

/// Preloaded modules that can have given objects of their own to the module.
pub(super) fn givers(module: &Module<'_>, preloads: &[Preload]) -> Vec<Name> {
    let gives = |preload: &&Preload| {
        let mut imports = module.imports.iter().filter(|import| import.module == preload.name);
        imports.any(|import| carries_objects(module, import.ty)) && has_objects(&preload.wasm)
    };
    preloads.iter().filter(gives).map(|preload| preload.name.as_str().into()).collect()
}

fn has_objects(wasm: &[u8]) -> bool {
    // It has run, so it can be read.
    Module::parse(wasm).is_ok_and(|module| {
        let mut types = module.types.iter().map(|ty| &ty.composite_type.inner);
        types.any(|ty| matches!(ty, CompositeInnerType::Struct(_) | CompositeInnerType::Array(_)))
    })
}

/// Whether objects can come through an import; also as values of the host, or by a function that is handed over.
fn carries_objects(module: &Module<'_>, ty: TypeRef) -> bool {
    let is_reference = |ty: ValType| matches!(ty, ValType::Ref(ty) if !matches!(module.hierarchy(ty.heap_type()), Hierarchy::Exn | Hierarchy::Cont));
    match ty {
        TypeRef::Func(index) | TypeRef::FuncExact(index) => match module.composite(index) {
            Some(CompositeInnerType::Func(ty)) => {
                ty.params().iter().chain(ty.results()).any(|ty| is_reference(*ty))
            }
            _ => false,
        },
        TypeRef::Global(ty) => is_reference(ty.content_type),
        TypeRef::Table(ty) => is_reference(ValType::Ref(ty.element_type)),
        TypeRef::Tag(_) => true,
        TypeRef::Memory(_) => false,
    }
}
