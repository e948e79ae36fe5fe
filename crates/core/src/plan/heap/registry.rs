use super::field_layout::FieldLayout;
use super::object_kind::{Column, ObjectKind};
use super::placeholder::{Placeholder, Placeholders};
use super::prebuilt::Prebuilt;
use super::{PrebuiltPlace, RegistryEntry};
use crate::module::Module;
use crate::snapshot::{Heap, Reference, Shape, Snapshot};
use std::collections::{BTreeSet, HashMap};
use wasmparser::{StorageType, ValType};

/// Registry indices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RegistryIndices {
    integers: HashMap<u32, u32>,
    imports: HashMap<u32, u32>,
    functions: HashMap<u32, u32>,
    pub instances: HashMap<u32, u32>,
    /// By object; 0 for those without.
    pub objects: Vec<u32>,
}

impl RegistryIndices {
    pub fn index(&self, reference: Reference) -> u32 {
        let known = |map: &HashMap<u32, u32>, key: u32| map.get(&key).copied().unwrap_or_default();
        match reference {
            Reference::Null | Reference::Unwritable(_) => 0,
            Reference::Func(index) => known(&self.functions, index),
            Reference::I31(value) | Reference::ExternI31(value) => known(&self.integers, value),
            Reference::Import(global) => known(&self.imports, global),
            Reference::Object(id) | Reference::ExternObject(id) => self.objects[id as usize],
        }
    }
}

/// Gives out registry indices.
pub(super) struct Assigned {
    pub index: RegistryIndices,
    pub prelude: Vec<(u32, RegistryEntry)>,
    pub functions: Vec<u32>,
    pub integers: Vec<u32>,
    pub next: u32,
    pub next_exception: u32,
}

impl Assigned {
    pub fn new(objects: usize) -> Self {
        Assigned {
            index: RegistryIndices { objects: vec![0; objects], ..RegistryIndices::default() },
            prelude: Vec::new(),
            functions: Vec::new(),
            integers: Vec::new(),
            // Entry 0 is null.
            next: 1,
            next_exception: 1,
        }
    }

    /// Everything that is no object: `i31`s come first.
    pub fn values(&mut self, heap: &Heap) {
        let mut imports = BTreeSet::new();
        for reference in heap.objects().flat_map(|(_, object)| object.references) {
            match *reference {
                Reference::I31(value) | Reference::ExternI31(value) => {
                    self.index.integers.entry(value).or_insert_with(|| {
                        self.integers.push(value);
                        self.next += 1;
                        self.next - 1
                    });
                }
                Reference::Func(index) => self.function(index),
                Reference::Import(global) => {
                    imports.insert(global);
                }
                _ => {}
            }
        }
        for global in imports {
            let entry = self.entry(RegistryEntry::Import(global));
            self.index.imports.insert(global, entry);
        }
    }

    fn function(&mut self, index: u32) {
        self.index.functions.entry(index).or_insert_with(|| {
            self.functions.push(index);
            self.functions.len() as u32
        });
    }

    fn entry(&mut self, entry: RegistryEntry) -> u32 {
        self.prelude.push((self.next, entry));
        self.next += 1;
        self.next - 1
    }

    /// The smallest instances of types that stand in somewhere, those that are part of others first.
    pub fn instances(
        &mut self,
        module: &Module<'_>,
        kinds: &[ObjectKind],
        placeholders: &Placeholders<'_, '_>,
    ) {
        let columns = kinds.iter().flat_map(|kind| &kind.columns);
        let mut wanted: Vec<Placeholder> = columns
            .filter_map(|column| match column {
                Column::Placeholder(placeholder) => Some(*placeholder),
                _ => None,
            })
            .collect();
        let mut path = Vec::new();
        while let Some(placeholder) = wanted.pop() {
            match placeholder {
                Placeholder::Func(index) => self.function(index),
                Placeholder::Instance(ty) => path.push(ty),
                Placeholder::Null | Placeholder::I31 => {}
            }
            while let Some(&ty) = path.last() {
                if self.index.instances.contains_key(&ty) {
                    path.pop();
                    continue;
                }
                let parts = FieldLayout::of(module, Shape::Struct(ty));
                let parts = parts.map(|layout| layout.reference_fields()).unwrap_or_default();
                let mut missing = None;
                for field in parts {
                    let StorageType::Val(ValType::Ref(field)) = field.element_type else {
                        continue;
                    };
                    match placeholders.placeholder(field) {
                        Some(Placeholder::Func(index)) => self.function(index),
                        Some(Placeholder::Instance(part)) if !self.index.instances.contains_key(&part) => {
                            missing = Some(part);
                        }
                        _ => {}
                    }
                }
                match missing {
                    Some(part) => path.push(part),
                    None => {
                        let entry = self.entry(RegistryEntry::Instance(ty));
                        self.index.instances.insert(ty, entry);
                        path.pop();
                    }
                }
            }
        }
    }

    /// What exists already and is needed; gives back those objects.
    pub fn prebuilt(
        &mut self,
        snapshot: &Snapshot<'_>,
        prebuilt: &Prebuilt,
        needed: &BTreeSet<u32>,
        kinds_of: &[u32],
    ) -> Vec<u32> {
        let fetched = prebuilt.objects.iter().filter(|(id, _)| needed.contains(id));
        let fetched: Vec<(u32, PrebuiltPlace)> = fetched.copied().collect();
        // Fetched in the order in which they are found, numbered by kind.
        let mut by_kind: Vec<u32> = fetched.iter().map(|(id, _)| *id).collect();
        by_kind.sort_by_key(|&id| (kinds_of[id as usize], id));
        for &id in &by_kind {
            self.object(id, snapshot.heap.object(id).shape);
        }
        for (id, place) in fetched {
            let entry = self.index.objects[id as usize];
            self.prelude.push((entry, RegistryEntry::Prebuilt(snapshot.heap.object(id).shape, place)));
        }
        by_kind
    }

    pub fn object(&mut self, id: u32, shape: Shape) {
        let next = match shape {
            Shape::Exception(_) => &mut self.next_exception,
            Shape::Struct(_) | Shape::Array(_) | Shape::String | Shape::Call(_) => &mut self.next,
        };
        self.index.objects[id as usize] = *next;
        *next += 1;
    }
}
