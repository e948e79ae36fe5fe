//! Arrays, as the builders make and fill them.

use super::super::EncodeError;
use super::body_builder::BodyBuilder;
use super::build::{FIRST, next_reference, push_column, register};
use super::builder_types::StateField;
use crate::js_string::StringMaker;
use crate::plan::heap::{Column, Form, ObjectKind, StreamKind};
use wasm_encoder::{BlockType, HeapType, Instruction, RefType, ValType};
use wasmparser::{FieldType, StorageType};

pub(super) fn build_array(
    body: &mut BodyBuilder<'_>,
    kind: &ObjectKind,
    ty: u32,
    element: FieldType,
) -> Result<(), EncodeError> {
    let len = body.local(ValType::I32);
    read_len(body, kind.len, len);
    let object = body.local(ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(ty) }));
    let column = kind.columns.first().copied();
    let exact = kind.exact.first().copied().flatten();
    let array = ArrayInProgress { ty, element: element.element_type, exact, len, object };
    match kind.form {
        Form::Data => {
            let cursor = body.state(StateField::Arrays);
            body.push(Instruction::LocalGet(cursor));
            body.push(Instruction::LocalGet(len));
            body.push(Instruction::ArrayNewData {
                array_type_index: ty,
                array_data_index: body.context.heap.data,
            });
            advance_arrays(body, len, element.element_type);
        }
        Form::Short => {
            body.push(Instruction::LocalGet(len));
            body.push(Instruction::ArrayNewDefault(ty));
            body.push(Instruction::LocalSet(object));
            register(body, object);
            return set_elements(body, array);
        }
        Form::Zeros => {
            body.push(Instruction::LocalGet(len));
            body.push(Instruction::ArrayNewDefault(ty));
        }
        Form::Uniform | Form::Elements => match column {
            Some(Column::Stream) if kind.form == Form::Elements => {
                return build_elements(body, array);
            }
            Some(Column::Placeholder(crate::plan::heap::Placeholder::Null)) => {
                body.push(Instruction::LocalGet(len));
                body.push(Instruction::ArrayNewDefault(ty));
            }
            Some(column) => {
                push_column(body, element.element_type, column, exact, 0)?;
                body.push(Instruction::LocalGet(len));
                body.push(Instruction::ArrayNew(ty));
                if column == Column::Stream {
                    let cursor = body.state(StateField::Cursor(StreamKind::References));
                    body.advance(cursor, 1);
                }
            }
            None => return Err(EncodeError::Unknown("array")),
        },
        Form::Fixed(count) => {
            for at in 0..count {
                push_column(body, element.element_type, column.unwrap_or(Column::Stream), exact, at)?;
            }
            body.push(Instruction::ArrayNewFixed { array_type_index: ty, array_size: count });
            if column == Some(Column::Stream) && count > 0 {
                let cursor = body.state(StateField::Cursor(StreamKind::References));
                body.advance(cursor, count);
            }
        }
        Form::Fields | Form::Prebuilt => return Err(EncodeError::Unknown("array")),
    }
    body.push(Instruction::LocalSet(object));
    register(body, object);
    Ok(())
}

/// A string of JavaScript, by what the module imports to make one of an array.
pub(super) fn build_string(body: &mut BodyBuilder<'_>, kind: &ObjectKind) -> Result<(), EncodeError> {
    let StringMaker { function, array } =
        StringMaker::of(body.context.module).ok_or(EncodeError::Unknown("string"))?;
    let len = body.local(ValType::I32);
    read_len(body, kind.len, len);
    body.get(StateField::Registry);
    body.push(Instruction::LocalGet(FIRST));
    body.get(StateField::Arrays);
    body.push(Instruction::LocalGet(len));
    body.push(Instruction::ArrayNewData {
        array_type_index: array,
        array_data_index: body.context.heap.data,
    });
    body.push(Instruction::I32Const(0));
    body.push(Instruction::LocalGet(len));
    body.push(Instruction::Call(function));
    body.push(Instruction::AnyConvertExtern);
    body.push(Instruction::ArraySet(body.context.types.registry()));
    advance_arrays(body, len, StorageType::I16);
    Ok(())
}

/// An array that is being made or filled: its type, and the locals that hold it and its length.
#[derive(Clone, Copy)]
pub(super) struct ArrayInProgress {
    /// Type index.
    pub ty: u32,
    /// Type of the elements.
    pub element: StorageType,
    /// The type of all objects that elements point to, if that is one.
    pub exact: Option<u32>,
    pub len: u32,
    pub object: u32,
}

/// An array of mutable references, all of which are there already.
fn build_elements(body: &mut BodyBuilder<'_>, array: ArrayInProgress) -> Result<(), EncodeError> {
    let ArrayInProgress { ty, element, exact, len, object } = array;
    let StorageType::Val(wasmparser::ValType::Ref(place)) = element else {
        return Err(EncodeError::Unknown("array"));
    };
    if place.is_nullable() {
        body.push(Instruction::LocalGet(len));
        body.push(Instruction::ArrayNewDefault(ty));
    } else {
        next_reference(body, place, exact, 0)?;
        body.push(Instruction::LocalGet(len));
        body.push(Instruction::ArrayNew(ty));
    }
    body.push(Instruction::LocalSet(object));
    register(body, object);
    set_elements(body, array)
}

/// Writes all elements of an array of at least one from the stream of their width.
pub(super) fn set_elements(body: &mut BodyBuilder<'_>, array: ArrayInProgress) -> Result<(), EncodeError> {
    let ArrayInProgress { ty, element, exact, len, object } = array;
    let at = body.local(ValType::I32);
    let (stream, _) = StreamKind::of(element);
    let cursor = body.state(StateField::Cursor(stream));
    body.push(Instruction::I32Const(0));
    body.push(Instruction::LocalSet(at));
    body.push(Instruction::Loop(BlockType::Empty));
    body.push(Instruction::LocalGet(object));
    body.push(Instruction::LocalGet(at));
    push_column(body, element, Column::Stream, exact, 0)?;
    body.push(Instruction::ArraySet(ty));
    body.advance(cursor, 1);
    body.advance(at, 1);
    body.push(Instruction::LocalGet(at));
    body.push(Instruction::LocalGet(len));
    body.push(Instruction::I32LtU);
    body.push(Instruction::BrIf(0));
    body.push(Instruction::End);
    Ok(())
}

pub(super) fn read_len(body: &mut BodyBuilder<'_>, column: Column, len: u32) {
    match column {
        Column::Number(bits) => {
            body.push(Instruction::I32Const(bits as u32 as i32));
            body.push(Instruction::LocalSet(len));
        }
        _ => {
            body.read(StreamKind::Words, 0);
            body.push(Instruction::LocalSet(len));
            let cursor = body.state(StateField::Cursor(StreamKind::Words));
            body.advance(cursor, 1);
        }
    }
}

pub(super) fn advance_arrays(body: &mut BodyBuilder<'_>, len: u32, ty: StorageType) {
    let shift = match ty {
        StorageType::I8 => 0,
        StorageType::I16 => 1,
        StorageType::Val(wasmparser::ValType::I64 | wasmparser::ValType::F64) => 3,
        StorageType::Val(wasmparser::ValType::V128) => 4,
        StorageType::Val(_) => 2,
    };
    let cursor = body.state(StateField::Arrays);
    body.push(Instruction::LocalGet(cursor));
    body.push(Instruction::LocalGet(len));
    if shift > 0 {
        body.push(Instruction::I32Const(shift));
        body.push(Instruction::I32Shl);
    }
    body.push(Instruction::I32Add);
    body.push(Instruction::LocalSet(cursor));
}
