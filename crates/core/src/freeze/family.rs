use crate::module::Module;
use wasm_encoder::HeapType;
use wasmparser::{AbstractHeapType, CompositeInnerType};

/// References that fit in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Below `func`.
    Function,
    /// Below `extern`.
    Extern,
    /// Below `any`.
    Any,
    /// Below `exn`.
    Exception,
    /// Below `cont`.
    Continuation,
}

impl Family {
    /// The one that a type belongs to.
    pub fn of(module: &Module<'_>, ty: wasmparser::RefType) -> Family {
        match ty.heap_type() {
            wasmparser::HeapType::Abstract { ty, .. } => match ty {
                AbstractHeapType::Func | AbstractHeapType::NoFunc => Family::Function,
                AbstractHeapType::Extern | AbstractHeapType::NoExtern => Family::Extern,
                AbstractHeapType::Exn | AbstractHeapType::NoExn => Family::Exception,
                AbstractHeapType::Cont | AbstractHeapType::NoCont => Family::Continuation,
                _ => Family::Any,
            },
            wasmparser::HeapType::Concrete(index) | wasmparser::HeapType::Exact(index) => {
                let ty = index.as_module_index().and_then(|index| module.types.get(index as usize));
                match ty.map(|ty| &ty.composite_type.inner) {
                    Some(CompositeInnerType::Func(_)) => Family::Function,
                    Some(CompositeInnerType::Cont(_)) => Family::Continuation,
                    _ => Family::Any,
                }
            }
        }
    }

    /// The type that all of them have.
    pub fn heap_type(self) -> HeapType {
        match self {
            Family::Function => HeapType::FUNC,
            Family::Extern => HeapType::EXTERN,
            Family::Any => HeapType::ANY,
            Family::Exception => abstract_type(wasm_encoder::AbstractHeapType::Exn),
            Family::Continuation => abstract_type(wasm_encoder::AbstractHeapType::Cont),
        }
    }
}

fn abstract_type(ty: wasm_encoder::AbstractHeapType) -> HeapType {
    HeapType::Abstract { shared: false, ty }
}
