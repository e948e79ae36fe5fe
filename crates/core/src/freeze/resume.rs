//! Code that goes on with a function from the middle of a call: locals and operands are constants or [`super::roots`],
//! and each construct that the call was in is opened again with what is left of it.
//!
//! - inside `block`, `if` and `try_table`: the construct without parameters, around the rest of it (of the arm);
//! - inside `loop`: the rest of the iteration, then the whole loop:
//!   `block $exit  block $again …rest, branches to the loop go to $again… br $exit end  loop …body… end  end`.
//!   A branch that leaves the loop crosses one more label, in both copies.

use super::ResumeError;
use super::call_stack::Frame;
use super::function_code::{CallPoint, Construct, FunctionCode};
use super::function_types::FunctionTypes;
use super::relabel::Relabel;
use super::roots::Roots;
use crate::engine_limits::BODY_BYTES;
use crate::module::{Module, Space};
use crate::snapshot::{Reference, Value};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Function, Instruction};
use wasmparser::{Operator, ValType};

/// A call in progress that is to be resumed.
#[derive(Clone, Copy)]
pub struct Resume<'r, 'a> {
    pub module: &'r Module<'r>,
    /// The function that the call is in.
    pub code: &'r FunctionCode<'a>,
    pub point: &'r CallPoint,
    /// What the function holds.
    pub frame: &'r Frame,
    pub roots: &'r Roots,
}

impl Resume<'_, '_> {
    /// The function that goes on: it calls `callee`, which takes nothing, instead of the call in progress.
    pub fn function(self, callee: u32, types: &mut FunctionTypes) -> Result<Function, ResumeError> {
        let Resume { code, point, frame, .. } = self;
        let mut locals = Vec::with_capacity(code.locals.len());
        for &ty in &code.locals {
            locals.push(RoundtripReencoder.val_type(ty).map_err(|_| ResumeError::unknown("type"))?);
        }
        let function = Function::new_with_locals_types(locals);
        let mut writer = Writer { resume: self, relabel: Relabel::new(&point.levels), function };
        writer.locals()?;
        let operands: Vec<(Value, ValType)> =
            frame.operands.iter().copied().zip(point.operands.iter().copied()).collect();
        for level in 0..point.levels.len() {
            writer.open(level, types)?;
            let above = point.levels.get(level + 1).map_or(point.kept, |inner| inner.height);
            for &(value, ty) in &operands[point.levels[level].height..above] {
                writer.push(value, ty)?;
            }
        }
        writer.function.instruction(&Instruction::Call(callee));
        writer.rest()?;
        writer.fits()?;
        Ok(writer.function)
    }
}

struct Writer<'w, 'a> {
    resume: Resume<'w, 'a>,
    relabel: Relabel<'w>,
    function: Function,
}

impl Writer<'_, '_> {
    fn fits(&self) -> Result<(), ResumeError> {
        if BODY_BYTES.allows(self.function.byte_len() as u64) {
            return Ok(());
        }
        let name = self.resume.module.names().describe(Space::Function, self.resume.frame.site.function);
        Err(ResumeError::Refused(format!(
            "what is left to do in {name} takes more than {} bytes of code, the limit of one function that \
             engines accept",
            BODY_BYTES.most
        )))
    }

    fn push(&mut self, value: Value, ty: ValType) -> Result<(), ResumeError> {
        self.resume.roots.push(self.resume.module, value, ty, &mut self.function)
    }

    fn locals(&mut self) -> Result<(), ResumeError> {
        let Resume { frame, code, .. } = self.resume;
        for ((index, value), &ty) in (0u32..).zip(&frame.locals).zip(&code.locals) {
            match value {
                Some(value) if !is_default(*value) => {
                    self.push(*value, ty)?;
                    self.function.instruction(&Instruction::LocalSet(index));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, level: usize, types: &mut FunctionTypes) -> Result<(), ResumeError> {
        let open = &self.resume.point.levels[level];
        if open.construct == Construct::Function {
            return Ok(());
        }
        let (parameters, results) = types.of_block(open.ty)?;
        let result = types.block(&results)?;
        match open.construct {
            Construct::Function => {}
            Construct::Block | Construct::If | Construct::Else => {
                self.function.instruction(&Instruction::Block(result));
            }
            Construct::Loop => {
                let again = types.block(&parameters)?;
                self.function.instruction(&Instruction::Block(result));
                self.function.instruction(&Instruction::Block(again));
            }
            Construct::TryTable => {
                let Operator::TryTable { try_table } = &self.resume.code.operators[open.opened].0 else {
                    return Err(ResumeError::Unexplained("a construct that is not where it was"));
                };
                let catches = self.relabel.catches(&try_table.catches, 0, level - 1);
                self.function.instruction(&Instruction::TryTable(result, catches.into()));
            }
        }
        Ok(())
    }

    /// From after the call to the end of the function.
    fn rest(&mut self) -> Result<(), ResumeError> {
        let mut at = self.resume.point.at + 1;
        for level in (0..self.resume.point.levels.len()).rev() {
            at = self.until_end(at, level)?;
            let open = &self.resume.point.levels[level];
            if open.construct == Construct::Loop {
                self.function.instruction(&Instruction::Br(1));
                self.function.instruction(&Instruction::End);
                // Every loop around the call is copied whole: nested, they add up to the square of the code.
                self.fits()?;
                self.function.raw(self.resume.code.instruction(open.opened).iter().copied());
                self.until_end(open.opened + 1, level)?;
                self.function.instruction(&Instruction::End);
            }
            self.function.instruction(&Instruction::End);
        }
        Ok(())
    }

    /// Copies the instructions of the construct at `level` from `at` to its end or to the end of the arm. Gives the index
    /// of the instruction after its end.
    fn until_end(&mut self, mut at: usize, level: usize) -> Result<usize, ResumeError> {
        let mut inner = 0u32;
        let mut skipping = false;
        loop {
            let operators = &self.resume.code.operators;
            let (operator, _) =
                operators.get(at).ok_or(ResumeError::Unexplained("a construct without an end"))?;
            let opens = matches!(
                operator,
                Operator::Block { .. }
                    | Operator::Loop { .. }
                    | Operator::If { .. }
                    | Operator::TryTable { .. }
            );
            match operator {
                Operator::End if inner == 0 => return Ok(at + 1),
                Operator::Else if inner == 0 => skipping = true,
                _ => {}
            }
            if !skipping {
                match self.relabel.instruction(operator, inner, level)? {
                    Some(relabelled) => self.function.raw(relabelled),
                    None => self.function.raw(self.resume.code.instruction(at).iter().copied()),
                };
            }
            if opens {
                inner += 1;
            } else if matches!(operator, Operator::End) {
                inner -= 1;
            }
            at += 1;
        }
    }
}

/// Whether a local has this value anyway.
fn is_default(value: Value) -> bool {
    matches!(
        value,
        Value::I32(0)
            | Value::I64(0)
            | Value::F32(0)
            | Value::F64(0)
            | Value::V128(0)
            | Value::Ref(Reference::Null)
    )
}
