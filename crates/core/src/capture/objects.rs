use super::{CaptureError, FunctionIndices, Identity, Instance, Observed, ObservedObject, ObservedRef};
use crate::module::{Module, Space};
use crate::snapshot::{Reference, Shape, Unwritable};
use std::collections::HashMap;
use wasmparser::{AbstractHeapType, HeapType, TypeRef, ValType};

/// The objects that were found, numbered in the order in which they were.
pub(super) struct Objects<'r> {
    functions: &'r FunctionIndices,
    /// Indices of imported globals that hold a value of the host.
    imports: HashMap<Identity, u32>,
    ids: HashMap<Identity, u32>,
    found: Vec<(Identity, Shape)>,
}

impl<'r> Objects<'r> {
    pub fn new<I: Instance + ?Sized>(
        module: &Module<'_>,
        functions: &'r FunctionIndices,
        instance: &mut I,
    ) -> Result<Objects<'r>, I::Error> {
        let mut imports = HashMap::new();
        for index in host_globals(module) {
            let value = instance.global(index)?;
            let Observed::Ref(ObservedRef::Object(identity) | ObservedRef::ExternObject(identity)) = value
            else {
                continue;
            };
            imports.entry(identity).or_insert(index);
        }
        Ok(Objects { functions, imports, ids: HashMap::new(), found: Vec::new() })
    }

    /// The object with this id, if so many were found.
    pub fn get(&self, id: usize) -> Option<(Identity, Shape)> {
        self.found.get(id).copied()
    }

    /// What a reference points to. An object that is new gets the next id.
    pub fn reference<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        reference: ObservedRef,
    ) -> Result<Reference, CaptureError<I::Error>> {
        Ok(match reference {
            ObservedRef::Null => Reference::Null,
            ObservedRef::Function(identity) => self.functions.reference(identity),
            ObservedRef::I31(value) => Reference::I31(value),
            ObservedRef::ExternI31(value) => Reference::ExternI31(value),
            ObservedRef::Object(identity) => self.object(instance, identity)?,
            ObservedRef::ExternObject(identity) => match self.object(instance, identity)? {
                Reference::Object(id) => Reference::ExternObject(id),
                host => host,
            },
            ObservedRef::Continuation => Reference::Unwritable(Unwritable::Continuation),
            ObservedRef::Hidden => Reference::Unwritable(Unwritable::Hidden),
        })
    }

    fn object<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        identity: Identity,
    ) -> Result<Reference, CaptureError<I::Error>> {
        if let Some(&id) = self.ids.get(&identity) {
            return Ok(Reference::Object(id));
        }
        Ok(match instance.object(identity)? {
            ObservedObject::Known(shape) => {
                let id = u32::try_from(self.found.len())
                    .map_err(|_| CaptureError::Mismatch("there are more objects than ids"))?;
                self.found.push((identity, shape));
                self.ids.insert(identity, id);
                Reference::Object(id)
            }
            ObservedObject::ForeignObject => Reference::Unwritable(Unwritable::ForeignObject),
            ObservedObject::ForeignException => Reference::Unwritable(Unwritable::ForeignException),
            ObservedObject::Opaque => Reference::Unwritable(Unwritable::Opaque),
            ObservedObject::Host => match self.imports.get(&identity) {
                Some(&global) => Reference::Import(global),
                None => Reference::Unwritable(Unwritable::HostExtern),
            },
        })
    }
}

/// Immutable imported globals that may hold a value of the host.
fn host_globals(module: &Module<'_>) -> Vec<u32> {
    let may_be_of_the_host = |ty: ValType| {
        use AbstractHeapType::{Any, Extern};
        matches!(ty, ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Abstract { ty: Any | Extern, .. }))
    };
    let globals = (0u32..).zip(module.imports_of(Space::Global));
    let held = globals.filter(|(_, (_, import))| {
        matches!(import.ty, TypeRef::Global(ty) if !ty.mutable && may_be_of_the_host(ty.content_type))
    });
    held.map(|(index, _)| index).collect()
}
