//! The code that resumes a component that was stopped.

use super::super::execution::Executed;
#[cfg(feature = "audit")]
use super::super::execution::Interrupted;
use super::super::init_call::InitCall;
use super::super::part::{Part, Place};
use super::super::{ComponentRunError, Prepared};
use super::Stopping;
use super::entry::entry;
use super::reading::{Moved, Program, Read, call_sites};
use crate::freeze::{
    FrameReader, FreezeError, FrozenReport, HeldResources, called, check_next_text, check_room,
};
#[cfg(feature = "audit")]
use crate::host::ComponentHost;
use crate::options::Options;
use crate::warning::Warning;
use preinit_core::addition::Addition;
use preinit_core::component::CoreInstance;
use preinit_core::embed::is_answering;
use preinit_core::freeze::{
    CallSite, CallsInProgress, Resumption, StoppedProgram, can_be_written, describe, extend,
};
use preinit_core::module::{Module, Space};
use preinit_core::printable::Printable;
use preinit_core::snapshot::{Heap, Snapshot};
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
    /// The objects of the collector that the state and the calls in progress hold.
    pub heap: Heap,
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
    check_room(&calls, &options.limits)?;
    calls.check_callees(module, callee, &by_runtime(prepared, module, number)?).map_err(FreezeError::from)?;
    let outermost = sites.last().map_or(callee, |site| site.function);
    let entry = entry((&prepared.component, places, snapshots), (call, &frames), (number, outermost))?;
    check_renames(options, call)?;
    check_files(module, sites)?;

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
    Ok(Resumed { number, addition, report, warnings: held.warnings, heap })
}

impl Resumed {
    /// The same calls in progress where all handles have numbers that are higher by `count`.
    pub fn with_taken_handles(
        &self,
        (prepared, options): (&Prepared<'_>, &Options),
        executed: &Executed,
        count: u32,
    ) -> Result<Moved, ComponentRunError> {
        let (Some(stopping), Some(interrupted)) = (&prepared.stopping, &executed.interrupted) else {
            return Err(FreezeError::Unexplained("a program that was not stopped").into());
        };
        let (_, part) = self.place(prepared)?;
        let sites: Vec<CallSite> = self.report.stack.frames.iter().map(|frame| frame.site).collect();
        let calls = CallsInProgress::read(&part.module, &sites).map_err(FreezeError::from)?;
        let ledger = Arc::new(executed.ledger.clone());
        let (number, returned) = (self.number, interrupted.returned);
        Program { prepared, stopping, options, ledger, number, returned }
            .read_with_taken_handles(&calls, count)
    }

    /// The core instance that goes on, and its module.
    pub fn place<'p, 'a>(
        &self,
        prepared: &'p Prepared<'a>,
    ) -> Result<(&'p CoreInstance, &'p Part<'a>), FreezeError> {
        let instance = &prepared.instances[self.number];
        let part = prepared.parts.get(instance.module).and_then(Option::as_ref);
        Ok((instance, part.ok_or(FreezeError::Unexplained("a place in no core module"))?))
    }
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

/// While files are asked for, the memory cannot grow, and the adapter that makes its state anew may ask for that.
fn check_files(module: &Module<'_>, sites: &[CallSite]) -> Result<(), FreezeError> {
    let Some(site) = sites.iter().rfind(|site| is_answering(module, site.function)) else { return Ok(()) };
    let is_realloc = |name: &str| name.starts_with("cabi_realloc") || name.starts_with("cm32p2_realloc");
    match module.exports.iter().any(|export| is_realloc(export.name)) {
        false => Ok(()),
        true => Err(FreezeError::Refused(format!(
            "{}, which answers for embedded files, is in progress, and the adapter could not make its state anew, for which \
             `cabi_realloc` may have to let the memory grow; freeze it at `stdin`, or at `call:{}`",
            describe(module, site.function),
            Printable(module.names().get(Space::Function, site.function).unwrap_or_default()),
        ))),
    }
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
