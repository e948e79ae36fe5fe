//! Compares a snapshot with the original after init.
//!
//! What the answers mean. *Different* is a fact: the two modules were seen to differ, at the place that is named. The only
//! known false alarms are calls that use up the machine's own resources (the depth of the call stack, memory). Those count
//! as *could not tell* wherever they are recognized, as does a call that runs out of fuel or time on one side only. *Equal*
//! means that no difference was found in what the coverage lists: the whole state after instantiation, private parts
//! included, is always compared; what calls do is compared for the calls that were made. *Could not tell* means that
//! something that was asked for could not be compared, and says what and why; code that the snapshot adds and the verifier
//! would not is of that sort.
//!
//! Both sides run in lock step on the same engine. The original goes first. It runs its init; then the hermetic host answers
//! its host calls (those of init from the ledger of the run that made the snapshot, if there is one). The snapshot follows:
//! each of its host calls must be the original's next one, with the same arguments and bytes, and gets the same answer. So
//! standard output, exit codes and files need no comparison of their own, and for the snapshot nothing outside is touched.
//! After instantiation and after every call of a script the whole state is compared: globals, memories, tables, dropped
//! segments.
//!
//! Other engines (wasmi, V8) then do with the snapshot what was done with the original, answered from its record. What
//! differs there counts only if the same engine, given the original, does not differ in the same way. So a snapshot that is
//! right on one engine only is found, and a fault of an engine is not taken for a difference.
//!
//! Calls that are written down, other engines, and one original for several snapshots:
//!
//! ```
//! use preinit::verify::{Expected, Literal, OtherEngine, Outcome, Pattern, Script, Verifier, VerifyOptions};
//!
//! let wasm = preinit::wat_to_wasm(br#"(module
//!     (global $sum (mut i32) (i32.const 0))
//!     (func (export "preinit") (global.set $sum (i32.const 40)))
//!     (func (export "add") (param i32) (result i32)
//!         (global.set $sum (i32.add (global.get $sum) (local.get 0))) (global.get $sum)))"#)?;
//! let snapshot = preinit::Preinit::new().run(&wasm)?.wasm;
//!
//! let script = Script::parse("add(2) => 42")?;
//! let expected = Literal::Integer { negative: false, magnitude: 42 };
//! assert_eq!(script.steps[0].expected, Some(Expected::Results(vec![expected])));
//! let mut options = VerifyOptions::default();
//! options.scripts = vec![script];
//! options.other_engines = vec![OtherEngine::Wasmi];
//! options.sequences = 1;
//! let mut verifier = Verifier::new(&wasm, &options)?;
//! let verdict = verifier.verify(&snapshot)?;
//! assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
//! assert!(verdict.coverage.engines.iter().any(|engine| engine.name == OtherEngine::Wasmi.name()));
//!
//! // Init was never run.
//! let verdict = verifier.verify(&wasm)?;
//! assert_eq!((verdict.outcome, verdict.outcome.exit_code()), (Outcome::Different, 1));
//! assert!(verdict.differences.iter().any(|found| Pattern::new("global.*").matches_key(&found.key)), "{verdict}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No example: the other types are what a [`Verdict`] and errors hold.

mod action;
mod added_code;
mod arguments;
mod boundary_values;
mod call_result;
mod compared_instance;
mod comparison;
mod component;
mod custom_sections;
mod differences;
mod engine_run;
mod failure;
mod foreign_functions;
mod fresh;
mod fresh_comparison;
mod frozen_comparison;
mod heap_comparison;
mod imported_state;
mod instance_state;
mod lock_step;
mod memory_comparison;
mod module_comparison;
mod not_compared;
mod observer;
mod options;
mod other_engines;
mod pattern;
mod playing;
mod preload_comparison;
mod probed_module;
mod script;
mod segment_contents;
mod sequences;
mod shrink;
mod snapshot_clock;
mod snapshot_run;
mod start;
mod state_comparison;
mod tolerance;
mod unknown_references;
mod verdict;
mod verdict_builder;
mod verdict_text;
mod verifier;

pub use crate::literal::Literal;
pub use options::VerifyOptions;
pub use other_engines::OtherEngine;
pub use pattern::Pattern;
pub use script::{Expected, Script, ScriptError, Step};
pub use verdict::{
    Assumption, Coverage, Difference, EngineCoverage, Outcome, Skipped, StateCoverage, Verdict,
};
pub use verifier::Verifier;

use crate::component::ComponentRunError;
use crate::error::OptionsError;
use crate::execute::ExecuteError;
use crate::freeze::FreezeError;
use crate::host::{HostError, NoMemory};

use crate::instance::CaptureError;
use preinit_core::component::is_component;
use preinit_core::module::ModuleError;
use preinit_core::probe::ProbeError;

/// Why there is no verdict: the original could not be brought to the state in which the snapshot begins.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The original is not a valid module.
    #[error("the original: {0}")]
    Original(#[from] ModuleError),
    /// The original is a component that cannot be initialized.
    #[error("the original: {0}")]
    Component(#[from] ComponentRunError),
    /// A module cannot be instrumented.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Init of the original did not complete.
    #[error("the original's init: {0}")]
    Init(#[from] ExecuteError),
    /// The original did not reach the point at which it was frozen.
    #[error("the original did not reach the point at which it was frozen")]
    Freeze(#[from] FreezeError),
    /// The host could not be set up.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A state could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Init did not behave as it did when the snapshot was made.
    #[error("the original's init made only {made} of the {recorded} recorded host calls")]
    NotReplayed {
        /// Calls of this run.
        made: usize,
        /// Calls of the run that made the snapshot.
        recorded: usize,
    },
    /// The options contradict the original.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The machine had no memory for what the snapshot may have.
    #[error("not known whether they are equal: {0}")]
    Memory(NoMemory),
    /// A thread could not be started.
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
    let options = &options.of_one_run();
    crate::engine::on_guest_thread(|| match &options.at {
        _ if is_component(original) => component::verify(original, snapshot, options),
        _ if !options.cut_imports.is_empty() => Err(OptionsError::CutsImportOfModule.into()),
        Some(trigger) => frozen_comparison::verify(original, snapshot, trigger, options),
        None => Verifier::new(original, options)?.verify(snapshot),
    })?
}
