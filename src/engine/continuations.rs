//! Types of continuations, at whose values the engine's interface panics (Wasmtime 48).

use wasmtime::{ExternType, HeapType, ValType};

/// Whether values of this type are continuations.
pub(crate) fn is_continuation(ty: &ValType) -> bool {
    let ValType::Ref(ty) = ty else { return false };
    matches!(ty.heap_type(), HeapType::Cont | HeapType::ConcreteCont(_) | HeapType::NoCont)
}

/// Whether a function takes or returns continuations, or a global or a table holds them.
pub(crate) fn has_continuations(ty: &ExternType) -> bool {
    match ty {
        ExternType::Func(ty) => ty.params().chain(ty.results()).any(|ty| is_continuation(&ty)),
        ExternType::Global(ty) => is_continuation(ty.content()),
        ExternType::Table(ty) => is_continuation(&ValType::Ref(ty.element().clone())),
        ExternType::Tag(_) | ExternType::Memory(_) => false,
    }
}
