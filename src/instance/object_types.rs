use super::{InstanceError, export};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::Shape;
use std::collections::HashMap;
use std::fmt::{self, Write};
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

/// By the beginning of what the engine prints of the type, in which it has a number. The engine's own hash is one for all types of
/// a recursion group, and the classes of a program are one such group.
impl Hash for EngineType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut beginning = Beginning { text: [0; Beginning::LENGTH], taken: 0 };
        // An error is that it is full.
        let _ = write!(beginning, "{:?}", self.0);
        beginning.text[..beginning.taken].hash(state);
    }
}

/// Takes the first bytes of a text, and then no more.
struct Beginning {
    text: [u8; Beginning::LENGTH],
    taken: usize,
}

impl Beginning {
    const LENGTH: usize = 128;
}

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.text[self.taken..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.taken += len;
        if len < text.len() { Err(fmt::Error) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;
    use wasmtime::{Config, Engine, ExternType, Module};

    #[test]
    fn types_of_one_group_have_hashes_of_their_own() {
        const TYPES: usize = 500;
        let types: String = (0..TYPES).map(|index| format!("(type $t{index} (struct))")).collect();
        let globals: String = (0..TYPES)
            .map(|index| format!(r#"(global (export "{index}") (ref null $t{index}) (ref.null $t{index}))"#))
            .collect();
        let mut config = Config::new();
        config.wasm_gc(true).wasm_function_references(true);
        let engine = Engine::new(&config).unwrap();
        let wasm = wat::parse_str(format!("(module (rec {types}) {globals})")).unwrap();
        let module = Module::new(&engine, wasm).unwrap();
        let of = |export: wasmtime::ExportType<'_>| match export.ty() {
            ExternType::Global(global) => EngineType(global.content().as_ref().unwrap().heap_type().clone()),
            _ => panic!("only globals are exported"),
        };
        let state = std::hash::RandomState::new();
        let hashes: HashSet<u64> = module.exports().map(|export| state.hash_one(of(export))).collect();
        assert_eq!(hashes.len(), TYPES);
        for (first, again) in module.exports().zip(module.exports()) {
            let [first, again] = [of(first), of(again)];
            assert!(first == again && state.hash_one(&first) == state.hash_one(&again));
        }
    }
}
