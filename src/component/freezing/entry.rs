//! The export through which a stopped component goes on. A tail call leaves no frame, and what runs after a call has frames like those
//! of one: so the outermost function in progress must be the one that the component makes its export of.

use super::super::ComponentRunError;
use super::super::init_call::InitCall;
use super::super::part::Place;
use super::reading::Frames;
use crate::freeze::FreezeError;
use preinit_core::component::{Component, CoreFunction};
use preinit_core::freeze::describe;
use preinit_core::module::{Module, Space, is_function};
use wasmparser::Operator;

/// The function of the adapter that makes its stack at the start of each of its exports, once.
const ALLOCATE_STACK: &str = "allocate_stack";

/// The export of the core instance `number`, whose outermost function in progress is `outermost`.
pub fn entry(
    (component, places): (&Component<'_>, &[Place<'_>]),
    (call, frames): (&InitCall, &Frames),
    (number, outermost): (usize, u32),
) -> Result<String, ComponentRunError> {
    let module = &places[number].part.module;
    let called = component.lifted((call.instance.as_deref(), &call.function))?;
    let called = match (called, frames.adapter) {
        (Some(called), Some(run)) => called_by_adapter((component, places), &called, run)?,
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
    (component, places): (&Component<'_>, &[Place<'_>]),
    called: &CoreFunction,
    run: u32,
) -> Result<Option<CoreFunction>, ComponentRunError> {
    let adapter = &places[called.instance].part.module;
    if !places[called.instance].part.is_adapter() || exported(adapter, &called.name) != Some(run) {
        return Ok(None);
    }
    let Some(import) = only_call(adapter, run) else {
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

/// The import that a function without parameters calls, to return 0.
fn only_call(module: &Module<'_>, function: u32) -> Option<u32> {
    let bodies = module.bodies();
    let body = bodies.get(function.checked_sub(module.imported.functions)? as usize)?;
    let operators: Vec<Operator<'_>> =
        body.get_operators_reader().ok()?.into_iter().collect::<Result<_, _>>().ok()?;
    let names = module.names();
    let is_prologue = |function: u32| {
        module.is_nullary(function) && names.get(Space::Function, function) == Some(ALLOCATE_STACK)
    };
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
