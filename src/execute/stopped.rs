use super::{ExecuteError, Trace};
use crate::host::{
    Denied, GuestExit, HostError, ImportCalled, LedgerLimit, Limits, MemoryLimit, ReplayDiverged,
};
use preinit_core::module::Module;
use wasmtime::{Error, Trap, WasmBacktrace};

/// What is running, to explain why it does not any more.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub module: &'a Module<'a>,
    pub compiled: &'a wasmtime::Module,
    pub limits: &'a Limits,
}

impl Run<'_> {
    /// Preloaded modules run under the same limits.
    pub fn no_imports(&self, error: HostError) -> ExecuteError {
        match error {
            HostError::Preload { name, action, source }
                if source.downcast_ref::<Trap>().is_some() || stop_reason(&source).is_some() =>
            {
                self.stopped(&format!("preloaded module `{name}`: {action}"), "failed", source)
            }
            other => other.into(),
        }
    }

    pub fn not_instantiated(&self, error: Error) -> ExecuteError {
        let no_code_ran = error.downcast_ref::<WasmBacktrace>().is_none_or(|trace| trace.frames().is_empty());
        let trap = error.downcast_ref::<Trap>().copied();
        if no_code_ran && trap.is_none() && stop_reason(&error).is_none() {
            return ExecuteError::Link(error);
        }
        let segment = match trap {
            Some(Trap::MemoryOutOfBounds) => Some("data"),
            Some(Trap::TableOutOfBounds) => Some("element"),
            _ => None,
        };
        match segment.filter(|_| no_code_ran) {
            Some(segment) => {
                self.stopped("instantiation", &format!("failed at an active {segment} segment"), error)
            }
            None => self.stopped("instantiation", "failed", error),
        }
    }

    /// `subject` and `verb` are the words for a trap; an exit or a forbidden call has words of its own.
    pub fn stopped(&self, subject: &str, verb: &str, error: Error) -> ExecuteError {
        let trace = Trace::of(&error, self.module, self.compiled);
        let trap = error.downcast_ref::<Trap>().copied();
        let (stage, cause) = match (trap, self.limits.timeout, self.limits.fuel) {
            (Some(Trap::Interrupt), Some(timeout), _) => (
                format!("{subject} did not finish"),
                format!("it ran longer than the time limit of {timeout:?} (--timeout)"),
            ),
            (Some(Trap::OutOfFuel), _, Some(fuel)) => {
                (format!("{subject} did not finish"), format!("it used up its fuel of {fuel} (--fuel)"))
            }
            (Some(trap), _, _) => (format!("{subject} {verb}"), trap.to_string()),
            (None, _, _) => match stop_reason(&error) {
                Some(reason) => (format!("{subject} was stopped"), reason),
                None => (format!("{subject} {verb}"), error.root_cause().to_string()),
            },
        };
        ExecuteError::Stopped { stage, cause, trace, ledger: Box::default() }
    }
}

/// Why the host stopped the guest, where it was the host.
fn stop_reason(error: &Error) -> Option<String> {
    fn text<E: std::error::Error + Send + Sync + 'static>(error: &Error) -> Option<String> {
        error.downcast_ref::<E>().map(ToString::to_string)
    }
    text::<ImportCalled>(error)
        .or_else(|| text::<GuestExit>(error))
        .or_else(|| text::<Denied>(error))
        .or_else(|| text::<MemoryLimit>(error))
        .or_else(|| text::<LedgerLimit>(error))
        .or_else(|| text::<ReplayDiverged>(error))
}
