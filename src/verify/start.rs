//! Brings both sides to the state in which a snapshot begins.

use super::compared_instance::ComparedInstance;
use super::probed_module::ProbedModule;
use super::{VerifyError, VerifyOptions};
use crate::engine::{self, Compiled, Compiler, EngineOptions};
use crate::execute::{self, Compilation, ExecuteError, Execution, InitCall, InitNames, InitResult};
use crate::host::{Entry, HostOptions, Ledger, Limits};
use std::sync::Arc;
use std::time::Duration;

/// Memory that each side may use in addition to what init may: for probes, which differ a little.
const PROBE_MEMORY: u64 = 64 << 20;

/// The settings of engines that verify.
pub(super) const ENGINE_OPTIONS: EngineOptions =
    EngineOptions { fuel: true, epochs: true, optimize: false, beyond_winch: false };

pub(super) fn compile(program: &ProbedModule<'_>, compiler: Compiler) -> wasmtime::Result<Compiled> {
    engine::compile_with(compiler, &program.probed.wasm, ENGINE_OPTIONS, None)
}

/// The same for the original, which is compared with many snapshots: its code is kept.
pub(super) fn compile_original(
    program: &ProbedModule<'_>,
    compiler: Compiler,
    options: &VerifyOptions,
) -> wasmtime::Result<Compiled> {
    engine::compile_with(compiler, &program.probed.wasm, ENGINE_OPTIONS, options.compile_cache())
}

/// The original after its init.
pub(super) struct InitRun<'a> {
    pub original: ComparedInstance<'a>,
    pub record: InitRecord,
}

/// The host calls of init.
#[derive(Clone)]
pub(super) struct InitRecord {
    pub ledger: Arc<Ledger>,
    /// How many of them preloaded modules made as they started. Those of the snapshot make them too.
    preload_calls: usize,
}

impl InitRecord {
    pub fn new(ledger: Arc<Ledger>, preload_calls: usize) -> Self {
        InitRecord { ledger, preload_calls }
    }

    /// All host calls.
    pub fn calls(&self) -> Vec<Arc<Entry>> {
        self.ledger.shared()
    }

    /// The host calls of preloaded modules.
    fn preload_calls(&self) -> Arc<Ledger> {
        Arc::new(self.ledger.first(self.preload_calls))
    }
}

/// Runs init of the original, answered from `replay` if there is one, and prepares the host for the calls of scripts.
pub(super) fn run_init<'a>(
    program: &Arc<ProbedModule<'a>>,
    compiled: &Compiled,
    calls: &[InitCall],
    replay: Option<Arc<Ledger>>,
    options: &VerifyOptions,
) -> Result<InitRun<'a>, VerifyError> {
    let host = options.init_host(replay);
    let limits = Limits { fuel: Some(options.limits.fuel.unwrap_or(u64::MAX)), ..limits(options) };
    let execution = execution(program, &host, &limits);
    let mut initialized = execute::start(execution.prepared(compiled, Duration::ZERO), calls)?;
    let preload_calls = initialized.preload_calls;
    let state = initialized.store.data_mut();
    let monotonic = state.monotonic_clock();
    let ledger = match host.replay {
        None => Arc::new(state.take_ledger()),
        Some(recorded) => {
            let made = state.ledger().len();
            if made != recorded.len() {
                return Err(VerifyError::NotReplayed { made, recorded: recorded.len() });
            }
            recorded
        }
    };
    state.restart(&options.run_host(), program.module.digest(), monotonic)?;
    state.allow_growth(options.growth);
    let original = ComparedInstance::new(Arc::clone(program), initialized)?;
    Ok(InitRun { original, record: InitRecord { ledger, preload_calls } })
}

/// Instantiates the snapshot. It may make no host calls, except for those that its preloaded modules make as they start.
pub(super) fn instantiate<'s>(
    program: &Arc<ProbedModule<'s>>,
    compiled: &Compiled,
    record: &InitRecord,
    options: &VerifyOptions,
) -> Result<Result<ComparedInstance<'s>, ExecuteError>, VerifyError> {
    let host = options.init_host(Some(record.preload_calls()));
    let limits = Limits { fuel: Some(u64::MAX), ..limits(options) };
    let execution = execution(program, &host, &limits);
    let mut initialized = match execute::start(execution.prepared(compiled, Duration::ZERO), &[]) {
        Ok(initialized) => initialized,
        Err(error) => return Ok(Err(error)),
    };
    initialized.store.data_mut().allow_growth(options.growth);
    Ok(Ok(ComparedInstance::new(Arc::clone(program), initialized)?))
}

fn limits(options: &VerifyOptions) -> Limits {
    let max_memory = options.limits.max_memory.saturating_add(PROBE_MEMORY);
    Limits { max_memory, ..with_deadline(&options.limits) }
}

/// The engine counts epochs, so there has to be a deadline.
pub(super) fn with_deadline(limits: &Limits) -> Limits {
    Limits { timeout: Some(limits.timeout.unwrap_or(Duration::from_secs(u32::MAX.into()))), ..*limits }
}

/// A program on this host, without init functions. Whatever they return, the snapshot that was made of it counts.
pub(super) fn execution<'p>(
    program: &'p ProbedModule<'_>,
    host: &'p HostOptions,
    limits: &'p Limits,
) -> Execution<'p> {
    Execution {
        module: &program.module,
        probed: &program.probed,
        init_names: InitNames { named: &[], default: &[] },
        init_result: InitResult::Any,
        on_init: None,
        hooks: &[],
        host,
        limits,
        compilation: Compilation::default(),
    }
}
