//! The host's monotonic clock on the snapshot's side begins anew, as it does in every instance, while that of the original goes
//! on from where init left it.

use crate::host::{Call, Clock, Entry, HostValue, ImportName, Ledger, Outcome, Region};
use preinit_core::addition::Extended;
use preinit_core::module::Module;
use preinit_core::rebase::{rebase_clock, rebased_imports};
use preinit_core::wasi_version::WasiVersion;
use std::sync::Arc;

/// How far ahead the original's clock may be without the snapshot noticing, in nanoseconds: what readings alone cost.
const UNNOTICED: u64 = 1_000_000;

const MONOTONIC: u32 = 1;

/// Where the monotonic clock of a snapshot goes on, if it does.
pub(super) fn rebased(ledger: &Ledger, original: &Module<'_>, snapshot: &Module<'_>) -> Option<u64> {
    let is_rebased = !rebased_imports(snapshot, original.functions.len() as u32).is_empty();
    ledger.monotonic_clock().filter(|_| is_rebased)
}

/// Lets the clock go on there. Whether that is possible.
pub(super) fn rebase(extended: &mut Extended<'_>, clock: Option<u64>) -> bool {
    let Some(clock) = clock else { return true };
    let addition = extended.module().ok().and_then(|module| rebase_clock(&module, clock).ok().flatten());
    addition.is_some_and(|addition| extended.add(addition).is_ok())
}

/// The answers that the snapshot gets, of those that the original has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SnapshotClock {
    /// By how much the snapshot's clock is behind, in nanoseconds.
    behind: u64,
    /// Whether the snapshot shifts what it is answered.
    is_rebased: bool,
    /// Whether the snapshot knows by how much.
    is_found: bool,
}

impl SnapshotClock {
    /// For a snapshot that was made after the host calls in `ledger`.
    pub fn new(ledger: &Ledger, original: &Module<'_>, snapshot: &Module<'_>) -> SnapshotClock {
        SnapshotClock::of(ledger, !rebased_imports(snapshot, original.functions.len() as u32).is_empty())
    }

    /// The same, where it is known whether the snapshot shifts what it is answered.
    pub fn of(ledger: &Ledger, is_rebased: bool) -> SnapshotClock {
        let ahead = ledger.monotonic_clock().map_or(0, |clock| clock.saturating_sub(1));
        let behind = if is_rebased || ahead > UNNOTICED { ahead } else { 0 };
        SnapshotClock { behind, is_rebased, is_found: false }
    }

    /// By how much the snapshot's clock is behind, in nanoseconds.
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// What the snapshot is answered.
    pub fn answers(&mut self, calls: &[Arc<Entry>]) -> Vec<Arc<Entry>> {
        if self.behind == 0 && !self.is_rebased {
            return calls.to_vec();
        }
        calls.iter().flat_map(|entry| self.answer(entry)).collect()
    }

    fn answer(&mut self, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
        match entry.call.wasi() {
            Some("clock_time_get") if entry.monotonic_reading().is_some() => {
                self.is_found = true;
                vec![self.earlier(entry)]
            }
            Some("poll_oneoff") if self.is_rebased => self.wait(entry),
            _ => vec![Arc::clone(entry)],
        }
    }

    /// The same reading, or the same wait, at the snapshot's own time.
    pub fn earlier(&self, entry: &Arc<Entry>) -> Arc<Entry> {
        match entry.call.wasi() {
            Some("clock_time_get") if entry.monotonic_reading().is_some() => {
                Arc::new(Entry { writes: self.earlier_readings(&entry.writes), ..Entry::clone(entry) })
            }
            Some("poll_oneoff") => Arc::new(self.earlier_wait(entry).0),
            _ => Arc::clone(entry),
        }
    }

    fn earlier_readings(&self, readings: &[Region]) -> Vec<Region> {
        let earlier = |region: &Region| {
            let bytes = match region.bytes.first_chunk() {
                Some(time) => u64::from_le_bytes(*time).saturating_sub(self.behind).to_le_bytes().to_vec(),
                None => region.bytes.clone(),
            };
            Region { address: region.address, bytes }
        };
        readings.iter().map(earlier).collect()
    }

    /// A wait for times that are earlier. A snapshot that does not know the time asks for it before.
    fn wait(&mut self, entry: &Entry) -> Vec<Arc<Entry>> {
        let (shifted, waits_for_clock) = self.earlier_wait(entry);
        let mut calls = Vec::new();
        if waits_for_clock && !self.is_found {
            self.is_found = true;
            calls.extend(first_reading(&entry.call).map(Arc::new));
        }
        calls.push(Arc::new(shifted));
        calls
    }

    /// A wait for times that are earlier, and whether it waits for any clock.
    fn earlier_wait(&self, entry: &Entry) -> (Entry, bool) {
        let (mut shifted, mut waits_for_clock) = (entry.clone(), false);
        let layout = entry.call.wasi_version().map(WasiVersion::subscription);
        if let (Some(layout), Some(region)) = (layout, shifted.call.reads.first_mut()) {
            for subscription in region.bytes.chunks_exact_mut(layout.size as usize) {
                let number =
                    subscription[layout.id as usize..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
                waits_for_clock |= subscription[8] == 0;
                if subscription[8] == 0
                    && number == Some(MONOTONIC)
                    && subscription[layout.flags as usize] & 1 != 0
                    && let Some(time) = subscription[layout.timeout as usize..].first_chunk_mut::<8>()
                {
                    *time = u64::from_le_bytes(*time).saturating_sub(self.behind).to_le_bytes();
                }
            }
        }
        (shifted, waits_for_clock)
    }
}

/// Whether it waits for the end of all time, or for so long that the sum is that.
pub(super) fn waits_forever(entry: &Entry) -> bool {
    let layout = entry.call.wasi_version().filter(|_| entry.call.wasi() == Some("poll_oneoff"));
    let (Some(layout), Some(region)) = (layout.map(WasiVersion::subscription), entry.call.reads.first())
    else {
        return false;
    };
    let mut subscriptions = region.bytes.chunks_exact(layout.size as usize);
    subscriptions.any(|subscription| {
        subscription[8] == 0 && subscription[layout.timeout as usize..].starts_with(&[0xff; 8])
    })
}

/// The reading that the snapshot makes before its first wait. It takes the place of the first event for it.
fn first_reading(wait: &Call) -> Option<Entry> {
    let events = wait.word(1)?;
    Some(reading_at_the_start(&wait.import.module, 0, events))
}

/// A reading of a clock that begins there, which is written to this address.
pub(super) fn reading_at_the_start(module: &str, precision: i64, address: u32) -> Entry {
    let import = ImportName::new(module, "clock_time_get");
    let args = vec![
        HostValue::I32(MONOTONIC.cast_signed()),
        HostValue::I64(precision),
        HostValue::I32(address.cast_signed()),
    ];
    let call = Call { import: Arc::new(import), stubbed: false, args, reads: Vec::new(), backtrace: None };
    let time = Region { address, bytes: Clock::MONOTONIC_START.to_le_bytes().to_vec() };
    Entry { call, outcome: Outcome::Results(vec![HostValue::I32(0)]), writes: vec![time] }
}
