//! The first run: the program until the call at which it is to be frozen, and no further; as often as is asked for.

use super::awaited_call::{Awaited, Progress};
use super::call_sites::{call_sites, imported_callee};
use super::not_reached::NotReached;
use super::program_run::{Binary, ProgramRun, RunResult};
use super::{Freeze, FreezeError};
use crate::engine::{self, Compiled};
use crate::execute::{ExecuteError, Execution, Initialized, Prepared, program_calls, the_function};
use crate::host::{HostOptions, ImportName, Limits};
use preinit_core::freeze::CallSite;
use preinit_core::printable::{Printable, listed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A program that is compiled to be stopped.
pub struct StopRun<'f> {
    pub(super) freeze: Freeze<'f>,
    pub(super) awaited: Awaited,
    pub(super) calls: Vec<String>,
    binary: Binary<'f>,
    compiled: Compiled,
    compile_time: Duration,
}

/// A program that was stopped.
pub struct StoppedRun {
    /// Its state, with every host call before the point.
    pub initialized: Initialized,
    /// Where it was.
    pub point: StopPoint,
}

/// Where a program was stopped: just before a call.
#[derive(Debug, Clone)]
pub struct StopPoint {
    /// Of the calls that were listened to, the last.
    pub(crate) event: u64,
    /// The function that is about to be called.
    pub callee: u32,
    /// The calls in progress, innermost first.
    pub sites: Vec<CallSite>,
    /// How many of the exports returned; the next one is in progress.
    pub returned: usize,
    /// How many host calls were made before it.
    pub host_calls: usize,
}

/// The error that ends a run at the call that was looked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "the place to freeze at was reached while the module was instantiated, where no export could resume it"
)]
pub(crate) struct Reached;

/// A call that was looked for.
struct Found {
    /// The number of calls that were listened to.
    event: u64,
    /// `None` if it is one of a function of the module's own.
    import: Option<ImportName>,
}

impl<'f> StopRun<'f> {
    /// Compiles the program.
    ///
    /// # Errors
    /// If there is no such call, or nothing to run.
    pub fn new(freeze: Freeze<'f>) -> Result<Self, FreezeError> {
        let Freeze { trigger, execution, .. } = freeze;
        let awaited = trigger.resolve(execution.module)?;
        let calls = program_calls(execution.module, execution.init_names)?;
        let compiling = Instant::now();
        let binary = Binary::new(execution.module, execution.probed, &awaited)?;
        let cache = execution.compilation.cache;
        let compiled = engine::compile_traced(&binary.wasm, execution.engine_options(), cache)
            .map_err(ExecuteError::Compile)?;
        Ok(StopRun { freeze, awaited, calls, binary, compiled, compile_time: compiling.elapsed() })
    }

    /// The exports that are called in order; in one of them it stops.
    pub fn calls(&self) -> &[String] {
        &self.calls
    }

    /// The program on another host.
    pub(super) fn program<'p>(&'p self, host: &'p HostOptions, limits: &'p Limits) -> ProgramRun<'p> {
        let execution = Execution { host, limits, ..self.freeze.execution };
        ProgramRun { execution, awaited: &self.awaited, calls: &self.calls }
    }

    /// Runs it to the call, on `host`, and then its hooks.
    ///
    /// # Errors
    /// If it does not come to the call, or in a way that could not be frozen.
    pub fn run(&self, host: &HostOptions, limits: &Limits) -> Result<StoppedRun, FreezeError> {
        let program = self.program(host, limits);
        let prepared = program.prepared((&self.binary.wasm, &self.compiled), self.compile_time);
        let progress = Arc::new(Mutex::new(Progress::default()));
        let result = program.run(prepared, self.binary.hook.as_ref(), self.awaited.listener(&progress));
        let (found, matches) = {
            let progress = progress.lock().map_err(|_| FreezeError::Unexplained("the host failed"))?;
            let found = progress.reached.clone().map(|import| Found { event: progress.events, import });
            (found, progress.matches)
        };
        let mut result = match (result, &found) {
            (Err(FreezeError::Execute(_)), Some(_)) => {
                return Err(FreezeError::Refused(Reached.to_string()));
            }
            (result, _) => result?,
        };
        let (error, found) = match (result.error.take(), found) {
            (Some(error), Some(found)) if error.is::<Reached>() => (error, found),
            (error, _) => return Err(self.not_reached(prepared, result, error, matches)),
        };
        self.stopped(prepared, result, &error, found)
    }

    fn stopped(
        &self,
        prepared: Prepared<'_>,
        result: RunResult,
        error: &wasmtime::Error,
        found: Found,
    ) -> Result<StoppedRun, FreezeError> {
        let module = self.freeze.execution.module;
        let mut sites = call_sites(error, module, &self.compiled, &self.binary)?;
        let callee = match found.import {
            // The function itself called the host; it is entered again.
            None => {
                sites.remove(0);
                let hook = self.binary.hook.as_ref();
                hook.ok_or(FreezeError::Unexplained("a hook that is not there"))?.function
            }
            Some(import) => imported_callee(module, &import, sites.first())?,
        };
        let returned = result.returned;
        let called = self.calls[..=returned].to_vec();
        let mut initialized = result.begun.end(prepared, called)?;
        let host_calls = initialized.store.data().ledger().len();
        initialized.call_hooks(prepared.execution.hooks, prepared.execution.limits)?;
        let point = StopPoint { event: found.event, callee, sites, returned, host_calls };
        Ok(StoppedRun { initialized, point })
    }

    fn not_reached(
        &self,
        prepared: Prepared<'_>,
        mut result: RunResult,
        error: Option<wasmtime::Error>,
        matches: u64,
    ) -> FreezeError {
        let how = match error {
            Some(error) => {
                let subject = the_function(&self.calls[result.returned]);
                let error = (&error, result.begun.store.data());
                prepared.run().stopped(&subject, "trapped", error).to_string()
            }
            None => format!("{} returned", listed(self.calls.iter().map(|name| Printable(name)), usize::MAX)),
        };
        let ledger = result.begun.store.data_mut().take_ledger();
        let trigger = self.freeze.trigger.clone();
        FreezeError::NotReached(Box::new(NotReached { trigger, how, matches, ledger }))
    }
}
