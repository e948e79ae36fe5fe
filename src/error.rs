use crate::audit::StackKept;
use crate::execute::ExecuteError;
use crate::freeze::FreezeError;
use crate::host::Ledger;
use crate::instance::CaptureError;
use preinit_core::encode::EncodeError;
use preinit_core::module::ModuleError;
use preinit_core::plan::PlanError;
use preinit_core::probe::ProbeError;

/// Why there is no snapshot, by the stage that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contradict each other.
    #[error("{0}")]
    Options(String),
    /// The input is not a module that can be worked on.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The module cannot be instrumented.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Init could not be run to its end.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The state could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The state cannot be written into a module.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The program could not be frozen.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    /// The stack cannot be cleared.
    #[error("the free stack cannot be cleared (--zero-stack): {0}")]
    StackKept(StackKept),
    /// There would have been warnings, and they are not allowed.
    #[error("refused, since warnings are errors (--strict):{}", .0.iter().map(|warning| format!("\n  {warning}")).collect::<String>())]
    Strict(Vec<String>),
    /// The output could not be made.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Error {
    /// The host calls that init had made when it was stopped, if it was.
    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Error::Execute(ExecuteError::Stopped { ledger, .. })
            | Error::Freeze(FreezeError::Execute(ExecuteError::Stopped { ledger, .. }))
            | Error::Freeze(FreezeError::NotReached { ledger, .. }) => Some(ledger),
            _ => None,
        }
    }

    /// Whether the module was understood and turned down (init did not end well, or the state cannot be written), as
    /// opposed to input, options or a machine that nothing can be done with.
    pub fn is_refusal(&self) -> bool {
        match self {
            Error::Plan(PlanError::NoSuchExport { .. }) => false,
            Error::Plan(_) | Error::StackKept(_) | Error::Strict(_) => true,
            Error::Execute(error) => matches!(error, ExecuteError::Stopped { .. }),
            Error::Freeze(error) => error.is_refusal(),
            _ => false,
        }
    }
}
