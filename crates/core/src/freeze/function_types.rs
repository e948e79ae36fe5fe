//! The function types that added code needs: those of the module where it has them, new ones at the end.

use super::ResumeError;
use crate::module::Module;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, Encode};
use wasmparser::{CompositeInnerType, FuncType, SubType, ValType};

/// Function types by their form.
pub struct FunctionTypes<'m> {
    known: &'m [SubType],
    added: Vec<(Vec<ValType>, Vec<ValType>)>,
}

impl<'m> FunctionTypes<'m> {
    /// Those that the module declares.
    pub fn new(module: &'m Module<'_>) -> Self {
        FunctionTypes { known: &module.types, added: Vec::new() }
    }

    /// Parameters and results of a construct.
    pub fn of_block(&self, ty: wasmparser::BlockType) -> Result<(Vec<ValType>, Vec<ValType>), ResumeError> {
        Ok(match ty {
            wasmparser::BlockType::Empty => (Vec::new(), Vec::new()),
            wasmparser::BlockType::Type(result) => (Vec::new(), vec![result]),
            wasmparser::BlockType::FuncType(index) => {
                let ty = self.known.get(index as usize).and_then(signature);
                let ty = ty.ok_or(ResumeError::Unexplained("a construct whose type is no function type"))?;
                (ty.params().to_vec(), ty.results().to_vec())
            }
        })
    }

    /// The type of a construct without parameters.
    pub fn block(&mut self, results: &[ValType]) -> Result<BlockType, ResumeError> {
        Ok(match results {
            [] => BlockType::Empty,
            [result] => BlockType::Result(
                RoundtripReencoder.val_type(*result).map_err(|_| ResumeError::unknown("type"))?,
            ),
            _ => BlockType::FunctionType(self.function(&[], results)),
        })
    }

    /// The index of a function type.
    pub fn function(&mut self, parameters: &[ValType], results: &[ValType]) -> u32 {
        let same = |ty: &FuncType| ty.params() == parameters && ty.results() == results;
        // Only a final type without supertype is what a type of just this form is in the binary.
        let plain = |ty: &SubType| {
            ty.is_final
                && ty.supertype_idx.is_none()
                && !ty.composite_type.shared
                && signature(ty).is_some_and(same)
        };
        if let Some(index) = self.known.iter().position(plain) {
            return index as u32;
        }
        let added = self.added.iter().position(|(p, r)| p == parameters && r == results);
        let added = added.unwrap_or_else(|| {
            self.added.push((parameters.to_vec(), results.to_vec()));
            self.added.len() - 1
        });
        (self.known.len() + added) as u32
    }

    /// Each added type as an entry of the type section.
    pub fn entries(&self) -> Result<Vec<Vec<u8>>, ResumeError> {
        let entry = |(parameters, results): &(Vec<ValType>, Vec<ValType>)| {
            let mut entry = vec![0x60];
            for types in [parameters, results] {
                (types.len() as u32).encode(&mut entry);
                for &ty in types {
                    let ty = RoundtripReencoder.val_type(ty).map_err(|_| ResumeError::unknown("type"))?;
                    ty.encode(&mut entry);
                }
            }
            Ok(entry)
        };
        self.added.iter().map(entry).collect()
    }
}

fn signature(ty: &SubType) -> Option<&FuncType> {
    match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => Some(ty),
        _ => None,
    }
}
