use super::not_reached::NotReached;
use crate::execute::ExecuteError;
use crate::instance::{CaptureError, InstanceError};
use preinit_core::freeze::ResumeError;

/// Why a program could not be frozen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// The module has no such place.
    #[error("{0}")]
    Trigger(String),
    /// The program ended before it came to the place.
    #[error("{0}")]
    NotReached(Box<NotReached>),
    /// The program came there, but in a state that has no form in a module.
    #[error("{0}")]
    Refused(String),
    /// What was read from the engine does not fit together, which is a mistake of preinit.
    #[error("the stack of the program cannot be read, which is a bug in preinit: {0}")]
    Unexplained(&'static str),
    /// The code that resumes it, or that reads its frames, cannot be written.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The second run of the program was not the same as the first.
    #[error("the program behaved differently on the second run, so its stack cannot be read: {0}")]
    NotRepeated(String),
    /// A run failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The engine failed to show something.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

impl From<InstanceError> for FreezeError {
    fn from(error: InstanceError) -> FreezeError {
        FreezeError::Capture(error.into())
    }
}

impl FreezeError {
    /// Whether the program was understood and turned down.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            FreezeError::NotReached(_)
                | FreezeError::Refused(_)
                | FreezeError::Resume(ResumeError::Refused(_))
                | FreezeError::NotRepeated(_)
                | FreezeError::Execute(ExecuteError::Stopped(_))
        )
    }
}
