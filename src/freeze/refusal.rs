//! What is in progress at the place and has no form in a module.

use super::FreezeError;
use super::stop::Place;
use preinit_core::freeze::describe;
use preinit_core::freeze::{CallPoint, FunctionCodes};
use preinit_core::module::Hierarchy;
use preinit_core::module::Module;
use std::sync::Arc;
use wasmparser::ValType;

/// A frame that called an import, which is not the last: the host called back.
pub(super) fn no_host_in_between(
    module: &Module<'_>,
    bodies: &FunctionCodes<'_>,
    place: &Place,
    points: &[Arc<CallPoint>],
) -> Result<(), FreezeError> {
    for (site, point) in place.sites.iter().zip(points).skip(1) {
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
    bodies: &FunctionCodes<'_>,
    place: &Place,
    points: &[Arc<CallPoint>],
) -> Result<(), FreezeError> {
    let is_continuation =
        |ty: &&ValType| matches!(ty, ValType::Ref(ty) if module.hierarchy(ty.heap_type()) == Hierarchy::Cont);
    for (site, point) in place.sites.iter().zip(points) {
        let locals = &bodies.get(site.function)?.locals;
        if locals.iter().chain(&point.operands).find(is_continuation).is_some() {
            let function = describe(module, site.function);
            return Err(FreezeError::Refused(format!("{function} is in progress and holds a continuation")));
        }
    }
    Ok(())
}
