//! Reads objects of the garbage-collected heap. Nothing is collected meanwhile, because nothing is allocated: what the
//! engine calls the raw form of a reference is the identity of its object.

use super::CaptureError;
use super::reference::References;
use preinit_core::module::{Hierarchy, Module};
use preinit_core::snapshot::{Heap, Reference, Shape, Unwritable};
use std::collections::HashMap;
use wasmparser::{CompositeInnerType, FieldType, StorageType, ValType};
use wasmtime::{AnyRef, ArrayRef, AsContextMut, ExnRef, Func, HeapType, RootScope, Rooted, Tag, Val};

/// Every read of a reference makes a root; a scope for some thousands keeps their number small.
const SCOPE: u32 = 4096;

/// Finds objects, and reads them when all roots are known.
pub struct HeapReader<'r> {
    references: &'r References,
    /// Global indices of what the host provides, by raw reference.
    imports: HashMap<u32, u32>,
    /// Ids by raw reference.
    ids: HashMap<u32, u32>,
    found: Vec<Found>,
}

#[derive(Clone, Copy)]
struct Found {
    raw: u32,
    shape: Shape,
}

impl<'r> HeapReader<'r> {
    /// A reader that has found nothing yet.
    ///
    /// # Errors
    /// If the engine refuses to answer.
    pub fn new(
        references: &'r References,
        store: &mut impl AsContextMut,
    ) -> Result<HeapReader<'r>, CaptureError> {
        let mut imports = HashMap::new();
        for (index, global) in &references.host_globals {
            let mut scope = RootScope::new(&mut *store);
            let any = match global.get(&mut scope) {
                Val::AnyRef(Some(any)) => any,
                Val::ExternRef(Some(external)) => AnyRef::convert_extern(&mut scope, external)?,
                _ => continue,
            };
            if matches!(any.ty(&scope)?, HeapType::Any) {
                imports.entry(any.to_raw(&mut scope)?).or_insert(*index);
            }
        }
        Ok(HeapReader { references, imports, ids: HashMap::new(), found: Vec::new() })
    }

    /// What `value` points to.
    ///
    /// # Errors
    /// If the engine refuses to answer.
    pub fn resolve(&mut self, mut store: impl AsContextMut, value: &Val) -> Result<Reference, CaptureError> {
        Ok(match value {
            Val::FuncRef(Some(function)) => self.references.function(store, function),
            Val::AnyRef(Some(any)) => self.resolve_any(store, any)?,
            Val::ExternRef(Some(external)) => {
                let any = AnyRef::convert_extern(&mut store, *external)?;
                match self.resolve_any(store, &any)? {
                    Reference::I31(value) => Reference::ExternI31(value),
                    Reference::Object(id) => Reference::ExternObject(id),
                    host => host,
                }
            }
            Val::ExnRef(Some(exception)) => self.resolve_exception(store, exception)?,
            Val::ContRef(Some(_)) => Reference::Unwritable(Unwritable::Continuation),
            _ => Reference::Null,
        })
    }

    fn resolve_any(
        &mut self,
        mut store: impl AsContextMut,
        any: &Rooted<AnyRef>,
    ) -> Result<Reference, CaptureError> {
        if let Some(value) = any.as_i31(&store)? {
            return Ok(Reference::I31(value.get_u32()));
        }
        let raw = any.to_raw(&mut store)?;
        if let Some(&id) = self.ids.get(&raw) {
            return Ok(Reference::Object(id));
        }
        let ty = any.ty(&store)?;
        if matches!(ty, HeapType::Any) {
            return Ok(match self.imports.get(&raw) {
                Some(&global) => Reference::Import(global),
                None => Reference::Unwritable(Unwritable::HostExtern),
            });
        }
        match self.references.shape(ty) {
            Some(shape) => self.add(raw, shape),
            None => Ok(Reference::Unwritable(Unwritable::ForeignObject)),
        }
    }

    fn resolve_exception(
        &mut self,
        mut store: impl AsContextMut,
        exception: &Rooted<ExnRef>,
    ) -> Result<Reference, CaptureError> {
        let raw = exception.to_raw(&mut store)?;
        if let Some(&id) = self.ids.get(&raw) {
            return Ok(Reference::Object(id));
        }
        let tag = exception.tag(&mut store)?;
        let mut tags = (0u32..).zip(&self.references.tags);
        match tags.find(|(_, known)| Tag::eq(known, &tag, &store)) {
            Some((index, _)) => self.add(raw, Shape::Exception(index)),
            None => Ok(Reference::Unwritable(Unwritable::ForeignException)),
        }
    }

    fn add(&mut self, raw: u32, shape: Shape) -> Result<Reference, CaptureError> {
        let id = u32::try_from(self.found.len()).map_err(|_| lost("more objects than there are ids"))?;
        self.found.push(Found { raw, shape });
        self.ids.insert(raw, id);
        Ok(Reference::Object(id))
    }

    /// Reads all objects that were found, and what they lead to: a worklist, because lists are deeper than any stack.
    /// Those that `heap` has were read before.
    ///
    /// # Errors
    /// If the engine refuses to answer.
    pub fn read(
        &mut self,
        module: &Module<'_>,
        store: &mut impl AsContextMut,
        heap: &mut Heap,
    ) -> Result<(), CaptureError> {
        while let Some(&Found { raw, shape }) = self.found.get(heap.len()) {
            match shape {
                Shape::Array(ty) => {
                    let element = array_element(module, ty)?;
                    let len = {
                        let mut scope = RootScope::new(&mut *store);
                        array(&mut scope, raw)?.len(&scope)?
                    };
                    heap.push(shape, len, |scalars, references| {
                        if is_continuation(module, element) {
                            references.resize(references.len() + len as usize, CONTINUATION);
                            return Ok(());
                        }
                        self.read_array(raw, element, len, store, scalars, references)
                    })?;
                }
                Shape::Struct(ty) => {
                    let fields = struct_fields(module, ty)?;
                    let mut scope = RootScope::new(&mut *store);
                    let any = AnyRef::from_raw(&mut scope, raw).ok_or_else(|| lost("a struct"))?;
                    let object = any.unwrap_struct(&scope)?;
                    heap.push(shape, fields.len() as u32, |scalars, references| {
                        for (index, field) in fields.iter().enumerate() {
                            if is_continuation(module, field.element_type) {
                                references.push(CONTINUATION);
                                continue;
                            }
                            let value = object.field(&mut scope, index)?;
                            self.read_value(field.element_type, &value, &mut scope, scalars, references)?;
                        }
                        Ok::<_, CaptureError>(())
                    })?;
                }
                Shape::Exception(tag) => {
                    let params = module.tag_params(tag).ok_or_else(|| lost("the type of a tag"))?;
                    let mut scope = RootScope::new(&mut *store);
                    let exception = ExnRef::from_raw(&mut scope, raw).ok_or_else(|| lost("an exception"))?;
                    heap.push(shape, params.len() as u32, |scalars, references| {
                        for (index, &ty) in params.iter().enumerate() {
                            let ty = StorageType::Val(ty);
                            if is_continuation(module, ty) {
                                references.push(CONTINUATION);
                                continue;
                            }
                            let value = exception.field(&mut scope, index)?;
                            self.read_value(ty, &value, &mut scope, scalars, references)?;
                        }
                        Ok::<_, CaptureError>(())
                    })?;
                }
            }
        }
        Ok(())
    }

    fn read_value(
        &mut self,
        ty: StorageType,
        value: &Val,
        store: impl AsContextMut,
        scalars: &mut Vec<u8>,
        references: &mut Vec<Reference>,
    ) -> Result<(), CaptureError> {
        match (ty, value) {
            (StorageType::I8, Val::I32(value)) => scalars.push(*value as u8),
            (StorageType::I16, Val::I32(value)) => scalars.extend((*value as u16).to_le_bytes()),
            (_, Val::I32(value)) => scalars.extend(value.to_le_bytes()),
            (_, Val::I64(value)) => scalars.extend(value.to_le_bytes()),
            (_, Val::F32(bits)) => scalars.extend(bits.to_le_bytes()),
            (_, Val::F64(bits)) => scalars.extend(bits.to_le_bytes()),
            (_, Val::V128(value)) => scalars.extend(value.as_u128().to_le_bytes()),
            (_, reference) => references.push(self.resolve(store, reference)?),
        }
        Ok(())
    }

    fn read_array(
        &mut self,
        raw: u32,
        element: StorageType,
        len: u32,
        store: &mut impl AsContextMut,
        scalars: &mut Vec<u8>,
        references: &mut Vec<Reference>,
    ) -> Result<(), CaptureError> {
        if element == StorageType::I8 {
            let start = scalars.len();
            scalars.resize(start + len as usize, 0);
            let mut scope = RootScope::new(&mut *store);
            array(&mut scope, raw)?.copy_to_i8_slice(&mut scope, &mut scalars[start..])?;
            return Ok(());
        }
        for start in (0..len).step_by(SCOPE as usize) {
            let mut scope = RootScope::new(&mut *store);
            let elements = array(&mut scope, raw)?;
            for index in start..len.min(start.saturating_add(SCOPE)) {
                let value = elements.get(&mut scope, index)?;
                self.read_value(element, &value, &mut scope, scalars, references)?;
            }
        }
        Ok(())
    }
}

impl References {
    /// A function of the module's, or one that it does not know.
    pub fn function(&self, store: impl AsContextMut, function: &Func) -> Reference {
        match self.functions.get(&(function.to_raw(store) as usize)) {
            Some(&index) => Reference::Func(index),
            None => Reference::Unwritable(Unwritable::ForeignFunction),
        }
    }
}

const CONTINUATION: Reference = Reference::Unwritable(Unwritable::Continuation);

fn array(mut store: impl AsContextMut, raw: u32) -> Result<Rooted<ArrayRef>, CaptureError> {
    let any = AnyRef::from_raw(&mut store, raw).ok_or_else(|| lost("an array"))?;
    Ok(any.unwrap_array(&mut store)?)
}

fn struct_fields<'m>(module: &'m Module<'_>, ty: u32) -> Result<&'m [FieldType], CaptureError> {
    match module.composite(ty) {
        Some(CompositeInnerType::Struct(ty)) => Ok(&ty.fields),
        _ => Err(lost("a struct type")),
    }
}

fn array_element(module: &Module<'_>, ty: u32) -> Result<StorageType, CaptureError> {
    match module.composite(ty) {
        Some(CompositeInnerType::Array(ty)) => Ok(ty.0.element_type),
        _ => Err(lost("an array type")),
    }
}

/// Whether the engine's API cannot read it.
fn is_continuation(module: &Module<'_>, ty: StorageType) -> bool {
    matches!(ty, StorageType::Val(ValType::Ref(ty)) if module.hierarchy(ty.heap_type()) == Hierarchy::Cont)
}

fn lost(what: &str) -> CaptureError {
    CaptureError::Engine(wasmtime::Error::msg(format!("{what} was lost while the heap was read")))
}
