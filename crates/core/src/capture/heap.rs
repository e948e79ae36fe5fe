//! Reads objects of the garbage-collected heap.

use super::fields::width;
use super::objects::Objects;
use super::{CaptureError, Fields, FunctionIndices, Identity, Instance, Observed, ObservedRef};
use crate::module::Module;
use crate::snapshot::{Heap, Reference, Shape, Unwritable, Value, call_fields};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use wasmparser::{CompositeInnerType, StorageType};

/// References that are read at once.
pub(super) const CHUNK: usize = 1 << 14;

/// A reference that is not read, but known from the type of what holds it.
pub(super) const CONTINUATION: Reference = Reference::Unwritable(Unwritable::Continuation);

/// Finds objects, and reads them when all roots are known.
pub struct HeapReader<'r> {
    module: &'r Module<'r>,
    objects: Objects<'r>,
    layouts: HashMap<Shape, Layout>,
    /// References that were read and not resolved yet.
    observed: Vec<ObservedRef>,
}

impl<'r> HeapReader<'r> {
    /// A reader that has found nothing yet. `compares` is [`StateReader::compares`](super::StateReader::compares).
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn new<I: Instance + ?Sized>(
        module: &'r Module<'r>,
        functions: &'r FunctionIndices,
        compares: bool,
        instance: &mut I,
    ) -> Result<HeapReader<'r>, I::Error> {
        let objects = Objects::new(module, functions, compares, instance)?;
        Ok(HeapReader { module, objects, layouts: HashMap::new(), observed: Vec::new() })
    }

    /// A value as plain data.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn value<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        value: Observed,
    ) -> Result<Value, CaptureError<I::Error>> {
        Ok(match value {
            Observed::I32(value) => Value::I32(value),
            Observed::I64(value) => Value::I64(value),
            Observed::F32(bits) => Value::F32(bits),
            Observed::F64(bits) => Value::F64(bits),
            Observed::V128(value) => Value::V128(value),
            Observed::Ref(reference) => Value::Ref(self.reference(instance, reference)?),
        })
    }

    /// What a reference points to. An object that is new gets the next id.
    ///
    /// # Errors
    /// If the instance cannot be read.
    pub fn reference<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        reference: ObservedRef,
    ) -> Result<Reference, CaptureError<I::Error>> {
        self.objects.reference(instance, reference)
    }

    /// Reads all objects that were found, and what they lead to: a worklist, because lists are deeper than any stack.
    /// Those that `heap` has were read before.
    ///
    /// # Errors
    /// If the instance cannot be read, or shows objects that are not of their types.
    pub fn read<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        heap: &mut Heap,
    ) -> Result<(), CaptureError<I::Error>> {
        while let Some((identity, shape)) = self.objects.get(heap.len()) {
            let no_memory = CaptureError::NoMemoryForObjects(heap.len() as u32);
            let layout = match self.layouts.entry(shape) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let layout = Layout::of(self.module, shape);
                    let layout = layout.ok_or(CaptureError::Mismatch("an object of a type that is none"))?;
                    entry.insert(layout)
                }
            };
            let mut object = Object { identity, observed: &mut self.observed, objects: &mut self.objects };
            match layout {
                Layout::Array(element) => {
                    let len = instance.array_len(identity)?;
                    heap.reserve(0, 0).map_err(|_| no_memory)?;
                    heap.push(shape, len, |scalars, references| {
                        object.elements(instance, (*element, len), scalars, references)
                    })?;
                }
                Layout::Fields(layout) => {
                    let reserved = heap.reserve(layout.scalars, layout.references.len());
                    reserved.map_err(|_| no_memory)?;
                    heap.push(shape, layout.len, |scalars, references| {
                        object.fields(instance, layout, scalars, references)
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// What objects of one shape hold.
enum Layout {
    Array(Element),
    Fields(FieldTypes),
}

#[derive(Clone, Copy)]
enum Element {
    Continuation,
    Reference(StorageType),
    Scalar(StorageType, usize),
}

/// The fields of a struct or exception.
struct FieldTypes {
    len: u32,
    /// All but continuations, with their indices.
    wanted: Vec<(u32, StorageType)>,
    /// Bytes of the numbers among them.
    scalars: usize,
    /// For each reference, whether it is a continuation.
    references: Vec<bool>,
}

impl Layout {
    fn of(module: &Module<'_>, shape: Shape) -> Option<Layout> {
        Some(match shape {
            Shape::Array(ty) => match module.composite(ty)? {
                CompositeInnerType::Array(ty) => Layout::Array(Element::of(module, ty.0.element_type)),
                _ => return None,
            },
            Shape::Struct(ty) => match module.composite(ty)? {
                CompositeInnerType::Struct(ty) => {
                    Layout::Fields(FieldTypes::of(module, ty.fields.iter().map(|field| field.element_type)))
                }
                _ => return None,
            },
            Shape::String => Layout::Array(Element::of(module, StorageType::I16)),
            Shape::Call(function) => Layout::Fields(FieldTypes::of(module, call_fields(module, function)?)),
            Shape::Exception(tag) => {
                let params = module.tag_params(tag)?.iter().copied();
                Layout::Fields(FieldTypes::of(module, params.map(StorageType::Val)))
            }
        })
    }
}

impl Element {
    fn of(module: &Module<'_>, ty: StorageType) -> Element {
        match (width(ty), ty) {
            (Some(width), _) => Element::Scalar(ty, width),
            (None, _) if is_continuation(module, ty) => Element::Continuation,
            (None, _) => Element::Reference(ty),
        }
    }
}

impl FieldTypes {
    fn of(module: &Module<'_>, types: impl Iterator<Item = StorageType>) -> FieldTypes {
        let mut fields = FieldTypes { len: 0, wanted: Vec::new(), scalars: 0, references: Vec::new() };
        for (index, ty) in (0u32..).zip(types) {
            let is_continuation = is_continuation(module, ty);
            match width(ty) {
                Some(width) => fields.scalars += width,
                None => fields.references.push(is_continuation),
            }
            if !is_continuation {
                fields.wanted.push((index, ty));
            }
            fields.len += 1;
        }
        fields
    }
}

fn is_continuation(module: &Module<'_>, ty: StorageType) -> bool {
    matches!(ty, StorageType::Val(ty) if module.is_continuation(ty))
}

/// An object that is being read.
struct Object<'o, 'r> {
    identity: Identity,
    observed: &'o mut Vec<ObservedRef>,
    objects: &'o mut Objects<'r>,
}

const MISTYPED: &str = "an object whose fields are not of their types";

impl Object<'_, '_> {
    fn fields<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        types: &FieldTypes,
        scalars: &mut Vec<u8>,
        references: &mut Vec<Reference>,
    ) -> Result<(), CaptureError<I::Error>> {
        let scalars_end = scalars.len() + types.scalars;
        self.observed.clear();
        instance.fields(self.identity, &types.wanted, &mut Fields::new(scalars, self.observed))?;
        if scalars.len() != scalars_end {
            return Err(CaptureError::Mismatch(MISTYPED));
        }
        let mut observed = self.observed.iter();
        for &is_continuation in &types.references {
            references.push(match is_continuation {
                true => CONTINUATION,
                false => {
                    let reference = *observed.next().ok_or(CaptureError::Mismatch(MISTYPED))?;
                    self.objects.reference(instance, reference)?
                }
            });
        }
        match observed.next() {
            None => Ok(()),
            Some(_) => Err(CaptureError::Mismatch(MISTYPED)),
        }
    }

    fn elements<I: Instance + ?Sized>(
        &mut self,
        instance: &mut I,
        (element, len): (Element, u32),
        scalars: &mut Vec<u8>,
        references: &mut Vec<Reference>,
    ) -> Result<(), CaptureError<I::Error>> {
        let bytes = match element {
            Element::Scalar(_, width) => len as usize * width,
            Element::Continuation | Element::Reference(_) => 0,
        };
        let slots = if bytes == 0 { len as usize } else { 0 };
        let reserved = scalars.try_reserve(bytes).and_then(|()| references.try_reserve(slots));
        reserved.map_err(|_| CaptureError::NoMemoryForArray(len))?;
        let (ty, width, chunk) = match element {
            Element::Continuation => {
                references.resize(references.len() + len as usize, CONTINUATION);
                return Ok(());
            }
            Element::Scalar(ty, width) => (ty, width, len.max(1) as usize),
            Element::Reference(ty) => (ty, 0, CHUNK),
        };
        let scalars_end = scalars.len() + len as usize * width;
        let references_end = references.len() + if width == 0 { len as usize } else { 0 };
        for start in (0..len).step_by(chunk) {
            let range = start..len.min(start.saturating_add(chunk as u32));
            self.observed.clear();
            instance.elements(self.identity, ty, range, &mut Fields::new(scalars, self.observed))?;
            for &reference in &*self.observed {
                references.push(self.objects.reference(instance, reference)?);
            }
        }
        match (scalars.len(), references.len()) == (scalars_end, references_end) {
            true => Ok(()),
            false => Err(CaptureError::Mismatch(MISTYPED)),
        }
    }
}
