use super::{CaptureError, Subject, probe};
use crate::probe::{Probe, Probed};
use crate::snapshot::{Reference, Unwritable, Value};
use std::collections::HashMap;
use wasmtime::{AnyRef, AsContextMut, Extern, HeapType, Rooted, Store, TableType, Val, ValType};

/// What stands for a value that the engine's API does not show at all.
pub(super) const CONTINUATION: Value = Value::Ref(Reference::Unwritable(Unwritable::Continuation));

/// Names for what references point to: functions and types of the module.
pub struct References {
    functions: HashMap<usize, u32>,
    types: Vec<(u32, HeapType)>,
}

impl References {
    /// Learns the identity of everything that a reference of this instance can point to.
    ///
    /// # Errors
    /// If the instance is not one of the probed module.
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
        let mut types = Vec::new();
        for (k, indices) in (0u32..).zip(&probed.witnesses) {
            let name = probed.export_name(Probe::Witness(k));
            let Some(witness) = probe(subject, &mut *store, name.clone())?.into_func() else {
                return Err(CaptureError::MissingProbe(name));
            };
            for (&index, ty) in indices.iter().zip(witness.ty(&*store).params()) {
                types.extend(ty.as_ref().map(|ty| (index, ty.heap_type().clone())));
            }
        }
        Ok(References { functions, types })
    }

    /// What `value` points to.
    ///
    /// # Errors
    /// If the engine refuses to answer.
    pub fn resolve(&self, mut store: impl AsContextMut, value: &Val) -> Result<Reference, CaptureError> {
        Ok(match value {
            Val::FuncRef(Some(function)) => match self.functions.get(&(function.to_raw(&mut store) as usize))
            {
                Some(&index) => Reference::Func(index),
                None => Reference::Unwritable(Unwritable::ForeignFunction),
            },
            Val::AnyRef(Some(any)) => self.resolve_any(store, any)?,
            Val::ExternRef(Some(external)) => {
                let any = AnyRef::convert_extern(&mut store, *external)?;
                match self.resolve_any(store, &any)? {
                    Reference::I31(value) => Reference::ExternI31(value),
                    Reference::Unwritable(Unwritable::Struct(_) | Unwritable::Array(_)) => {
                        Reference::Unwritable(Unwritable::ExternObject)
                    }
                    host => host,
                }
            }
            Val::ExnRef(Some(_)) => Reference::Unwritable(Unwritable::Exception),
            Val::ContRef(Some(_)) => Reference::Unwritable(Unwritable::Continuation),
            _ => Reference::Null,
        })
    }

    fn resolve_any(
        &self,
        mut store: impl AsContextMut,
        any: &Rooted<AnyRef>,
    ) -> Result<Reference, CaptureError> {
        if let Some(value) = any.as_i31(&store)? {
            return Ok(Reference::I31(value.get_u32()));
        }
        if let Some(object) = any.as_struct(&store)? {
            let ty = HeapType::ConcreteStruct(object.ty(&store)?);
            return Ok(Reference::Unwritable(Unwritable::Struct(self.type_index(&ty))));
        }
        if let Some(object) = any.as_array(&mut store)? {
            let ty = HeapType::ConcreteArray(object.ty(&store)?);
            return Ok(Reference::Unwritable(Unwritable::Array(self.type_index(&ty))));
        }
        Ok(Reference::Unwritable(Unwritable::HostExtern))
    }

    fn type_index(&self, ty: &HeapType) -> Option<u32> {
        self.types.iter().find(|(_, known)| HeapType::eq(known, ty)).map(|(index, _)| *index)
    }
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
