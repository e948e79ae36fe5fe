//! Values in frames that have no form in a module.

use super::ResumeError;
use super::call_stack::CallStack;
use crate::module::Module;
use crate::snapshot::{Reference, Value};

/// Values that a message names.
const NAMED: usize = 100;

/// Lists the values of the frames that have no form in a module.
pub fn can_be_written(module: &Module<'_>, stack: &CallStack) -> Result<(), ResumeError> {
    let mut places = Vec::new();
    let mut more = 0;
    let mut look = |place: &dyn Fn() -> String, value: &Value| {
        if let Value::Ref(Reference::Unwritable(why)) = value {
            match places.len() < NAMED {
                true => places.push(format!("\n  {}: {why}", place())),
                false => more += 1,
            }
        }
    };
    for (index, argument) in stack.arguments.iter().enumerate() {
        look(&|| stack.argument(module, index), argument);
    }
    for (depth, frame) in stack.frames.iter().enumerate() {
        for (index, local) in
            frame.locals.iter().enumerate().filter_map(|(index, local)| Some((index, local.as_ref()?)))
        {
            look(&|| stack.local(module, depth, index), local);
        }
        for (index, operand) in frame.operands.iter().enumerate() {
            look(&|| stack.operand(module, depth, index), operand);
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    if more > 0 {
        places.push(format!("\n  and {more} more"));
    }
    Err(ResumeError::Refused(format!(
        "the calls in progress hold values that cannot be written into a module:{}",
        places.concat()
    )))
}
