use super::imports::Imports;
use super::{GlobalInit, Place, PlannedGlobal, Start, Step, constant};
use crate::module::{Module, Names};
use crate::snapshot::{Reference, Snapshot, Value};

/// The globals that the output defines; imported ones that changed go into `start`.
pub(super) fn plan<'a>(
    module: &Module<'a>,
    snapshot: &Snapshot<'_>,
    imports: &Imports,
    names: &Names<'_>,
    start: &mut Start,
    unwritable: &mut Vec<Place>,
) -> Vec<PlannedGlobal<'a>> {
    let mut globals = Vec::new();
    for ((index, global), state) in (0u32..).zip(&module.globals).zip(&snapshot.globals) {
        let value = state.value;
        if index < imports.first_internalized_global && !state.import_changed {
            continue;
        }
        if let Value::Ref(Reference::Unwritable(value)) = value {
            unwritable.push(Place::global(names, index, value));
            continue;
        }
        if index < imports.first_internalized_global {
            start.steps.push(Step::SetGlobal { global: index, value, ty: global.ty.content_type });
            continue;
        }
        let moved = |index| imports.internalizes_global(module, index);
        let unchanged = |init| !global.ty.mutable || constant::evaluate(init, snapshot) == Some(value);
        let init = match &global.init {
            Some(init) if !constant::reads_global(init, moved) && unchanged(init) => {
                GlobalInit::Original(init.clone())
            }
            _ => GlobalInit::Value(value),
        };
        globals.push(PlannedGlobal { ty: global.ty, init });
    }
    globals
}
