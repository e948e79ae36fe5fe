//! Init again, with something changed.

use super::codes::{Codes, signatures};
use super::course::{Course, Ended};
use super::difference::{Spot, differences};
use super::source::{Source, stdin};
use crate::capture::capture;
use crate::engine::on_guest_thread;
use crate::error::Error;
use crate::execute::{ExecuteError, Stop};
use crate::freeze::{CallSite, FreezeError};
use crate::host::{HostOptions, Ledger, Limits, Output, Stdin, WasiOptions};
use preinit_core::snapshot::Snapshot;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Repeats an init that has run once.
pub(super) struct Rerun<'a> {
    pub course: &'a Course<'a>,
    pub host: &'a HostOptions,
    pub limits: &'a Limits,
    /// Of the first run.
    pub ledger: Arc<Ledger>,
    /// The calls that were in progress at the end of the first run.
    pub in_progress: &'a [CallSite],
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

/// Sources that run by themselves at most, if all are suspected of another course.
const MOST_SUSPECTS: usize = 16;

impl Rerun<'_> {
    /// Runs init, answered from the record of the first run but for `sources`.
    pub fn start(&self, sources: &[Source]) -> Result<Ended, Error> {
        self.start_from(&self.ledger, sources)
    }

    /// The same from another record.
    pub fn start_from(&self, ledger: &Arc<Ledger>, sources: &[Source]) -> Result<Ended, Error> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let mut host = HostOptions {
            replay: Some(Arc::clone(ledger)),
            replay_outside_only: true,
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
        self.course.run(&host, self.limits)
    }

    /// What changes in the snapshot with these sources.
    fn vary(&self, base: &Snapshot<'_>, sources: &[Source]) -> Result<Variation, Error> {
        let thread = on_guest_thread(|| {
            let mut moved = Vec::new();
            let divergence = match self.start(sources) {
                Ok(Ended { mut initialized, in_progress }) => {
                    let ledger = initialized.store.data_mut().take_ledger();
                    let Course { module, probed, .. } = self.course;
                    moved = differences(base, &capture(module, probed, &mut initialized.reader())?);
                    let elsewhere = in_progress != self.in_progress;
                    self.divergence(&ledger, None).or_else(|| elsewhere.then(|| self.elsewhere()))
                }
                Err(
                    Error::Execute(ExecuteError::Stopped(stopped))
                    | Error::Freeze(FreezeError::Execute(ExecuteError::Stopped(stopped))),
                ) => {
                    let Stop { stage, cause, .. } = &stopped.stop;
                    self.divergence(&stopped.ledger, Some(format!("{stage}: {cause}")))
                }
                Err(Error::Freeze(FreezeError::NotReached { message, ledger })) => {
                    self.divergence(&ledger, message.lines().next().map(str::to_string))
                }
                Err(error) => return Err(error),
            };
            Ok(Variation { sources: sources.to_vec(), moved, divergence })
        });
        thread.unwrap_or_else(|error| Err(Error::Thread(error)))
    }

    /// It called the same, but from other places.
    fn elsewhere(&self) -> Divergence {
        let how = "other functions were in progress where it was stopped".to_string();
        Divergence { call: self.ledger.len(), how, finished: true }
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
            groups.into_par_iter().map(|group| self.apart(base, group)).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// Varies all of `sources` in one run. If something depends on them, further runs vary about half of them each, such
    /// that what moves in which runs tells the source.
    fn apart(&self, base: &Snapshot<'_>, sources: Vec<Source>) -> Result<Vec<Variation>, Error> {
        let all = self.vary(base, &sources)?;
        if sources.len() == 1 || !all.hit() || self.runs.load(Ordering::Relaxed) >= MOST_RUNS {
            return Ok(vec![all]);
        }
        let codes = Codes::of(sources.len());
        let varied = |run: usize| codes.varied_in(run).map(|at| sources[at]).collect::<Vec<Source>>();
        let runs: Result<Vec<Variation>, Error> =
            (0..codes.runs).into_par_iter().map(|run| self.vary(base, &varied(run))).collect();
        let runs = runs?;
        let diverged = (0..codes.runs).filter(|&run| runs[run].divergence.is_some());
        let diverged = diverged.fold(0, |mask, run| mask | 1 << run);
        if diverged != 0 {
            // What moves after another course tells nothing of the others, so these run by themselves.
            let suspects = codes.within(diverged);
            if suspects.is_empty() || suspects.len() == sources.len() && sources.len() > MOST_SUSPECTS {
                return Ok(vec![all]);
            }
            let rest: Vec<Source> =
                (0..sources.len()).filter(|at| !suspects.contains(at)).map(|at| sources[at]).collect();
            let alone = suspects.par_iter().map(|&at| self.vary(base, &[sources[at]]));
            let mut found = alone.collect::<Result<Vec<Variation>, Error>>()?;
            if !rest.is_empty() {
                found.extend(self.apart(base, rest)?);
            }
            // What only happens if several change together belongs to all of them.
            return Ok(if found.iter().any(Variation::hit) { found } else { vec![all] });
        }
        let moved: Vec<&[Spot]> = runs.iter().map(|run| &run.moved[..]).collect();
        let mut found: BTreeMap<Vec<usize>, Vec<Spot>> = BTreeMap::new();
        for (mask, spot) in signatures(&moved) {
            let of = codes.within(mask);
            if !of.is_empty() {
                found.entry(of).or_default().push(spot);
            }
        }
        if found.is_empty() {
            return Ok(vec![all]);
        }
        let idle: Vec<Source> = (0..sources.len())
            .filter(|at| !found.keys().any(|of| of.contains(at)))
            .map(|at| sources[at])
            .collect();
        let of = |of: &[usize]| of.iter().map(|&at| sources[at]).collect();
        let mut variations: Vec<Variation> = found
            .into_iter()
            .map(|(at, moved)| Variation { sources: of(&at), moved, divergence: None })
            .collect();
        if !idle.is_empty() {
            variations.push(Variation { sources: idle, moved: Vec::new(), divergence: None });
        }
        Ok(variations)
    }
}
