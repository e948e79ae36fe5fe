//! Freezes a program in the middle of a call.
//!
//! A call stack has no form as data in a module, but it has one as code: for each function in progress, one that sets its
//! locals and operands to what they were, calls the same for the function that it called, and goes on with what is left
//! to do. The entry export becomes a wrapper that resumes at its first call.
//!
//! 1. [`StopRun`]: run to the call; the backtrace tells the calls in progress, and the state is that of this run.
//! 2. `unwind` or `inspect`: run again, answered from the record of the first run, to read locals and operands.
//! 3. [`extend`]: add the code to the module.

mod awaited_call;
mod awaited_texts;
mod call_sites;
mod entry_hook;
mod error;
mod held_resources;
mod inspect;
mod not_reached;
mod original_run;
mod program_run;
mod stop_run;
mod trigger;
mod unwind;

pub(crate) use awaited_call::{Argument, Arguments, Awaited, AwaitedCall, is_wasi};
pub(crate) use awaited_texts::{Texts, awaited_in, check_next as check_next_text};
pub use error::FreezeError;
pub(crate) use held_resources::HeldResources;
pub use not_reached::NotReached;
pub(crate) use original_run::{OriginalEnded, OriginalRun};
pub use preinit_core::freeze::{CallSite, CallStack, Frame};
pub(crate) use stop_run::Reached;
pub use stop_run::{StopPoint, StopRun, StoppedRun};
pub use trigger::{CHECKPOINT, Trigger, TriggerError};
pub(crate) use unwind::{MISSING, read_frames};

use crate::demangling::demangled;
use crate::execute::{Begun, Execution, call_hooks};
use crate::host::{Ledger, Limits};
use crate::instance::InstanceError;
use crate::warning::Warning;
use preinit_core::addition::Addition;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::freeze::{CallsInProgress, Resumption, StoppedProgram, can_be_written, describe, extend};
use preinit_core::module::{Module, Space};
use preinit_core::snapshot::{Heap, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the frames of the stopped program are read. No example: that of [`Preinit`](crate::Preinit) has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FrameReader {
    /// By instrumentation of the functions in progress; where that is impossible, by [`FrameReader::Inspect`].
    #[default]
    Unwind,
    /// Through the engine's debugging interface.
    Inspect,
}

impl FrameReader {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            FrameReader::Unwind => "instrumentation",
            FrameReader::Inspect => "the debugging interface",
        }
    }
}

/// What is to be frozen, and how.
#[derive(Clone, Copy)]
pub struct Freeze<'f> {
    /// Where it is stopped.
    pub trigger: &'f Trigger,
    /// How frames are read.
    pub reader: FrameReader,
    /// The program. Without init functions, `_start` is called, or else the first of the default ones.
    pub execution: Execution<'f>,
}

/// A program that was frozen.
#[derive(Debug)]
pub struct Frozen {
    /// What is added to the module so that it resumes.
    pub addition: Addition,
    /// What is known about the program.
    pub report: FrozenReport,
    /// What it holds of the world outside.
    pub warnings: Vec<Warning>,
}

/// What is known about a program that was frozen.
#[derive(Debug)]
pub struct FrozenReport {
    /// The call that it resumes with.
    pub call: String,
    /// The calls in progress.
    pub stack: CallStack,
    /// The export that resumes.
    pub entry: String,
    /// Exports that were called before it and returned.
    pub consumed: Vec<String>,
    /// The directories that the program has found, by descriptor from 3 on.
    pub preopens: Vec<String>,
    /// How the frames were read.
    pub reader: FrameReader,
    /// Bytes of the code that resumes.
    pub code_bytes: usize,
    /// Time that it took to read the frames.
    pub reading: Duration,
}

/// Refuses calls in progress that hold more than there is room for, before anything of it is read.
pub(crate) fn check_room(calls: &CallsInProgress<'_>, limits: &Limits) -> Result<(), FreezeError> {
    // Of each there is what was read, and the value that is written.
    const VALUE_BYTES: u64 = 64;
    let (values, most) = (calls.values()?, limits.room_for_calls() / VALUE_BYTES);
    if values > most {
        return Err(FreezeError::Refused(format!(
            "the calls in progress hold {values} locals and operands; the limit of memory has room for {most}"
        )));
    }
    Ok(())
}

impl StopRun<'_> {
    /// Makes the code that resumes the program at `point`. `snapshot` is its state there, and `ledger` has every host call
    /// of the run.
    ///
    /// # Errors
    /// [`FreezeError`]; [`FreezeError::is_refusal`] tells apart what was turned down.
    pub fn resume(
        &self,
        point: &StopPoint,
        snapshot: &Snapshot<'_>,
        ledger: &Ledger,
    ) -> Result<Frozen, FreezeError> {
        let module = self.freeze.execution.module;
        let before = ledger.first(point.host_calls);
        let held = HeldResources::of(&before, self.freeze.execution.host)?;
        awaited_texts::check_next(module, point.callee)?;
        awaited_texts::check(module, &before)?;
        let calls = CallsInProgress::read(module, &point.sites)?;
        calls.check(module)?;
        check_room(&calls, self.freeze.execution.limits)?;

        let started = Instant::now();
        let Read { stack, reader, heap } = self.read(point, snapshot, ledger, &calls)?;
        let reading = started.elapsed();
        can_be_written(module, &stack)?;
        let entry = self.calls[point.returned].clone();
        let program = StoppedProgram { module, calls: &calls, stack: &stack, heap: &heap };
        let Resumption { addition, code_bytes } = extend(program, &entry)?;
        let report = FrozenReport {
            call: called(module, &stack),
            stack,
            consumed: self.calls[..point.returned].to_vec(),
            entry,
            preopens: held.preopens,
            reader,
            reading,
            code_bytes,
        };
        Ok(Frozen { addition, report, warnings: held.warnings })
    }

    /// Runs the program once more to read its frames. It must come to the same state.
    fn read(
        &self,
        point: &StopPoint,
        snapshot: &Snapshot<'_>,
        ledger: &Ledger,
        calls: &CallsInProgress<'_>,
    ) -> Result<Read, FreezeError> {
        let first = self.freeze.execution;
        let mut host = first.host.clone();
        host.replay = Some(Arc::new(ledger.clone()));
        let limits = first.limits.of_second_run();
        let program = self.program(&host, &limits);
        let unwound = match self.freeze.reader {
            // A library user's functions may call back, which only the debugging interface shows.
            FrameReader::Unwind if host.linker.is_none() => program.unwind(point, calls)?,
            _ => None,
        };
        let (reader, (stack, mut result)) = match unwound {
            Some(unwound) => (FrameReader::Unwind, unwound),
            None => (FrameReader::Inspect, program.inspect(point, calls)?),
        };
        let sites = stack.frames.iter().map(|frame| frame.site);
        if !sites.eq(point.sites.iter().copied()) {
            return Err(FreezeError::NotRepeated("other calls were in progress".to_string()));
        }
        result.begun.unbounded()?;
        let Begun { instance, store, .. } = &mut result.begun;
        call_hooks(first.hooks, &limits, Duration::ZERO, (instance, store))?;
        if let Some(left) = store.data().ledger().unreplayed().filter(|left| *left > 0) {
            return Err(FreezeError::NotRepeated(format!("it made {left} fewer host calls")));
        }
        let mut instance = instance.with(store);
        let functions = FunctionIndices::of(first.module, first.probed, &mut instance)?;
        let state = StateReader {
            module: first.module,
            probed: first.probed,
            functions: &functions,
            compares: false,
        };
        let (again, stack) = state.state_with(&mut instance, |heap, instance| {
            stack.map(|held| {
                let value = held.observe(instance.store()).map_err(InstanceError::from)?;
                heap.value(instance, value)
            })
        })?;
        if !snapshot.is_same_but_for_objects(&again) || !again.heap.starts_with(&snapshot.heap) {
            return Err(FreezeError::NotRepeated("its state was different".to_string()));
        }
        Ok(Read { stack, reader, heap: again.heap })
    }
}

/// What the second run tells.
struct Read {
    stack: CallStack,
    reader: FrameReader,
    heap: Heap,
}

/// A function of the module, with its name as its source has it.
fn function(module: &Module<'_>, index: u32) -> String {
    let described = describe(module, index);
    match module.names().get(Space::Function, index) {
        Some(name) => described.replace(name, &demangled(name)),
        None => described,
    }
}

/// The call that the program was stopped at, as text.
pub(crate) fn called(module: &Module<'_>, stack: &CallStack) -> String {
    let arguments: Vec<String> = stack.arguments.iter().map(ToString::to_string).collect();
    let import = module.imported_functions().find(|(index, _)| *index == stack.callee);
    let name = import.map_or_else(|| function(module, stack.callee), |(_, import)| import.to_string());
    format!("{name}({})", arguments.join(", "))
}
