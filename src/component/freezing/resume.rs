//! The code that resumes a component that was stopped.

use super::super::execution::Executed;
#[cfg(feature = "audit")]
use super::super::execution::Interrupted;
use super::super::init_call::InitCall;
use super::super::part::Place;
use super::super::{ComponentRunError, Prepared};
use super::Stopping;
use super::entry::entry;
use super::reading::{Program, Read, call_sites};
#[cfg(feature = "audit")]
use crate::freeze::CallSite;
use crate::freeze::{FrameReader, FreezeError, FrozenReport, HeldResources, called, check_next_text};
#[cfg(feature = "audit")]
use crate::host::ComponentHost;
use crate::options::Options;
use crate::warning::Warning;
use preinit_core::addition::Addition;
use preinit_core::freeze::{CallsInProgress, Resumption, StoppedProgram, can_be_written, extend};
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use preinit_core::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;
#[cfg(feature = "audit")]
use wasmtime::Store;

/// What is added to a core module so that it goes on.
pub struct Resumed {
    /// Which of the core instances it is.
    pub number: usize,
    pub addition: Addition,
    pub report: FrozenReport,
    /// What the program holds of the world outside.
    pub warnings: Vec<Warning>,
    /// Whether the state or the calls in progress hold objects of the collector.
    pub has_objects: bool,
}

/// Makes the code that resumes the component that `executed` has stopped. `snapshots` are the states of its core instances.
pub fn resume(
    (prepared, stopping): (&Prepared<'_>, &Stopping),
    options: &Options,
    executed: &Executed,
    (places, snapshots): (&[Place<'_>], &[Snapshot<'_>]),
) -> Result<Resumed, ComponentRunError> {
    let number = stopped_instance(prepared, stopping)?;
    let interrupted = executed.interrupted.as_ref();
    let interrupted = interrupted.ok_or(FreezeError::Unexplained("a program that was not stopped"))?;
    let held = HeldResources::of(&executed.ledger, &options.host)?;
    let module = &places[number].part.module;
    let frames = call_sites(interrupted, stopping, (places, number), &executed.store)?;
    let sites = &frames.sites;
    let call = executed.in_progress().ok_or(FreezeError::Unexplained("a program that is in no call"))?;
    let callee = stopping.place.stop.function;
    check_next_text(module, callee)?;
    let calls = CallsInProgress::read(module, sites).map_err(FreezeError::from)?;
    calls.check(module).map_err(FreezeError::from)?;
    calls.check_callees(module, callee, &by_runtime(prepared, module, number)?).map_err(FreezeError::from)?;
    let outermost = sites.last().map_or(callee, |site| site.function);
    let entry = entry((&prepared.component, places), (call, &frames), (number, outermost))?;
    check_renames(options, call)?;

    let ledger = Arc::new(executed.ledger.clone());
    let returned = interrupted.returned;
    let program = Program { prepared, stopping, options, ledger, number, returned };
    let Read { stack, heap, duration } = program.read(&calls, &snapshots[number])?;
    can_be_written(module, &stack).map_err(FreezeError::from)?;
    let program = StoppedProgram { module, calls: &calls, stack: &stack, heap: &heap };
    let Resumption { addition, code_bytes } = extend(program, &entry).map_err(FreezeError::from)?;
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
    let has_objects = !heap.is_empty();
    Ok(Resumed { number, addition, report, warnings: held.warnings, has_objects })
}

/// The core instance that was stopped.
fn stopped_instance(prepared: &Prepared<'_>, stopping: &Stopping) -> Result<usize, FreezeError> {
    let number = prepared.instances.iter().position(|instance| instance.module == stopping.place.definition);
    number.ok_or(FreezeError::Unexplained("a place in no core instance"))
}

/// Where the calls in progress of a component are that was stopped, the innermost first.
#[cfg(feature = "audit")]
pub fn sites_in_progress(
    (prepared, stopping): (&Prepared<'_>, &Stopping),
    interrupted: &Interrupted,
    places: &[Place<'_>],
    store: &Store<ComponentHost>,
) -> Result<Vec<CallSite>, FreezeError> {
    let number = stopped_instance(prepared, stopping)?;
    Ok(call_sites(interrupted, stopping, (places, number), store)?.sites)
}

/// The functions of a core instance that the runtime calls by itself.
fn by_runtime(
    prepared: &Prepared<'_>,
    module: &Module<'_>,
    number: usize,
) -> Result<BTreeSet<u32>, ComponentRunError> {
    let names = prepared.component.called_by_runtime(number)?;
    Ok(names.iter().filter_map(|name| module.export(name)).map(|export| export.index).collect())
}

/// The export that resumes the component must keep its name, or get one that nothing else takes.
fn check_renames(options: &Options, call: &InitCall) -> Result<(), FreezeError> {
    let export = call.instance.as_deref().unwrap_or(&call.function);
    let is_replaced = options.renames.iter().any(|rename| rename.dst == export);
    match is_replaced && !options.renames.iter().any(|rename| rename.src == export) {
        false => Ok(()),
        true => Err(FreezeError::Refused(format!(
            "the program resumes in `{}`, and a rename puts another export in its place; give it another name",
            Printable(&call.name())
        ))),
    }
}
