//! Runs init, to its end or until a place, as often as is asked for.

use crate::engine::Compiled;
use crate::error::Error;
use crate::execute::{self, Execution, InitCall, Initialized};
use crate::freeze::{CallSite, Freeze, StopRun, StoppedRun};
use crate::host::{HostOptions, HostState, Limits};
use crate::instance::WasmtimeInstance;
use crate::options::Options;
use preinit_core::capture::capture;
use preinit_core::snapshot::Snapshot;
use std::time::Duration;
use wasmtime::Store;

/// An init that is compiled.
pub(super) struct InitRun<'c> {
    pub execution: Execution<'c>,
    extent: Extent<'c>,
}

/// How far init runs.
enum Extent<'c> {
    ToEnd { compiled: Compiled, calls: Vec<InitCall>, exports: Vec<String> },
    Until(Box<StopRun<'c>>),
}

/// The instance of an init that has run. Its store holds the ledger.
pub(super) struct InitEnd {
    pub initialized: Initialized,
    /// The calls in progress, the innermost first.
    pub in_progress: Vec<CallSite>,
}

impl<'c> InitRun<'c> {
    /// Compiles what `options` ask to run.
    pub fn compile(options: &'c Options, execution: Execution<'c>) -> Result<InitRun<'c>, Error> {
        let extent = match &options.at {
            None => {
                let calls = execute::init_calls(execution.module, execution.init_names)?;
                let exports = calls.iter().map(|call| call.export.clone()).collect();
                let compiled = execute::compile(execution)?.compiled;
                Extent::ToEnd { compiled, calls, exports }
            }
            Some(trigger) => {
                let freeze = Freeze { trigger, reader: options.frames, execution };
                Extent::Until(Box::new(StopRun::new(freeze)?))
            }
        };
        Ok(InitRun { execution, extent })
    }

    /// The exports that it calls, in order.
    pub fn calls(&self) -> &[String] {
        match &self.extent {
            Extent::ToEnd { exports, .. } => exports,
            Extent::Until(until) => until.calls(),
        }
    }

    /// Runs it on `host`.
    pub fn run(&self, host: &HostOptions, limits: &Limits) -> Result<InitEnd, Error> {
        match &self.extent {
            Extent::ToEnd { compiled, calls, .. } => {
                let execution = Execution { host, limits, ..self.execution };
                let initialized = execute::start(execution.prepared(compiled, Duration::ZERO), calls)?;
                Ok(InitEnd { initialized, in_progress: Vec::new() })
            }
            Extent::Until(until) => {
                let StoppedRun { initialized, point } = until.run(host, limits)?;
                Ok(InitEnd { initialized, in_progress: point.sites })
            }
        }
    }

    /// Reads the state that a run has left.
    pub fn snapshot<'s>(
        &self,
        instance: &'s mut WasmtimeInstance<'_, &mut Store<HostState>>,
    ) -> Result<Snapshot<'s>, Error> {
        Ok(capture(self.execution.module, self.execution.probed, instance)?)
    }
}
