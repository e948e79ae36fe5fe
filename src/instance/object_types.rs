use super::{InstanceError, export};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::Shape;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use wasmtime::{AsContext, AsContextMut, HeapType, Instance, Tag};

/// The types and tags of the module's own that objects can have.
pub(super) struct ObjectTypes {
    shapes: HashMap<EngineType, Shape>,
    tags: Vec<Tag>,
}

/// The type of a struct or array, as the engine knows it: the same for equal types, however many declare them.
struct EngineType(HeapType);

impl PartialEq for EngineType {
    fn eq(&self, other: &Self) -> bool {
        HeapType::eq(&self.0, &other.0)
    }
}

impl Eq for EngineType {}

impl Hash for EngineType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl ObjectTypes {
    #[allow(clippy::mutable_key_type, reason = "what can change inside a type is the count of its users")]
    pub fn new(
        probed: &Probed,
        instance: &Instance,
        mut store: impl AsContextMut,
    ) -> Result<ObjectTypes, InstanceError> {
        let missing = |probe| InstanceError::MissingProbe(probed.export_name(probe));
        let mut shapes = HashMap::new();
        for (k, indices) in (0u32..).zip(&probed.witnesses) {
            let probe = Probe::Witness(k);
            let witness = export(instance, &probed.names, probe, &mut store)?;
            let witness = witness.into_func().ok_or_else(|| missing(probe))?;
            for (&index, ty) in indices.iter().zip(witness.ty(&store).params()) {
                let Some(ty) = ty.as_ref().map(|ty| ty.heap_type().clone()) else { continue };
                let shape = match &ty {
                    HeapType::ConcreteStruct(_) => Shape::Struct(index),
                    HeapType::ConcreteArray(_) => Shape::Array(index),
                    _ => continue,
                };
                // The first of several equal types stands for all.
                shapes.entry(EngineType(ty)).or_insert(shape);
            }
        }
        let tag = |index| {
            let probe = Probe::Tag(index);
            export(instance, &probed.names, probe, &mut store)?.into_tag().ok_or_else(|| missing(probe))
        };
        let tags = (0..probed.tags).map(tag).collect::<Result<_, _>>()?;
        Ok(ObjectTypes { shapes, tags })
    }

    /// The shape of objects of this type, if the module declares it.
    pub fn shape(&self, ty: HeapType) -> Option<Shape> {
        self.shapes.get(&EngineType(ty)).copied()
    }

    /// The shape of exceptions of this tag, if the module has it.
    pub fn exception(&self, tag: &Tag, store: impl AsContext) -> Option<Shape> {
        let mut tags = (0u32..).zip(&self.tags);
        tags.find(|(_, known)| Tag::eq(known, tag, &store)).map(|(index, _)| Shape::Exception(index))
    }
}
