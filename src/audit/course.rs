//! How far init runs, and running it so far.

use super::libc::ResetHooks;
use crate::engine::{self, Compiled, EngineOptions};
use crate::error::Error;
use crate::execute::{self, ExecuteError, Initialized, Prepared};
use crate::freeze::{Freeze, Site, Stopped, Until};
use crate::host::{HostOptions, Limits};
use crate::preinit::Options;
use preinit_core::module::Module;
use preinit_core::probe::{Probe, Probed};
use std::time::Duration;

/// An init that is compiled.
pub(super) struct Course<'c> {
    pub module: &'c Module<'c>,
    pub probed: &'c Probed,
    hooks: Vec<(String, &'static str)>,
    digest: [u8; 32],
    way: Way<'c>,
}

enum Way<'c> {
    Whole { compiled: Compiled, calls: Vec<String> },
    Until(Box<Until<'c>>),
}

/// An init that has run.
pub(super) struct Ended {
    /// Its ledger is in the store.
    pub initialized: Initialized,
    /// The calls in progress, the innermost first.
    pub in_progress: Vec<Site>,
}

impl<'c> Course<'c> {
    /// Compiles what `options` want to be run; `host` records it.
    pub fn new(
        module: &'c Module<'c>,
        probed: &'c Probed,
        options: &'c Options,
        host: &'c HostOptions,
        hooks: &ResetHooks,
        digest: [u8; 32],
    ) -> Result<Course<'c>, Error> {
        let limits = &options.limits;
        let way = match &options.at {
            None => {
                let calls = execute::calls(module, &options.init_functions)?;
                let engine_options = EngineOptions {
                    optimize: options.optimize,
                    fuel: limits.fuel.is_some(),
                    epochs: limits.timeout.is_some(),
                    plain_traces: true,
                };
                let compiled = engine::compile_cached(&probed.wasm, engine_options, options.cache.as_ref())
                    .map_err(ExecuteError::Compile)?;
                Way::Whole { compiled, calls }
            }
            Some(trigger) => {
                let freeze = Freeze {
                    trigger,
                    reader: options.frames,
                    init_functions: &options.init_functions,
                    host,
                    limits,
                    optimize: options.optimize,
                    cache: options.cache.as_ref(),
                    digest,
                };
                Way::Until(Box::new(Until::new(module, probed, freeze)?))
            }
        };
        let export = |index: u32| probed.export_name(Probe::Function(index));
        let hooks = hooks.functions.iter().map(|&(index, name)| (export(index), name)).collect();
        Ok(Course { module, probed, hooks, digest, way })
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
        let Course { module, probed, digest, .. } = *self;
        let mut ended = match &self.way {
            Way::Whole { compiled, calls } => {
                let prepared = Prepared { module, probed, compiled, compile_time: Duration::ZERO };
                let initialized = execute::start(prepared, calls.clone(), host, limits, digest)?;
                Ended { initialized, in_progress: Vec::new() }
            }
            Way::Until(until) => {
                let Stopped { initialized, sites } = until.run(host, limits)?;
                Ended { initialized, in_progress: sites }
            }
        };
        for (export, name) in &self.hooks {
            ended.initialized.call_hook(export, name, limits)?;
        }
        Ok(ended)
    }
}
