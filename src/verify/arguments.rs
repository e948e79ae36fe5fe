//! The arguments of the calls in a script.

use super::action::Action;
use super::call_result::CallResult;
use super::lock_step::{Call, LockStep, ScriptResult};
use super::script::Step;
use crate::instance::CaptureError;
use crate::literal::{Allocator, Literal, typed, word};
use preinit_core::snapshot::Value;

impl LockStep<'_, '_, '_> {
    /// The argument values. Texts are written into both memories. The inner error says why that is impossible.
    pub fn arguments(
        &mut self,
        prefix: &str,
        step: &Step,
        result: &mut ScriptResult,
    ) -> Result<Result<Vec<Value>, String>, CaptureError> {
        let Some(params) = self.parameters(&step.export) else {
            return Ok(Err(format!("the snapshot has no exported function `{}`", step.export)));
        };
        if self.passes_continuations(&step.export) {
            return Ok(Err(
                "it takes or returns a continuation, which only other functions of the module can"
                    .to_string(),
            ));
        }
        let texts = step.arguments.iter().filter(|literal| matches!(literal, Literal::Text(_))).count();
        let with_length = match params.len().checked_sub(step.arguments.len()) {
            Some(0) => false,
            Some(more) if more == texts => true,
            _ => {
                let plural = if params.len() == 1 { "" } else { "s" };
                let given = step.arguments.len();
                return Ok(Err(format!("it takes {} argument{plural}, not {given}", params.len())));
            }
        };
        let mut values = Vec::with_capacity(params.len());
        for literal in &step.arguments {
            let ty = params[values.len()];
            let Literal::Text(text) = literal else {
                match typed(literal, ty) {
                    Some(value) => values.push(value),
                    None => return Ok(Err(format!("`{literal}` is not a value of type {ty}"))),
                }
                continue;
            };
            let address = match self.write_text(prefix, step, text, result)? {
                Ok(address) => address,
                Err(why) => return Ok(Err(why)),
            };
            values.push(word(address, ty));
            if with_length {
                values.push(word(text.len() as u64, params[values.len()]));
            }
        }
        Ok(Ok(values))
    }

    /// Writes a text and a zero byte on both sides, into memory that the guest's own allocator returns.
    fn write_text(
        &mut self,
        prefix: &str,
        step: &Step,
        text: &[u8],
        result: &mut ScriptResult,
    ) -> Result<Result<u64, String>, CaptureError> {
        let Some(allocator) = Allocator::of(&self.snapshot.program.module) else {
            return Ok(Err(format!("a text needs an exported allocator: one of {}", Allocator::NAMES)));
        };
        let name = allocator.name;
        let arguments = allocator.arguments(text.len() as u64 + 1, 1);
        let call = Call { prefix, export: name, arguments: &arguments };
        let address = |call: &CallResult| match call {
            CallResult::Returned(results, _) => allocator.address(results),
            _ => None,
        };
        let paired = self.call(&call, result);
        let (address, how) = (address(&paired.original), paired.original.describe());
        self.compare(prefix, step, paired, result)?;
        let Some(address) = address else {
            return Ok(Err(format!("`{name}` returned no memory: {how}")));
        };
        let mut bytes = text.to_vec();
        bytes.push(0);
        let written =
            self.original.write_memory(address, &bytes) && self.snapshot.write_memory(address, &bytes);
        result.actions.push(Action::Write { address, bytes });
        Ok(if written { Ok(address) } else { Err(format!("`{name}` returned {address:#x}")) })
    }
}
