//! Tells whether a snapshot is the original after init.
//!
//! What the answers mean. *Different* is a fact: the two modules were seen to differ, in the place that is named; the
//! only known false alarms are calls that use up the machine's own room (the depth of the call stack, memory), and
//! those are counted as *could not tell* wherever they are recognized, as is a call that runs out of fuel or time on
//! one side only. *Equal* means that no difference was found in what the coverage lists: the whole state after
//! instantiation, private parts included, is always compared; what calls do is compared for the calls that were made.
//! *Could not tell* means that something that was asked for could not be compared, and says what and why.
//!
//! Both sides run in lock step on the same engine. The original runs its init and leads: its host calls are answered by
//! the hermetic host (or, in init, from the ledger of the run that made the snapshot). The snapshot follows: each of its
//! host calls must be the leader's next, with the same arguments and bytes, and gets the leader's answer. So standard
//! output, exit codes and files need no comparison of their own, and nothing outside is touched for the follower.
//! After instantiation and after every call of a script the whole state is compared: globals, memories, tables,
//! dropped segments.
//!
//! Other engines (wasmi, V8) then do with the snapshot what was done with the original, answered from its record. What
//! differs there counts if the same engine, given the original, does not differ in that way too; so a snapshot that is
//! right on one engine only is found, and a fault of an engine is no difference.

mod allocate;
mod elsewhere;
mod foreign;
mod frozen;
mod generate;
mod options;
mod pattern;
mod play;
mod round;
mod script;
mod shrink;
mod side;
mod spectator;
mod start;
mod state;
mod structure;
mod value;
mod verdict;
mod verifier;

pub use foreign::OtherEngine;
pub use options::VerifyOptions;
pub use pattern::Pattern;
pub use script::{Expected, Literal, Script, ScriptError, Step};
pub use verdict::{Coverage, Difference, EngineCoverage, Outcome, Skipped, StateCoverage, Verdict};
pub use verifier::Verifier;

use crate::execute::ExecuteError;
use crate::freeze::FreezeError;
use crate::host::HostError;
use crate::instance::CaptureError;
use preinit_core::module::ModuleError;
use preinit_core::probe::ProbeError;

/// Why there is no verdict: the original's side could not be brought to where the snapshot begins.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The original is not a module.
    #[error("the original: {0}")]
    Original(#[from] ModuleError),
    /// A module cannot be instrumented.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Init of the original did not come to its end.
    #[error("the original's init: {0}")]
    Init(#[from] ExecuteError),
    /// The original does not come to the place at which it was frozen.
    #[error("the original does not come to where it was frozen")]
    Freeze(#[from] FreezeError),
    /// The host could not be set up.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A state could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Init did not do what it did when the snapshot was made.
    #[error("the original's init made {made} of the {recorded} host calls that it made before")]
    NotReplayed {
        /// Calls of this run.
        made: usize,
        /// Calls of the run that made the snapshot.
        recorded: usize,
    },
    /// The machine has no room for a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Compares `snapshot` with `original` after init.
///
/// ```
/// use preinit::verify::{Outcome, VerifyOptions, verify};
/// let original = preinit::wat_to_wasm(br#"(module
///     (global $answer (mut i32) (i32.const 0))
///     (func (export "preinit") (global.set $answer (i32.const 42)))
///     (func (export "answer") (result i32) (global.get $answer)))"#)?;
/// let snapshot = preinit::Preinit::new().run(&original)?.wasm;
/// let options = VerifyOptions { sequences: 2, ..VerifyOptions::default() };
/// let verdict = verify(&original, &snapshot, &options)?;
/// assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`VerifyError`], if the original cannot be run. Whatever is wrong with the snapshot is a difference.
pub fn verify(original: &[u8], snapshot: &[u8], options: &VerifyOptions) -> Result<Verdict, VerifyError> {
    crate::engine::on_guest_thread(|| match &options.at {
        Some(trigger) => frozen::verify(original, snapshot, trigger, options),
        None => Verifier::new(original, options)?.verify(snapshot),
    })?
}
