use super::{State, StateError, StateInstance, StateSchema, fitting};
use crate::addition::{Extended, OtherHeap};
use crate::capture::{CaptureError, capture};
use crate::constant_exports::{ConstantExport, ConstantExportError, constant_exports};
use crate::encode::{EncodeError, encode};
use crate::module::{Module, ModuleError, is_function};
use crate::plan::{PlanError, PlanOptions, Warning, plan};
use crate::probe::{ProbeError, ProbeOptions, Probed};
use std::collections::BTreeMap;

/// Exports that run constructors, by convention.
const INITIALIZERS: [&str; 2] = ["_initialize", "__wasm_call_ctors"];

/// The contents of memories.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Of every memory, by memory index.
    pub memories: Vec<Vec<u8>>,
    /// Of imported memories as they were handed over, by memory index, where the state names a file.
    pub imported: BTreeMap<u32, Vec<u8>>,
    /// What objects and strings hold, if the state has such.
    pub heap: Vec<u8>,
}

/// Choices about a snapshot that the state does not decide.
#[derive(Debug, Clone, Default)]
pub struct SnapshotOptions {
    /// How it is written.
    pub plan: PlanOptions,
    /// Exports that do nothing any more.
    pub constant_exports: Vec<ConstantExport>,
}

/// A snapshot.
#[derive(Debug, Clone)]
pub struct Written {
    /// The binary.
    pub wasm: Vec<u8>,
    /// What may surprise.
    pub warnings: Vec<Warning>,
    /// Exports that would initialize it again if they were called.
    pub initializers: Vec<String>,
}

/// Why a state does not become a snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The state is not that of an instance of the module.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state contradicts itself.
    #[error(transparent)]
    Capture(CaptureError<StateError>),
    /// The module cannot be probed.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// An export cannot do nothing.
    #[error(transparent)]
    ConstantExport(#[from] ConstantExportError),
    /// The state cannot be written into a module.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The state has a value of a type that its place does not have.
    #[error("the state does not fit the types of the module: {0}")]
    Types(ModuleError),
    /// The output could not be made.
    #[error(transparent)]
    Encode(EncodeError),
    /// What was added to the module does not validate.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// What was added to the module does not fit its state.
    #[error(transparent)]
    Addition(#[from] OtherHeap),
}

impl SnapshotError {
    /// Whether the state was understood and turned down.
    pub fn is_refusal(&self) -> bool {
        matches!(self, SnapshotError::Plan(_))
    }
}

impl From<CaptureError<StateError>> for SnapshotError {
    fn from(error: CaptureError<StateError>) -> Self {
        match error {
            CaptureError::Instance(error) => SnapshotError::State(error),
            error => SnapshotError::Capture(error),
        }
    }
}

/// The form of the module that any host can run, and what the host has to read.
///
/// # Errors
/// If the module cannot be probed.
pub fn probe(module: &Module<'_>) -> Result<(Vec<u8>, StateSchema), ProbeError> {
    let probed = Probed::with(module, &ProbeOptions::for_any_host())?;
    let schema = StateSchema::of(module, &probed);
    Ok((probed.wasm, schema))
}

/// The module in this state.
///
/// # Errors
/// [`SnapshotError`], if it is not the state of the module, or cannot be written.
pub fn snapshot(
    module: &Module<'_>,
    state: &State,
    contents: &Contents,
    options: &SnapshotOptions,
) -> Result<Written, SnapshotError> {
    let instance = StateInstance::new(module, state, &contents.memories)?;
    let mut instance = instance.with_imported(&contents.imported)?.with_heap(&contents.heap)?;
    if !options.plan.internalize {
        fitting::check_recorded(module, state)?;
    }
    let probed = Probed::with(module, &ProbeOptions::for_any_host())?;
    let snapshot = capture(module, &probed, &mut instance)?;
    let mut extended = Extended::new(module, snapshot);
    if !options.constant_exports.is_empty() {
        extended.add(constant_exports(module, &options.constant_exports)?)?;
    }
    let added = if extended.is_original() { None } else { Some(extended.module()?) };
    let target = added.as_ref().unwrap_or(module);
    let constant = |name: &String| extended.entries().contains(name);
    let mut plan_options = options.plan.clone();
    plan_options.removed_exports.retain(|name| !constant(name));
    let plan = plan(target, extended.snapshot(), &plan_options)?;
    let wasm = encode(target, extended.snapshot(), &plan).map_err(|error| match error {
        EncodeError::Invalid(error) => SnapshotError::Types(error),
        error => SnapshotError::Encode(error),
    })?;
    let mut warnings = plan.warnings.clone();
    if extended.drops_dwarf() && !warnings.contains(&Warning::DwarfDropped) {
        warnings.push(Warning::DwarfDropped);
    }
    let initializes = |name: &&str| {
        let kept = plan.exports.iter().find(|export| export.name == *name);
        kept.is_some_and(|export| {
            is_function(export.kind) && (export.index as usize) < module.functions.len()
        })
    };
    let initializers = INITIALIZERS.into_iter().filter(initializes).map(str::to_string).collect();
    Ok(Written { wasm, warnings, initializers })
}
