//! What the snapshot is answered where its monotonic clock stands elsewhere than the original's.

use super::super::snapshot_clock::{SnapshotClock, reading_at_the_start, waits_forever};
use super::side::Side;
use crate::host::{ComponentCall, Entry, Ledger};
use preinit_core::rebase::rebased_imports;
use preinit_core::wasi_version::WasiVersion;
use std::sync::Arc;

/// What calls of a component read clocks by.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@";
const WALL_CLOCK: &str = "wasi:clocks/wall-clock@";

/// Why it is not known what a call does.
pub const WAITS: &str =
    "it waits before it reads its monotonic clock, which an instance of the snapshot has another one of";

/// Who lets the monotonic clock of a snapshot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shifts {
    Nobody,
    /// The core module that reads it by preview 1.
    Reader,
    /// A core module between the component's import and all others.
    Component,
}

impl Shifts {
    pub fn of(original: &Side<'_>, snapshot: &Side<'_>) -> Shifts {
        if !snapshot.added_clocks(original).is_empty() {
            return Shifts::Component;
        }
        let mut pairs = (0..).zip(original.counterparts(snapshot));
        let is_reader = |(instance, counterpart): (usize, Option<usize>)| {
            let right = counterpart.and_then(|counterpart| snapshot.part(counterpart));
            let (Some(left), Some(right)) = (original.part(instance), right) else { return false };
            !rebased_imports(&right.module, left.module.functions.len() as u32).is_empty()
        };
        if pairs.any(is_reader) { Shifts::Reader } else { Shifts::Nobody }
    }
}

/// The clock of an instance of the snapshot, for all calls of a sequence.
pub struct Clock {
    clock: SnapshotClock,
    shifts: Shifts,
    /// Whether who shifts it knows by how much.
    is_found: bool,
    /// Whether time has gone by before that.
    has_waited: bool,
    /// Whether the last call was a reading of the wall clock.
    has_read_wall_clock: bool,
}

impl Clock {
    /// Of a snapshot that was made after the host calls in `record`.
    pub fn of(record: &Ledger, shifts: Shifts) -> Clock {
        let clock = SnapshotClock::of(record, shifts != Shifts::Nobody);
        Clock { clock, shifts, is_found: false, has_waited: false, has_read_wall_clock: false }
    }

    /// Whether it stands elsewhere, as the host or as the component sees it.
    fn is_another(&self) -> bool {
        self.shifts != Shifts::Nobody || self.clock.behind() > 0
    }

    /// What the snapshot is answered; `None` if that is not known.
    pub fn answers(&mut self, calls: &[ComponentCall], host_calls: &[Arc<Entry>]) -> Option<Vec<Arc<Entry>>> {
        if !self.is_another() {
            return Some(host_calls.to_vec());
        }
        if host_calls.iter().any(|entry| waits_forever(entry)) {
            return None;
        }
        let mut answers: Vec<Arc<Entry>> = Vec::with_capacity(host_calls.len() + 1);
        let mut rest = host_calls.iter();
        for call in calls {
            if self.reads_before(call)? {
                let made = host_calls.len() - rest.len();
                let before = call.answered_by.start.saturating_sub(made);
                answers.extend(rest.by_ref().take(before).map(|entry| self.clock.earlier(entry)));
                // As the host's `now` is answered.
                answers.push(Arc::new(reading_at_the_start(WasiVersion::Preview1.module(), 1, 0)));
            }
        }
        answers.extend(rest.map(|entry| self.clock.earlier(entry)));
        Some(answers)
    }

    /// Whether the snapshot asks for the time before this call, because it does not know by how much it has to shift it; `None` if
    /// that is not known.
    fn reads_before(&mut self, call: &ComponentCall) -> Option<bool> {
        if self.is_found || self.shifts == Shifts::Nobody {
            return Some(false);
        }
        let is_of = |interface: &str| call.import.module.starts_with(interface);
        // To wait for the wall clock, an adapter reads it first.
        let may_wait_already = std::mem::replace(&mut self.has_read_wall_clock, false);
        let reads = match (&*call.import.name, self.shifts) {
            ("now", _) if is_of(WALL_CLOCK) => {
                self.has_read_wall_clock = true;
                false
            }
            _ if !is_of(MONOTONIC_CLOCK) => false,
            ("subscribe-duration", Shifts::Component) => {
                self.has_waited = true;
                false
            }
            ("subscribe-instant", Shifts::Component) if !self.has_waited => true,
            ("subscribe-instant" | "subscribe-duration", Shifts::Reader) if !may_wait_already => true,
            ("now", _) if !self.has_waited => {
                self.is_found = true;
                false
            }
            ("now" | "subscribe-instant" | "subscribe-duration", _) => return None,
            _ => false,
        };
        self.is_found |= reads;
        Some(reads)
    }

    /// Whether the component sees the same in this call on both sides: its clock may tell another time than the host's.
    pub fn is_compared(&self, call: &ComponentCall) -> bool {
        !self.is_another() || !call.import.module.starts_with(MONOTONIC_CLOCK)
    }
}
