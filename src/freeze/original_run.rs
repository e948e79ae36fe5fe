//! Runs the original for a comparison with what was frozen.

use super::program_run::{Binary, Listener, how_it_ended};
use super::stop_run::{StopRun, StoppedRun};
use super::trigger::Trigger;
use super::{FrameReader, Freeze, FreezeError};
use crate::engine::Compiled;
use crate::execute::{ExecuteError, Execution, Initialized};
use crate::host::{HostOptions, HostState, ImportName, Ledger, Seen};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::{Caller, Val};

/// The original, and where it was frozen.
#[derive(Clone, Copy)]
pub(crate) struct OriginalRun<'o> {
    pub trigger: &'o Trigger,
    /// The original, on the host that it had before the call.
    pub execution: Execution<'o>,
}

/// The original when the call that was interrupted has ended.
pub(crate) struct OriginalEnded {
    pub initialized: Initialized,
    /// The export.
    pub entry: String,
    /// Exports that returned before.
    pub consumed: Vec<String>,
    pub error: Option<wasmtime::Error>,
    pub results: Vec<Val>,
}

impl OriginalRun<'_> {
    /// The original at the call; and then, on the host `after`, at the end of the export that was interrupted there. The
    /// ledger of the latter holds the host calls since.
    pub fn run(
        self,
        after: &HostOptions,
        compile: impl Fn(&[u8]) -> wasmtime::Result<Compiled>,
    ) -> Result<(Initialized, Arc<Ledger>, OriginalEnded), FreezeError> {
        let execution = self.execution;
        let stop_run =
            StopRun::new(Freeze { trigger: self.trigger, reader: FrameReader::default(), execution })?;
        let StoppedRun { mut initialized, point } = stop_run.run(execution.host, execution.limits)?;
        let ledger = Arc::new(initialized.store.data_mut().take_ledger());
        let replayed = HostOptions { replay: Some(Arc::clone(&ledger)), ..execution.host.clone() };
        let mut program = stop_run.program(&replayed, execution.limits);
        program.calls = &program.calls[..=point.returned];
        let Binary { wasm, hook, .. } = program.binary()?;
        let compiled = compile(&wasm).map_err(ExecuteError::Compile)?;
        let prepared = program.prepared((&wasm, &compiled), Duration::ZERO);
        let events = Arc::new(AtomicU64::new(0));
        let listener: Arc<Listener> = {
            let (event, after, digest) = (point.event, after.clone(), execution.module.digest());
            let events = Arc::clone(&events);
            Arc::new(move |caller: &mut Caller<'_, HostState>, _: Option<&ImportName>, _: &[Val]| {
                if events.fetch_add(1, Ordering::Relaxed) + 1 == event {
                    let monotonic = caller.data_mut().monotonic_clock();
                    caller.data_mut().restart(&after, digest, monotonic)?;
                }
                Ok(Seen::Answer)
            })
        };
        let result = program.run(prepared, hook.as_ref(), listener)?;
        if events.load(Ordering::Relaxed) < point.event {
            return Err(FreezeError::NotRepeated(how_it_ended(result.error.as_ref())));
        }
        let calls = program.calls.split_last();
        let (last, consumed) = calls.ok_or(FreezeError::Unexplained("a stop without a call"))?;
        let ended = OriginalEnded {
            entry: last.clone(),
            consumed: consumed.to_vec(),
            error: result.error,
            results: result.results,
            initialized: result.begun.end(prepared, program.calls.to_vec())?,
        };
        Ok((initialized, ledger, ended))
    }
}
