//! Makes many snapshots of one module, which is read and compiled once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use preinit::host::Ledger;
use preinit::stages::PrintablePath;
use preinit::{Options, Output as Made, Preinit, Prepared, StageHook, Warning};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::args::{BatchArgs, usage_error};
use super::called_as::CalledAs;
use super::exit::{self, Exit};
use super::input::{self, Reading};
use super::jobs::{Batch, Job, parsed};
use super::messages::Level;
use super::output::{InputFiles, Output, Staged};
use super::side_outputs::json;
use super::snapshot_request::SnapshotRequest;
use super::watchdog::{Bounds, COMPILING, Phase, Watchdog, grace};
use super::{advice, terminal};

/// How long the list of jobs may take to be read, if the options for all do not say.
const READING: Duration = Duration::from_secs(60);

fn time_to_read(args: &BatchArgs) -> Duration {
    let typed = parsed(["module".into()], &args.options).ok();
    typed.and_then(|cli| cli.snapshot.limits.timeout).unwrap_or(READING)
}

/// What became of a job.
#[derive(Debug, Serialize)]
struct JobReport {
    /// A name that is not Unicode is changed, because JSON has no such text.
    output: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    bytes: usize,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    exit: u8,
}

/// The command `batch`.
pub fn run(args: &BatchArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let watchdog = Watchdog::start(Bounds::of_files(Some(time_to_read(args)), 4 << 30))?;
    let report = args.report.as_deref().map(|path| Output::new(Some(path), &[])).transpose()?;
    let batch = Batch::of(args)?;
    if batch.jobs.is_empty() {
        bail!("`{}` has no jobs", PrintablePath(&args.input));
    }
    let inputs = batch.inputs(&args.input);
    report.iter().try_for_each(|report| inputs.check(report))?;
    let embedding = batch.embedding()?;
    let (max_memory, bounds) = batch.limits();
    let parallel = args.parallel.or_else(|| thread::available_parallelism().ok());
    let parallel = parallel.map_or(1, std::num::NonZeroUsize::get);
    let most = parallel.saturating_mul(2);
    watchdog.limit(Bounds { memory: bounds.memory.saturating_mul(most as u64), ..bounds });
    // To the end of the process: a run that is abandoned goes on reading it.
    let wasm: &'static [u8] =
        embedding.applied(input::read(&batch.module, Reading::within(max_memory))?)?.leak();
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let prepared = prepared(&batch, wasm)?;
    let prepared = Arc::new(prepared);
    let (runs, taken) = (Arc::default(), Mutex::default());
    let of_report = report.as_ref().and_then(Output::place);
    let workers = Workers {
        batch: &batch,
        wasm,
        said: Mutex::default(),
        prepared,
        watchdog: &watchdog,
        runs,
        most,
        taken,
        report: of_report,
        reports: report.is_some(),
        inputs,
    };
    let reports = workers.run(parallel);
    let worst = reports.iter().map(|report| report.exit).max().unwrap_or_default();
    watchdog.enter(Phase::Writing);
    if let Some(report) = report {
        report.stage(json(&reports)?.into_bytes())?.commit()?;
    }
    let made = reports.iter().filter(|report| report.error.is_none()).count();
    if terminal::is_watched() {
        let (jobs, seconds) = (reports.len(), started.elapsed().as_secs_f64());
        terminal::message(&format!("{made} of {jobs} snapshots in {seconds:.1} s\n"));
    }
    Ok(match worst {
        0 => Exit::Done,
        1 => Exit::Refused,
        _ => Exit::CouldNot,
    })
}

/// Jobs for which optimized code is compiled first, unless the options say otherwise.
const MANY: usize = 32;

/// The module, made ready with the options of the first job that can have it so. A job that cannot is an error of its own, unless
/// they all are.
fn prepared(batch: &Batch, wasm: &'static [u8]) -> anyhow::Result<Prepared<'static>> {
    let prepare = |options: Options| {
        let preinit = Preinit::from(options.clone());
        match options.optimize {
            // So many runs are worth it.
            None if batch.jobs.len() >= MANY && options.limits.fuel.is_none() => preinit.optimize(true),
            _ => preinit,
        }
        .prepare(wasm)
    };
    let mut first_error = None;
    let mut tried = BTreeSet::new();
    for job in &batch.jobs {
        let error = match batch.request(job) {
            Err(error) => error,
            // Others with the same options would fail in the same way.
            Ok(_) if !tried.insert(&job.options) => continue,
            Ok(request) => match prepare(request.options) {
                Ok(prepared) => return Ok(prepared),
                Err(error) => error.into(),
            },
        };
        first_error.get_or_insert(error);
    }
    Err(first_error.unwrap_or_else(|| anyhow!("there are no jobs")))
}

struct Workers<'b> {
    batch: &'b Batch,
    /// The module.
    wasm: &'static [u8],
    /// Warnings that were printed: many jobs have the same.
    said: Mutex<BTreeSet<String>>,
    prepared: Arc<Prepared<'static>>,
    watchdog: &'b Watchdog,
    /// Threads that run a job, those that were abandoned included: they keep the memory of their instances.
    runs: Arc<AtomicUsize>,
    /// How many of them there may be.
    most: usize,
    /// What the jobs so far write.
    taken: Mutex<BTreeSet<PathBuf>>,
    /// Where the report of all jobs goes.
    report: Option<PathBuf>,
    /// Whether there is one.
    reports: bool,
    /// What jobs read.
    inputs: InputFiles,
}

/// Counts a thread as long as it lives.
struct Run(Arc<AtomicUsize>);

impl Run {
    fn begin(runs: &Arc<AtomicUsize>, most: usize) -> anyhow::Result<Run> {
        let begun = runs
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| (count < most).then_some(count + 1));
        match begun {
            Ok(_) => Ok(Run(Arc::clone(runs))),
            Err(_) => bail!("not begun: too many jobs before it do not end, and keep their memory"),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Workers<'_> {
    /// Does all jobs, some at once. The reports are in the order of the jobs.
    fn run(&self, parallel: usize) -> Vec<JobReport> {
        let next = AtomicUsize::new(0);
        let reports = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..parallel.min(self.batch.jobs.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = self.batch.jobs.get(index) else { break };
                        let report = self.report(job);
                        reports.lock().unwrap_or_else(PoisonError::into_inner).push((index, report));
                    }
                });
            }
        });
        let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        reports.sort_by_key(|(index, _)| *index);
        reports.into_iter().map(|(_, report)| report).collect()
    }

    fn report(&self, job: &Job) -> JobReport {
        let started = Instant::now();
        // A run has a limit of its own; this is for files that are never read to their end.
        self.watchdog.enter_longer(Phase::Running, 2 * COMPILING);
        let result = self.snapshot(job);
        let seconds = started.elapsed().as_secs_f64();
        let output = job.output.to_string_lossy().into_owned();
        match result {
            Ok((digest, bytes)) => JobReport { output, sha256: digest, bytes, seconds, error: None, exit: 0 },
            Err(error) => {
                let error = error.context(format!("`{}` was not made", PrintablePath(&job.output)));
                let exit = exit::fail(&error, CalledAs::Preinit).into();
                let text = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
                JobReport { output, sha256: None, bytes: 0, seconds, error: Some(text), exit }
            }
        }
    }

    /// Makes one snapshot. Gives its size, and its digest if that is reported.
    fn snapshot(&self, job: &Job) -> anyhow::Result<(Option<String>, usize)> {
        let request = self.batch.request(job)?;
        self.take(&request)?;
        if let Some(names) = &request.names {
            names.check(self.wasm, &request.options.host.preloads)?;
        }
        self.warn(&request, request.messages.warnings.clone());
        let mut options = request.options.clone();
        options.optimize = options.optimize.or(self.prepared.options().optimize);
        let mut ledger = Ledger::default();
        let mut made = self.within_limit(options, &mut ledger)?;
        advice::reword(&mut made.report.findings);
        let is_lost = |warning: &&Warning| matches!(warning, Warning::PreloadedChange(_));
        self.warn(&request, made.report.warnings.iter().filter(is_lost).map(advice::warning).collect());
        let SnapshotRequest { input, output, side_outputs, .. } = request;
        let report = |is_page| if is_page { Ok(made.page(&input.name())) } else { json(&made.report) };
        let mut staged = side_outputs.stage(&made.ledger, report)?;
        let digest = self.reports.then(|| preinit::stages::hex(&Sha256::digest(&made.wasm)));
        let bytes = made.wasm.len();
        staged.push(output.stage(made.wasm)?);
        staged.into_iter().try_for_each(Staged::commit)?;
        Ok((digest, bytes))
    }

    /// Prints what was typed in vain, or is wrong with what the jobs share, once for all of them.
    fn warn(&self, request: &SnapshotRequest, mut messages: Vec<String>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        messages.retain(|warning| said.insert(warning.clone()));
        if request.messages.level >= Level::Warnings {
            terminal::warn(&messages);
        }
    }

    /// Takes what this job writes, which no other job may write too, under whatever name.
    fn take(&self, request: &SnapshotRequest) -> anyhow::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for output in std::iter::once(&request.output).chain(request.side_outputs.iter()) {
            self.inputs.check(output)?;
            let Some(place) = output.place() else { continue };
            if self.report.as_ref() == Some(&place) {
                return Err(usage_error(&format!("the report of all jobs goes to {} too", output.name())));
            }
            if !taken.insert(place) {
                return Err(usage_error(&format!("another job writes {} too", output.name())));
            }
        }
        Ok(())
    }

    /// Runs the module in a thread that is abandoned if it is blocked in something that the library cannot end.
    fn within_limit(&self, mut options: Options, ledger: &mut Ledger) -> anyhow::Result<Made> {
        enum News {
            Stage,
            End(Box<(Result<Made, preinit::Error>, Ledger)>),
        }
        let (sender, news) = channel();
        let stages = sender.clone();
        options.on_init = Some(StageHook::new(move |_| {
            let _ = stages.send(News::Stage);
        }));
        let limit = options.limits.timeout;
        let prepared = Arc::clone(&self.prepared);
        let counted = Run::begin(&self.runs, self.most)?;
        let job = thread::Builder::new().spawn(move || {
            let mut ledger = Ledger::default();
            let result = prepared.run_recorded(&options, &mut ledger);
            // Before somebody waits for the next one to begin.
            drop(counted);
            let _ = sender.send(News::End(Box::new((result, ledger))));
        });
        job.context("cannot start a thread")?;
        let mut times = COMPILING;
        loop {
            let patience = limit.map(|limit| limit.saturating_mul(times).saturating_add(grace(limit)));
            match news.recv_timeout(patience.unwrap_or(Duration::MAX)) {
                Ok(News::Stage) => times = 1,
                Ok(News::End(end)) => {
                    let (result, recorded) = *end;
                    *ledger = recorded;
                    return Ok(result?);
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(anyhow!(
                        "not done after the time limit of {:?}, most likely in a host call that does not return",
                        limit.unwrap_or_default()
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the run has ended without a result"),
            }
        }
    }
}
