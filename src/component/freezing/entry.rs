//! The export through which a stopped component goes on. A tail call leaves no frame, and what runs after a call has frames like those
//! of one: so the outermost function in progress must be the one that the component makes its export of.

use super::super::ComponentRunError;
use super::super::adapter::Adapter;
use super::super::init_call::InitCall;
use super::super::part::Place;
use super::reading::Frames;
use crate::freeze::FreezeError;
use preinit_core::component::{Component, CoreFunction};
use preinit_core::freeze::describe;
use preinit_core::module::{Module, Space, is_function};
use preinit_core::snapshot::Snapshot;
use wasmparser::Operator;

/// The export of the core instance `number`, whose outermost function in progress is `outermost`.
pub fn entry(
    (component, places, snapshots): (&Component<'_>, &[Place<'_>], &[Snapshot<'_>]),
    (call, frames): (&InitCall, &Frames),
    (number, outermost): (usize, u32),
) -> Result<String, ComponentRunError> {
    let module = &places[number].part.module;
    let called = component.lifted((call.instance.as_deref(), &call.function))?;
    let called = match (called, frames.adapter) {
        (Some(called), Some(run)) => called_by_adapter((component, places, snapshots), &called, run)?,
        (called, _) => called,
    };
    let is_it = |called: &CoreFunction| {
        called.instance == number && exported(module, &called.name) == Some(outermost)
    };
    let name = called.filter(is_it).map(|called| called.name);
    let name = name.ok_or_else(|| {
        FreezeError::Refused(format!(
            "the outermost call in progress is that of {}, which is not the core function behind `{}`: it was called in the end of that \
             or after it",
            describe(module, outermost),
            preinit_core::printable::Printable(&call.name())
        ))
    })?;
    let takes = module.signature(outermost).map_or(0, |ty| ty.params().len());
    match takes == 0 && call.arguments.is_empty() {
        true => Ok(name),
        false => Err(FreezeError::Refused(format!(
            "{} is in progress and takes arguments, which the snapshot would ignore",
            describe(module, outermost)
        ))
        .into()),
    }
}

fn exported(module: &Module<'_>, name: &str) -> Option<u32> {
    module.export(name).filter(|export| is_function(export.kind)).map(|export| export.index)
}

/// What the adapter's function `run` calls, if that is all it does: it is called anew.
fn called_by_adapter(
    (component, places, snapshots): (&Component<'_>, &[Place<'_>], &[Snapshot<'_>]),
    called: &CoreFunction,
    run: u32,
) -> Result<Option<CoreFunction>, ComponentRunError> {
    let adapter = &places[called.instance].part.module;
    if !places[called.instance].part.is_adapter() || exported(adapter, &called.name) != Some(run) {
        return Ok(None);
    }
    let has_stack = Adapter::of(adapter).is_some_and(|found| found.has_stack(&snapshots[called.instance]));
    let Some(import) = only_call(adapter, run, has_stack) else {
        return Err(FreezeError::Refused(format!(
            "{} of the adapter is in progress, and does more than to call the program",
            describe(adapter, run)
        ))
        .into());
    };
    let import = adapter.imports_of(Space::Function).nth(import as usize);
    let provided =
        import.map(|(_, import)| component.provided(called.instance, (import.module, import.name)));
    Ok(provided.transpose()?.flatten())
}

/// The import that a function without parameters calls, to return 0; before that it may make a stack for the adapter, unless it has one.
fn only_call(module: &Module<'_>, function: u32, has_stack: bool) -> Option<u32> {
    let bodies = module.bodies();
    let body = bodies.get(function.checked_sub(module.imported.functions)? as usize)?;
    let operators: Vec<Operator<'_>> =
        body.get_operators_reader().ok()?.into_iter().collect::<Result<_, _>>().ok()?;
    let is_prologue =
        |function: u32| has_stack && module.is_nullary(function) && makes_stack_once(module, function);
    let operators = match &operators[..] {
        [Operator::Call { function_index }, rest @ ..] if is_prologue(*function_index) => rest,
        all => all,
    };
    let takes_nothing = module.signature(function).is_some_and(|ty| ty.params().is_empty());
    match operators {
        [Operator::Call { function_index }, Operator::I32Const { value: 0 }, Operator::End]
            if takes_nothing
                && *function_index < module.imported.functions
                && module.is_nullary(*function_index) =>
        {
            Some(*function_index)
        }
        _ => None,
    }
}

/// Whether a function does nothing once the adapter has a stack: that of `wit-component` which all exports of the adapter begin with.
fn makes_stack_once(module: &Module<'_>, function: u32) -> bool {
    let bodies = module.bodies();
    let body = function.checked_sub(module.imported.functions).and_then(|body| bodies.get(body as usize));
    let reader = body.and_then(|body| body.get_operators_reader().ok());
    let operators = reader.and_then(|reader| reader.into_iter().collect::<Result<Vec<_>, _>>().ok());
    let (Some(adapter), Some(operators)) = (Adapter::of(module), operators) else { return false };
    let [
        Operator::GlobalGet { global_index },
        Operator::I32Const { value: 0 },
        Operator::I32Eq,
        Operator::If { .. },
        inside @ ..,
        Operator::End,
        Operator::End,
    ] = &operators[..]
    else {
        return false;
    };
    let mut depth = 0i32;
    let stays_inside = inside.iter().all(|operator| {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => depth += 1,
            Operator::End => depth -= 1,
            Operator::Else if depth == 0 => return false,
            _ => {}
        }
        depth >= 0
    });
    adapter.says_stack_by(*global_index) && stays_inside && depth == 0
}
