//! The run of init that touches the outside, and whose record answers all others.

use super::init_run::{InitEnd, InitRun};
use crate::error::Error;
use crate::freeze::CallSite;
use crate::host::{Clock, HostOptions, Ledger, Random, WasiOptions};
use preinit_core::snapshot::Snapshot;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the first run has left.
pub(super) struct FirstRun<'s> {
    pub snapshot: Snapshot<'s>,
    pub ledger: Arc<Ledger>,
    /// The calls in progress at its end, the innermost first.
    pub in_progress: &'s [CallSite],
    /// What it wrote to standard output, if that is captured.
    pub stdout: Vec<u8>,
    pub run_time: Duration,
}

impl<'s> FirstRun<'s> {
    /// Reads the state of `end`, which a run of `init` has left.
    pub fn of(init: &InitRun<'_>, end: &'s mut InitEnd) -> Result<FirstRun<'s>, Error> {
        let InitEnd { initialized, in_progress } = end;
        Ok(FirstRun {
            ledger: Arc::new(initialized.store.data_mut().take_ledger()),
            stdout: initialized.store.data().stdout().to_vec(),
            run_time: initialized.run_time,
            snapshot: init.snapshot(initialized)?,
            in_progress,
        })
    }
}

/// The same host with sources that give the same in every run, and with backtraces.
pub(super) fn repeatable(host: &HostOptions) -> HostOptions {
    let mut host =
        HostOptions { ledger_backtraces: true, replay: None, replay_outside_only: false, ..host.clone() };
    if let Some(WasiOptions { clock, random, .. }) = &mut host.wasi {
        if *clock == Clock::Real {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            *clock = Clock::Fixed(u64::try_from(now.as_nanos()).unwrap_or(Clock::DEFAULT_START));
        }
        if *random == Random::Os {
            *random = Random::Module;
        }
    }
    host
}
