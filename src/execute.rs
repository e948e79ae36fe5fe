//! Runs init: compiles the probed module, instantiates it on the host, calls `_initialize` and the init functions.

mod interrupt;
mod stopped;
mod trace;

pub use trace::{Frame, Trace};

use crate::cache::CompileCache;
use crate::engine::{self, Compiled, Compiler, EngineOptions};
use crate::host::{self, HostError, HostOptions, HostState, Ledger, Limits, Watch};
use crate::instance::{Baseline, InstanceError, ProbedInstance, WasmtimeInstance};
pub(crate) use interrupt::Interrupt;
use preinit_core::module::{Module, is_function};
use preinit_core::probe::{Probe, Probed};
use std::time::{Duration, Instant};
pub(crate) use stopped::Run;
use wasmtime::{Extern, Instance, Store};

/// Init exports that are looked for when none is named, in this order.
pub const DEFAULT_INIT_FUNCTIONS: [&str; 3] = ["wizer-initialize", "wizer.initialize", "preinit"];

/// A reactor's constructors run in this export (WASI application ABI).
pub const REACTOR_INITIALIZE: &str = "_initialize";

/// An instance whose init has run.
pub struct Initialized {
    /// Holds everything that the instance refers to.
    pub store: Store<HostState>,
    /// The instance of the probed module.
    pub instance: ProbedInstance,
    /// The exports that were called.
    pub called: Vec<String>,
    /// How many of the host calls were made by preloaded modules as they started.
    pub preload_calls: usize,
    /// Which compiler ran it.
    pub compiler: Compiler,
    /// Whether the code came from a cache.
    pub cached: bool,
    /// Time to compile.
    pub compile_time: Duration,
    /// Time to instantiate and run.
    pub run_time: Duration,
}

impl Initialized {
    /// The instance, for capture.
    pub fn reader(&mut self) -> WasmtimeInstance<'_, &mut Store<HostState>> {
        self.instance.with(&mut self.store)
    }

    /// Calls a function without parameters and results that the probe exports as `export`; messages call it `name`.
    ///
    /// # Errors
    /// [`ExecuteError::Stopped`], if it traps or takes longer than init may.
    pub fn call_hook(&mut self, export: &str, name: &str, limits: &Limits) -> Result<(), ExecuteError> {
        let engine = self.store.engine().clone();
        let interrupt = limits.timeout.map(|timeout| Interrupt::after(timeout, &engine, &mut self.store));
        let function = self.instance.handle.get_typed_func::<(), ()>(&mut self.store, export);
        let called = function.and_then(|function| function.call(&mut self.store, ()));
        drop(interrupt);
        self.store.set_epoch_deadline(u64::MAX / 2);
        called.map_err(|error| {
            let (how, cause) = match (error.downcast_ref(), limits.timeout) {
                (Some(wasmtime::Trap::Interrupt), Some(timeout)) => (
                    "did not finish",
                    format!("it ran longer than the time limit of {timeout:?} (--timeout)"),
                ),
                _ => ("trapped", error.root_cause().to_string()),
            };
            ExecuteError::Stopped {
                stage: format!("the `{name}` function {how}"),
                cause,
                trace: Trace::default(),
                ledger: Box::new(self.store.data_mut().take_ledger()),
            }
        })
    }
}

/// Why init did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// No such export, or none of the default ones.
    #[error("{0}")]
    NoInitFunction(String),
    /// The init export takes or returns something.
    #[error("the init function `{name}` must take no parameters and return nothing; {candidates}")]
    InitSignature {
        /// The export.
        name: String,
        /// What could be called, in words.
        candidates: String,
    },
    /// What provides the imports is not what the module wants.
    #[error("the imports do not fit: {0:#}")]
    Link(wasmtime::Error),
    /// No compiler of the engine supports the module.
    #[error("the engine cannot compile the module: {0:#}")]
    Compile(wasmtime::Error),
    /// The host could not be set up or lacks an import.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The instance, or what the imports hold, could not be read.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The guest was stopped: it trapped, exited, or called what it must not.
    #[error("{stage}: {cause}{trace}")]
    Stopped {
        /// What was running, as a sentence that says how it ended.
        stage: String,
        /// Why.
        cause: String,
        /// Where.
        trace: Trace,
        /// The host calls that were made until then.
        ledger: Box<Ledger>,
    },
}

/// How init is compiled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Compilation<'c> {
    /// Take the time to compile optimized code.
    pub optimize: bool,
    /// Where to look for the code and to leave it.
    pub cache: Option<&'c CompileCache>,
}

/// Runs the init of `module`, whose probed form is `probed`.
///
/// # Errors
/// [`ExecuteError`]; nothing of a run that was stopped is worth keeping.
pub fn execute(
    module: &Module<'_>,
    probed: &Probed,
    init_functions: &[String],
    compilation: Compilation<'_>,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Initialized, ExecuteError> {
    let calls = calls(module, init_functions)?;
    let compiling = Instant::now();
    let engine_options = EngineOptions {
        optimize: compilation.optimize,
        fuel: limits.fuel.is_some(),
        epochs: limits.timeout.is_some(),
        plain_traces: options.ledger_backtraces,
    };
    let compiled = engine::compile_cached(&probed.wasm, engine_options, compilation.cache)
        .map_err(ExecuteError::Compile)?;
    let compile_time = compiling.elapsed();
    let prepared = Prepared { module, probed, compiled: &compiled, compile_time };
    start(prepared, calls, options, limits, digest)
}

/// A module that is ready to be instantiated.
#[derive(Clone, Copy)]
pub(crate) struct Prepared<'p> {
    pub module: &'p Module<'p>,
    pub probed: &'p Probed,
    /// Of the probed form.
    pub compiled: &'p Compiled,
    pub compile_time: Duration,
}

/// Instantiates a compiled module and makes `calls`, all without parameters and results.
pub(crate) fn start(
    prepared: Prepared<'_>,
    calls: Vec<String>,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
) -> Result<Initialized, ExecuteError> {
    let mut begun = begin(prepared, options, limits, digest, None)?;
    let run = prepared.run(limits);
    for name in &calls {
        let function = begun.instance.handle.get_typed_func::<(), ()>(&mut begun.store, name);
        let function = function.map_err(|_| init_signature(prepared.module, name))?;
        if let Err(error) = function.call(&mut begun.store, ()) {
            let error = run.stopped(&format!("the `{name}` function"), "trapped", error);
            return Err(error.with_ledger(&mut begun.store));
        }
    }
    begun.end(prepared, calls)
}

/// An instance that is being initialized.
pub(crate) struct Begun {
    pub store: Store<HostState>,
    pub instance: ProbedInstance,
    preload_calls: usize,
    interrupt: Option<Interrupt>,
    running: Instant,
}

/// Instantiates a compiled module. `watch` sees all host calls.
pub(crate) fn begin(
    prepared: Prepared<'_>,
    options: &HostOptions,
    limits: &Limits,
    digest: [u8; 32],
    watch: Option<Watch>,
) -> Result<Begun, ExecuteError> {
    let engine = &prepared.compiled.engine;
    let running = Instant::now();
    let mut store = host::new_store(engine, options, limits, digest)?;
    if let Some(watch) = watch {
        store.data_mut().watch(watch);
    }
    let interrupt = limits.timeout.map(|timeout| Interrupt::after(timeout, engine, &mut store));
    match instantiated(prepared, options, limits, &mut store) {
        Ok((instance, preload_calls)) => Ok(Begun { store, instance, preload_calls, interrupt, running }),
        Err(error) => Err(error.with_ledger(&mut store)),
    }
}

/// Gives the instance, and the number of host calls that preloaded modules made.
fn instantiated(
    prepared: Prepared<'_>,
    options: &HostOptions,
    limits: &Limits,
    store: &mut Store<HostState>,
) -> Result<(ProbedInstance, usize), ExecuteError> {
    let Prepared { module, probed, compiled, .. } = prepared;
    let compiled = &compiled.module;
    let run = prepared.run(limits);
    let imports = host::resolve_imports(store, options, compiled).map_err(|error| run.no_imports(error))?;
    let preload_calls = store.data().ledger().len();
    let functions = module.exports.iter().filter(|export| is_function(export.kind));
    let names = functions.map(|export| (export.index, export.name.to_string()));
    store.data_mut().name_functions(compiled, names);
    let baseline = Baseline::of(store, &imports)?;
    let instance = instantiate(store, compiled, &imports, module.bytes, probed)
        .map_err(|error| run.not_instantiated(error))?;
    Ok((ProbedInstance::new(probed, instance, imports, baseline, store)?, preload_calls))
}

impl ExecuteError {
    /// With the calls that were made until then, where it tells of them.
    fn with_ledger(self, store: &mut Store<HostState>) -> ExecuteError {
        match self {
            ExecuteError::Stopped { stage, cause, trace, .. } => {
                let ledger = Box::new(store.data_mut().take_ledger());
                ExecuteError::Stopped { stage, cause, trace, ledger }
            }
            error => error,
        }
    }
}

impl Begun {
    /// The instance, for capture.
    pub fn reader(&mut self) -> WasmtimeInstance<'_, &mut Store<HostState>> {
        self.instance.with(&mut self.store)
    }

    /// What was set was for the guest and not for the capture.
    pub fn unbounded(&mut self) -> Result<(), ExecuteError> {
        self.interrupt = None;
        self.store.set_epoch_deadline(u64::MAX / 2);
        // Without fuel there is nothing to set.
        match self.store.get_fuel() {
            Ok(_) => self.store.set_fuel(u64::MAX).map_err(ExecuteError::Compile),
            Err(_) => Ok(()),
        }
    }

    /// Nothing of the guest runs any more.
    pub fn end(mut self, prepared: Prepared<'_>, called: Vec<String>) -> Result<Initialized, ExecuteError> {
        self.unbounded()?;
        Ok(Initialized {
            store: self.store,
            instance: self.instance,
            called,
            preload_calls: self.preload_calls,
            compiler: prepared.compiled.compiler,
            cached: prepared.compiled.cached,
            compile_time: prepared.compile_time,
            run_time: self.running.elapsed(),
        })
    }
}

impl<'p> Prepared<'p> {
    pub fn run<'r>(&self, limits: &'r Limits) -> Run<'r>
    where
        'p: 'r,
    {
        Run { module: self.module, compiled: &self.compiled.module, limits }
    }
}

/// Instantiates the compiled probed form of the binary `wasm`, with everything that instantiation does in the original.
///
/// # Errors
/// As of [`Instance::new`].
pub fn instantiate<T: 'static>(
    store: &mut Store<T>,
    compiled: &wasmtime::Module,
    imports: &[Extern],
    wasm: &[u8],
    probed: &Probed,
) -> wasmtime::Result<Instance> {
    let instance = Instance::new(&mut *store, compiled, imports)?;
    let Some(deferred) = &probed.deferred else { return Ok(instance) };
    for data in &deferred.data {
        let name = probed.export_name(Probe::Memory(data.memory));
        let memory = instance.get_memory(&mut *store, &name);
        let memory =
            memory.ok_or_else(|| wasmtime::Error::msg(format!("the probe export `{name}` is missing")))?;
        memory.write(&mut *store, data.offset, &wasm[data.contents.clone()])?;
    }
    if deferred.start.is_some() {
        let start = instance.get_typed_func::<(), ()>(&mut *store, &probed.export_name(Probe::Start))?;
        start.call(store, ())?;
    }
    Ok(instance)
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
        Some(name) => Err(init_signature(module, name)),
        None => Ok(calls),
    }
}

fn init_signature(module: &Module<'_>, name: &str) -> ExecuteError {
    ExecuteError::InitSignature { name: name.to_string(), candidates: exported_functions(module) }
}

fn no_default(module: &Module<'_>) -> ExecuteError {
    ExecuteError::NoInitFunction(format!(
        "none of the default init functions `{}` is exported; name one with --init-func ({})",
        DEFAULT_INIT_FUNCTIONS.join("`, `"),
        exported_functions(module)
    ))
}

pub(crate) fn exported_functions(module: &Module<'_>) -> String {
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
