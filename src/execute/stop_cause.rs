use super::{Trace, Traced, the_function};
use crate::host::{
    ComponentImportCalled, Denied, GuestExit, HostError, HostState, ImportCalled, InstanceLimit, LedgerLimit,
    Limits, MemoryLimit, NoMemory, Preload, PreloadForm, ReplayDiverged, TaskLimit,
};
use preinit_core::module::Module;
use preinit_core::printable::Message;
use std::cell::OnceCell;
use std::fmt;
use std::time::Duration;
use wasmtime::{Error, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Where and why a guest was stopped.
#[derive(Debug)]
pub struct Stop {
    /// What was running, as a sentence that says how it ended.
    pub stage: String,
    /// The export that was called, if it was one.
    pub function: Option<String>,
    /// Why.
    pub cause: StopCause,
    /// Where.
    pub trace: Trace,
}

/// Why a guest was stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopCause {
    /// The time limit.
    #[error("it ran longer than the time limit of {0:?}")]
    Timeout(Duration),
    /// The fuel limit.
    #[error("it used up its fuel of {0}")]
    Fuel(u64),
    /// A call of an import that nothing provides.
    #[error(transparent)]
    ImportCalled(ImportCalled),
    /// A call of a function that a component imports and nothing provides.
    #[error(transparent)]
    ComponentImportCalled(ComponentImportCalled),
    /// The guest ended itself.
    #[error(transparent)]
    Exit(GuestExit),
    /// A call that the options deny.
    #[error(transparent)]
    Denied(Denied),
    /// The memory limit.
    #[error(transparent)]
    Memory(MemoryLimit),
    /// The limit of what instances take besides their memories and tables.
    #[error(transparent)]
    Instances(InstanceLimit),
    /// The machine has no memory left. That is no fault of the module.
    #[error(transparent)]
    Machine(NoMemory),
    /// The limit of tasks and threads beside each other.
    #[error(transparent)]
    Tasks(TaskLimit),
    /// The limit of the record of host calls.
    #[error(transparent)]
    Ledger(LedgerLimit),
    /// A replayed run made another call than the recorded run.
    #[error(transparent)]
    Diverged(ReplayDiverged),
    /// An init function returned something else than success. The number, if it was one.
    #[error("that is not success")]
    Result(Option<i64>),
    /// A trap, or whatever else the engine says.
    #[error("{}", Message(.0))]
    Other(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.stage, self.cause, self.trace)
    }
}

/// What is running, to explain why it does not any more.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub module: &'a Module<'a>,
    /// The form of it that runs.
    pub binary: &'a [u8],
    pub compiled: &'a wasmtime::Module,
    pub preloads: &'a [Preload],
    pub limits: &'a Limits,
}

impl Run<'_> {
    /// The stop that ended a preloaded module, which runs under the same limits; `None` if it did not run.
    pub fn preload_stopped(&self, error: &HostError, state: &HostState) -> Option<Stop> {
        let HostError::Preload { name, action, source } = error else { return None };
        let ran = source.downcast_ref::<Trap>().is_some() || StopCause::of_host(source).is_some();
        ran.then(|| self.stopped(&format!("preloaded module `{name}`: {action}"), "failed", (source, state)))
    }

    /// The stop that ended instantiation; `None` if the imports do not fit.
    pub fn not_instantiated(&self, error: &Error, state: &HostState) -> Option<Stop> {
        let no_code_ran = error.downcast_ref::<WasmBacktrace>().is_none_or(|trace| trace.frames().is_empty());
        let trap = error.downcast_ref::<Trap>().copied();
        if no_code_ran && trap.is_none() && StopCause::of_host(error).is_none() {
            return None;
        }
        let segment = match trap {
            Some(Trap::MemoryOutOfBounds) => Some("data"),
            Some(Trap::TableOutOfBounds) => Some("element"),
            _ => None,
        };
        Some(match segment.filter(|_| no_code_ran) {
            Some(segment) => {
                let verb = format!("failed at an active {segment} segment");
                self.stopped("instantiation", &verb, (error, state))
            }
            None => self.stopped("instantiation", "failed", (error, state)),
        })
    }

    /// `subject` and `verb` are the words for a trap; an exit or a forbidden call has words of its own.
    pub fn stopped(&self, subject: &str, verb: &str, (error, state): (&Error, &HostState)) -> Stop {
        let trap = error.downcast_ref::<Trap>().copied();
        let (how, cause) = match (trap, self.limits.timeout, self.limits.fuel) {
            (Some(Trap::Interrupt), Some(timeout), _) => ("did not finish", StopCause::Timeout(timeout)),
            (Some(Trap::OutOfFuel), _, Some(fuel)) => ("did not finish", StopCause::Fuel(fuel)),
            (Some(trap), _, _) => (verb, StopCause::Other(trap.to_string())),
            (None, _, _) => match StopCause::of_host(error) {
                Some(cause) => ("was stopped", cause),
                None => (verb, StopCause::Other(error.root_cause().to_string())),
            },
        };
        Stop { stage: format!("{subject} {how}"), function: None, cause, trace: self.trace(error, state) }
    }

    fn trace(&self, error: &Error, state: &HostState) -> Trace {
        let Run { module, binary, compiled, .. } = *self;
        let preloads: Vec<_> = self.preloads.iter().map(|preload| (preload, OnceCell::new())).collect();
        Trace::of(error, |code| {
            if wasmtime::Module::same(code, compiled) {
                return Some(Traced { module, binary });
            }
            let preloaded = state.preloaded(code)?;
            let (preload, parsed) = preloads.iter().find(|(preload, _)| preload.name == preloaded.name)?;
            let parsed = parsed.get_or_init(|| Module::read_valid(&preload.wasm).ok());
            let binary = match &preloaded.form {
                PreloadForm::Probed(probed) => &probed.wasm,
                PreloadForm::Stateless | PreloadForm::Unreadable => &preload.wasm,
            };
            Some(Traced { module: parsed.as_ref()?, binary })
        })
    }
}

impl Stop {
    /// A hook that did not return.
    pub(crate) fn of_hook(name: &str, error: &Error, limits: &Limits) -> Stop {
        let (how, cause) = match (error.downcast_ref(), limits.timeout) {
            (Some(Trap::Interrupt), Some(timeout)) => ("did not finish", StopCause::Timeout(timeout)),
            _ => ("trapped", StopCause::Other(error.root_cause().to_string())),
        };
        let stage = format!("{} {how}", the_function(name));
        Stop { stage, function: Some(name.to_string()), cause, trace: Trace::default() }
    }
}

impl Stop {
    /// A component that was stopped; `subject` and `verb` are the words for a trap, and `find` knows its core modules.
    pub(crate) fn in_component<'a>(
        subject: &str,
        verb: &str,
        (error, find): (&Error, impl Fn(&wasmtime::Module) -> Option<Traced<'a>>),
        limits: &Limits,
    ) -> Stop {
        let exit = error.downcast_ref::<I32Exit>().map(|exit| GuestExit { code: exit.0 as u32 });
        let trap = error.downcast_ref::<Trap>().copied();
        let (how, cause) = match (trap, limits.timeout, limits.fuel, exit) {
            (_, _, _, Some(exit)) => ("was stopped", StopCause::Exit(exit)),
            (Some(Trap::Interrupt), Some(timeout), _, _) => ("did not finish", StopCause::Timeout(timeout)),
            (Some(Trap::OutOfFuel), _, Some(fuel), _) => ("did not finish", StopCause::Fuel(fuel)),
            (Some(trap), _, _, _) => (verb, StopCause::Other(trap.to_string())),
            _ => match StopCause::of_host(error) {
                Some(cause) => ("was stopped", cause),
                None => (verb, StopCause::Other(error.root_cause().to_string())),
            },
        };
        Stop { stage: format!("{subject} {how}"), function: None, cause, trace: Trace::of(error, find) }
    }
}

impl StopCause {
    /// Why the host stopped the guest, where it was the host.
    fn of_host(error: &Error) -> Option<StopCause> {
        fn cause<E: Clone + std::error::Error + Send + Sync + 'static>(error: &Error) -> Option<E> {
            error.downcast_ref::<E>().cloned()
        }
        cause(error)
            .map(StopCause::ImportCalled)
            .or_else(|| cause(error).map(StopCause::ComponentImportCalled))
            .or_else(|| cause(error).map(StopCause::Exit))
            .or_else(|| cause(error).map(StopCause::Denied))
            .or_else(|| cause(error).map(StopCause::Memory))
            .or_else(|| cause(error).map(StopCause::Instances))
            .or_else(|| cause(error).map(StopCause::Ledger))
            .or_else(|| cause(error).map(StopCause::Diverged))
            .or_else(|| NoMemory::of(error).map(StopCause::Machine))
    }
}
