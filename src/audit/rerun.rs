//! Init again, with some sources changed.

use super::changes::without_names;
use super::first_run::FirstRun;
use super::init_run::{InitEnd, InitRun};
use crate::checks::{Given, Source};
use crate::engine::on_guest_thread;
use crate::error::Error;
use crate::evidence::{Difference, differences};
use crate::execute::{ExecuteError, Stopped};
use crate::freeze::FreezeError;
use crate::host::{HostOptions, Ledger, Limits, Output, Stdin, WasiOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Repeats an init that has run once.
pub(super) struct Rerun<'a> {
    pub init: &'a InitRun<'a>,
    pub first: &'a FirstRun,
    pub limits: Limits,
    given: Given<'a>,
    runs: AtomicUsize,
}

/// What init does with some sources changed.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    pub sources: Vec<Source>,
    /// What differs from the first run.
    pub changed: Vec<Difference>,
    pub divergence: Option<Divergence>,
}

/// Init took another path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Divergence {
    /// The number of host calls before the first that differs.
    pub call: usize,
    /// What happened there, in words.
    pub how: String,
    /// Whether init came to its end all the same.
    pub finished: bool,
}

impl Variation {
    /// Whether anything depends on the sources.
    pub fn has_effect(&self) -> bool {
        !self.changed.is_empty() || self.divergence.is_some()
    }
}

/// An init that can run again with other sources.
pub(super) trait Repeat: Sync {
    /// What changes with other values of `sources`.
    fn vary(&self, sources: &[Source]) -> Result<Variation, Error>;

    /// The number of runs so far.
    fn runs(&self) -> usize;
}

impl Repeat for Rerun<'_> {
    fn vary(&self, sources: &[Source]) -> Result<Variation, Error> {
        on_guest_thread(|| {
            let (changed, divergence) = match self.start(&self.first.record.ledger, sources) {
                Ok(end) => self.compare(end, &Source::renamed(sources, self.given))?,
                Err(error) => (Vec::new(), self.stopped(error)?),
            };
            Ok(Variation { sources: sources.to_vec(), changed, divergence })
        })
        .unwrap_or_else(|error| Err(Error::Thread(error)))
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

/// The host of a run that is answered from `ledger` except for `sources`.
pub(super) fn varied_host(
    host: &HostOptions,
    ledger: &Arc<Ledger>,
    (sources, given): (&[Source], Given<'_>),
) -> HostOptions {
    let mut host = HostOptions {
        replay: Some(Arc::clone(ledger)),
        replay_outside_only: true,
        ledger_backtraces: false,
        live_ledger: None,
        ..host.clone()
    };
    if let Some(wasi) = &mut host.wasi {
        *wasi = WasiOptions {
            stdin: Stdin::Bytes(ledger.stdin()),
            stdout: Output::Discard,
            stderr: Output::Discard,
            ..wasi.clone()
        };
    }
    sources.iter().for_each(|source| source.vary(given, &mut host));
    host
}

/// Another value must not make the audit take as long as the limit allows.
pub(super) fn patient(limits: &Limits, run_time: Duration) -> Limits {
    let patience = run_time * 10 + Duration::from_secs(10);
    Limits { timeout: limits.timeout.map(|limit| limit.min(patience)), ..*limits }
}

/// Where the host calls in `ledger` differ from those of the first run. `ended` says how a run ended that was stopped.
pub(super) fn divergence(first: &Ledger, ledger: &Ledger, ended: Option<String>) -> Option<Divergence> {
    let both = first.entries().zip(ledger.entries());
    let call = both.take_while(|(left, right)| left.call.import == right.call.import).count();
    let finished = ended.is_none();
    // Of a component, what it called.
    let text = |ledger: &Ledger| {
        let entry = ledger.entries().nth(call)?;
        let called = ledger.called(call).filter(|called| **called != *entry.call.import);
        Some(called.map_or_else(|| entry.call.in_words(first.show_values), ToString::to_string))
    };
    let how = match (ended, text(first), text(ledger)) {
        (Some(ended), ..) => ended,
        (None, None, None) => return None,
        (None, Some(first), Some(other)) => format!("it called {other} instead of {first}"),
        (None, Some(first), None) => format!("it did not call {first}"),
        (None, None, Some(other)) => format!("it also called {other}"),
    };
    Some(Divergence { call, how, finished })
}

impl<'a> Rerun<'a> {
    pub fn new(init: &'a InitRun<'a>, first: &'a FirstRun, given: Given<'a>) -> Rerun<'a> {
        let limits = patient(init.execution.limits, first.record.run_time);
        Rerun { init, first, limits, given, runs: AtomicUsize::new(0) }
    }

    /// Runs init, answered from `ledger` except for `sources`.
    pub fn start(&self, ledger: &Arc<Ledger>, sources: &[Source]) -> Result<InitEnd, Error> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let host = varied_host(self.init.execution.host, ledger, (sources, self.given));
        self.init.run(&host, &self.limits)
    }

    /// What differs between the first run and one that has ended.
    fn compare(
        &self,
        end: InitEnd,
        renamed: &[(String, String)],
    ) -> Result<(Vec<Difference>, Option<Divergence>), Error> {
        let InitEnd { mut initialized, in_progress } = end;
        let ledger = initialized.store.data_mut().take_ledger();
        let mut reader = initialized.reader();
        let (first, other) = (&self.first.snapshot, &self.init.snapshot(&mut reader)?);
        let changed = without_names(differences(first, other), (first, other), renamed);
        let elsewhere = || Divergence {
            call: self.first.record.ledger.len(),
            how: "other functions were in progress where it was stopped".to_string(),
            finished: true,
        };
        let found = divergence(&self.first.record.ledger, &ledger, None);
        let divergence = found.or_else(|| (in_progress != self.first.record.in_progress).then(elsewhere));
        Ok((changed, divergence))
    }

    /// How a run diverged that was stopped. Other errors are passed on.
    fn stopped(&self, error: Error) -> Result<Option<Divergence>, Error> {
        match error {
            Error::Execute(ExecuteError::Stopped(stopped))
            | Error::Freeze(FreezeError::Execute(ExecuteError::Stopped(stopped))) => {
                let Stopped { stop, ledger } = *stopped;
                Ok(divergence(
                    &self.first.record.ledger,
                    &ledger,
                    Some(format!("{}: {}", stop.stage, stop.cause)),
                ))
            }
            Error::Freeze(FreezeError::NotReached(ended)) => Ok(divergence(
                &self.first.record.ledger,
                &ended.ledger,
                ended.to_string().lines().next().map(str::to_string),
            )),
            error => Err(error),
        }
    }
}
