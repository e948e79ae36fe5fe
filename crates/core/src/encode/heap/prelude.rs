use super::super::EncodeError;
use super::body_builder::{BodyBuilder, BuilderContext};
use super::build::{self, array_element, struct_fields, to_registry};
use super::builder_types::StateField;
use crate::module::Hierarchy;
use crate::plan::heap::{PrebuiltPlace, RegistryEntry};
use crate::snapshot::Shape;
use wasm_encoder::{HeapType, Instruction, RefType, ValType};
use wasmparser::{FieldType, StorageType};

/// Puts what exists already, or is made of nothing, into the registries.
pub(super) fn entries(
    context: BuilderContext<'_>,
    entries: &[(u32, RegistryEntry)],
) -> Result<Vec<u8>, EncodeError> {
    let mut body = BodyBuilder::new(context, 1);
    let mut items = Items { segment: None };
    for &(index, entry) in entries {
        let is_exception = matches!(entry, RegistryEntry::Prebuilt(Shape::Exception(_), _));
        if let RegistryEntry::Prebuilt(_, PrebuiltPlace::Item { segment, .. }) = entry {
            items.load(&mut body, segment)?;
        }
        let (registry, ty) = match is_exception {
            true => {
                (StateField::Exceptions, context.types.exceptions().ok_or(EncodeError::Unknown("reference"))?)
            }
            false => (StateField::Registry, context.types.registry()),
        };
        body.get(registry);
        body.push(Instruction::I32Const(index as i32));
        match entry {
            RegistryEntry::Import(global) => from_global(&mut body, global)?,
            RegistryEntry::Instance(ty) => build::instance(&mut body, ty)?,
            RegistryEntry::Prebuilt(_, PrebuiltPlace::Global(global)) => from_global(&mut body, global)?,
            RegistryEntry::Prebuilt(_, PrebuiltPlace::Slot { table, slot }) => {
                from_slot(&mut body, table, slot)?
            }
            RegistryEntry::Prebuilt(_, PrebuiltPlace::Item { item, .. }) => items.push(&mut body, item)?,
            RegistryEntry::Prebuilt(_, PrebuiltPlace::Field { holder, shape, field }) => {
                from_field(&mut body, holder, shape, field)?;
            }
        }
        body.push(Instruction::ArraySet(ty));
    }
    Ok(body.finish())
}

fn from_global(body: &mut BodyBuilder<'_>, global: u32) -> Result<(), EncodeError> {
    let module = body.context.module;
    let content = module.globals.get(global as usize).map(|global| global.ty.content_type);
    let Some(wasmparser::ValType::Ref(ty)) = content else { return Err(EncodeError::Unknown("global")) };
    body.push(Instruction::GlobalGet(global));
    to_registry(body, module.hierarchy(ty.heap_type()));
    Ok(())
}

fn from_slot(body: &mut BodyBuilder<'_>, table: u32, slot: u64) -> Result<(), EncodeError> {
    let module = body.context.module;
    let ty = module.tables.get(table as usize).map(|table| table.ty).ok_or(EncodeError::Unknown("table"))?;
    body.push(match ty.table64 {
        true => Instruction::I64Const(slot as i64),
        false => Instruction::I32Const(slot as i32),
    });
    body.push(Instruction::TableGet(table));
    to_registry(body, module.hierarchy(ty.element_type.heap_type()));
    Ok(())
}

fn from_field(body: &mut BodyBuilder<'_>, holder: u32, shape: Shape, field: u32) -> Result<(), EncodeError> {
    let (Shape::Struct(ty) | Shape::Array(ty)) = shape else { return Err(EncodeError::Unknown("object")) };
    let entry = body.context.heap.plan.entry(holder);
    body.get(StateField::Registry);
    body.push(Instruction::I32Const(entry as i32));
    body.push(Instruction::ArrayGet(body.context.types.registry()));
    body.push(Instruction::RefCastNonNull(HeapType::Concrete(ty)));
    let read = match shape {
        Shape::Struct(_) => {
            body.push(Instruction::StructGet { struct_type_index: ty, field_index: field });
            struct_fields(body.context, ty)?.get(field as usize).copied()
        }
        _ => {
            body.push(Instruction::I32Const(field as i32));
            body.push(Instruction::ArrayGet(ty));
            Some(array_element(body.context, ty)?)
        }
    };
    match read {
        Some(FieldType { element_type: StorageType::Val(wasmparser::ValType::Ref(ty)), .. }) => {
            to_registry(body, body.context.module.hierarchy(ty.heap_type()));
            Ok(())
        }
        _ => Err(EncodeError::Unknown("field")),
    }
}

/// The items of the element segment that was asked for last.
struct Items {
    segment: Option<(u32, u32, u32, Hierarchy)>,
}

impl Items {
    /// Copies the items to an array, in a local.
    fn load(&mut self, body: &mut BodyBuilder<'_>, segment: u32) -> Result<(), EncodeError> {
        if self.segment.is_some_and(|(loaded, ..)| loaded == segment) {
            return Ok(());
        }
        let Some(element) = body.context.module.elements.get(segment as usize) else {
            return Err(EncodeError::Unknown("element segment"));
        };
        let types = body.context.types;
        let hierarchy = body.context.module.hierarchy(element.ty().heap_type());
        let ty = match hierarchy {
            Hierarchy::Extern => types.externals(),
            Hierarchy::Exn => types.exceptions(),
            _ => Some(types.registry()),
        };
        let ty = ty.ok_or(EncodeError::Unknown("element segment"))?;
        let local = body.local(ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(ty) }));
        body.push(Instruction::I32Const(0));
        body.push(Instruction::I32Const(element.len() as i32));
        body.push(Instruction::ArrayNewElem { array_type_index: ty, array_elem_index: segment });
        body.push(Instruction::LocalSet(local));
        self.segment = Some((segment, local, ty, hierarchy));
        Ok(())
    }

    fn push(&self, body: &mut BodyBuilder<'_>, item: u32) -> Result<(), EncodeError> {
        let (_, local, ty, hierarchy) = self.segment.ok_or(EncodeError::Unknown("element segment"))?;
        body.push(Instruction::LocalGet(local));
        body.push(Instruction::I32Const(item as i32));
        body.push(Instruction::ArrayGet(ty));
        to_registry(body, hierarchy);
        Ok(())
    }
}
