//! What is in progress at the place and has no form in a module.

use super::FreezeError;
use super::body::{Bodies, CallPoint};
use super::record::Family;
use super::stack::Stack;
use super::stop::{Stop, describe};
use crate::module::Module;
use crate::snapshot::{Reference, Value};
use std::sync::Arc;
use wasmparser::ValType;

/// A frame that called an import, which is not the last: the host called back.
pub(super) fn no_host_in_between(
    module: &Module<'_>,
    bodies: &Bodies<'_>,
    stop: &Stop,
    points: &[Arc<CallPoint>],
) -> Result<(), FreezeError> {
    for (site, point) in stop.place.sites.iter().zip(points).skip(1) {
        let operator = &bodies.get(site.function)?.operators[point.at].0;
        if let wasmparser::Operator::Call { function_index } = operator
            && *function_index < module.imported.functions
        {
            return Err(FreezeError::Refused(format!(
                "the import {} is in progress at that place: it called the program back, and its state belongs to the \
                 host",
                describe(module, *function_index)
            )));
        }
    }
    Ok(())
}

pub(super) fn no_continuations(
    module: &Module<'_>,
    bodies: &Bodies<'_>,
    stop: &Stop,
    points: &[Arc<CallPoint>],
) -> Result<(), FreezeError> {
    let is_continuation =
        |ty: &&ValType| matches!(ty, ValType::Ref(ty) if Family::of(module, *ty) == Family::Continuation);
    for (site, point) in stop.place.sites.iter().zip(points) {
        let locals = &bodies.get(site.function)?.locals;
        if locals.iter().chain(&point.operands).find(is_continuation).is_some() {
            let function = describe(module, site.function);
            return Err(FreezeError::Refused(format!("{function} is in progress and holds a continuation")));
        }
    }
    Ok(())
}

/// Lists every value of the frames that has no form in a module.
pub(super) fn can_be_written(module: &Module<'_>, stack: &Stack) -> Result<(), FreezeError> {
    let mut places = Vec::new();
    let mut look = |place: &dyn Fn() -> String, value: &Value| {
        if let Value::Ref(Reference::Unwritable(why)) = value {
            places.push(format!("\n  {}: {why}", place()));
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
    Err(FreezeError::Refused(format!(
        "the calls in progress hold values that cannot be written into a module:{}",
        places.concat()
    )))
}

impl Stack {
    /// `argument 0 of function 3 ($f)`
    pub(super) fn argument(&self, module: &Module<'_>, index: usize) -> String {
        format!("argument {index} of {}", describe(module, self.callee))
    }

    /// `frame 1, function 3 ($f), local 2`
    pub(super) fn local(&self, module: &Module<'_>, depth: usize, index: usize) -> String {
        format!("frame {depth}, {}, local {index}", describe(module, self.frames[depth].site.function))
    }

    /// `frame 1, function 3 ($f), operand 0`, counted from the bottom.
    pub(super) fn operand(&self, module: &Module<'_>, depth: usize, index: usize) -> String {
        format!("frame {depth}, {}, operand {index}", describe(module, self.frames[depth].site.function))
    }
}
