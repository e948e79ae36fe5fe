//! Plays the original for a comparison with what was frozen.

use super::FreezeError;
use super::play::{Listener, Scene};
use super::trigger::Trigger;
use crate::engine::Compiled;
use crate::execute::{ExecuteError, Execution, Initialized};
use crate::host::{HostOptions, HostState, ImportName, Ledger, Seen};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::{Caller, Val};

/// The original, and where it was frozen.
#[derive(Clone, Copy)]
pub(crate) struct Lead<'l> {
    pub trigger: &'l Trigger,
    /// The original, on the host that it had before the place.
    pub execution: Execution<'l>,
}

/// The original when the call that was interrupted has ended.
pub(crate) struct Led {
    pub initialized: Initialized,
    /// The export.
    pub entry: String,
    /// Exports that returned before.
    pub consumed: Vec<String>,
    pub error: Option<wasmtime::Error>,
    pub results: Vec<Val>,
}

impl Lead<'_> {
    /// The original at the place; and then, on `after`, behind the end of the call that was interrupted
    /// there. Its ledger holds the host calls since the place.
    pub fn play(
        self,
        after: &HostOptions,
        compile: impl Fn(&[u8]) -> wasmtime::Result<Compiled>,
    ) -> Result<(Initialized, Arc<Ledger>, Led), FreezeError> {
        let execution = self.execution;
        let awaited = self.trigger.resolve(execution.module)?;
        let calls = super::calls(execution.module, execution.init_functions)?;
        let scene = Scene { execution, awaited: &awaited, calls: &calls };
        let mut stop = scene.stop(&scene.stoppable()?, self.trigger)?;
        let ledger = Arc::new(stop.initialized.store.data_mut().take_ledger());
        let replayed = HostOptions { replay: Some(Arc::clone(&ledger)), ..execution.host.clone() };
        let (wasm, bell) = scene.with_bell()?;
        let compiled = compile(&wasm).map_err(ExecuteError::Compile)?;
        let calls = &calls[..=stop.place.returned];
        let execution = Execution { host: &replayed, ..execution };
        let scene = Scene { execution, calls, ..scene };
        let prepared = scene.prepared(&compiled, Duration::ZERO);
        let events = Arc::new(AtomicU64::new(0));
        let listener: Arc<Listener> = {
            let (event, after, digest) = (stop.place.event, after.clone(), execution.module.digest());
            let events = Arc::clone(&events);
            Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, _: &[Val]| {
                if events.fetch_add(1, Ordering::Relaxed) + 1 == event {
                    caller.data_mut().restart(&after, digest)?;
                }
                Ok(Seen::Answer)
            })
        };
        let played = scene.play(prepared, bell.as_ref(), listener)?;
        if events.load(Ordering::Relaxed) < stop.place.event {
            let how = played.error.as_ref().map_or("it returned".to_string(), |e| e.root_cause().to_string());
            return Err(FreezeError::NotRepeated(how));
        }
        let (last, consumed) = calls.split_last().ok_or(FreezeError::Unexplained("a stop without a call"))?;
        let led = Led {
            entry: last.clone(),
            consumed: consumed.to_vec(),
            error: played.error,
            results: played.results,
            initialized: played.begun.end(prepared, calls.to_vec())?,
        };
        Ok((stop.initialized, ledger, led))
    }
}
