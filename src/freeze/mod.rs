//! Freezes a program in the middle of a call.
//!
//! A call stack has no form as data in a module, but it has one as code: for each function in progress, one that sets its
//! locals and operands to what they were, calls the same for the function that it called, and goes on with what is left
//! to do. The entry export becomes a wrapper that resumes at its first call.
//!
//! 1. `stop`: run to the place; the backtrace tells the calls in progress, and the state is that of this run.
//! 2. `unwind` or `inspect`: run again, answered from the record of the first run, to read locals and operands.
//! 3. `extend`: add the code to the module.

mod bell;
mod error;
mod host;
mod inspect;
mod lead;
mod play;
mod record;
mod refusal;
mod stop;
mod trigger;
mod until;
mod unwind;

pub use error::FreezeError;
pub(crate) use lead::{Lead, Led};
pub use preinit_core::freeze::{CallSite, CallStack, Frame};
pub use stop::{Place, Stop};
pub use trigger::{CHECKPOINT, Trigger, TriggerError};
pub use until::Until;

use crate::execute::{
    Begun, DEFAULT_INIT_FUNCTIONS, ExecuteError, Execution, REACTOR_INITIALIZE, call_hooks,
};
use crate::host::{Ledger, Limits};
use crate::instance::InstanceError;
use crate::warning::Warning;
use host::Held;
use play::Scene;
use preinit_core::addition::Addition;
use preinit_core::capture::{FunctionIndices, StateReader};
use preinit_core::freeze::{
    CallPoint, FunctionCodes, Resumption, StoppedProgram, can_be_written, describe, extend,
};
use preinit_core::module::{Module, is_function};
use preinit_core::snapshot::{Heap, Snapshot};
use refusal::{no_continuations, no_host_in_between};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The export at which a command begins (WASI application ABI).
pub const COMMAND_START: &str = "_start";

/// How the frames of the stopped program are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reader {
    /// By instrumentation of the functions in progress; where that is impossible, by [`Reader::Inspect`].
    #[default]
    Unwind,
    /// Through the engine's debugging interface.
    Inspect,
}

impl Reader {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Reader::Unwind => "instrumentation",
            Reader::Inspect => "the debugging interface",
        }
    }
}

/// What is to be frozen, and how.
#[derive(Clone, Copy)]
pub struct Freeze<'f> {
    /// The place.
    pub trigger: &'f Trigger,
    /// How frames are read.
    pub reader: Reader,
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
    pub reader: Reader,
    /// Bytes of the code that resumes.
    pub code_bytes: usize,
    /// Time that it took to read the frames.
    pub reading: Duration,
}

impl Until<'_> {
    /// Makes the code that resumes the program at `place`. `snapshot` is its state there, and `ledger` has every host call
    /// of the run.
    ///
    /// # Errors
    /// [`FreezeError`]; [`FreezeError::is_refusal`] tells apart what was turned down.
    pub fn resume(
        &self,
        place: &Place,
        snapshot: &Snapshot<'_>,
        ledger: &Ledger,
    ) -> Result<Frozen, FreezeError> {
        let module = self.freeze.execution.module;
        let held = Held::of(&ledger.first(place.host_calls))?;
        let functions: BTreeSet<u32> = place.sites.iter().map(|site| site.function).collect();
        let bodies = FunctionCodes::read(module, &functions)?;
        let points = call_points(module, &bodies, &place.sites)?;
        no_host_in_between(module, &bodies, place, &points)?;
        no_continuations(module, &bodies, place, &points)?;

        let started = Instant::now();
        let Read { stack, reader, heap } = self.read(place, snapshot, ledger, &bodies, &points)?;
        let reading = started.elapsed();
        can_be_written(module, &stack)?;
        let entry = self.calls[place.returned].clone();
        let program = StoppedProgram { module, bodies: &bodies, points: &points, stack: &stack, heap: &heap };
        let Resumption { addition, code_bytes } = extend(program, &entry)?;
        let report = FrozenReport {
            call: called(module, &stack),
            stack,
            consumed: self.calls[..place.returned].to_vec(),
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
        place: &Place,
        snapshot: &Snapshot<'_>,
        ledger: &Ledger,
        bodies: &FunctionCodes<'_>,
        points: &[Arc<CallPoint>],
    ) -> Result<Read, FreezeError> {
        let first = self.freeze.execution;
        let mut host = first.host.clone();
        host.replay = Some(Arc::new(ledger.clone()));
        // Both runs are in memory at once, and instrumented code needs more fuel.
        let limits = Limits {
            max_memory: first.limits.max_memory.saturating_add(1 << 30),
            fuel: None,
            ..*first.limits
        };
        let execution = Execution { host: &host, limits: &limits, ..first };
        let scene = Scene { execution, awaited: &self.awaited, calls: &self.calls };
        let unwound = match self.freeze.reader {
            // A library user's functions may call back, which only the debugging interface shows.
            Reader::Unwind if host.linker.is_none() => scene.unwind(place, bodies, points)?,
            _ => None,
        };
        let (reader, (stack, mut played)) = match unwound {
            Some(unwound) => (Reader::Unwind, unwound),
            None => (Reader::Inspect, scene.inspect(place, bodies, points)?),
        };
        let sites = stack.frames.iter().map(|frame| frame.site);
        if !sites.eq(place.sites.iter().copied()) {
            return Err(FreezeError::NotRepeated("other calls were in progress".to_string()));
        }
        played.begun.unbounded()?;
        let Begun { instance, store, .. } = &mut played.begun;
        call_hooks(first.hooks, &limits, instance, store)?;
        if let Some(left) = store.data().ledger().unreplayed().filter(|left| *left > 0) {
            return Err(FreezeError::NotRepeated(format!("it made {left} fewer host calls")));
        }
        let mut instance = instance.with(store);
        let functions = FunctionIndices::of(first.module, first.probed, &mut instance)?;
        let state = StateReader { module: first.module, probed: first.probed, functions: &functions };
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
    reader: Reader,
    heap: Heap,
}

/// What the validator knows about each of the calls; calls at one place share it.
fn call_points(
    module: &Module<'_>,
    bodies: &FunctionCodes<'_>,
    sites: &[CallSite],
) -> Result<Vec<Arc<CallPoint>>, FreezeError> {
    let mut known: HashMap<CallSite, Arc<CallPoint>> = HashMap::new();
    let mut points = Vec::with_capacity(sites.len());
    for site in sites {
        let point = match known.get(site) {
            Some(point) => Arc::clone(point),
            None => {
                let point = Arc::new(bodies.call(module, *site)?);
                known.insert(*site, Arc::clone(&point));
                point
            }
        };
        points.push(point);
    }
    Ok(points)
}

/// The call that the program was stopped at, as text.
fn called(module: &Module<'_>, stack: &CallStack) -> String {
    let arguments: Vec<String> = stack.arguments.iter().map(ToString::to_string).collect();
    let import = module.imported_functions().find(|(index, _)| *index == stack.callee);
    let name = import.map_or_else(|| describe(module, stack.callee), |(_, import)| import.to_string());
    format!("{name}({})", arguments.join(", "))
}

/// The exports to call in order.
fn calls(module: &Module<'_>, named: &[String]) -> Result<Vec<String>, FreezeError> {
    let function = |name: &str| module.export(name).filter(|export| is_function(export.kind));
    let exports = crate::execute::exported_functions(module);
    let mut calls: Vec<String> = Vec::new();
    if function(REACTOR_INITIALIZE).is_some() {
        calls.push(REACTOR_INITIALIZE.to_string());
    }
    let defaults = [COMMAND_START].into_iter().chain(DEFAULT_INIT_FUNCTIONS);
    let default = defaults.into_iter().find(|name| function(name).is_some());
    match (named, default) {
        ([], Some(name)) => calls.push(name.to_string()),
        ([], None) if calls.is_empty() => {
            return Err(ExecuteError::NoInitFunction(format!(
                "the module exports no `{COMMAND_START}` and no init function to freeze in ({exports})"
            ))
            .into());
        }
        _ => {}
    }
    for name in named {
        if function(name).is_none() {
            let message = format!("there is no exported function `{name}`; {exports}");
            return Err(ExecuteError::NoInitFunction(message).into());
        }
        if name != REACTOR_INITIALIZE {
            calls.push(name.clone());
        }
    }
    let takes = |name: &&String| {
        function(name)
            .and_then(|export| module.signature(export.index))
            .is_none_or(|ty| !ty.params().is_empty())
    };
    match calls.iter().find(takes) {
        Some(name) => Err(ExecuteError::NoInitFunction(format!(
            "`{name}` takes parameters, and there is nothing to call it with; {exports}"
        ))
        .into()),
        None => Ok(calls),
    }
}
