//! What the snapshot is answered where its monotonic clock stands elsewhere than the original's.

use super::super::snapshot_clock::SnapshotClock;
use crate::host::{ComponentCall, Entry, Ledger};
use std::sync::Arc;

/// What calls of a component read the monotonic clock by.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@";

/// Why it is not known what a call does.
pub const WAITS: &str =
    "it waits for its monotonic clock after the place, which an instance of the snapshot has another one of";

/// The clock of an instance of the snapshot, for all calls of a sequence.
pub struct Clock {
    clock: SnapshotClock,
    /// Whether it stands elsewhere, as the host or as the component sees it.
    is_another: bool,
}

impl Clock {
    /// The original's.
    pub fn same() -> Clock {
        Clock::of(&Ledger::default(), false)
    }

    /// Of a snapshot that was made after the host calls in `record`.
    pub fn of(record: &Ledger, is_rebased: bool) -> Clock {
        let clock = SnapshotClock::of(record, is_rebased);
        Clock { is_another: is_rebased || clock.behind() > 0, clock }
    }

    /// What the snapshot is answered; `None` if waits are among it, which begin and end at times of their own.
    pub fn answers(&mut self, calls: &[ComponentCall], host_calls: &[Arc<Entry>]) -> Option<Vec<Arc<Entry>>> {
        let waits = host_calls.iter().any(|entry| entry.call.wasi() == Some("poll_oneoff"))
            || calls.iter().any(|call| is_clock(call) && call.import.name == "subscribe-instant");
        (!waits || !self.is_another).then(|| self.clock.answers(host_calls))
    }

    /// Whether the component sees the same in this call on both sides: its clock may tell another time than the host's.
    pub fn is_compared(&self, call: &ComponentCall) -> bool {
        !self.is_another || !is_clock(call)
    }
}

fn is_clock(call: &ComponentCall) -> bool {
    call.import.module.starts_with(MONOTONIC_CLOCK)
}
