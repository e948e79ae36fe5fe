//! Runs init: compiles the probed module, instantiates it on the host, calls `_initialize` and the init functions.

mod interrupt;
mod trace;

pub use trace::{Frame, Trace};

use crate::capture::{Baseline, CaptureError, Subject};
use crate::engine::{self, Compiled, Compiler, EngineOptions};
use crate::host::{
    self, Denied, GuestExit, HostError, HostOptions, HostState, ImportCalled, LedgerLimit, Limits,
    MemoryLimit, ReplayDiverged,
};
use crate::module::{Module, is_function};
use crate::probe::Probed;
use interrupt::Interrupt;
use std::time::{Duration, Instant};
use wasmtime::{Instance, Store};

/// Init exports that are looked for when none is named, in this order.
pub const DEFAULT_INIT_FUNCTIONS: [&str; 3] = ["wizer-initialize", "wizer.initialize", "preinit"];

/// A reactor's constructors run in this export (WASI application ABI).
pub const REACTOR_INITIALIZE: &str = "_initialize";

/// An instance whose init has run.
pub struct Initialized {
    /// Holds everything that the instance refers to.
    pub store: Store<HostState>,
    /// The instance of the probed module.
    pub subject: Subject,
    /// The exports that were called.
    pub called: Vec<String>,
    /// How many of the host calls were made by preloaded modules as they started.
    pub preload_calls: usize,
    /// Which compiler ran it.
    pub compiler: Compiler,
    /// Time to compile.
    pub compile_time: Duration,
    /// Time to instantiate and run.
    pub run_time: Duration,
}

/// Why init did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// No such export, or none of the default ones.
    #[error("{0}")]
    NoInitFunction(String),
    /// The init export takes or returns something.
    #[error("the init function `{0}` must take no parameters and return nothing")]
    InitSignature(String),
    /// No compiler of the engine supports the module.
    #[error("the engine cannot compile the module: {0:#}")]
    Compile(wasmtime::Error),
    /// The host could not be set up or lacks an import.
    #[error(transparent)]
    Host(#[from] HostError),
    /// What the imports hold could not be read.
    #[error(transparent)]
    Baseline(#[from] CaptureError),
    /// The guest was stopped: it trapped, exited, or called what it must not.
    #[error("{stage}: {cause}{trace}")]
    Stopped {
        /// What was running, as a sentence that says how it ended.
        stage: String,
        /// Why.
        cause: String,
        /// Where.
        trace: Trace,
    },
}

/// Runs the init of `module`, whose probed form is `probed`.
///
/// # Errors
/// [`ExecuteError`]; nothing of a run that was stopped is worth keeping.
pub fn execute(
    module: &Module<'_>,
    probed: &Probed,
    init_functions: &[String],
    optimize: bool,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Initialized, ExecuteError> {
    let calls = calls(module, init_functions)?;
    let compiling = Instant::now();
    let engine_options =
        EngineOptions { optimize, fuel: limits.fuel.is_some(), epochs: limits.timeout.is_some() };
    let compiled = engine::compile(&probed.wasm, engine_options).map_err(ExecuteError::Compile)?;
    let compile_time = compiling.elapsed();
    start(&compiled, compile_time, calls, options, limits, digest)
}

/// Instantiates a compiled module and makes `calls`, all without parameters and results.
pub(crate) fn start(
    compiled: &Compiled,
    compile_time: Duration,
    calls: Vec<String>,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Initialized, ExecuteError> {
    let Compiled { engine, module: compiled, compiler } = compiled;
    let running = Instant::now();
    let mut store = host::new_store(engine, options, limits, digest)?;
    let interrupt = limits.timeout.map(|timeout| Interrupt::after(timeout, engine, &mut store));
    let imports = host::resolve_imports(&mut store, options, compiled)?;
    let preload_calls = store.data().ledger().len();
    let baseline = Baseline::of(&mut store, &imports)?;
    let instance = Instance::new(&mut store, compiled, &imports)
        .map_err(|error| stopped("instantiation", "failed", error, limits))?;
    for name in &calls {
        let function = instance
            .get_typed_func::<(), ()>(&mut store, name)
            .map_err(|_| ExecuteError::InitSignature(name.clone()))?;
        function
            .call(&mut store, ())
            .map_err(|error| stopped(&format!("the `{name}` function"), "trapped", error, limits))?;
    }
    drop(interrupt);
    // Whatever limit was set, it was for the guest and not for the capture.
    store.set_epoch_deadline(u64::MAX / 2);
    if limits.fuel.is_some() {
        store.set_fuel(u64::MAX).map_err(ExecuteError::Compile)?;
    }
    Ok(Initialized {
        store,
        subject: Subject { instance, imports, baseline },
        called: calls,
        preload_calls,
        compiler: *compiler,
        compile_time,
        run_time: running.elapsed(),
    })
}

/// The exports to call in order: a reactor's constructors first, once.
pub(crate) fn calls(module: &Module<'_>, named: &[String]) -> Result<Vec<String>, ExecuteError> {
    let mut calls: Vec<String> = Vec::new();
    if is_function_export(module, REACTOR_INITIALIZE) {
        calls.push(REACTOR_INITIALIZE.to_string());
    }
    if named.is_empty() {
        let found = DEFAULT_INIT_FUNCTIONS.iter().find(|name| is_function_export(module, name));
        calls.push(found.ok_or_else(|| no_default(module))?.to_string());
    }
    for name in named {
        if !is_function_export(module, name) {
            return Err(ExecuteError::NoInitFunction(format!(
                "there is no exported function `{name}`; {}",
                exported_functions(module)
            )));
        }
        if name != REACTOR_INITIALIZE {
            calls.push(name.clone());
        }
    }
    let nullary = |name: &String| module.export(name).is_some_and(|export| module.is_nullary(export.index));
    match calls.iter().find(|name| !nullary(name)) {
        Some(name) => Err(ExecuteError::InitSignature(name.clone())),
        None => Ok(calls),
    }
}

fn no_default(module: &Module<'_>) -> ExecuteError {
    ExecuteError::NoInitFunction(format!(
        "none of the default init functions `{}` is exported; name one with --init-func ({})",
        DEFAULT_INIT_FUNCTIONS.join("`, `"),
        exported_functions(module)
    ))
}

fn exported_functions(module: &Module<'_>) -> String {
    const SHOWN: usize = 12;
    let nullary =
        |export: &&wasmparser::Export<'_>| is_function(export.kind) && module.is_nullary(export.index);
    let mut names: Vec<&str> = module.exports.iter().filter(nullary).map(|export| export.name).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "the module exports no function without parameters and results".to_string(),
        (false, 0) => format!("candidates are `{}`", names.join("`, `")),
        (false, more) => format!("candidates are `{}` and {more} more", names.join("`, `")),
    }
}

fn is_function_export(module: &Module<'_>, name: &str) -> bool {
    module.export(name).is_some_and(|export| is_function(export.kind))
}

/// `subject` and `verb` are the words for a trap; an exit or a forbidden call has words of its own.
fn stopped(subject: &str, verb: &str, error: wasmtime::Error, limits: &Limits) -> ExecuteError {
    let trace = Trace::of(&error);
    let trap = error.downcast_ref::<wasmtime::Trap>().copied();
    let (stage, cause) = match (trap, limits.timeout, limits.fuel) {
        (Some(wasmtime::Trap::Interrupt), Some(timeout), _) => (
            format!("{subject} did not finish"),
            format!("it ran longer than the time limit of {timeout:?} (--timeout)"),
        ),
        (Some(wasmtime::Trap::OutOfFuel), _, Some(fuel)) => {
            (format!("{subject} did not finish"), format!("it used up its fuel of {fuel} (--fuel)"))
        }
        (Some(trap), _, _) => (format!("{subject} {verb}"), trap.to_string()),
        (None, _, _) => match stop_reason(&error) {
            Some(reason) => (format!("{subject} was stopped"), reason),
            None => (format!("{subject} {verb}"), error.root_cause().to_string()),
        },
    };
    ExecuteError::Stopped { stage, cause, trace }
}

/// Why the host stopped the guest, where it was the host.
fn stop_reason(error: &wasmtime::Error) -> Option<String> {
    fn text<E: std::error::Error + Send + Sync + 'static>(error: &wasmtime::Error) -> Option<String> {
        error.downcast_ref::<E>().map(ToString::to_string)
    }
    text::<ImportCalled>(error)
        .or_else(|| text::<GuestExit>(error))
        .or_else(|| text::<Denied>(error))
        .or_else(|| text::<MemoryLimit>(error))
        .or_else(|| text::<LedgerLimit>(error))
        .or_else(|| text::<ReplayDiverged>(error))
}
