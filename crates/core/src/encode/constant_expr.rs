use super::EncodeError;
use crate::module::{Hierarchy, Module};
use crate::snapshot::{Reference, Value};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Ieee32, Ieee64, Instruction};
use wasmparser::{ConstExpr, ValType};

/// Copies a constant expression, its `end` included.
pub(super) fn original(expr: &ConstExpr<'_>, out: &mut Vec<u8>) {
    let mut reader = expr.get_binary_reader();
    out.extend_from_slice(reader.read_bytes(reader.bytes_remaining()).unwrap_or_default());
}

/// The constant expression of a value, its `end` included.
pub(super) fn value(
    module: &Module<'_>,
    value: Value,
    ty: ValType,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    push(module, value, ty, out)?;
    Instruction::End.encode(out);
    Ok(())
}

/// The instructions that push a value; they are valid in code too.
pub(crate) fn push(
    module: &Module<'_>,
    value: Value,
    ty: ValType,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match value {
        Value::I32(value) => Instruction::I32Const(value).encode(out),
        Value::I64(value) => Instruction::I64Const(value).encode(out),
        Value::F32(bits) => Instruction::F32Const(Ieee32::new(bits)).encode(out),
        Value::F64(bits) => Instruction::F64Const(Ieee64::new(bits)).encode(out),
        Value::V128(bits) => Instruction::V128Const(bits as i128).encode(out),
        Value::Ref(reference) => push_reference(module, reference, ty, out)?,
    }
    Ok(())
}

fn push_reference(
    module: &Module<'_>,
    reference: Reference,
    ty: ValType,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match reference {
        Reference::Null => {
            let ValType::Ref(ty) = ty else { return Err(EncodeError::Unknown("reference")) };
            let ty =
                RoundtripReencoder.heap_type(ty.heap_type()).map_err(|_| EncodeError::Unknown("type"))?;
            Instruction::RefNull(ty).encode(out);
        }
        Reference::Func(index) => Instruction::RefFunc(index).encode(out),
        Reference::I31(value) => push_i31(value, out),
        Reference::ExternI31(value) => {
            push_i31(value, out);
            Instruction::ExternConvertAny.encode(out);
        }
        Reference::Import(global) => {
            let content = module.globals.get(global as usize).map(|global| global.ty.content_type);
            let (Some(ValType::Ref(from)), ValType::Ref(to)) = (content, ty) else {
                return Err(EncodeError::Unknown("reference"));
            };
            Instruction::GlobalGet(global).encode(out);
            match (module.hierarchy(from.heap_type()), module.hierarchy(to.heap_type())) {
                (Hierarchy::Extern, Hierarchy::Any) => Instruction::AnyConvertExtern.encode(out),
                (Hierarchy::Any, Hierarchy::Extern) => Instruction::ExternConvertAny.encode(out),
                _ => {}
            }
        }
        Reference::Object(_) | Reference::ExternObject(_) | Reference::Unwritable(_) => {
            return Err(EncodeError::Unknown("reference"));
        }
    }
    Ok(())
}

fn push_i31(value: u32, out: &mut Vec<u8>) {
    // Bit 31 is not part of the value; extending the sign keeps the LEB of small negative numbers short.
    Instruction::I32Const((value << 1) as i32 >> 1).encode(out);
    Instruction::RefI31.encode(out);
}
