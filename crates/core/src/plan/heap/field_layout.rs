use crate::module::Module;
use crate::snapshot::{Heap, Object, Shape, call_fields};
use wasmparser::{CompositeInnerType, FieldType, StorageType, ValType};

/// How the objects of one shape are laid out.
pub(super) enum FieldLayout {
    /// A struct, or an exception, whose fields never change.
    Fields(Vec<FieldType>),
    /// An array.
    Elements(FieldType),
}

impl FieldLayout {
    /// `None` for a shape that the module does not have, which capture rules out.
    pub fn of(module: &Module<'_>, shape: Shape) -> Option<FieldLayout> {
        Some(match shape {
            Shape::Struct(ty) => match module.composite(ty)? {
                CompositeInnerType::Struct(ty) => FieldLayout::Fields(ty.fields.to_vec()),
                _ => return None,
            },
            Shape::Array(ty) => match module.composite(ty)? {
                CompositeInnerType::Array(ty) => FieldLayout::Elements(ty.0),
                _ => return None,
            },
            Shape::String => {
                FieldLayout::Elements(FieldType { element_type: StorageType::I16, mutable: false })
            }
            Shape::Call(function) => {
                let field = |element_type| FieldType { element_type, mutable: false };
                FieldLayout::Fields(call_fields(module, function)?.map(field).collect())
            }
            Shape::Exception(tag) => {
                let field = |ty: &ValType| FieldType { element_type: StorageType::Val(*ty), mutable: false };
                FieldLayout::Fields(module.tag_params(tag)?.iter().map(field).collect())
            }
        })
    }

    /// The type of the field that the n-th reference of an object sits in.
    pub fn reference_fields(&self) -> Vec<FieldType> {
        match self {
            FieldLayout::Fields(fields) => fields.iter().copied().filter(is_reference).collect(),
            FieldLayout::Elements(element) => vec![*element],
        }
    }
}

/// Whether values of this field are references.
pub(super) fn is_reference(field: &FieldType) -> bool {
    matches!(field.element_type, StorageType::Val(ValType::Ref(_)))
}

/// Bytes of a scalar as it is stored.
pub(super) fn width(ty: StorageType) -> usize {
    match ty {
        StorageType::I8 => 1,
        StorageType::I16 => 2,
        StorageType::Val(ValType::I32 | ValType::F32) => 4,
        StorageType::Val(ValType::I64 | ValType::F64) => 8,
        StorageType::Val(ValType::V128) => 16,
        StorageType::Val(ValType::Ref(_)) => 0,
    }
}

/// The layouts of all shapes in a heap, each made once, and which of them an object has.
pub(super) struct FieldLayouts {
    shapes: Vec<Shape>,
    layouts: Vec<FieldLayout>,
    /// For each layout and reference in it whether it can be written after the object was made.
    mutable: Vec<Vec<bool>>,
    of_object: Vec<u32>,
}

impl FieldLayouts {
    pub fn of(module: &Module<'_>, heap: &Heap) -> FieldLayouts {
        let mut known = std::collections::HashMap::new();
        let mut layouts = FieldLayouts {
            shapes: Vec::new(),
            layouts: Vec::new(),
            mutable: Vec::new(),
            of_object: Vec::new(),
        };
        layouts.of_object.reserve(heap.len());
        for (_, object) in heap.objects() {
            let index = *known.entry(object.shape).or_insert_with(|| {
                // A shape that the module lacks has no fields; encode's validation would find that.
                let layout = FieldLayout::of(module, object.shape).unwrap_or(FieldLayout::Fields(Vec::new()));
                layouts.mutable.push(layout.reference_fields().iter().map(|field| field.mutable).collect());
                layouts.layouts.push(layout);
                layouts.shapes.push(object.shape);
                layouts.layouts.len() as u32 - 1
            });
            layouts.of_object.push(index);
        }
        layouts
    }

    pub fn get(&self, object: u32) -> &FieldLayout {
        &self.layouts[self.of_object[object as usize] as usize]
    }

    /// Objects that this one's immutable references point to: they existed before it.
    pub fn prerequisites<'o>(
        &'o self,
        id: u32,
        object: Object<'o>,
    ) -> impl Iterator<Item = (usize, u32)> + 'o {
        let mutable = &self.mutable[self.of_object[id as usize] as usize];
        let is_array = matches!(object.shape, Shape::Array(_));
        let immutable = move |at: usize| !mutable[if is_array { 0 } else { at }];
        let references = object.references.iter().enumerate();
        references.filter(move |(at, _)| immutable(*at)).filter_map(|(at, r)| Some((at, r.object()?)))
    }
}
