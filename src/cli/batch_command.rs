//! Makes many snapshots of one module, which is read and compiled once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use preinit::host::{Ledger, Stdin};
use preinit::stages::PrintablePath;
use preinit::{Options, Output as Made, Preinit, Prepared, StageHook};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::args::{self, BatchArgs, usage_error};
use super::called_as::CalledAs;
use super::embedding::Embedding;
use super::exit::{self, Exit};
use super::input::{self, SizeLimit};
use super::output::{Output, Staged};
use super::side_outputs::json;
use super::snapshot_request::SnapshotRequest;
use super::watchdog::{COMPILING, Phase, Watchdog, grace};
use super::{advice, terminal};

/// The file of jobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    module: PathBuf,
    #[serde(default)]
    options: Vec<String>,
    jobs: Vec<Job>,
}

/// One snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    output: PathBuf,
    /// A file that init reads as its standard input.
    stdin: Option<PathBuf>,
    #[serde(default)]
    options: Vec<String>,
}

/// How long the jobs and what the first one names may take to be read, if the options for all do not say.
const READING: Duration = Duration::from_secs(60);

fn time_to_read(args: &BatchArgs) -> Duration {
    let words = ["preinit".into(), "module".into()].into_iter().chain(args.options.iter().map(Into::into));
    let typed = args::parse(words, CalledAs::Preinit).ok().and_then(|cli| cli.snapshot.limits.timeout);
    typed.unwrap_or(READING)
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
    let watchdog = Watchdog::start(Some(time_to_read(args)))?;
    let report = args.report.as_deref().map(|path| Output::new(Some(path), &[])).transpose()?;
    let batch = Batch::of(args)?;
    let Some(first) = batch.jobs.first() else { bail!("`{}` has no jobs", PrintablePath(&args.input)) };
    let first = batch.request(first)?;
    watchdog.limit(first.options.limits.timeout);
    // To the end of the process: a run that is abandoned goes on reading it.
    let limit = SizeLimit::of(first.options.limits.max_memory);
    let wasm: &'static [u8] = batch.embedding()?.applied(input::read(&batch.module, limit)?)?.leak();
    watchdog.enter_longer(Phase::Compiling, COMPILING);
    let preinit = Preinit::from(first.options.clone());
    let prepared = match first.options.optimize {
        // So many runs are worth it.
        None if batch.jobs.len() >= MANY && first.options.limits.fuel.is_none() => preinit.optimize(true),
        _ => preinit,
    }
    .prepare(wasm)?;
    drop(first);
    let parallel = args.parallel.map_or_else(rayon_threads, std::num::NonZeroUsize::get);
    let prepared = Arc::new(prepared);
    let (runs, most, taken) = (Arc::default(), parallel.saturating_mul(2), Mutex::default());
    let of_report = report.as_ref().and_then(Output::place);
    let workers = Workers {
        batch: &batch,
        prepared,
        watchdog: &watchdog,
        runs,
        most,
        taken,
        report: of_report,
        reports: report.is_some(),
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

fn rayon_threads() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

impl Batch {
    fn of(args: &BatchArgs) -> anyhow::Result<Batch> {
        let mut batch = match (&args.each, &args.into) {
            (Some(each), Some(into)) => {
                Batch { module: args.input.clone(), options: Vec::new(), jobs: jobs_of_files(each, into)? }
            }
            _ => {
                let name = PrintablePath(&args.input);
                let text = SizeLimit::of(0).read_file(&args.input)?;
                serde_json::from_slice(&text).with_context(|| format!("`{name}` is no list of jobs"))?
            }
        };
        batch.options.extend(args.options.iter().cloned());
        let mut outputs = BTreeSet::new();
        match batch.jobs.iter().find(|job| !outputs.insert(&job.output)) {
            Some(job) => {
                Err(usage_error(&format!("two jobs have the output `{}`", PrintablePath(&job.output))))
            }
            None => Ok(batch),
        }
    }

    /// What is put into the module of all jobs.
    fn embedding(&self) -> anyhow::Result<Embedding> {
        let words = ["preinit".into(), self.module.clone().into()];
        let cli =
            args::parse(words.into_iter().chain(self.options.iter().map(Into::into)), CalledAs::Preinit)?;
        Embedding::new(&cli.snapshot.host, SizeLimit::of(cli.snapshot.limits.max_memory))
    }

    /// What the command would do for this job.
    fn request(&self, job: &Job) -> anyhow::Result<SnapshotRequest> {
        let words = ["preinit".into(), self.module.clone().into(), "-o".into(), job.output.clone().into()];
        let options = self.options.iter().chain(&job.options).map(Into::into);
        let mut cli = args::parse(words.into_iter().chain(options), CalledAs::Preinit)?;
        for option in ["--embed", "--reopen"] {
            if job.options.iter().any(|given| given.starts_with(option)) {
                return Err(usage_error(&format!(
                    "{option} is for all jobs, which run the same module; it stands with the module"
                )));
            }
        }
        if !cli.snapshot.host.writable_dirs.is_empty() {
            return Err(usage_error(
                "--dir-rw is not there for jobs: one could change where another reads and writes",
            ));
        }
        // They are in the module already.
        cli.snapshot.host.embed.embed.clear();
        cli.snapshot.host.embed.reopen.clear();
        if cli.command.is_some() {
            return Err(usage_error("the options of a job are those of a snapshot"));
        }
        let cache = &cli.snapshot.cache;
        if cli.snapshot.verify || cache.result_cache || cache.prepared.is_some() {
            return Err(usage_error("--verify, --result-cache and --prepared are not there for jobs"));
        }
        let mut request = SnapshotRequest::new(cli.snapshot, CalledAs::Preinit)?;
        if matches!(request.output, Output::Stdout) {
            return Err(usage_error("the output of a job is a file"));
        }
        if let Some(wasi) = &mut request.options.host.wasi {
            // Jobs run side by side, and standard input is one.
            wasi.stdin = Stdin::Empty;
            if let Some(path) = &job.stdin {
                wasi.stdin = Stdin::Bytes(SizeLimit::of(request.options.limits.max_memory).read_file(path)?);
            }
        } else if job.stdin.is_some() {
            return Err(usage_error("init reads its standard input by WASI; give --allow-wasi"));
        }
        Ok(request)
    }
}

/// A job for every file of the folder, in the order of their names.
fn jobs_of_files(each: &Path, into: &Path) -> anyhow::Result<Vec<Job>> {
    let cannot = || format!("cannot read the folder `{}`", PrintablePath(each));
    let mut jobs = Vec::new();
    for entry in fs::read_dir(each).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if fs::metadata(entry.path()).with_context(cannot)?.is_file() {
            let mut name = entry.file_name();
            name.push(".wasm");
            jobs.push(Job { output: into.join(name), stdin: Some(entry.path()), options: Vec::new() });
        }
    }
    jobs.sort_by(|left, right| left.output.cmp(&right.output));
    fs::create_dir_all(into).with_context(|| format!("cannot make the folder `{}`", PrintablePath(into)))?;
    Ok(jobs)
}

struct Workers<'b> {
    batch: &'b Batch,
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
        let mut options = request.options.clone();
        options.optimize = options.optimize.or(self.prepared.options().optimize);
        let mut ledger = Ledger::default();
        let mut made = self.within_limit(options, &mut ledger)?;
        advice::reword(&mut made.report.findings);
        let SnapshotRequest { input, output, side_outputs, .. } = request;
        let report = |is_page| if is_page { Ok(made.page(&input.name())) } else { json(&made.report) };
        let mut staged = side_outputs.stage(&made.ledger, report)?;
        let digest = self.reports.then(|| preinit::stages::hex(&Sha256::digest(&made.wasm)));
        let bytes = made.wasm.len();
        staged.push(output.stage(made.wasm)?);
        staged.into_iter().try_for_each(Staged::commit)?;
        Ok((digest, bytes))
    }

    /// Takes what this job writes, which no other job may write too, under whatever name.
    fn take(&self, request: &SnapshotRequest) -> anyhow::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for output in std::iter::once(&request.output).chain(request.side_outputs.iter()) {
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
