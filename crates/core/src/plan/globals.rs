use super::{
    GlobalInit, PlanInputs, PlannedGlobal, StartStep, StartSteps, UnwritableValue, UnwritableValues,
};
use crate::module::ImportedValues;
use crate::snapshot::{Reference, Unwritable, Value};
use wasmparser::{ConstExpr, Operator, ValType};

/// The globals that the output defines; imported ones that changed go into `start`.
pub(super) fn plan<'a>(
    inputs: PlanInputs<'_, 'a>,
    start: &mut StartSteps,
    unwritable: &mut UnwritableValues,
) -> Vec<PlannedGlobal<'a>> {
    let PlanInputs { module, snapshot, imports, names } = inputs;
    let mut globals = Vec::new();
    let imported = ImportedValues::of(module);
    for ((index, global), state) in (0u32..).zip(&module.globals).zip(&snapshot.globals) {
        let value = state.value;
        if index < imports.first_internalized_global && !state.import_changed {
            continue;
        }
        if let Value::Ref(Reference::Unwritable(value)) = value {
            unwritable.add(|| UnwritableValue::global(names, index, value));
            continue;
        }
        let set = StartStep::SetGlobal { global: index, value, ty: global.ty.content_type };
        if index < imports.first_internalized_global {
            start.steps.push(set);
            continue;
        }
        let moved = |index| imports.internalizes_global(module, index);
        let stays = |init| match global.ty.mutable {
            true => {
                snapshot.evaluate(init) == Some(value) && (is_held_by_import(value) || !imported.decide(init))
            }
            false => true,
        };
        let is_object = matches!(value, Value::Ref(reference) if reference.object().is_some());
        let init = match &global.init {
            Some(init) if !reads_global(init, moved) && stays(init) => GlobalInit::Original(init.clone()),
            // Later instances begin with what the module says.
            Some(init) if imports.flag.is_some() => {
                start.steps.push(set);
                GlobalInit::Original(init.clone())
            }
            // An object is there only when the start function has made it.
            Some(init) if is_object && global.ty.mutable => {
                start.steps.push(set);
                match global.ty.content_type {
                    ValType::Ref(ty) if ty.is_nullable() => GlobalInit::Value(Value::Ref(Reference::Null)),
                    _ => GlobalInit::Original(init.clone()),
                }
            }
            _ if is_object => {
                unwritable.add(|| UnwritableValue::global(names, index, Unwritable::ImportedObject));
                continue;
            }
            _ => GlobalInit::Value(value),
        };
        globals.push(PlannedGlobal { ty: global.ty, init });
    }
    globals
}

/// Whether what an import holds must itself be there. Anything else init may have set, which by chance was the import's value.
pub(super) fn is_held_by_import(value: Value) -> bool {
    matches!(value, Value::Ref(reference) if matches!(reference, Reference::Import(_)) || reference.object().is_some())
}

/// Whether the expression reads a global for which `changed` holds.
fn reads_global(expr: &ConstExpr<'_>, changed: impl Fn(u32) -> bool) -> bool {
    let reads =
        |operator| matches!(operator, Ok(Operator::GlobalGet { global_index }) if changed(global_index));
    expr.get_operators_reader().into_iter().any(reads)
}
