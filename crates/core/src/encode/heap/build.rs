use super::super::EncodeError;
use super::array::{ArrayInProgress, advance_arrays, build_array, build_string, read_len, set_elements};
use super::body_builder::{BodyBuilder, BuilderContext};
use super::builder_types::{STREAMS, StateField};
use crate::module::Hierarchy;
use crate::plan::heap::{Builder, Column, HeapPlan, ObjectKind, StreamKind};
use crate::snapshot::{Shape, call_fields};
use wasm_encoder::{BlockType, Catch, HeapType, Ieee32, Ieee64, Instruction, RefType, ValType};
use wasmparser::{CompositeInnerType, FieldType, StorageType};

pub(super) const FIRST: u32 = 1;
const COUNT: u32 = 2;

/// The body of a function that runs call.
pub(super) fn builder(context: BuilderContext<'_>, builder: Builder) -> Result<Vec<u8>, EncodeError> {
    let mut body = BodyBuilder::new(context, 3);
    match builder {
        Builder::FillSlots(table) => {
            table_index(&mut body, table, FIRST);
            next_reference(&mut body, table_type(context, table), None, 0)?;
            table_index(&mut body, table, COUNT);
            body.push(Instruction::TableFill(table));
            let cursor = body.state(StateField::Cursor(StreamKind::References));
            body.advance(cursor, 1);
        }
        Builder::Build(kind) => {
            let kind = &context.heap.plan.kinds[kind as usize];
            each(&mut body, |body| build(body, kind))?;
        }
        Builder::Fill(kind) => {
            let kind = &context.heap.plan.kinds[kind as usize];
            each(&mut body, |body| fill(body, kind))?;
        }
        Builder::Integers => each(&mut body, |body| {
            body.get(StateField::Registry);
            body.push(Instruction::LocalGet(FIRST));
            body.read(StreamKind::Words, 0);
            body.push(Instruction::RefI31);
            body.push(Instruction::ArraySet(context.types.registry()));
            let cursor = body.state(StateField::Cursor(StreamKind::Words));
            body.advance(cursor, 1);
            Ok(())
        })?,
        Builder::SetSlots(table) => each(&mut body, |body| {
            table_index(body, table, FIRST);
            next_reference(body, table_type(context, table), None, 0)?;
            body.push(Instruction::TableSet(table));
            let cursor = body.state(StateField::Cursor(StreamKind::References));
            body.advance(cursor, 1);
            Ok(())
        })?,
    }
    Ok(body.finish())
}

fn table_type(context: BuilderContext<'_>, table: u32) -> wasmparser::RefType {
    context.module.tables[table as usize].ty.element_type
}

fn table_index(body: &mut BodyBuilder<'_>, table: u32, local: u32) {
    body.push(Instruction::LocalGet(local));
    if body.context.module.tables[table as usize].ty.table64 {
        body.push(Instruction::I64ExtendI32U);
    }
}

/// A loop over the entries of a run; there is at least one.
fn each(
    body: &mut BodyBuilder<'_>,
    one: impl FnOnce(&mut BodyBuilder<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    body.push(Instruction::LocalGet(FIRST));
    body.push(Instruction::LocalGet(COUNT));
    body.push(Instruction::I32Add);
    body.push(Instruction::LocalSet(COUNT));
    body.push(Instruction::Loop(BlockType::Empty));
    one(body)?;
    body.advance(FIRST, 1);
    body.push(Instruction::LocalGet(FIRST));
    body.push(Instruction::LocalGet(COUNT));
    body.push(Instruction::I32LtU);
    body.push(Instruction::BrIf(0));
    body.push(Instruction::End);
    Ok(())
}

/// How many values of each stream one object has taken.
#[derive(Default)]
struct Taken([u32; STREAMS.len()]);

impl Taken {
    fn next(&mut self, kind: StreamKind, count: u32) -> u32 {
        let at = STREAMS.iter().position(|known| *known == kind).unwrap_or_default();
        self.0[at] += count;
        self.0[at] - count
    }

    fn advance(&self, body: &mut BodyBuilder<'_>) {
        for (kind, &count) in STREAMS.into_iter().zip(&self.0) {
            if count > 0 {
                let cursor = body.state(StateField::Cursor(kind));
                body.advance(cursor, count);
            }
        }
    }
}

fn build(body: &mut BodyBuilder<'_>, kind: &ObjectKind) -> Result<(), EncodeError> {
    let types = body.context.types;
    match kind.shape {
        Shape::Struct(ty) => {
            let fields = struct_fields(body.context, ty)?;
            body.get(StateField::Registry);
            body.push(Instruction::LocalGet(FIRST));
            let taken = push_fields(body, kind, &fields)?;
            body.push(Instruction::StructNew(ty));
            body.push(Instruction::ArraySet(types.registry()));
            taken.advance(body);
        }
        Shape::Exception(tag) => {
            let params = body.context.module.tag_params(tag).ok_or(EncodeError::Unknown("tag"))?;
            let field =
                |ty: &wasmparser::ValType| FieldType { element_type: StorageType::Val(*ty), mutable: false };
            let fields: Vec<FieldType> = params.iter().map(field).collect();
            let exceptions = types.exceptions().ok_or(EncodeError::Unknown("reference"))?;
            body.get(StateField::Exceptions);
            body.push(Instruction::LocalGet(FIRST));
            let exception = ValType::Ref(RefType { nullable: false, ..RefType::EXNREF });
            body.push(Instruction::Block(BlockType::Result(exception)));
            let catches = [Catch::AllRef { label: 0 }];
            body.push(Instruction::TryTable(BlockType::Empty, catches[..].into()));
            let taken = push_fields(body, kind, &fields)?;
            body.push(Instruction::Throw(tag));
            body.push(Instruction::End);
            body.push(Instruction::Unreachable);
            body.push(Instruction::End);
            body.push(Instruction::ArraySet(exceptions));
            taken.advance(body);
        }
        Shape::Array(ty) => build_array(body, kind, ty, array_element(body.context, ty)?)?,
        Shape::String => build_string(body, kind)?,
        Shape::Call(function) => build_call(body, kind, function)?,
    }
    Ok(())
}

/// Calls an import once more for what it returns.
fn build_call(body: &mut BodyBuilder<'_>, kind: &ObjectKind, function: u32) -> Result<(), EncodeError> {
    let module = body.context.module;
    let field = |element_type| FieldType { element_type, mutable: false };
    let fields = call_fields(module, function).ok_or(EncodeError::Unknown("function"))?;
    let fields: Vec<FieldType> = fields.map(field).collect();
    let results = module.signature(function).map(wasmparser::FuncType::results).unwrap_or_default();
    body.get(StateField::Registry);
    body.push(Instruction::LocalGet(FIRST));
    let taken = push_fields(body, kind, &fields)?;
    // The call before only had to be made.
    body.push(Instruction::Drop);
    body.push(Instruction::Call(function));
    match results {
        [] => body.push(Instruction::RefNull(HeapType::ANY)),
        [wasmparser::ValType::Ref(ty)] => {
            body.push(Instruction::RefAsNonNull);
            to_registry(body, module.hierarchy(ty.heap_type()));
        }
        _ => return Err(EncodeError::Unknown("result of a call")),
    }
    body.push(Instruction::ArraySet(body.context.types.registry()));
    taken.advance(body);
    Ok(())
}

/// Pushes all fields, and returns how much of each stream that took.
fn push_fields(
    body: &mut BodyBuilder<'_>,
    kind: &ObjectKind,
    fields: &[FieldType],
) -> Result<Taken, EncodeError> {
    let mut taken = Taken::default();
    for ((field, column), exact) in fields.iter().zip(&kind.columns).zip(&kind.exact) {
        let (stream, width) = StreamKind::of(field.element_type);
        let ahead = match column {
            Column::Stream => taken.next(stream, width),
            _ => 0,
        };
        push_column(body, field.element_type, *column, *exact, ahead)?;
    }
    Ok(taken)
}

/// Pushes the value of a field; `exact` is the type of what it points to, if that is one for all.
pub(super) fn push_column(
    body: &mut BodyBuilder<'_>,
    ty: StorageType,
    column: Column,
    exact: Option<u32>,
    ahead: u32,
) -> Result<(), EncodeError> {
    match (ty, column) {
        (_, Column::Number(bits)) => {
            body.push(match ty {
                StorageType::Val(wasmparser::ValType::I64) => Instruction::I64Const(bits as i64),
                StorageType::Val(wasmparser::ValType::F32) => Instruction::F32Const(Ieee32::new(bits as u32)),
                StorageType::Val(wasmparser::ValType::F64) => Instruction::F64Const(Ieee64::new(bits as u64)),
                StorageType::Val(wasmparser::ValType::V128) => Instruction::V128Const(bits as i128),
                _ => Instruction::I32Const(bits as u32 as i32),
            });
            Ok(())
        }
        (StorageType::Val(wasmparser::ValType::Ref(ty)), Column::Reference(reference)) => {
            body.constant(ty, reference)
        }
        (StorageType::Val(wasmparser::ValType::Ref(ty)), Column::Placeholder(placeholder)) => {
            body.placeholder(ty, placeholder)
        }
        (StorageType::Val(wasmparser::ValType::Ref(ty)), Column::Stream) => {
            next_reference(body, ty, exact, ahead)
        }
        (_, Column::Stream) => body.scalar(ty, ahead),
        _ => Err(EncodeError::Unknown("field")),
    }
}

pub(super) fn next_reference(
    body: &mut BodyBuilder<'_>,
    ty: wasmparser::RefType,
    exact: Option<u32>,
    ahead: u32,
) -> Result<(), EncodeError> {
    body.entry(ty, exact, |body| {
        body.read(StreamKind::References, ahead);
        Ok(())
    })
}

/// Puts an object at its place in the registry.
pub(super) fn register(body: &mut BodyBuilder<'_>, object: u32) {
    let registry = body.context.types.registry();
    body.get(StateField::Registry);
    body.push(Instruction::LocalGet(FIRST));
    body.push(Instruction::LocalGet(object));
    body.push(Instruction::ArraySet(registry));
}

/// Writes what could not be written when the object was made.
fn fill(body: &mut BodyBuilder<'_>, kind: &ObjectKind) -> Result<(), EncodeError> {
    let ty = match kind.shape {
        Shape::Struct(ty) | Shape::Array(ty) => ty,
        Shape::Exception(_) => return Err(EncodeError::Unknown("exception")),
        Shape::String | Shape::Call(_) => return Err(EncodeError::Unknown("value of the host")),
    };
    let types = body.context.types;
    let concrete = HeapType::Concrete(ty);
    let object = body.local(ValType::Ref(RefType { nullable: true, heap_type: concrete }));
    body.get(StateField::Registry);
    body.push(Instruction::LocalGet(FIRST));
    body.push(Instruction::ArrayGet(types.registry()));
    body.push(Instruction::RefCastNonNull(concrete));
    body.push(Instruction::LocalSet(object));
    if let Shape::Struct(_) = kind.shape {
        let fields = struct_fields(body.context, ty)?;
        let mut taken = Taken::default();
        let fills = kind.fills.iter().zip(&kind.exact);
        for ((index, field), (column, exact)) in (0u32..).zip(&fields).zip(fills) {
            let Some(column) = *column else { continue };
            let (stream, width) = StreamKind::of(field.element_type);
            let ahead = if column == Column::Stream { taken.next(stream, width) } else { 0 };
            body.push(Instruction::LocalGet(object));
            push_column(body, field.element_type, column, *exact, ahead)?;
            body.push(Instruction::StructSet { struct_type_index: ty, field_index: index });
        }
        taken.advance(body);
        return Ok(());
    }
    let element = array_element(body.context, ty)?;
    let column = kind.fills.first().copied().flatten().ok_or(EncodeError::Unknown("array"))?;
    let exact = kind.exact.first().copied().flatten();
    let len = body.local(ValType::I32);
    match (element.element_type, column) {
        (StorageType::Val(wasmparser::ValType::Ref(_)), Column::Stream) => {
            read_len(body, Column::Stream, len);
            // Another instance's array may have no elements at all.
            body.push(Instruction::LocalGet(len));
            body.push(Instruction::If(BlockType::Empty));
            let array = ArrayInProgress { ty, element: element.element_type, exact, len, object };
            set_elements(body, array)?;
            body.push(Instruction::End);
        }
        (StorageType::Val(wasmparser::ValType::Ref(_)), column) => {
            body.push(Instruction::LocalGet(object));
            body.push(Instruction::I32Const(0));
            push_column(body, element.element_type, column, exact, 0)?;
            body.push(Instruction::LocalGet(object));
            body.push(Instruction::ArrayLen);
            body.push(Instruction::ArrayFill(ty));
        }
        _ => {
            read_len(body, Column::Stream, len);
            let cursor = body.state(StateField::Arrays);
            body.push(Instruction::LocalGet(object));
            body.push(Instruction::I32Const(0));
            body.push(Instruction::LocalGet(cursor));
            body.push(Instruction::LocalGet(len));
            body.push(Instruction::ArrayInitData {
                array_type_index: ty,
                array_data_index: body.context.heap.data,
            });
            advance_arrays(body, len, element.element_type);
        }
    }
    Ok(())
}

pub(super) fn struct_fields(context: BuilderContext<'_>, ty: u32) -> Result<Vec<FieldType>, EncodeError> {
    match context.module.composite(ty) {
        Some(CompositeInnerType::Struct(ty)) => Ok(ty.fields.to_vec()),
        _ => Err(EncodeError::Unknown("struct")),
    }
}

pub(super) fn array_element(context: BuilderContext<'_>, ty: u32) -> Result<FieldType, EncodeError> {
    match context.module.composite(ty) {
        Some(CompositeInnerType::Array(ty)) => Ok(ty.0),
        _ => Err(EncodeError::Unknown("array")),
    }
}

/// The smallest instance of a type.
pub(super) fn instance(body: &mut BodyBuilder<'_>, ty: u32) -> Result<(), EncodeError> {
    match body.context.module.composite(ty) {
        Some(CompositeInnerType::Array(_)) => {
            body.push(Instruction::ArrayNewFixed { array_type_index: ty, array_size: 0 });
        }
        _ => {
            for field in struct_fields(body.context, ty)? {
                let column = match field.element_type {
                    StorageType::Val(wasmparser::ValType::Ref(place)) => {
                        let placeholder = HeapPlan::part_of_instance(body.context.module, place);
                        Column::Placeholder(placeholder.ok_or(EncodeError::Unknown("placeholder"))?)
                    }
                    _ => Column::Number(0),
                };
                push_column(body, field.element_type, column, None, 0)?;
            }
            body.push(Instruction::StructNew(ty));
        }
    }
    Ok(())
}

/// Puts what is on the stack, a reference of this hierarchy, into the form that registries hold.
pub(super) fn to_registry(body: &mut BodyBuilder<'_>, hierarchy: Hierarchy) {
    if hierarchy == Hierarchy::Extern {
        body.push(Instruction::AnyConvertExtern);
    }
}
