//! Objects and strings of a state, as capture reads them.

use super::fitting::Fitting;
use super::{StateCall, StateError, StateHeap, StateReference, StateValue, ValueKind};
use crate::capture::{Fields, Identity, Observed, ObservedObject, ObservedRef};
use crate::js_string;
use crate::module::{Module, Space};
use crate::snapshot::Shape;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use wasmparser::{CompositeInnerType, RefType, StorageType, ValType};

/// Where everything of a [`StateHeap`] is.
pub(super) struct HeapContents<'s> {
    module: &'s Module<'s>,
    /// What objects and strings hold, by identity.
    held: HashMap<u64, Held<'s>>,
    calls: HashMap<u64, Call<'s>>,
    values: HashSet<u64>,
}

/// A call, and the one before it.
struct Call<'s> {
    call: &'s StateCall,
    previous: StateReference,
}

#[derive(Clone, Copy)]
struct Held<'s> {
    shape: Shape,
    length: u32,
    scalars: &'s [u8],
    references: &'s [StateReference],
}

impl<'s> HeapContents<'s> {
    /// Finds the numbers of every object in `contents`.
    pub fn of(
        fitting: &Fitting<'s>,
        heap: &'s StateHeap,
        contents: &'s [u8],
    ) -> Result<HeapContents<'s>, StateError> {
        let module = fitting.module;
        let mut found = HeapContents {
            module,
            held: HashMap::new(),
            calls: HashMap::new(),
            values: heap.values.iter().copied().collect(),
        };
        let mut rest = Some(contents);
        let mut expected = 0u64;
        let mut take = |bytes: u64| {
            expected = expected.saturating_add(bytes);
            let length = usize::try_from(bytes).ok();
            let (taken, left) = rest.zip(length).and_then(|(rest, length)| rest.split_at_checked(length))?;
            rest = Some(left);
            Some(taken)
        };
        for object in &heap.objects {
            let layout = ObjectLayout::of(module, object.ty)?;
            let repeated = if layout.is_array { u64::from(object.length) } else { 1 };
            if object.references.len() as u64 != layout.references.len() as u64 * repeated {
                return Err(StateError::References(object.identity));
            }
            let mut types = layout.references.iter().cycle();
            let fit =
                |reference: &StateReference| types.next().is_some_and(|&ty| fitting.fits(ty, *reference));
            if !object.references.iter().all(fit) {
                return Err(StateError::Type { what: "an object of type", index: object.ty });
            }
            let scalars = take(layout.scalars as u64 * repeated).unwrap_or_default();
            let (length, references) = (object.length, &object.references[..]);
            found.add(object.identity, Held { shape: layout.shape, length, scalars, references })?;
        }
        for string in &heap.strings {
            let scalars = take(2 * u64::from(string.length)).unwrap_or_default();
            let held = Held { shape: Shape::String, length: string.length, scalars, references: &[] };
            found.add(string.identity, held)?;
        }
        let mut previous = StateReference::Null;
        for call in &heap.calls {
            check_call(fitting, call)?;
            let before = found.calls.insert(call.identity, Call { call, previous });
            if before.is_some() || found.held.contains_key(&call.identity) {
                return Err(StateError::SameIdentity(call.identity));
            }
            previous = StateReference::Object(call.identity);
        }
        match contents.len() as u64 == expected {
            true => Ok(found),
            false => Err(StateError::HeapSize { found: contents.len() as u64, expected }),
        }
    }

    fn add(&mut self, identity: u64, held: Held<'s>) -> Result<(), StateError> {
        match self.held.insert(identity, held) {
            None => Ok(()),
            Some(_) => Err(StateError::SameIdentity(identity)),
        }
    }

    /// What this is; a value of the host if it is in no list.
    pub fn object(&self, object: Identity) -> ObservedObject {
        match self.held.get(&object.0) {
            Some(held) => ObservedObject::Known(held.shape),
            None if self.calls.contains_key(&object.0) => {
                ObservedObject::Known(Shape::Call(self.calls[&object.0].call.function))
            }
            None if self.values.contains(&object.0) => ObservedObject::Primitive,
            None => ObservedObject::Host,
        }
    }

    fn get(&self, object: Identity) -> Result<Held<'s>, StateError> {
        self.held.get(&object.0).copied().ok_or(StateError::Opaque(object.0))
    }

    pub fn len(&self, object: Identity) -> Result<u32, StateError> {
        Ok(self.get(object)?.length)
    }

    /// Appends the fields of a struct: all but continuations are `wanted`.
    pub fn fields(
        &self,
        object: Identity,
        wanted: &[(u32, StorageType)],
        fields: &mut Fields<'_>,
    ) -> Result<(), StateError> {
        if let Some(Call { call, previous }) = self.calls.get(&object.0) {
            let values = call.arguments.iter().copied().chain([StateValue::Ref(*previous)]);
            for ((_, ty), value) in wanted.iter().zip(values) {
                fields.push(*ty, Observed::from(value));
            }
            return Ok(());
        }
        let Held { shape, scalars, references, .. } = self.get(object)?;
        let Shape::Struct(ty) = shape else { return Err(StateError::Opaque(object.0)) };
        let Some(CompositeInnerType::Struct(ty)) = self.module.composite(ty) else {
            return Err(StateError::Opaque(object.0));
        };
        fields.stored(scalars);
        let is_reference = |ty: StorageType| width(ty).is_none();
        let all = (0u32..).zip(&ty.fields).filter(|(_, field)| is_reference(field.element_type));
        for ((index, field), &reference) in all.zip(references) {
            if wanted.iter().any(|(wanted, _)| *wanted == index) {
                let reference = ObservedRef::from(reference);
                fields.push(field.element_type, Observed::Ref(reference));
            }
        }
        Ok(())
    }

    /// Appends elements of an array, or code units of a string.
    pub fn elements(
        &self,
        array: Identity,
        element: StorageType,
        range: Range<u32>,
        fields: &mut Fields<'_>,
    ) -> Result<(), StateError> {
        let Held { scalars, references, .. } = self.get(array)?;
        let (start, end) = (range.start as usize, range.end as usize);
        match width(element) {
            Some(width) => {
                fields.stored(scalars.get(start * width..end * width).unwrap_or_default());
            }
            None => {
                for &reference in references.get(start..end).unwrap_or_default() {
                    let reference = ObservedRef::from(reference);
                    fields.push(element, Observed::Ref(reference));
                }
            }
        }
        Ok(())
    }
}

/// Checks that there is such a function, and that it takes these arguments and returns a value of the host or nothing.
fn check_call(fitting: &Fitting<'_>, call: &StateCall) -> Result<(), StateError> {
    let module = fitting.module;
    let index = call.function;
    let unknown = StateError::Unknown { what: "imported function", index };
    if index >= module.imported.functions {
        return Err(unknown);
    }
    let import = module.imports_of(Space::Function).nth(index as usize);
    // Strings are in a list of their own, and the builtins trap where they are given what is none.
    if import.is_some_and(|(_, import)| import.module == js_string::MODULE) {
        return Err(unknown);
    }
    let signature = module.signature(index).ok_or(unknown)?;
    let is_right = |(ty, value): (&ValType, &StateValue)| fitting.fits_value(*ty, *value);
    let takes = signature.params().len() == call.arguments.len()
        && signature.params().iter().zip(&call.arguments).all(is_right);
    let returns = match signature.results() {
        [] => true,
        [ty] => ValueKind::of(module, *ty) == ValueKind::Extern,
        _ => false,
    };
    match takes && returns {
        true => Ok(()),
        false => Err(StateError::Type { what: "a call to imported function", index }),
    }
}

/// What an object of a type, or each element of an array, holds.
pub(super) struct ObjectLayout {
    shape: Shape,
    pub is_array: bool,
    /// Bytes of its numbers.
    pub scalars: usize,
    /// The types of its references, in order.
    pub references: Vec<RefType>,
}

impl ObjectLayout {
    pub fn of(module: &Module<'_>, index: u32) -> Result<ObjectLayout, StateError> {
        let unknown = StateError::Unknown { what: "object type", index };
        let (shape, is_array, types) = match module.composite(index).ok_or(unknown.clone())? {
            CompositeInnerType::Struct(ty) => {
                let types = ty.fields.iter().map(|field| field.element_type).collect();
                (Shape::Struct(index), false, types)
            }
            CompositeInnerType::Array(ty) => (Shape::Array(index), true, vec![ty.0.element_type]),
            _ => return Err(unknown),
        };
        let mut layout = ObjectLayout { shape, is_array, scalars: 0, references: Vec::new() };
        for ty in types {
            match (width(ty), ty) {
                (Some(width), _) => layout.scalars += width,
                (None, StorageType::Val(ValType::Ref(ty))) => layout.references.push(ty),
                _ => {}
            }
        }
        Ok(layout)
    }
}

/// Bytes of a number as it is stored; `None` for a reference.
fn width(ty: StorageType) -> Option<usize> {
    match ty {
        StorageType::I8 => Some(1),
        StorageType::I16 => Some(2),
        StorageType::Val(ValType::I32 | ValType::F32) => Some(4),
        StorageType::Val(ValType::I64 | ValType::F64) => Some(8),
        StorageType::Val(ValType::V128) => Some(16),
        StorageType::Val(ValType::Ref(_)) => None,
    }
}
