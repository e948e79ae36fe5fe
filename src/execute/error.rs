use super::{InitFunctionError, Stop, StopCause};
use crate::host::{HostError, Ledger};
use crate::instance::InstanceError;
use preinit_core::printable::EngineMessage;

/// Why init did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// There is nothing to call, or not with these arguments.
    #[error(transparent)]
    InitFunction(#[from] InitFunctionError),
    /// What provides the imports is not what the module wants.
    #[error("the imports do not fit: {}", EngineMessage(.0))]
    Link(wasmtime::Error),
    /// No compiler of the engine supports the module.
    #[error("the engine cannot compile the module: {}", EngineMessage(.0))]
    Compile(wasmtime::Error),
    /// The host could not be set up or lacks an import.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The instance, or what the imports hold, could not be read.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The guest was stopped: it trapped, exited, or called what it must not.
    #[error("{}", .0.stop)]
    Stopped(Box<Stopped>),
}

impl ExecuteError {
    /// Whether the module could be run, and its run was ended.
    pub fn is_refusal(&self) -> bool {
        let is_fault = |stopped: &Stopped| !matches!(stopped.stop.cause, StopCause::Machine(_));
        matches!(self, ExecuteError::Stopped(stopped) if is_fault(stopped))
    }
}

/// A guest that was stopped, and the host calls that it had made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// Where and why.
    pub stop: Stop,
    /// The host calls.
    pub ledger: Ledger,
}
