//! Values in frames that have no form in a module.

use super::ResumeError;
use super::call_stack::CallStack;
use crate::module::Module;
use crate::snapshot::{Reference, Value};

/// Lists every value of the frames that has no form in a module.
pub fn can_be_written(module: &Module<'_>, stack: &CallStack) -> Result<(), ResumeError> {
    /// Values that are listed: frames can be full of them.
    const LISTED: u64 = 100;
    let (mut places, mut count) = (String::new(), 0);
    let mut look = |place: &dyn Fn() -> String, value: &Value| {
        if let Value::Ref(Reference::Unwritable(why)) = value {
            count += 1;
            if count <= LISTED {
                places.push_str(&format!("\n  {}: {why}", place()));
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
    let more = match count {
        0 => return Ok(()),
        count if count > LISTED => format!("\n  and {} more", count - LISTED),
        _ => String::new(),
    };
    Err(ResumeError::Refused(format!(
        "the calls in progress hold values that cannot be written into a module:{places}{more}"
    )))
}
