use super::Module;
use wasmparser::{AbstractHeapType, CompositeInnerType, HeapType, UnpackedIndex, ValType};

/// The five kinds of references, which have no values but nulls in common (spec, 3.3 "Heap types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hierarchy {
    /// Structs, arrays, `i31` and internalized values.
    Any,
    /// Values of the host and externalized ones.
    Extern,
    /// Functions.
    Func,
    /// Exceptions.
    Exn,
    /// Continuations.
    Cont,
}

impl Hierarchy {
    /// The type that all references of the hierarchy have.
    pub fn top(self) -> wasm_encoder::HeapType {
        use wasm_encoder::AbstractHeapType as A;
        let ty = match self {
            Hierarchy::Any => A::Any,
            Hierarchy::Extern => A::Extern,
            Hierarchy::Func => A::Func,
            Hierarchy::Exn => A::Exn,
            Hierarchy::Cont => A::Cont,
        };
        wasm_encoder::HeapType::Abstract { shared: false, ty }
    }
}

impl Module<'_> {
    /// What the type with this index is.
    pub fn composite(&self, ty: u32) -> Option<&CompositeInnerType> {
        self.types.get(ty as usize).map(|ty| &ty.composite_type.inner)
    }

    /// The parameters of a tag, which are the fields of its exceptions.
    pub fn tag_params(&self, tag: u32) -> Option<&[ValType]> {
        match self.composite(*self.tags.get(tag as usize)?)? {
            CompositeInnerType::Func(ty) => Some(ty.params()),
            _ => None,
        }
    }

    /// Whether values of this type are continuations, which no engine shows.
    pub fn is_continuation(&self, ty: ValType) -> bool {
        matches!(ty, ValType::Ref(ty) if self.hierarchy(ty.heap_type()) == Hierarchy::Cont)
    }

    /// The hierarchy that a heap type belongs to.
    pub fn hierarchy(&self, ty: HeapType) -> Hierarchy {
        use AbstractHeapType as A;
        match ty {
            HeapType::Abstract { ty, .. } => match ty {
                A::Func | A::NoFunc => Hierarchy::Func,
                A::Extern | A::NoExtern => Hierarchy::Extern,
                A::Exn | A::NoExn => Hierarchy::Exn,
                A::Cont | A::NoCont => Hierarchy::Cont,
                A::Any | A::None | A::Eq | A::Struct | A::Array | A::I31 => Hierarchy::Any,
            },
            HeapType::Concrete(index) | HeapType::Exact(index) => {
                let index = match index {
                    UnpackedIndex::Module(index) => Some(index),
                    _ => None,
                };
                match index.and_then(|index| self.composite(index)) {
                    Some(CompositeInnerType::Func(_)) => Hierarchy::Func,
                    Some(CompositeInnerType::Cont(_)) => Hierarchy::Cont,
                    _ => Hierarchy::Any,
                }
            }
        }
    }
}
