//! Branch depths in the rest of a body: every loop around the call is one label deeper than it was.

use super::ResumeError;
use super::function_code::{Construct, OpenConstruct};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction};
use wasmparser::{Catch, Handle, Operator};

pub struct Relabel<'l> {
    levels: &'l [OpenConstruct],
}

impl<'l> Relabel<'l> {
    pub fn new(levels: &'l [OpenConstruct]) -> Self {
        Relabel { levels }
    }

    /// The depth of a branch that stood in the construct `level`, below `inner` constructs of the copied piece itself.
    fn depth(&self, depth: u32, inner: u32, level: usize) -> u32 {
        let Some(outwards) = depth.checked_sub(inner) else { return depth };
        let target = level - outwards as usize;
        let crossed = &self.levels[target + 1..=level];
        depth + crossed.iter().filter(|level| level.construct == Construct::Loop).count() as u32
    }

    /// The clauses of a `try_table` that stands in the construct `level`.
    pub fn catches(&self, catches: &[Catch], inner: u32, level: usize) -> Vec<wasm_encoder::Catch> {
        let depth = |label| self.depth(label, inner, level);
        let catch = |catch: &Catch| match *catch {
            Catch::One { tag, label } => wasm_encoder::Catch::One { tag, label: depth(label) },
            Catch::OneRef { tag, label } => wasm_encoder::Catch::OneRef { tag, label: depth(label) },
            Catch::All { label } => wasm_encoder::Catch::All { label: depth(label) },
            Catch::AllRef { label } => wasm_encoder::Catch::AllRef { label: depth(label) },
        };
        catches.iter().map(catch).collect()
    }

    /// The bytes of the instruction with other depths; `None` if it stays as it is.
    pub fn instruction(
        &self,
        operator: &Operator<'_>,
        inner: u32,
        level: usize,
    ) -> Result<Option<Vec<u8>>, ResumeError> {
        let depth = |label: &mut u32| {
            let before = *label;
            *label = self.depth(before, inner, level);
            *label != before
        };
        let mut operator = operator.clone();
        let changed = match &mut operator {
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. }
            | Operator::BrOnCastDescEq { relative_depth, .. }
            | Operator::BrOnCastDescEqFail { relative_depth, .. } => depth(relative_depth),
            Operator::BrTable { targets } => {
                let labels: Vec<u32> = targets.targets().collect::<Result<_, _>>()?;
                let labels: Vec<u32> =
                    labels.into_iter().map(|label| self.depth(label, inner, level)).collect();
                let default = self.depth(targets.default(), inner, level);
                return Ok(Some(encoded(&Instruction::BrTable(labels.into(), default))));
            }
            Operator::TryTable { try_table } => {
                let ty = RoundtripReencoder.block_type(try_table.ty);
                let ty = ty.map_err(|_| ResumeError::unknown("type"))?;
                let catches = self.catches(&try_table.catches, inner, level);
                return Ok(Some(encoded(&Instruction::TryTable(ty, catches.into()))));
            }
            Operator::Resume { resume_table, .. }
            | Operator::ResumeThrow { resume_table, .. }
            | Operator::ResumeThrowRef { resume_table, .. } => {
                let mut changed = false;
                for handler in &mut resume_table.handlers {
                    if let Handle::OnLabel { label, .. } = handler {
                        changed |= depth(label);
                    }
                }
                changed
            }
            _ => false,
        };
        if !changed {
            return Ok(None);
        }
        let instruction = RoundtripReencoder.instruction(operator);
        Ok(Some(encoded(&instruction.map_err(|_| ResumeError::unknown("instruction"))?)))
    }
}

fn encoded(instruction: &Instruction<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    instruction.encode(&mut bytes);
    bytes
}
