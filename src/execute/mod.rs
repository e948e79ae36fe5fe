//! Runs init: compiles the probed module, instantiates it on the host, calls `_initialize` and the init functions.

mod error;
mod finished_init;
mod init_call;
mod init_function;
mod init_result;
mod interrupt;
mod stage_hook;
mod stop_cause;
mod trace;

pub use error::{ExecuteError, Stopped};
pub(crate) use finished_init::{Cached, Called, FinishedInit};
pub use init_call::{AllocatedArgument, InitCall};
pub use init_function::{
    COMMAND_START, Candidates, DEFAULT_INIT_FUNCTIONS, InitFunctionError, InitNames, REACTOR_INITIALIZE,
};
pub(crate) use init_function::{default_init_functions, init_calls, program_calls};
pub use init_result::InitResult;
pub(crate) use trace::Traced;
pub use trace::{Frame, Trace};

pub use crate::engine::Compilation;
use crate::engine::{self, Compiled, Compiler, EngineOptions, LONGEST_NAME, MissingCode, TierReason, Tiered};
use crate::host::{self, HostOptions, HostState, Limits, Watch};
use crate::instance::{Baseline, ProbedInstance, WasmtimeInstance};
use crate::preloaded::{self, PreloadedInstance};
pub(crate) use interrupt::Interrupt;
use preinit_core::module::{Module, Space, is_function};
use preinit_core::printable::Printable;
use preinit_core::probe::{Probe, Probed};
pub use stage_hook::{InitStage, StageHook};
use std::collections::HashMap;
use std::time::{Duration, Instant};
pub(crate) use stop_cause::Run;
pub use stop_cause::{Stop, StopCause};
use wasmtime::{Extern, Instance, Store, Val};

/// An instance whose init has run.
pub struct Initialized {
    /// Holds everything that the instance refers to.
    pub store: Store<HostState>,
    /// The instance of the probed module.
    pub instance: ProbedInstance,
    /// The preloaded modules that have state, in order.
    pub(crate) preloads: Vec<PreloadedInstance>,
    /// The exports that were called.
    pub called: Vec<String>,
    /// Texts and lists that they were given.
    pub arguments: Vec<AllocatedArgument>,
    /// How many of the host calls were made by preloaded modules as they started.
    pub preload_calls: usize,
    /// Which compiler ran it.
    pub compiler: Compiler,
    /// Whether the code looks at the time.
    pub(crate) interruptible: bool,
    /// Whether the code came from a cache.
    pub cached: bool,
    /// Why it was this code.
    pub tier: TierReason,
    /// Optimized code that is not there.
    pub(crate) missing: Option<MissingCode>,
    /// Time to compile.
    pub compile_time: Duration,
    /// Time to instantiate and run.
    pub run_time: Duration,
}

/// A function of the guest without parameters that runs after init, before the state is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The probe that exports it.
    pub export: String,
    /// What messages call it.
    pub name: String,
}

impl Initialized {
    /// The instance, for capture.
    pub fn reader(&mut self) -> WasmtimeInstance<'_, &mut Store<HostState>> {
        self.instance.with(&mut self.store)
    }

    /// The code that runs, for further instances.
    pub(crate) fn compiled(&self) -> Compiled {
        Compiled {
            engine: self.store.engine().clone(),
            module: self.instance.handle.module(&self.store).clone(),
            compiler: self.compiler,
            cached: self.cached,
            interruptible: self.interruptible,
        }
    }

    /// Calls `hooks` in order.
    ///
    /// # Errors
    /// [`ExecuteError::Stopped`], if one traps, or if they take longer than the rest of the time that init may take.
    pub fn call_hooks(&mut self, hooks: &[Hook], limits: &Limits) -> Result<(), ExecuteError> {
        call_hooks(hooks, limits, self.run_time, (&self.instance, &mut self.store))
    }
}

/// Calls `hooks` in order; `spent` is what has already been used of the time limit.
pub(crate) fn call_hooks(
    hooks: &[Hook],
    limits: &Limits,
    spent: Duration,
    (instance, store): (&ProbedInstance, &mut Store<HostState>),
) -> Result<(), ExecuteError> {
    let engine = store.engine().clone();
    let left = limits.timeout.map(|timeout| timeout.saturating_sub(spent));
    let interrupt = left.map(|left| Interrupt::after(left, &engine, store));
    for hook in hooks {
        let function = instance.handle.get_func(&mut *store, &hook.export);
        let function = function.ok_or_else(|| wasmtime::Error::msg("the function is not exported"));
        let called = function.and_then(|function| {
            let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
            function.call(&mut *store, &[], &mut results)
        });
        called.map_err(|error| stopped(Stop::of_hook(&hook.name, &error, limits), store))?;
    }
    drop(interrupt);
    store.set_epoch_deadline(u64::MAX / 2);
    Ok(())
}

/// What is run, on which host, and within which limits.
#[derive(Clone, Copy)]
pub struct Execution<'e> {
    /// The module.
    pub module: &'e Module<'e>,
    /// Its probed form, which runs.
    pub probed: &'e Probed,
    /// Exports to call, in order; if there are none, the first that exists of the default ones.
    pub init_names: InitNames<'e>,
    /// Which of their results are success.
    pub init_result: InitResult,
    /// Called when init begins, and when it has ended.
    pub on_init: Option<&'e StageHook>,
    /// What runs after them, before the state is read.
    pub hooks: &'e [Hook],
    /// What the guest sees.
    pub host: &'e HostOptions,
    /// What it may use.
    pub limits: &'e Limits,
    /// How it is compiled.
    pub compilation: Compilation<'e>,
}

impl<'e> Execution<'e> {
    /// The settings of the engine that these options need, where nothing but a choice for optimized code gives that.
    pub(crate) fn engine_options(self) -> EngineOptions {
        EngineOptions {
            optimize: self.compilation.optimize == Some(true),
            fuel: self.limits.fuel.is_some(),
            epochs: self.limits.timeout.is_some(),
            beyond_winch: self.host.preloads.iter().any(|preload| !engine::is_for_winch(&preload.wasm)),
        }
    }

    /// The same with code that is there already.
    pub(crate) fn prepared(self, compiled: &'e Compiled, compile_time: Duration) -> Prepared<'e> {
        Prepared { execution: self, binary: &self.probed.wasm, compiled, compile_time }
    }
}

/// Runs init and its hooks.
///
/// # Errors
/// [`ExecuteError`]; nothing of a run that was stopped is worth keeping.
pub fn execute(execution: Execution<'_>) -> Result<Initialized, ExecuteError> {
    init_calls(execution.module, execution.init_names)?;
    let compiling = Instant::now();
    let Tiered { compiled, reason, missing } = compile(execution)?;
    let mut initialized = execute_compiled(execution.prepared(&compiled, compiling.elapsed()), reason)?;
    initialized.missing = missing;
    Ok(initialized)
}

/// The code for init.
pub(crate) fn compile(execution: Execution<'_>) -> Result<Tiered, ExecuteError> {
    let options = EngineOptions { optimize: false, ..execution.engine_options() };
    engine::compile_tiered(&execution.probed.wasm, options, execution.compilation)
        .map_err(ExecuteError::Compile)
}

/// Runs init and its hooks in code that is there already, for this reason.
pub(crate) fn execute_compiled(
    prepared: Prepared<'_>,
    reason: TierReason,
) -> Result<Initialized, ExecuteError> {
    let execution = prepared.execution;
    let calls = init_calls(execution.module, execution.init_names)?;
    let mut initialized = start(prepared, &calls)?;
    initialized.tier = reason;
    if let Some(hook) = execution.on_init {
        hook.call(InitStage::Ended);
    }
    Ok(initialized)
}

/// A module that is ready to be instantiated.
#[derive(Clone, Copy)]
pub(crate) struct Prepared<'p> {
    pub execution: Execution<'p>,
    /// The probed form, or one that was made of it.
    pub binary: &'p [u8],
    pub compiled: &'p Compiled,
    pub compile_time: Duration,
}

/// Instantiates a compiled module, makes `calls` and calls the hooks.
pub(crate) fn start(prepared: Prepared<'_>, calls: &[InitCall]) -> Result<Initialized, ExecuteError> {
    let mut begun = begin(prepared, None)?;
    let mut arguments = Vec::new();
    for call in calls {
        arguments.extend(call.make(&mut begun, (prepared.run(), prepared.execution.init_result))?);
    }
    let called = calls.iter().map(|call| call.export.clone()).collect();
    let mut initialized = begun.end(prepared, called)?;
    initialized.arguments = arguments;
    initialized.call_hooks(prepared.execution.hooks, prepared.execution.limits)?;
    Ok(initialized)
}

/// The exported function `name`, in words.
pub(crate) fn the_function(name: &str) -> String {
    format!("the `{}` function", Printable(name))
}

fn stopped(stop: Stop, store: &mut Store<HostState>) -> ExecuteError {
    ExecuteError::Stopped(Box::new(Stopped { stop, ledger: store.data_mut().take_ledger() }))
}

/// An instance that is being initialized.
pub(crate) struct Begun {
    pub store: Store<HostState>,
    pub instance: ProbedInstance,
    preloads: Vec<PreloadedInstance>,
    preload_calls: usize,
    interrupt: Option<Interrupt>,
    running: Instant,
}

/// Instantiates a compiled module. `watch` sees all host calls.
pub(crate) fn begin(prepared: Prepared<'_>, watch: Option<Watch>) -> Result<Begun, ExecuteError> {
    let Execution { module, host: options, limits, .. } = prepared.execution;
    let engine = &prepared.compiled.engine;
    let running = Instant::now();
    let mut store = host::new_store(engine, options, limits, module.digest())?;
    if let Some(watch) = watch {
        store.data_mut().watch(watch);
    }
    if let Some(hook) = prepared.execution.on_init {
        hook.call(InitStage::Begins { interruptible: prepared.compiled.interruptible });
    }
    let interrupt = limits.timeout.map(|timeout| Interrupt::after(timeout, engine, &mut store));
    let Instantiated { instance, preloads, preload_calls } = instantiated(prepared, &mut store)?;
    Ok(Begun { store, instance, preloads, preload_calls, interrupt, running })
}

/// The instance, and what was there before it.
struct Instantiated {
    instance: ProbedInstance,
    preloads: Vec<PreloadedInstance>,
    /// The number of host calls that they made.
    preload_calls: usize,
}

fn instantiated(prepared: Prepared<'_>, store: &mut Store<HostState>) -> Result<Instantiated, ExecuteError> {
    let Execution { module, probed, host: options, .. } = prepared.execution;
    let compiled = &prepared.compiled.module;
    let run = prepared.run();
    if let Err(limit) = prepared.execution.limits.allow_instances(probed.instance_bytes) {
        return Err(stopped(run.stopped("instantiation", "failed", (&limit.into(), store.data())), store));
    }
    let preload_stopped =
        |error, store: &mut Store<HostState>| match run.preload_stopped(&error, store.data()) {
            Some(stop) => stopped(stop, store),
            None => error.into(),
        };
    let imports = host::resolve_imports(store, options, compiled);
    let imports = imports.map_err(|error| preload_stopped(error, store))?;
    let preload_calls = store.data().ledger().len();
    store.data_mut().name_functions(compiled, || names_beside_the_engine(module));
    let preloads = preloaded::begin(store, &options.preloads, &imports);
    let preloads = preloads.map_err(|error| preload_stopped(error, store))?;
    let baseline = Baseline::of(store, &imports)?;
    let handle = match instantiate(store, compiled, &imports, module.bytes, probed) {
        Ok(handle) => handle,
        Err(error) => {
            return Err(match run.not_instantiated(&error, store.data()) {
                Some(stop) => stopped(stop, store),
                None => ExecuteError::Link(error),
            });
        }
    };
    let instance = ProbedInstance::new(probed, handle, imports, baseline, store)?;
    Ok(Instantiated { instance, preloads, preload_calls })
}

/// Names for functions for which the engine has none: those that are exported under a name, and all, if one has a very long name.
fn names_beside_the_engine(module: &Module<'_>) -> HashMap<u32, String> {
    let functions = module.exports.iter().filter(|export| is_function(export.kind));
    let mut names: HashMap<u32, String> =
        functions.map(|export| (export.index, export.name.to_string())).collect();
    let own = module.names();
    let own =
        || (0u32..).zip(&module.functions).filter_map(|(at, _)| Some((at, own.get(Space::Function, at)?)));
    if own().any(|(_, name)| name.len() > LONGEST_NAME) {
        names
            .extend(own().map(|(at, name)| (at, name[..name.floor_char_boundary(LONGEST_NAME)].to_string())));
    }
    names
}

impl Begun {
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
            preloads: self.preloads,
            called,
            arguments: Vec::new(),
            preload_calls: self.preload_calls,
            compiler: prepared.compiled.compiler,
            cached: prepared.compiled.cached,
            interruptible: prepared.compiled.interruptible,
            tier: prepared.execution.compilation.optimize.map_or(TierReason::Frozen, |_| TierReason::Asked),
            missing: None,
            compile_time: prepared.compile_time,
            run_time: self.running.elapsed(),
        })
    }
}

impl<'p> Prepared<'p> {
    pub fn run(&self) -> Run<'p> {
        let Execution { module, host, limits, .. } = self.execution;
        let (binary, compiled) = (self.binary, &self.compiled.module);
        Run { module, binary, compiled, preloads: &host.preloads, limits }
    }
}

/// Instantiates the compiled probed form of the binary `wasm`, with everything that instantiation does in the original.
///
/// # Errors
/// Those of [`Instance::new`].
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
