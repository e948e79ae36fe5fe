//! How far init runs, and running it so far.

use crate::engine::{self, Compiled, EngineOptions};
use crate::error::Error;
use crate::execute::{self, ExecuteError, Execution, Initialized, Purpose};
use crate::freeze::{CallSite, Freeze, StopRun, StoppedRun};
use crate::host::{HostOptions, Limits};
use crate::options::Options;
use preinit_core::module::Module;
use preinit_core::probe::Probed;
use std::time::Duration;

/// An init that is compiled.
pub(super) struct Course<'c> {
    pub module: &'c Module<'c>,
    pub probed: &'c Probed,
    execution: Execution<'c>,
    way: Way<'c>,
}

enum Way<'c> {
    Whole { compiled: Compiled, calls: Vec<String> },
    Until(Box<StopRun<'c>>),
}

/// An init that has run.
pub(super) struct Ended {
    /// Its ledger is in the store.
    pub initialized: Initialized,
    /// The calls in progress, the innermost first.
    pub in_progress: Vec<CallSite>,
}

impl<'c> Course<'c> {
    /// Compiles what is to be run, by `options`.
    pub fn new(options: &'c Options, execution: Execution<'c>) -> Result<Course<'c>, Error> {
        let Execution { module, probed, .. } = execution;
        let way = match &options.at {
            None => {
                let calls = execute::calls(module, &options.init_functions, Purpose::Init)?;
                let engine_options = EngineOptions { plain_traces: true, ..execution.engine_options() };
                let compiled =
                    engine::compile_cached(&probed.wasm, engine_options, execution.compilation.cache)
                        .map_err(ExecuteError::Compile)?;
                Way::Whole { compiled, calls }
            }
            Some(trigger) => {
                let freeze = Freeze { trigger, reader: options.frames, execution };
                Way::Until(Box::new(StopRun::new(freeze)?))
            }
        };
        Ok(Course { module, probed, execution, way })
    }

    /// The exports that it calls, in order.
    pub fn calls(&self) -> &[String] {
        match &self.way {
            Way::Whole { calls, .. } => calls,
            Way::Until(until) => until.calls(),
        }
    }

    /// The engine that it is compiled for.
    pub fn engine(&self) -> &wasmtime::Engine {
        match &self.way {
            Way::Whole { compiled, .. } => &compiled.engine,
            Way::Until(until) => &until.compiled().engine,
        }
    }

    /// Runs it.
    pub fn run(&self, host: &HostOptions, limits: &Limits) -> Result<Ended, Error> {
        match &self.way {
            Way::Whole { compiled, calls } => {
                let execution = Execution { host, limits, ..self.execution };
                let initialized =
                    execute::start(execution.prepared(compiled, Duration::ZERO), calls.clone())?;
                Ok(Ended { initialized, in_progress: Vec::new() })
            }
            Way::Until(until) => {
                let StoppedRun { initialized, point } = until.run(host, limits)?;
                Ok(Ended { initialized, in_progress: point.sites })
            }
        }
    }
}
