//! The code that resumes a component that was stopped.

use super::super::execution::Executed;
use super::super::init_call::InitCall;
use super::super::part::Place;
use super::super::{ComponentRunError, Prepared};
use super::Stopping;
use super::reading::{Program, Read, call_sites};
use crate::freeze::{FrameReader, FreezeError, FrozenReport, HeldResources, called};
use crate::options::Options;
use crate::warning::Warning;
use preinit_core::addition::Addition;
use preinit_core::freeze::{CallsInProgress, Resumption, StoppedProgram, can_be_written, describe, extend};
use preinit_core::module::{Module, is_function};
use preinit_core::snapshot::Snapshot;
use std::sync::Arc;

/// What is added to a core module so that it goes on.
pub struct Resumed {
    /// Which of the core instances it is.
    pub number: usize,
    pub addition: Addition,
    pub report: FrozenReport,
    /// What the program holds of the world outside.
    pub warnings: Vec<Warning>,
}

/// Makes the code that resumes the component that `executed` has stopped. `snapshots` are the states of its core instances.
pub fn resume(
    (prepared, stopping): (&Prepared<'_>, &Stopping),
    options: &Options,
    executed: &Executed,
    (places, snapshots): (&[Place<'_>], &[Snapshot<'_>]),
) -> Result<Resumed, ComponentRunError> {
    let number = prepared.instances.iter().position(|instance| instance.module == stopping.place.definition);
    let number = number.ok_or(FreezeError::Unexplained("a place in no core instance"))?;
    let interrupted = executed.interrupted.as_ref();
    let interrupted = interrupted.ok_or(FreezeError::Unexplained("a program that was not stopped"))?;
    let held = HeldResources::of(&executed.ledger)?;
    let module = &places[number].part.module;
    let sites = call_sites(interrupted, stopping, (places, number), &executed.store)?;
    let outermost = sites.last().map_or(stopping.place.stop.function, |site| site.function);
    let entry = entry(module, outermost)?;
    let calls = CallsInProgress::read(module, &sites).map_err(FreezeError::from)?;
    calls.check(module).map_err(FreezeError::from)?;

    let ledger = Arc::new(executed.ledger.clone());
    let program = Program { prepared, stopping, options, ledger, number };
    let Read { stack, heap, duration } = program.read(&calls, &snapshots[number])?;
    can_be_written(module, &stack).map_err(FreezeError::from)?;
    let program = StoppedProgram { module, calls: &calls, stack: &stack, heap: &heap };
    let Resumption { addition, code_bytes } = extend(program, entry).map_err(FreezeError::from)?;
    let mut names: Vec<String> = executed.called.iter().map(InitCall::name).collect();
    let report = FrozenReport {
        call: called(module, &stack),
        stack,
        entry: names.pop().unwrap_or_default(),
        consumed: names,
        preopens: held.preopens,
        reader: FrameReader::Unwind,
        reading: duration,
        code_bytes,
    };
    Ok(Resumed { number, addition, report, warnings: held.warnings })
}

/// The export through which the outermost function was entered.
fn entry<'m>(module: &Module<'m>, function: u32) -> Result<&'m str, FreezeError> {
    let mut exports = module.exports.iter();
    let export = exports.find(|export| is_function(export.kind) && export.index == function);
    let export = export.ok_or_else(|| {
        FreezeError::Refused(format!(
            "the core module is entered through {}, which it does not export",
            describe(module, function)
        ))
    })?;
    let takes = module.signature(function).map_or(0, |ty| ty.params().len());
    match takes {
        0 => Ok(export.name),
        _ => Err(FreezeError::Refused(format!(
            "{} is in progress and takes arguments, which the snapshot would ignore",
            describe(module, function)
        ))),
    }
}
