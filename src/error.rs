//! Why there is no snapshot. [`Error`] has a variant for each stage; the types of the stages are here too, to be matched on.
//!
//! ```
//! use preinit::Preinit;
//! use preinit::error::{Error, ExecuteError, StopCause};
//!
//! let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit") (drop (i32.div_s (i32.const 1) (i32.const 0)))))"#)?;
//! let error = Preinit::new().run(&wasm).unwrap_err();
//! assert!(error.is_refusal());
//! let Error::Execute(ExecuteError::Stopped(stopped)) = &error else { panic!("{error}") };
//! assert!(matches!(stopped.stop.cause, StopCause::Other(_)), "{error}");
//!
//! assert!(matches!(Preinit::new().run(b"garbage"), Err(Error::Module(_))));
//! # Ok::<(), Error>(())
//! ```
//!
//! No example: the other types are what the variants of [`Error`] hold, to be matched on and to be printed.

#[cfg(feature = "cache")]
pub use crate::cache::{CacheError, Fault, PreparedError};
use crate::cleaning::{NotScrubbed, StackKept};
pub use crate::component::{ComponentRunError, Lack};
pub use crate::execute::ExecuteError;
pub use crate::execute::{Stop, StopCause, Stopped};
use crate::finding::Finding;
pub use crate::freeze::FreezeError;
use crate::host::Ledger;
pub use crate::host::{
    Denied, GuestExit, HostError, ImportCalled, InstanceLimit, LedgerLimit, MemoryLimit, NoMemory,
    ReplayDiverged, TaskLimit,
};
use crate::instance::CaptureError;
use crate::warning::Warning;
use preinit_core::addition::OtherHeap;
pub use preinit_core::encode::EncodeError;
pub use preinit_core::module::ModuleError;
pub use preinit_core::plan::PlanError;
use preinit_core::printable::Name;
pub use preinit_core::probe::ProbeError;

/// Why there is no snapshot, by the stage that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The machine has no room for a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The input is not a module that can be worked on.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The input is a component, and there is no snapshot of it.
    #[error(transparent)]
    Component(#[from] ComponentRunError),
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
    /// Free memory cannot be zeroed.
    #[error("free memory is not zeroed: {0}")]
    NotScrubbed(#[from] NotScrubbed),
    /// The stack cannot be cleared.
    #[error("the free stack cannot be cleared: {0}")]
    StackKept(StackKept),
    /// There would have been warnings, and they are not allowed.
    #[error("refused, since warnings are errors:{}", listed(warnings, findings))]
    Strict {
        /// What would have been warned of.
        warnings: Vec<Warning>,
        /// What of the build was seen to be in the snapshot.
        findings: Vec<Finding>,
    },
    /// The output could not be made.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Prepared code is not used.
    #[cfg(feature = "cache")]
    #[error("the prepared code is not used: {0}")]
    Prepared(#[from] PreparedError),
    /// What was added to the module does not fit its state, which is a mistake of preinit.
    #[error(transparent)]
    Addition(#[from] OtherHeap),
}

/// Options that contradict each other.
///
/// ```
/// use preinit::{Error, OptionsError, Preinit};
///
/// let builder = Preinit::new().at("stdin".parse().unwrap()).zero_stack(true);
/// let wasm = preinit::wat_to_wasm(br#"(module (memory 1) (func (export "_start")))"#)?;
/// assert!(matches!(builder.run(&wasm), Err(Error::Options(OptionsError::ClearsStackInUse))));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The stack of a frozen program is in use.
    #[error("the stack of a frozen program cannot be cleared: it is in use")]
    ClearsStackInUse,
    /// The program that is frozen may be in the middle of what would be called.
    #[error(
        "functions of a frozen program cannot be called before it is captured: it may be in the middle of them"
    )]
    CallsIntoFrozen,
    /// There is no such function to be called before the state is read.
    #[error(
        "`{0}`, which is to be called before the state is read, is no function of the module without parameters"
    )]
    NoFunctionBeforeCapture(Name),
    /// Several functions have a name in the name section.
    #[error("several functions are called {0}, and none of them is exported by that name")]
    FunctionsBeforeCapture(Name),
    /// An import of a core module cannot be an instance of its own.
    #[error("only imports of components can be cut, and this is a core module")]
    CutsImportOfModule,
    /// Two renames, or a rename and what is there.
    #[error("{0}")]
    Renames(String),
    /// Another export takes the place of the one that resumes a frozen program.
    #[error(
        "the program resumes in `{entry}`, and a rename puts another export in its place; give it another name"
    )]
    EntryReplaced {
        /// The export that resumes it.
        entry: String,
    },
}

fn listed(warnings: &[Warning], findings: &[Finding]) -> String {
    let warnings = warnings.iter().map(ToString::to_string);
    let titles = findings.iter().map(|finding| finding.title.clone());
    warnings.chain(titles).map(|line| format!("\n  {line}")).collect()
}

impl Error {
    /// The host calls that init had made when it was stopped, if it was.
    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Error::Execute(ExecuteError::Stopped(stopped))
            | Error::Freeze(FreezeError::Execute(ExecuteError::Stopped(stopped))) => Some(&stopped.ledger),
            Error::Freeze(FreezeError::NotReached(ended)) => Some(&ended.ledger),
            _ => None,
        }
    }

    /// Whether the module was understood and turned down (init did not end well, or the state cannot be written), as
    /// opposed to input, options or a machine that nothing can be done with.
    pub fn is_refusal(&self) -> bool {
        match self {
            // That says nothing about the module.
            Error::Plan(PlanError::NoMemory(_)) => false,
            Error::Plan(_) | Error::StackKept(_) | Error::NotScrubbed(_) | Error::Strict { .. } => true,
            Error::Module(error) => matches!(error, ModuleError::Proposal { .. }),
            Error::Execute(error) => matches!(error, ExecuteError::Stopped(_)),
            Error::Freeze(error) => error.is_refusal(),
            Error::Component(error) => error.is_refusal(),
            _ => false,
        }
    }
}
