use super::{
    CaptureError, Fields, FunctionIndices, Identity, Instance, Observed, ObservedObject, ObservedRef,
};
use crate::js_string::StringMaker;
use crate::module::{Module, Space};
use crate::snapshot::{Reference, Shape, Unwritable};
use std::collections::HashMap;
use wasmparser::{AbstractHeapType, HeapType, StorageType, TypeRef, ValType};

/// The objects that were found, numbered in the order in which they were.
pub(super) struct Objects<'r> {
    functions: &'r FunctionIndices,
    /// Indices of imported globals that hold a value of the host. Of strings only those that are constants: they have their
    /// contents as names.
    imports: HashMap<Identity, u32>,
    makes_strings: bool,
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
        for (index, name) in host_globals(module) {
            let value = instance.global(index)?;
            let Observed::Ref(ObservedRef::Object(identity) | ObservedRef::ExternObject(identity)) = value
            else {
                continue;
            };
            // Whatever else holds a string may hold another one in another place.
            let is_string = instance.object(identity)? == ObservedObject::Known(Shape::String);
            if !is_string || is_string_of(instance, identity, name)? {
                imports.entry(identity).or_insert(index);
            }
        }
        let makes_strings = StringMaker::of(module).is_some();
        Ok(Objects { functions, imports, makes_strings, ids: HashMap::new(), found: Vec::new() })
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
            ObservedObject::Known(Shape::String) if self.imports.contains_key(&identity) => {
                Reference::Import(self.imports[&identity])
            }
            ObservedObject::Known(Shape::String) if !self.makes_strings => {
                Reference::Unwritable(Unwritable::String)
            }
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

/// Whether a string is this text.
fn is_string_of<I: Instance + ?Sized>(
    instance: &mut I,
    string: Identity,
    text: &str,
) -> Result<bool, I::Error> {
    let (mut units, mut references) = (Vec::new(), Vec::new());
    let len = instance.array_len(string)?;
    instance.elements(string, StorageType::I16, 0..len, &mut Fields::new(&mut units, &mut references))?;
    Ok(text.encode_utf16().flat_map(u16::to_le_bytes).eq(units))
}

/// Immutable imported globals that may hold a value of the host, with their names.
fn host_globals<'m>(module: &'m Module<'_>) -> Vec<(u32, &'m str)> {
    let may_be_of_the_host = |ty: ValType| {
        use AbstractHeapType::{Any, Extern};
        matches!(ty, ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Abstract { ty: Any | Extern, .. }))
    };
    let globals = (0u32..).zip(module.imports_of(Space::Global));
    let held = globals.filter(|(_, (_, import))| {
        matches!(import.ty, TypeRef::Global(ty) if !ty.mutable && may_be_of_the_host(ty.content_type))
    });
    held.map(|(index, (_, import))| (index, import.name)).collect()
}
