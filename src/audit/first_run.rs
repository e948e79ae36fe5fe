//! The run of init that touches the outside, and whose record answers all others.

use super::init_run::InitEnd;
use crate::execute::InitStage;
use crate::freeze::CallSite;
use crate::host::{Clock, HostOptions, Ledger, Random, WasiOptions};
use crate::options::Options;
use preinit_core::snapshot::Snapshot;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the first run has left.
pub(super) struct FirstRun {
    pub snapshot: Snapshot<'static>,
    pub record: Record,
}

impl FirstRun {
    /// Tells whoever may abandon the further runs that this one has ended, and what it has recorded.
    pub fn tell(&self, options: &Options) {
        if let Some(live) = &options.host.live_ledger {
            live.begin(&self.record.ledger);
        }
        if let Some(hook) = &options.on_init {
            hook.call(InitStage::Ended);
        }
    }
}

/// What the first run has done.
pub(super) struct Record {
    pub ledger: Arc<Ledger>,
    /// The calls in progress at its end, the innermost first.
    pub in_progress: Vec<CallSite>,
    /// What it wrote to standard output, if that is captured.
    pub stdout: Vec<u8>,
    pub run_time: Duration,
}

impl Record {
    /// Takes the ledger out of the store.
    pub fn of(end: &mut InitEnd) -> Record {
        let InitEnd { initialized, in_progress } = end;
        Record {
            ledger: Arc::new(initialized.store.data_mut().take_ledger()),
            in_progress: std::mem::take(in_progress),
            stdout: initialized.store.data().stdout().to_vec(),
            run_time: initialized.run_time,
        }
    }
}

/// The same host with sources that give the same in every run, and with backtraces.
pub(super) fn repeatable(host: &HostOptions) -> HostOptions {
    let mut host = HostOptions { ledger_backtraces: true, replay_outside_only: false, ..host.clone() };
    // The further runs go by the clock that the first one has seen, whose record may be that of an earlier audit.
    let recorded = host.replay.as_ref().and_then(|record| record.clock_start());
    if let Some(WasiOptions { clock, random, .. }) = &mut host.wasi {
        if *clock == Clock::Real {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = u64::try_from(now.as_nanos()).unwrap_or(Clock::DEFAULT_START);
            *clock = Clock::Fixed(recorded.unwrap_or(now));
        }
        if *random == Random::Os {
            *random = Random::Module;
        }
    }
    host
}
