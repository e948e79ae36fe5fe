//! What the snapshot failed in, and the original did not.

use super::VerifyError;
use super::verdict::Difference;
use crate::component::ComponentRunError;
use crate::execute::{ExecuteError, StopCause};
use crate::host::NoMemory;
use std::fmt::Display;

/// An error that may be the machine's.
pub(super) trait Failure: Display {
    /// That the machine had no memory left, if that is why.
    fn no_memory(&self) -> Option<NoMemory>;
}

impl Failure for wasmtime::Error {
    fn no_memory(&self) -> Option<NoMemory> {
        NoMemory::of(self)
    }
}

fn of_stop(cause: &StopCause) -> Option<NoMemory> {
    match cause {
        StopCause::Machine(found) => Some(found.clone()),
        _ => None,
    }
}

impl Failure for ExecuteError {
    fn no_memory(&self) -> Option<NoMemory> {
        match self {
            ExecuteError::Link(error) | ExecuteError::Compile(error) => NoMemory::of(error),
            ExecuteError::Stopped(stopped) => of_stop(&stopped.stop.cause),
            _ => None,
        }
    }
}

impl Failure for ComponentRunError {
    fn no_memory(&self) -> Option<NoMemory> {
        match self {
            ComponentRunError::Link(error) | ComponentRunError::Compile(error) => NoMemory::of(error),
            ComponentRunError::Stopped(stop) => of_stop(&stop.cause),
            _ => None,
        }
    }
}

/// The difference that it is, if it is the snapshot's fault.
pub(super) fn difference(step: &'static str, error: &impl Failure) -> Result<Difference, VerifyError> {
    match error.no_memory() {
        Some(found) => Err(VerifyError::Memory(found)),
        None => Ok(Difference::new(step, "no error", format!("{error:#}"))),
    }
}
