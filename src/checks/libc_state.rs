//! What libc has cached of the host after init: its functions are called again, to see whether they ask the host.

use crate::execute::{Cached, FinishedInit};
use crate::guest::LibcFunctions;

/// What libc has cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LibcState {
    pub preopens: Cached,
    pub environment: Cached,
    /// Whether the runtime of Go holds them, and not libc.
    pub is_go: bool,
}

impl LibcState {
    /// Calls the functions of libc.
    pub fn of(finished: &mut FinishedInit<'_>, libc: &LibcFunctions) -> LibcState {
        if libc.is_go {
            return LibcState { preopens: Cached::Yes, environment: Cached::Yes, is_go: true };
        }
        let mut state = LibcState { preopens: Cached::Unknown, environment: Cached::Unknown, is_go: false };
        if let Some(populate) = libc.populate_preopens {
            let mut ask = || finished.asks_again(populate, &[], "fd_prestat_get");
            state.preopens = match ask() {
                // The first answer was that there are none. A function that asks again does not cache it, and never does;
                // then what a constructor has found is kept.
                Cached::No if libc.populates_eagerly && ask() == Cached::No => Cached::Yes,
                asked => asked,
            };
        }
        if let Some(getenv) = libc.getenv
            && let Some(name) = finished.unset_variable()
        {
            state.environment = finished.asks_again(getenv, &[name], "environ_sizes_get");
        }
        state
    }
}
