//! Runs a program until somebody who listens to its calls ends it.

use super::FreezeError;
use super::awaited_call::{Awaited, AwaitedCall};
use super::entry_hook;
use crate::engine::Compiled;
use crate::execute::{self, Begun, Execution, Prepared};
use crate::host::{HostState, ImportName, Seen, Watch};
use preinit_core::freeze::{EntryHook, HookedModule};
use preinit_core::module::Module;
use preinit_core::probe::Probed;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{Caller, Val};

/// What is run, and what it is listened to for.
#[derive(Clone, Copy)]
pub(super) struct ProgramRun<'p> {
    pub execution: Execution<'p>,
    pub awaited: &'p Awaited,
    /// Exports to call, in order.
    pub calls: &'p [String],
}

/// Hears of every call that could be the awaited one: of an import, or `None` for the awaited function itself.
pub(super) type Listener =
    dyn Fn(&mut Caller<'_, HostState>, Option<&ImportName>, &[Val]) -> wasmtime::Result<Seen> + Send + Sync;

/// A run that is over.
pub(super) struct RunResult {
    pub begun: Begun,
    /// How many of the calls returned.
    pub returned: usize,
    /// How the next one ended.
    pub error: Option<wasmtime::Error>,
    /// What the last one returned.
    pub results: Vec<Val>,
}

/// What is compiled.
pub(super) struct Binary<'p> {
    pub wasm: Cow<'p, [u8]>,
    /// What it was made from.
    pub probed: &'p Probed,
    /// In the awaited function, if it is the module's own.
    pub hook: Option<EntryHook>,
}

impl<'p> Binary<'p> {
    /// The probed form of `module` in which the awaited call can be listened to.
    pub fn new(module: &Module<'_>, probed: &'p Probed, awaited: &Awaited) -> Result<Self, FreezeError> {
        let Some(function) = awaited.call.function() else {
            return Ok(Binary { wasm: Cow::Borrowed(&probed.wasm), probed, hook: None });
        };
        let HookedModule { wasm, hook } = HookedModule::new(module, probed, function)?;
        Ok(Binary { wasm: Cow::Owned(wasm), probed, hook: Some(hook) })
    }
}

impl<'p> ProgramRun<'p> {
    pub fn module(&self) -> &'p Module<'p> {
        self.execution.module
    }

    pub fn probed(&self) -> &'p Probed {
        self.execution.probed
    }

    pub fn binary(&self) -> Result<Binary<'p>, FreezeError> {
        Binary::new(self.module(), self.probed(), self.awaited)
    }

    /// `compiled` was made of `binary`.
    pub fn prepared(
        self,
        (binary, compiled): (&'p [u8], &'p Compiled),
        compile_time: Duration,
    ) -> Prepared<'p> {
        Prepared { binary, ..self.execution.prepared(compiled, compile_time) }
    }

    /// Makes the calls, until one of them fails.
    pub fn run(
        self,
        prepared: Prepared<'_>,
        hook: Option<&EntryHook>,
        listener: Arc<Listener>,
    ) -> Result<RunResult, FreezeError> {
        let watched = match &self.awaited.call {
            AwaitedCall::Function(_) | AwaitedCall::OpenAnswered { .. } => None,
            AwaitedCall::Import { name, .. } => Some(HashSet::from([name.clone()])),
            AwaitedCall::Stdin | AwaitedCall::Open(_) => Some(HashSet::new()),
        };
        let watch = watched.map(|imports| {
            let listener = Arc::clone(&listener);
            let observe = move |caller: &mut Caller<'_, HostState>, import: &ImportName, values: &[Val]| {
                listener(caller, Some(import), values)
            };
            Watch { imports, observe: Box::new(observe) }
        });
        let mut begun = execute::begin(prepared, watch)?;
        if let Some(hook) = hook {
            entry_hook::enable(hook, &mut begun, listener)?;
        }
        let mut results = Vec::new();
        for (returned, name) in self.calls.iter().enumerate() {
            let function = begun.instance.handle.get_func(&mut begun.store, name);
            let function = function.ok_or(FreezeError::Unexplained("an export that is missing"))?;
            results = vec![Val::I32(0); function.ty(&begun.store).results().len()];
            if let Err(error) = function.call(&mut begun.store, &[], &mut results) {
                return Ok(RunResult { begun, returned, error: Some(error), results: Vec::new() });
            }
        }
        Ok(RunResult { begun, returned: self.calls.len(), error: None, results })
    }
}

/// How a run ended, in a few words.
pub(super) fn how_it_ended(error: Option<&wasmtime::Error>) -> String {
    error.map_or("it returned".to_string(), |error| error.root_cause().to_string())
}
