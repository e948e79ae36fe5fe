use crate::host::HostState;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Ends a run of the guest when its time is up; dropping it calls that off. It cannot end a call that is stuck in the
/// host or in `memory.atomic.wait`: for those the binary has a watchdog.
pub(crate) struct Interrupt {
    _called_off: Sender<()>,
}

impl Interrupt {
    pub fn after(timeout: Duration, engine: &Engine, store: &mut Store<HostState>) -> Interrupt {
        let begun = Instant::now();
        // Epochs are the engine's: when another run of the same code is ended, this one goes on.
        store.epoch_deadline_callback(move |_| {
            Ok(match begun.elapsed() < timeout {
                true => UpdateDeadline::Continue(1),
                false => UpdateDeadline::Interrupt,
            })
        });
        store.set_epoch_deadline(1);
        let (called_off, calling_off) = channel();
        let engine = engine.clone();
        std::thread::spawn(move || {
            if calling_off.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        });
        Interrupt { _called_off: called_off }
    }
}
