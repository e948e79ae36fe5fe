//! How a call fails: with an error number for the guest, or for good.

pub(super) use super::super::errno;

/// Why a call did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The guest gets this number.
    Errno(i32),
    /// The run ends.
    Trap(wasmtime::Error),
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        Failure::Trap(error)
    }
}

impl From<wiggle::GuestError> for Failure {
    fn from(error: wiggle::GuestError) -> Self {
        Failure::Trap(error.into())
    }
}

/// What the guest gets.
pub(super) fn settled(outcome: Outcome<()>) -> wasmtime::Result<i32> {
    match outcome {
        Ok(()) => Ok(errno::SUCCESS),
        Err(Failure::Errno(errno)) => Ok(errno),
        Err(Failure::Trap(error)) => Err(error),
    }
}
