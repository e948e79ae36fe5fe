use crate::module::Module;
use wasmparser::{
    AbstractHeapType, CompositeInnerType, HeapType, RefType, StorageType, UnpackedIndex, ValType,
};

/// A value that fits a non-nullable type until the right one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// Null, where the type allows it.
    Null,
    /// An `i31`, externalized where the type wants that.
    I31,
    /// A function, by index.
    Func(u32),
    /// The smallest instance of a struct or array type, by type index.
    Instance(u32),
}

/// What every type of a module can be made of from nothing.
pub(super) struct Placeholders<'m, 'a> {
    module: &'m Module<'a>,
    /// For each struct and array type how deep its smallest instance is; `None` if it cannot be made.
    depth: Vec<Option<u32>>,
}

impl<'m, 'a> Placeholders<'m, 'a> {
    pub fn of(module: &'m Module<'a>) -> Self {
        let mut placeholders = Placeholders { module, depth: vec![None; module.types.len()] };
        // A type whose fields can be made can be made; until nothing new turns up.
        loop {
            let mut changed = false;
            for ty in 0..module.types.len() as u32 {
                if placeholders.depth[ty as usize].is_none()
                    && let Some(depth) = placeholders.instance_depth(ty)
                {
                    placeholders.depth[ty as usize] = Some(depth);
                    changed = true;
                }
            }
            if !changed {
                return placeholders;
            }
        }
    }

    fn instance_depth(&self, ty: u32) -> Option<u32> {
        match self.module.composite(ty)? {
            CompositeInnerType::Array(_) => Some(0),
            CompositeInnerType::Struct(ty) => {
                let mut deepest = 0;
                for field in &ty.fields {
                    if let StorageType::Val(ValType::Ref(ty)) = field.element_type {
                        let depth = match self.placeholder(ty)? {
                            Placeholder::Instance(ty) => self.depth[ty as usize]? + 1,
                            _ => 0,
                        };
                        deepest = deepest.max(depth);
                    }
                }
                Some(deepest)
            }
            _ => None,
        }
    }

    /// Something of this type; `None` if nothing can be made.
    pub fn placeholder(&self, ty: RefType) -> Option<Placeholder> {
        use AbstractHeapType as A;
        if ty.is_nullable() {
            return Some(Placeholder::Null);
        }
        match ty.heap_type() {
            HeapType::Abstract { ty, .. } => match ty {
                A::Any | A::Eq | A::I31 | A::Extern => Some(Placeholder::I31),
                A::Struct => self.shallowest(|ty| matches!(ty, CompositeInnerType::Struct(_))),
                A::Array => self.shallowest(|ty| matches!(ty, CompositeInnerType::Array(_))),
                A::Func => (!self.module.functions.is_empty()).then_some(Placeholder::Func(0)),
                _ => None,
            },
            HeapType::Concrete(UnpackedIndex::Module(index)) => match self.module.composite(index)? {
                CompositeInnerType::Func(_) => {
                    let mut functions = (0u32..).zip(&self.module.functions);
                    let fits = functions.find(|(_, ty)| self.is_declared_subtype(**ty, index));
                    fits.map(|(function, _)| Placeholder::Func(function))
                }
                _ => {
                    let types = 0..self.module.types.len() as u32;
                    let fitting = types.filter(|&ty| self.is_declared_subtype(ty, index));
                    let made = fitting.filter_map(|ty| Some((self.depth[ty as usize]?, ty)));
                    made.min().map(|(_, ty)| Placeholder::Instance(ty))
                }
            },
            _ => None,
        }
    }

    fn shallowest(&self, is_kind: impl Fn(&CompositeInnerType) -> bool) -> Option<Placeholder> {
        let types = 0..self.module.types.len() as u32;
        let of_kind = types.filter(|&ty| self.module.composite(ty).is_some_and(&is_kind));
        let made = of_kind.filter_map(|ty| Some((self.depth[ty as usize]?, ty)));
        made.min().map(|(_, ty)| Placeholder::Instance(ty))
    }

    /// Whether `ty` is `ancestor` or says that it is below it.
    fn is_declared_subtype(&self, ty: u32, ancestor: u32) -> bool {
        let mut at = Some(ty);
        while let Some(ty) = at {
            if ty == ancestor {
                return true;
            }
            let supertype = self.module.types.get(ty as usize).and_then(|ty| ty.supertype_idx);
            at = supertype.and_then(|supertype| supertype.as_module_index());
        }
        false
    }
}
