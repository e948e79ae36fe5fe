//! What earlier calls have left on the part of the stack that is free now.

use super::weight::Weight;
use crate::evidence::Evidence;
use crate::finding::{Finding, Level, Remedy};
use crate::guest::ShadowStack;
use crate::wording::Bytes;

pub(super) fn finding(evidence: &Evidence<'_>, weights: &[Weight]) -> Option<Finding> {
    let bytes = weights.first()?.free_stack;
    let stack = evidence.addresses.stack.as_ref()?;
    if bytes == 0 {
        return None;
    }
    let title = format!("{} that earlier calls left on the free stack are in the output", Bytes(bytes));
    let free = stack.free();
    let location = evidence.location(0, free.start, free.end - free.start);
    let finding = Finding::new(Level::Note, "weight.free_stack", title).at(vec![location]);
    Some(finding.advise(remedy(stack)))
}

fn remedy(stack: &ShadowStack) -> Remedy {
    match (stack.pointer == stack.top, stack.is_first) {
        (true, true) => Remedy::ZeroStack,
        (true, false) => Remedy::StackFirst,
        (false, _) => "they cannot be cleared: the stack pointer is not back at its initial value".into(),
    }
}
