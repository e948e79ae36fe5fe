use super::{CaptureError, Subject, probe};
use preinit_core::probe::{Probe, Probed};
use preinit_core::snapshot::{Reference, Shape, Unwritable, Value};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use wasmtime::{Extern, Global, HeapType, Mutability, Store, TableType, Tag, ValType};

/// What stands for a value that the engine's API does not show at all.
pub(super) const CONTINUATION: Value = Value::Ref(Reference::Unwritable(Unwritable::Continuation));

/// Names for what references point to: functions, types, tags and imports of the module.
pub struct References {
    pub(super) functions: HashMap<usize, u32>,
    types: HashMap<ObjectType, Shape>,
    pub(super) tags: Vec<Tag>,
    /// Immutable imported globals that may hold something of the host's, with their indices.
    pub(super) host_globals: Vec<(u32, Global)>,
}

/// The type of a struct or array, as the engine knows it: the same for equal types, however many declare them.
struct ObjectType(HeapType);

impl PartialEq for ObjectType {
    fn eq(&self, other: &Self) -> bool {
        HeapType::eq(&self.0, &other.0)
    }
}

impl Eq for ObjectType {}

impl Hash for ObjectType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl References {
    /// Learns the identity of everything that a reference of this instance can point to.
    ///
    /// # Errors
    /// If the instance is not one of the probed module.
    // What can change inside a type is the count of its users.
    #[allow(clippy::mutable_key_type)]
    pub fn new<T: 'static>(
        probed: &Probed,
        subject: &Subject,
        store: &mut Store<T>,
    ) -> Result<References, CaptureError> {
        let mut functions = HashMap::with_capacity(probed.functions.len());
        // What a provider stored in a table is the pointer that it handed over, not the one that this module makes.
        let imported = subject.imports.iter().filter_map(|import| match import {
            Extern::Func(function) => Some(*function),
            _ => None,
        });
        let imported: Vec<_> = imported.collect();
        for (index, function) in (0u32..).zip(imported) {
            functions.entry(function.to_raw(&mut *store) as usize).or_insert(index);
        }
        for &index in &probed.functions {
            let name = probed.export_name(Probe::Function(index));
            let Some(function) = probe(subject, &mut *store, name.clone())?.into_func() else {
                return Err(CaptureError::MissingProbe(name));
            };
            functions.insert(function.to_raw(&mut *store) as usize, index);
        }
        let mut types = HashMap::new();
        for (k, indices) in (0u32..).zip(&probed.witnesses) {
            let name = probed.export_name(Probe::Witness(k));
            let Some(witness) = probe(subject, &mut *store, name.clone())?.into_func() else {
                return Err(CaptureError::MissingProbe(name));
            };
            for (&index, ty) in indices.iter().zip(witness.ty(&*store).params()) {
                let Some(ty) = ty.as_ref().map(|ty| ty.heap_type().clone()) else { continue };
                let shape = match &ty {
                    HeapType::ConcreteStruct(_) => Shape::Struct(index),
                    HeapType::ConcreteArray(_) => Shape::Array(index),
                    _ => continue,
                };
                // The first of several equal types stands for all.
                types.entry(ObjectType(ty)).or_insert(shape);
            }
        }
        let tags = (0..probed.tags).map(|index| {
            let name = probed.export_name(Probe::Tag(index));
            let tag = probe(subject, &mut *store, name.clone())?.into_tag();
            tag.ok_or(CaptureError::MissingProbe(name))
        });
        let tags = tags.collect::<Result<_, _>>()?;
        let globals = subject.imports.iter().filter_map(|import| match import {
            Extern::Global(global) => Some(*global),
            _ => None,
        });
        let host_globals = (0u32..).zip(globals).filter(|(_, global)| {
            let ty = global.ty(&*store);
            ty.mutability() == Mutability::Const && may_be_of_the_host(ty.content())
        });
        let host_globals = host_globals.collect();
        Ok(References { functions, types, tags, host_globals })
    }

    /// The shape of objects of this type, if the module declares it.
    pub(super) fn shape(&self, ty: HeapType) -> Option<Shape> {
        self.types.get(&ObjectType(ty)).copied()
    }
}

fn may_be_of_the_host(ty: &ValType) -> bool {
    ty.as_ref().is_some_and(|ty| matches!(ty.heap_type(), HeapType::Extern | HeapType::Any))
}

/// Whether the engine's API panics on values of this type.
pub(super) fn is_continuation_type(ty: &ValType) -> bool {
    ty.as_ref().is_some_and(|ty| is_continuation_heap_type(ty.heap_type()))
}

/// [`is_continuation_type`] of a table's elements.
pub(super) fn is_continuation_table(ty: &TableType) -> bool {
    is_continuation_heap_type(ty.element().heap_type())
}

fn is_continuation_heap_type(ty: &HeapType) -> bool {
    matches!(ty, HeapType::Cont | HeapType::ConcreteCont(_) | HeapType::NoCont)
}
