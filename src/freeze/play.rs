//! Runs a program until somebody who listens to its calls ends it.

use super::FreezeError;
use super::bell::Bell;
use super::trigger::{Awaited, AwaitedCall};
use crate::engine::Compiled;
use crate::execute::{self, Begun, Execution, Prepared};
use crate::host::{HostState, ImportName, Seen, Watch};
use preinit_core::module::Module;
use preinit_core::probe::Probed;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{Caller, Val};

/// What is run, and on what host.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    pub execution: Execution<'s>,
    pub awaited: &'s Awaited,
    /// Exports to call, in order.
    pub calls: &'s [String],
}

/// Hears of every call that could be the awaited one: of an import, or `None` for the awaited function itself.
pub(super) type Listener =
    dyn Fn(&mut Caller<'_, HostState>, Option<&ImportName>, &[Val]) -> wasmtime::Result<Seen> + Send + Sync;

/// A run that is over.
pub(super) struct Played {
    pub begun: Begun,
    /// How many of the calls returned.
    pub returned: usize,
    /// How the next one ended.
    pub error: Option<wasmtime::Error>,
    /// What the last one returned.
    pub results: Vec<Val>,
}

impl<'s> Scene<'s> {
    pub fn module(&self) -> &'s Module<'s> {
        self.execution.module
    }

    pub fn probed(&self) -> &'s Probed {
        self.execution.probed
    }

    pub fn prepared(self, compiled: &'s Compiled, compile_time: Duration) -> Prepared<'s> {
        self.execution.prepared(compiled, compile_time)
    }

    /// Plays the scene.
    pub fn play(
        self,
        prepared: Prepared<'_>,
        bell: Option<&Bell>,
        listener: Arc<Listener>,
    ) -> Result<Played, FreezeError> {
        let watched = match &self.awaited.call {
            AwaitedCall::Function(_) => None,
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
        if let Some(bell) = bell {
            bell.arm(&mut begun, listener).map_err(execute::ExecuteError::Compile)?;
        }
        let mut results = Vec::new();
        for (returned, name) in self.calls.iter().enumerate() {
            let function = begun.instance.handle.get_func(&mut begun.store, name);
            let function = function.ok_or(FreezeError::Unexplained("an export that is missing"))?;
            results = vec![Val::I32(0); function.ty(&begun.store).results().len()];
            if let Err(error) = function.call(&mut begun.store, &[], &mut results) {
                return Ok(Played { begun, returned, error: Some(error), results: Vec::new() });
            }
        }
        Ok(Played { begun, returned: self.calls.len(), error: None, results })
    }
}
