//! The list of jobs of `batch`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::host::Stdin;
use preinit::stages::{PrintablePath, open_regular_file};
use serde::Deserialize;

use super::args::{self, BatchArgs, Cli, usage_error};
use super::called_as::CalledAs;
use super::embedding::Embedding;
use super::input::Reading;
use super::output::{self, InputFiles, Output};
use super::snapshot_request::{Refused, SnapshotRequest};
use super::terminal;
use super::watchdog::Bounds;

/// What is no file, and ends.
const NOTHING: &str = "/dev/null";

/// The file of jobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    pub module: PathBuf,
    #[serde(default)]
    options: Vec<String>,
    pub jobs: Vec<Job>,
}

/// One snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub output: PathBuf,
    /// A file that init reads as its standard input.
    stdin: Option<PathBuf>,
    /// The folder that this file must be in when the job begins, and its path there.
    #[serde(skip)]
    folder: Option<(Arc<Dir>, PathBuf)>,
    #[serde(default)]
    pub options: Vec<String>,
}

impl Job {
    /// Reads the standard input.
    fn read_stdin(&self, path: &Path, reading: Reading<'_>) -> anyhow::Result<Vec<u8>> {
        let Some((folder, inside)) = &self.folder else { return reading.read_file(path) };
        let (file, _) = open_regular_file(folder, inside).with_context(|| {
            format!(
                "cannot read `{}` in its folder; name it in a list of jobs if it is a link to another one",
                PrintablePath(path)
            )
        })?;
        reading.read_open(&file.into_std(), path)
    }
}

/// The size of a file of jobs that is read, in bytes.
pub const LARGEST: u64 = 256 << 20;

/// The options of a snapshot. What asks for help is none of them: it would pass for a job that was done.
pub fn parsed<'o>(
    first: impl IntoIterator<Item = OsString>,
    options: impl IntoIterator<Item = &'o String>,
) -> anyhow::Result<Cli> {
    let words = std::iter::once("preinit".into()).chain(first).chain(options.into_iter().map(Into::into));
    args::parse(words, CalledAs::Preinit).map_err(|error| match error.use_stderr() {
        true => error.into(),
        false => usage_error("--help and --version are not options of a job; give them to preinit itself"),
    })
}

impl Batch {
    pub fn of(args: &BatchArgs) -> anyhow::Result<Batch> {
        let mut batch = match (&args.each, &args.into) {
            (Some(each), Some(into)) => {
                Batch { module: args.input.clone(), options: Vec::new(), jobs: jobs_of_files(each, into)? }
            }
            _ => {
                let name = PrintablePath(&args.input);
                let text = Reading::at_most(LARGEST).read_file(&args.input)?;
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

    /// What is read for all jobs and by each: `file` is that of the list.
    pub fn inputs(&self, file: &Path) -> InputFiles {
        let mut files = vec![file.to_owned(), self.module.clone()];
        files.extend(self.jobs.iter().flat_map(|job| job.stdin.clone()));
        let of_jobs = self.jobs.iter().map(|job| &job.options).filter(|options| !options.is_empty());
        for options in [&self.options].into_iter().chain(of_jobs) {
            // Those that cannot be parsed are an error of their job.
            if let Ok(cli) = parsed([self.module.clone().into()], options) {
                files.extend(cli.snapshot.host.files().map(Path::to_owned));
            }
        }
        InputFiles::of(files.iter().map(PathBuf::as_path))
    }

    /// The largest limits that a job has: of what a module has in memory, and of what a process takes that does it alone. One
    /// whose options cannot be parsed has none.
    pub fn limits(&self) -> (u64, Bounds) {
        let distinct: BTreeSet<&[String]> = self.jobs.iter().map(|job| &job.options[..]).collect();
        let limits = distinct.into_iter().filter_map(|own| {
            let options = self.options.iter().chain(own);
            let limits = parsed([self.module.clone().into()], options).ok()?.snapshot.limits;
            Some((limits.max_memory, Bounds::of(&limits)))
        });
        let larger = |(max_memory, most): (u64, Bounds), (own_memory, own): (u64, Bounds)| {
            let time = most.time.zip(own.time).map(|(left, right)| left.max(right));
            (max_memory.max(own_memory), Bounds { time, memory: most.memory.max(own.memory) })
        };
        limits.reduce(larger).unwrap_or((0, Bounds::of_files(Some(Duration::ZERO), 0)))
    }

    /// What is put into the module of all jobs.
    pub fn embedding(&self) -> anyhow::Result<Embedding> {
        let cli = parsed([self.module.clone().into()], &self.options)?;
        let mut warnings = Vec::new();
        let reading = Reading::within(cli.snapshot.limits.max_memory);
        let embedding = Embedding::new(&cli.snapshot.host, reading, &mut warnings)?;
        if cli.snapshot.strict && !warnings.is_empty() {
            return Err(Refused(warnings).into());
        }
        terminal::warn(if cli.snapshot.messages.quiet > 1 { &[] } else { &warnings });
        Ok(embedding)
    }

    /// What the command would do for this job.
    pub fn request(&self, job: &Job) -> anyhow::Result<SnapshotRequest> {
        let words = [self.module.clone().into(), "-o".into(), job.output.clone().into()];
        let mut cli = parsed(words, self.options.iter().chain(&job.options))?;
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
        cli.snapshot.host.embed.arguments = None;
        if cli.command.is_some() {
            return Err(usage_error("the options of a job are those of a snapshot"));
        }
        let cache = &cli.snapshot.cache;
        if cli.snapshot.verify || cache.result_cache || cache.prepared.is_some() {
            return Err(usage_error("--verify, --result-cache and --prepared are not there for jobs"));
        }
        let has_stdin = cli.snapshot.host.stdin.is_some();
        if has_stdin && job.stdin.is_some() {
            return Err(usage_error("the job has a standard input of its own; leave --stdin out"));
        }
        cli.snapshot.host.files().chain(job.stdin.as_deref()).try_for_each(check_ends)?;
        cli.snapshot.output.as_deref().into_iter().try_for_each(check_takes_all)?;
        cli.snapshot.messages.outputs().try_for_each(check_takes_all)?;
        let mut request = SnapshotRequest::new(cli.snapshot, CalledAs::Preinit)?;
        if matches!(request.output, Output::Stdout) {
            return Err(usage_error("the output of a job is a file"));
        }
        if let Some(wasi) = &mut request.options.host.wasi {
            // Jobs run side by side, and standard input is one.
            if !has_stdin {
                wasi.stdin = Stdin::Empty;
            }
            if let Some(path) = &job.stdin {
                let reading = Reading::within(request.options.limits.max_memory);
                wasi.stdin = Stdin::Bytes(job.read_stdin(path, reading)?);
            }
        } else if job.stdin.is_some() {
            return Err(usage_error("init reads its standard input by WASI; give --allow-wasi"));
        }
        Ok(request)
    }
}

/// Refuses what a job may never have read to its end: all other jobs would end with it.
fn check_ends(path: &Path) -> anyhow::Result<()> {
    // What is not there is an error of whoever reads it.
    let is_file = fs::metadata(path).map_or(true, |metadata| metadata.is_file() || metadata.is_dir());
    match is_file || path == Path::new(NOTHING) {
        true => Ok(()),
        false => anyhow::bail!("jobs read files only, and `{}` is none", PrintablePath(path)),
    }
}

/// Refuses what may never take what a job writes, which all other jobs would end with as well.
fn check_takes_all(path: &Path) -> anyhow::Result<()> {
    let is_file = fs::metadata(path).map_or(true, |metadata| metadata.is_file() || metadata.is_dir());
    match is_file || path == Path::new(NOTHING) || output::is_descriptor(path) {
        true => Ok(()),
        false => anyhow::bail!("jobs write files only, and `{}` is none", PrintablePath(path)),
    }
}

/// A job for every file of the folder, in the order of their names.
fn jobs_of_files(each: &Path, into: &Path) -> anyhow::Result<Vec<Job>> {
    let cannot = || format!("cannot read the folder `{}`", PrintablePath(each));
    let folder = fs::canonicalize(each).with_context(cannot)?;
    // Whoever may write there may also exchange files until their jobs begin.
    let opened = Arc::new(Dir::open_ambient_dir(each, ambient_authority()).with_context(cannot)?);
    let mut jobs = Vec::new();
    for entry in fs::read_dir(each).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if fs::metadata(entry.path()).with_context(cannot)?.is_file() {
            // Whoever made the files may not read what the user may.
            let target = fs::canonicalize(entry.path()).with_context(cannot)?;
            let Ok(inside) = target.strip_prefix(&folder) else {
                anyhow::bail!(
                    "`{}` is a link to a file outside of the folder; name it in a list of jobs if that is wanted",
                    PrintablePath(&entry.path())
                );
            };
            let mut name = entry.file_name();
            name.push(".wasm");
            jobs.push(Job {
                output: into.join(name),
                stdin: Some(entry.path()),
                folder: Some((Arc::clone(&opened), inside.to_owned())),
                options: Vec::new(),
            });
        }
    }
    jobs.sort_by(|left, right| left.output.cmp(&right.output));
    fs::create_dir_all(into).with_context(|| format!("cannot make the folder `{}`", PrintablePath(into)))?;
    Ok(jobs)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{Reading, jobs_of_files};

    /// From the list of jobs until one begins, minutes may go by.
    #[test]
    fn what_is_exchanged_meanwhile_is_read_from_the_folder_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("in");
        fs::create_dir(&folder).unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        for name in ["a", "b", "c", "d"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let jobs = jobs_of_files(&folder, &place.path().join("out")).unwrap();
        let exchanged = |name: &str, target: &Path| {
            fs::remove_file(folder.join(name)).unwrap();
            symlink(target, folder.join(name)).unwrap();
        };
        exchanged("b", Path::new("a"));
        exchanged("c", &place.path().join("secret"));
        exchanged("d", Path::new("../secret"));
        let read: Vec<Option<Vec<u8>>> = jobs
            .iter()
            .map(|job| job.read_stdin(job.stdin.as_deref().unwrap(), Reading::at_most(100)).ok())
            .collect();
        assert_eq!(read, [Some(b"a".to_vec()), Some(b"a".to_vec()), None, None]);
        fs::rename(&folder, place.path().join("moved")).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a"), "another").unwrap();
        let again = jobs[0].read_stdin(jobs[0].stdin.as_deref().unwrap(), Reading::at_most(100));
        assert_eq!(again.unwrap(), b"a", "the folder is the one that was named");
    }
}
