//! Brings both sides to where the snapshot begins.

use super::side::{Program, Side};
use super::{VerifyError, VerifyOptions};
use crate::engine::{self, Compiled, Compiler, EngineOptions};
use crate::execute::{self, Compilation, ExecuteError, Execution, Prepared};
use crate::host::{HostOptions, Ledger, Limits};
use std::sync::Arc;
use std::time::Duration;

/// Memory that each side may use on top of what init may: for probes, which differ a little.
const PROBE_MEMORY: u64 = 64 << 20;

pub(super) fn compile(program: &Program<'_>, compiler: Compiler) -> wasmtime::Result<Compiled> {
    let options = EngineOptions { fuel: true, epochs: true, optimize: false, plain_traces: false };
    engine::compile_with(compiler, &program.probed.wasm, options)
}

/// The original behind its init.
pub(super) struct Led<'a> {
    pub side: Side<'a>,
    /// The host calls of init.
    pub ledger: Arc<Ledger>,
    /// How many of them preloaded modules made as they started; the follower's preloads make them too.
    pub preload_calls: usize,
}

/// Runs init of the original, answered from `replay` if there is one, and turns to the host for scripts.
pub(super) fn leader<'a>(
    program: &Arc<Program<'a>>,
    compiled: &Compiled,
    calls: &[String],
    replay: Option<Arc<Ledger>>,
    options: &VerifyOptions,
) -> Result<Led<'a>, VerifyError> {
    let host = options.init_host(replay);
    let limits = Limits {
        fuel: Some(options.limits.fuel.unwrap_or(u64::MAX)),
        max_memory: options.limits.max_memory.saturating_add(PROBE_MEMORY),
        ..timed(&options.limits)
    };
    let mut initialized = execute::start(prepared(program, compiled, &host, &limits), calls.to_vec())?;
    let preload_calls = initialized.preload_calls;
    let state = initialized.store.data_mut();
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
    state.restart(&options.run_host(), program.module.digest())?;
    state.allow_growth(options.growth);
    Ok(Led { side: Side::new(Arc::clone(program), initialized)?, ledger, preload_calls })
}

/// Instantiates the snapshot. It may call nothing, except what its preloads call as they start.
pub(super) fn follower<'a>(
    program: &Arc<Program<'a>>,
    compiled: &Compiled,
    preload_calls: Ledger,
    options: &VerifyOptions,
) -> Result<Result<Side<'a>, ExecuteError>, VerifyError> {
    let host = HostOptions { ..options.init_host(Some(Arc::new(preload_calls))) };
    let limits = Limits {
        fuel: Some(u64::MAX),
        max_memory: options.limits.max_memory.saturating_add(PROBE_MEMORY),
        ..timed(&options.limits)
    };
    let mut initialized = match execute::start(prepared(program, compiled, &host, &limits), Vec::new()) {
        Ok(initialized) => initialized,
        Err(error) => return Ok(Err(error)),
    };
    initialized.store.data_mut().allow_growth(options.growth);
    Ok(Ok(Side::new(Arc::clone(program), initialized)?))
}

fn prepared<'p>(
    program: &'p Program<'_>,
    compiled: &'p Compiled,
    host: &'p HostOptions,
    limits: &'p Limits,
) -> Prepared<'p> {
    execution(program, host, limits).prepared(compiled, Duration::ZERO)
}

/// A program on this host, without init functions of its own choice.
pub(super) fn execution<'p>(
    program: &'p Program<'_>,
    host: &'p HostOptions,
    limits: &'p Limits,
) -> Execution<'p> {
    Execution {
        module: &program.module,
        probed: &program.probed,
        init_functions: &[],
        hooks: &[],
        host,
        limits,
        compilation: Compilation::default(),
    }
}

/// The engine counts epochs, so there has to be a deadline.
pub(super) fn timed(limits: &Limits) -> Limits {
    Limits { timeout: Some(limits.timeout.unwrap_or(Duration::from_secs(u32::MAX.into()))), ..*limits }
}
