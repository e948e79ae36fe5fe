//! The host's monotonic clock on the snapshot's side begins anew, as it does in every instance, while that of the original goes
//! on from where init left it.

use crate::host::{Call, Entry, HostValue, ImportName, Ledger, Outcome, Region};
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
                vec![Arc::new(Entry { writes: self.earlier(&entry.writes), ..Entry::clone(entry) })]
            }
            Some("poll_oneoff") if self.is_rebased => self.wait(entry),
            _ => vec![Arc::clone(entry)],
        }
    }

    /// Readings that are earlier.
    fn earlier(&self, readings: &[Region]) -> Vec<Region> {
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
        let mut calls = Vec::new();
        if waits_for_clock && !self.is_found {
            self.is_found = true;
            calls.extend(first_reading(&entry.call).map(Arc::new));
        }
        calls.push(Arc::new(shifted));
        calls
    }
}

/// The reading that the snapshot makes before its first wait. It takes the place of the first event for it.
fn first_reading(wait: &Call) -> Option<Entry> {
    let events = wait.word(1)?;
    let import = ImportName::new(wait.import.module.clone(), "clock_time_get");
    let args = vec![
        HostValue::I32(MONOTONIC.cast_signed()),
        HostValue::I64(0),
        HostValue::I32(events.cast_signed()),
    ];
    let call = Call { import: Arc::new(import), stubbed: false, args, reads: Vec::new(), backtrace: None };
    let time = Region { address: events, bytes: 1u64.to_le_bytes().to_vec() };
    Some(Entry { call, outcome: Outcome::Results(vec![HostValue::I32(0)]), writes: vec![time] })
}
