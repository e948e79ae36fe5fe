use super::{
    CaptureError, Fields, FunctionIndices, Identity, Instance, Observed, ObservedObject, ObservedRef,
};
use crate::js_string::StringMaker;
use crate::module::{Module, Space};
use crate::snapshot::{Reference, Shape, Unwritable};
use std::collections::{BTreeSet, HashMap};
use wasmparser::{AbstractHeapType, HeapType, Import, StorageType, TypeRef, ValType};

/// The objects that were found, numbered in the order in which they were.
pub(super) struct Objects<'r> {
    functions: &'r FunctionIndices,
    /// Values of the host that imported globals hold, with their index; `None` where imports of other names hold it too. Of strings only
    /// those that are constants: they have their contents as names.
    imports: HashMap<Identity, Option<u32>>,
    reads_strings: bool,
    ids: HashMap<Identity, u32>,
    found: Vec<(Identity, Shape)>,
}

impl<'r> Objects<'r> {
    pub fn new<I: Instance + ?Sized>(
        module: &Module<'_>,
        functions: &'r FunctionIndices,
        compares: bool,
        instance: &mut I,
    ) -> Result<Objects<'r>, I::Error> {
        let constants = constants(module, instance)?;
        let mut imports = HashMap::new();
        for (index, import) in host_globals(module) {
            let Some(identity) = held(instance, index)? else { continue };
            let is_string = instance.object(identity)? == ObservedObject::Known(Shape::String);
            if is_string && !constants.contains(import.module) {
                // It may be another one in another place.
                continue;
            }
            let first = imports.entry(identity).or_insert(Some(index));
            if !is_string && first.is_some_and(|first| !is_same_import(module, first, index)) {
                *first = None;
            }
        }
        let reads_strings = compares || StringMaker::of(module).is_some();
        Ok(Objects { functions, imports, reads_strings, ids: HashMap::new(), found: Vec::new() })
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
                self.import(identity)
            }
            ObservedObject::Known(Shape::String) if !self.reads_strings => {
                Reference::Unwritable(Unwritable::String)
            }
            ObservedObject::Known(shape) => {
                let id = u32::try_from(self.found.len())
                    .map_err(|_| CaptureError::Mismatch("there are more objects than ids"))?;
                let reserved = self.found.try_reserve(1).is_ok() && self.ids.try_reserve(1).is_ok();
                if !reserved {
                    return Err(CaptureError::NoMemoryForObjects(id));
                }
                self.found.push((identity, shape));
                self.ids.insert(identity, id);
                Reference::Object(id)
            }
            ObservedObject::ForeignObject => Reference::Unwritable(Unwritable::ForeignObject),
            ObservedObject::ForeignException => Reference::Unwritable(Unwritable::ForeignException),
            ObservedObject::Opaque => Reference::Unwritable(Unwritable::Opaque),
            ObservedObject::Primitive => Reference::Unwritable(Unwritable::Primitive),
            ObservedObject::Host => self.import(identity),
        })
    }

    /// The import that holds a value.
    fn import(&self, identity: Identity) -> Reference {
        match self.imports.get(&identity) {
            Some(&Some(global)) => Reference::Import(global),
            Some(None) => Reference::Unwritable(Unwritable::SeveralImports),
            None => Reference::Unwritable(Unwritable::HostExtern),
        }
    }
}

/// What a global holds, if it is an object or a value of the host.
fn held<I: Instance + ?Sized>(instance: &mut I, global: u32) -> Result<Option<Identity>, I::Error> {
    Ok(match instance.global(global)? {
        Observed::Ref(ObservedRef::Object(identity) | ObservedRef::ExternObject(identity)) => Some(identity),
        _ => None,
    })
}

/// The modules that string constants are imported from: all that is imported from them are globals that hold their names.
fn constants<'m, I: Instance + ?Sized>(
    module: &'m Module<'_>,
    instance: &mut I,
) -> Result<BTreeSet<&'m str>, I::Error> {
    let names = module.imports.iter().map(|import| import.module);
    let mut constants: BTreeSet<&str> = names.collect();
    if let Some(known) = instance.string_constants() {
        constants.retain(|name| known.iter().any(|known| known == name));
    }
    let is_global = |import: &Import<'_>| {
        matches!(import.ty, TypeRef::Global(ty) if !ty.mutable
            && matches!(ty.content_type, ValType::Ref(ty) if ty.is_extern_ref()))
    };
    for import in module.imports.iter().filter(|import| !is_global(import)) {
        constants.remove(import.module);
    }
    for (index, (_, import)) in (0u32..).zip(module.imports_of(Space::Global)) {
        if !constants.contains(import.module) {
            continue;
        }
        let holds_its_name = match held(instance, index)? {
            Some(identity) if instance.object(identity)? == ObservedObject::Known(Shape::String) => {
                is_string_of(instance, identity, import.name)?
            }
            _ => false,
        };
        if !holds_its_name {
            constants.remove(import.module);
        }
    }
    Ok(constants)
}

/// Whether two globals are imported under one name.
fn is_same_import(module: &Module<'_>, first: u32, second: u32) -> bool {
    let name = |index: u32| {
        let import = module.imports_of(Space::Global).nth(index as usize);
        import.map(|(_, import)| (import.module, import.name))
    };
    name(first) == name(second)
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

/// Immutable imported globals that may hold a value of the host.
fn host_globals<'m>(module: &'m Module<'m>) -> impl Iterator<Item = (u32, &'m Import<'m>)> {
    let may_be_of_the_host = |ty: ValType| {
        use AbstractHeapType::{Any, Extern};
        matches!(ty, ValType::Ref(ty) if matches!(ty.heap_type(), HeapType::Abstract { ty: Any | Extern, .. }))
    };
    let globals = (0u32..).zip(module.imports_of(Space::Global));
    let held = globals.filter(move |(_, (_, import))| {
        matches!(import.ty, TypeRef::Global(ty) if !ty.mutable && may_be_of_the_host(ty.content_type))
    });
    held.map(|(index, (_, import))| (index, import))
}
