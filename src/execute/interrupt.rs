use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use wasmtime::{Engine, Store, UpdateDeadline};

/// Ends a run of the guest when its time is up; dropping it calls that off. It cannot end a call that is stuck in the
/// host or in `memory.atomic.wait`: for those the binary has a watchdog.
pub(crate) struct Interrupt {
    _called_off: Sender<()>,
}

impl Interrupt {
    pub fn after<T: 'static>(timeout: Duration, engine: &Engine, store: &mut Store<T>) -> Interrupt {
        let is_up = Arc::new(AtomicBool::new(false));
        // Epochs are the engine's: when another run of the same code is ended, this one goes on.
        let seen = Arc::clone(&is_up);
        store.epoch_deadline_callback(move |_| {
            Ok(match seen.load(Ordering::SeqCst) {
                true => UpdateDeadline::Interrupt,
                false => UpdateDeadline::Continue(1),
            })
        });
        store.set_epoch_deadline(1);
        let (called_off, calling_off) = channel();
        let engine = engine.clone();
        std::thread::spawn(move || {
            if calling_off.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                is_up.store(true, Ordering::SeqCst);
                engine.increment_epoch();
            }
        });
        Interrupt { _called_off: called_off }
    }
}
