//! A run that was abandoned because it took too long, repeated from its record: what it was in the middle of is seen in
//! code that looks at the time.

use crate::error::Error;
use crate::execute::{ExecuteError, Stop, StopCause, Stopped, Trace};
use crate::host::Ledger;
use crate::output::Output;
use crate::preinit::Preinit;
use std::sync::Arc;

impl Preinit {
    /// Repeats a [supervised](crate::Options::supervised) run that was abandoned when its time was up, answered from `record`,
    /// which is as far as it got. Nothing outside is touched. If it was in the middle of init, the answer is an error that
    /// says where; otherwise the snapshot.
    ///
    /// ```
    /// use preinit::host::Ledger;
    /// use preinit::{Options, Preinit};
    /// use std::time::Duration;
    ///
    /// let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit") (loop (br 0))))"#)?;
    /// let mut options = Options { supervised: true, ..Options::default() };
    /// options.limits.timeout = Some(Duration::from_millis(50));
    /// // A thread runs this with `options`, and is abandoned. It made no host calls.
    /// let record = Ledger::default();
    /// let error = Preinit::from(options).repeat(&wasm, (record, true), &mut Ledger::default()).unwrap_err();
    /// assert!(error.to_string().contains("the `preinit` function did not finish"));
    /// # Ok::<(), preinit::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Preinit::run_recorded`].
    pub fn repeat(
        &self,
        wasm: &[u8],
        (record, in_init): (Ledger, bool),
        ledger: &mut Ledger,
    ) -> Result<Output, Error> {
        let mut options = self.options().clone();
        options.optimize = Some(false);
        options.supervised = false;
        #[cfg(feature = "cache")]
        {
            options.prepared = None;
        }
        options.host.replay = Some(Arc::new(record.clone()));
        options.host.replay_outside_only = false;
        let limit = options.limits.timeout.unwrap_or_default();
        match Preinit::from(options).run_recorded(wasm, ledger) {
            Ok(_) if in_init => {
                // Answers that took the first run long were there at once.
                let stop = Stop {
                    stage: "init did not finish".to_string(),
                    function: None,
                    cause: StopCause::Timeout(limit),
                    trace: Trace::default(),
                };
                ledger.clone_from(&record);
                Err(ExecuteError::Stopped(Box::new(Stopped { stop, ledger: record })).into())
            }
            Err(Error::Execute(ExecuteError::Stopped(mut stopped))) => {
                let Stop { stage, cause, .. } = &mut stopped.stop;
                let is_beyond = |cause: &StopCause| matches!(cause, StopCause::Diverged(diverged) if diverged.recorded.is_none());
                if is_beyond(cause) {
                    *cause = StopCause::Timeout(limit);
                    *stage = stage.replace(" was stopped", " did not finish");
                }
                Err(ExecuteError::Stopped(stopped).into())
            }
            result => result,
        }
    }
}
