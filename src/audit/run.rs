//! Init again, with something changed.

use super::difference::{Spot, differences};
use super::source::{Source, stdin};
use crate::capture::capture;
use crate::engine::{Compiled, on_guest_thread};
use crate::error::Error;
use crate::execute::{self, ExecuteError, Initialized, Prepared};
use crate::host::{HostOptions, Ledger, Limits, Output, Stdin, WasiOptions};
use crate::module::Module;
use crate::probe::Probed;
use crate::snapshot::Snapshot;
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Repeats an init that has run once.
pub(super) struct Rerun<'a> {
    pub module: &'a Module<'a>,
    pub probed: &'a Probed,
    pub compiled: &'a Compiled,
    pub calls: &'a [String],
    pub host: &'a HostOptions,
    pub limits: &'a Limits,
    pub digest: [u8; 32],
    /// Of the first run.
    pub ledger: Arc<Ledger>,
    pub runs: AtomicUsize,
}

/// What became of init with some sources changed.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    pub sources: Vec<Source>,
    pub moved: Vec<Spot>,
    pub divergence: Option<Divergence>,
}

/// Init took another course.
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
    pub fn hit(&self) -> bool {
        !self.moved.is_empty() || self.divergence.is_some()
    }
}

/// Runs of init that an audit makes at most; beyond, sources that are hit together stay together.
const MOST_RUNS: usize = 100;

impl Rerun<'_> {
    /// Runs init, answered from the record of the first run but for `sources`.
    pub fn start(&self, sources: &[Source]) -> Result<Initialized, ExecuteError> {
        self.start_from(&self.ledger, sources)
    }

    /// The same from another record.
    pub fn start_from(&self, ledger: &Arc<Ledger>, sources: &[Source]) -> Result<Initialized, ExecuteError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut host = HostOptions {
            replay: Some(Arc::clone(ledger)),
            rehearse: true,
            ledger_backtraces: false,
            ..self.host.clone()
        };
        if let Some(wasi) = &mut host.wasi {
            *wasi = WasiOptions {
                stdin: Stdin::Bytes(stdin(&self.ledger)),
                stdout: Output::Discard,
                stderr: Output::Discard,
                ..wasi.clone()
            };
            sources.iter().for_each(|source| source.vary(wasi));
        }
        let prepared = Prepared {
            module: self.module,
            probed: self.probed,
            compiled: self.compiled,
            compile_time: Duration::ZERO,
        };
        execute::start(prepared, self.calls.to_vec(), &host, self.limits, self.digest)
    }

    /// What changes in the snapshot with these sources.
    fn vary(&self, base: &Snapshot<'_>, sources: &[Source]) -> Result<Variation, Error> {
        let thread = on_guest_thread(|| {
            let mut moved = Vec::new();
            let divergence = match self.start(sources) {
                Ok(mut initialized) => {
                    let ledger = initialized.store.data_mut().take_ledger();
                    let Initialized { subject, store, .. } = &mut initialized;
                    moved = differences(base, &capture(self.module, self.probed, subject, store)?);
                    self.divergence(&ledger, None)
                }
                Err(ExecuteError::Stopped { stage, cause, ledger, .. }) => {
                    self.divergence(&ledger, Some(format!("{stage}: {cause}")))
                }
                Err(error) => return Err(error.into()),
            };
            Ok(Variation { sources: sources.to_vec(), moved, divergence })
        });
        thread.unwrap_or_else(|error| Err(Error::Options(format!("cannot start a thread: {error}"))))
    }

    fn divergence(&self, ledger: &Ledger, ended: Option<String>) -> Option<Divergence> {
        let both = self.ledger.entries().zip(ledger.entries());
        let call = both.take_while(|(left, right)| left.call.import == right.call.import).count();
        let (first, other) = (self.ledger.entries().nth(call), ledger.entries().nth(call));
        let finished = ended.is_none();
        let how = match (ended, first, other) {
            (Some(ended), ..) => ended,
            (None, None, None) => return None,
            (None, Some(first), Some(other)) => {
                format!("it called {} in the place of {}", other.call, first.call)
            }
            (None, Some(first), None) => format!("it did not call {}", first.call),
            (None, None, Some(other)) => format!("it also called {}", other.call),
        };
        Some(Divergence { call, how, finished })
    }

    /// Varies each source by itself; variables, arguments and standard input all at once, and apart only if something
    /// depends on them.
    pub fn variations(&self, base: &Snapshot<'_>, sources: &[Source]) -> Result<Vec<Variation>, Error> {
        let (canaries, others): (Vec<Source>, Vec<Source>) =
            sources.iter().copied().partition(|source| source.is_canary());
        let mut groups: Vec<Vec<Source>> = others.into_iter().map(|source| vec![source]).collect();
        if !canaries.is_empty() {
            groups.push(canaries);
        }
        let found: Result<Vec<Vec<Variation>>, Error> =
            groups.into_par_iter().map(|group| self.bisect(base, group)).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    fn bisect(&self, base: &Snapshot<'_>, sources: Vec<Source>) -> Result<Vec<Variation>, Error> {
        let variation = self.vary(base, &sources)?;
        if sources.len() == 1 || !variation.hit() || self.runs.load(Ordering::Relaxed) >= MOST_RUNS {
            return Ok(vec![variation]);
        }
        let (left, right) = sources.split_at(sources.len() / 2);
        let (left, right) =
            rayon::join(|| self.bisect(base, left.to_vec()), || self.bisect(base, right.to_vec()));
        let mut apart = left?;
        apart.extend(right?);
        // What only changes if several change together belongs to all of them.
        if !apart.iter().any(Variation::hit) {
            return Ok(vec![variation]);
        }
        Ok(apart)
    }
}
