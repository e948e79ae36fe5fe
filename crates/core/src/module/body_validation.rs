//! Validation of the function bodies, on all processors, with a look at what their instructions name.

use super::CodeUses;
use super::body_calls::{BodyCalls, BodyScan};
use crate::parallel;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, OperatorsReader, ValidatorResources,
};

pub(super) type BodyToValidate<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Validates every body. Which error is reported does not depend on the number of threads: the first in the file.
pub(super) fn validate_bodies(
    bodies: Vec<BodyToValidate<'_>>,
) -> Result<(CodeUses, Vec<BodyCalls>), wasmparser::BinaryReaderError> {
    let scanned =
        parallel::map_with(bodies, FuncValidatorAllocations::default, |allocations, (function, body)| {
            validate_body(function, &body, allocations)
        });
    let mut uses = CodeUses::default();
    let mut calls = Vec::with_capacity(scanned.len());
    for scanned in scanned {
        let (used, called) = scanned?;
        uses.extend(used);
        calls.push(called);
    }
    Ok((uses, calls))
}

fn validate_body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
) -> Result<(CodeUses, BodyCalls), wasmparser::BinaryReaderError> {
    let mut validator = function.into_validator(std::mem::take(allocations));
    let (mut uses, mut scan) = (CodeUses::default(), BodyScan::default());
    let mut reader = body.get_binary_reader();
    reader.set_features(*validator.features());
    validator.read_locals(&mut reader)?;
    let mut operators = OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        uses.record(&operator);
        scan.next(&operator);
    }
    operators.finish()?;
    *allocations = validator.into_allocations();
    Ok((uses, scan.finish()))
}

impl CodeUses {
    fn record(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::RefFunc { function_index } => {
                self.ref_funcs.insert(function_index);
            }
            Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } => self.waits = true,
            Operator::MemoryGrow { mem } => {
                self.grown_memories.insert(mem);
            }
            Operator::ContNew { .. } => self.makes_continuations = true,
            Operator::Try { .. } => self.legacy_exceptions = true,
            Operator::DataDrop { data_index } => {
                self.dropped_data.insert(data_index);
                self.highest_data = self.highest_data.max(Some(data_index));
            }
            Operator::MemoryInit { data_index, .. }
            | Operator::ArrayNewData { array_data_index: data_index, .. }
            | Operator::ArrayInitData { array_data_index: data_index, .. } => {
                self.highest_data = self.highest_data.max(Some(data_index));
            }
            Operator::ElemDrop { elem_index } => {
                self.dropped_elements.insert(elem_index);
                self.highest_element = self.highest_element.max(Some(elem_index));
            }
            Operator::TableInit { elem_index, .. }
            | Operator::ArrayNewElem { array_elem_index: elem_index, .. }
            | Operator::ArrayInitElem { array_elem_index: elem_index, .. } => {
                self.highest_element = self.highest_element.max(Some(elem_index));
            }
            _ => {}
        }
    }

    fn extend(&mut self, other: CodeUses) {
        self.highest_data = self.highest_data.max(other.highest_data);
        self.highest_element = self.highest_element.max(other.highest_element);
        self.dropped_data.extend(other.dropped_data);
        self.dropped_elements.extend(other.dropped_elements);
        self.ref_funcs.extend(other.ref_funcs);
        self.grown_memories.extend(other.grown_memories);
        self.waits |= other.waits;
        self.makes_continuations |= other.makes_continuations;
        self.legacy_exceptions |= other.legacy_exceptions;
    }
}
