//! Snapshots that were made before, for build systems that ask again.
//!
//! The key is everything that decides the output: this program, the module, all options, and what can be seen of the
//! files in the directories that init is given. An entry is one file that ends in its own checksum.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use preinit::host::{HostOptions, Ledger, Stdin};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::snapshot_request::SnapshotRequest;

/// Files in all directories together; looking at more would take longer than most inits.
const MAX_FILES: usize = 100_000;

/// A file that changed so shortly before could change again without a change of its time.
const SETTLED: Duration = Duration::from_secs(2);

/// All entries together, in bytes. The oldest go first.
const MAX_BYTES: u64 = 1 << 30;

const CHECKSUM: usize = 32;

/// Where the result of one request is kept.
pub struct Place {
    path: PathBuf,
    dirs: Vec<PathBuf>,
    files: [u8; 32],
}

/// What a run wrote and said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The report, as JSON.
    pub report: String,
    /// Warnings.
    pub warnings: Vec<String>,
    /// The summary's lines, short and long.
    pub summaries: [String; 2],
    /// The snapshot; behind the rest in the file.
    #[serde(skip)]
    pub wasm: Vec<u8>,
}

/// Why nothing is taken from the cache or put into it.
pub type Reason = String;

impl Place {
    /// The place for the result of `request` on `wasm`.
    pub fn of(request: &SnapshotRequest, directory: &Path, wasm: &[u8]) -> Result<Place, Reason> {
        let outputs = &request.side_outputs;
        if request.verify
            || outputs.ledger.is_some()
            || outputs.has_page()
            || outputs.captured_stdout.is_some()
            || outputs.captured_stderr.is_some()
        {
            return Err("--verify, --ledger, --capture-… and a page of HTML need a run".to_owned());
        }
        let dirs: Vec<PathBuf> = request
            .options
            .host
            .wasi
            .iter()
            .flat_map(|wasi| &wasi.dirs)
            .map(|dir| dir.host.clone())
            .collect();
        let files = fingerprint(&dirs, SystemTime::now()).map_err(|error| error.to_string())?;
        let mut hash = Sha256::new();
        hash.update(this_program());
        // Every option, whatever options there will be.
        hash.update(format!("{:?}", request.options));
        hash.update([u8::from(request.messages.quiet)]);
        hash.update(files);
        hash.update(Sha256::digest(wasm));
        let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Place { path: directory.join(name), dirs, files })
    }

    /// What is kept there, if it is whole.
    pub fn get(&self) -> Option<Kept> {
        let mut bytes = fs::read(&self.path).ok()?;
        let checksum = bytes.split_off(bytes.len().checked_sub(CHECKSUM)?);
        if checksum != Sha256::digest(&bytes)[..] {
            let _ = fs::remove_file(&self.path);
            return None;
        }
        let wasm = bytes.split_off(bytes.iter().position(|&byte| byte == b'\n')? + 1);
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        let file = fs::File::options().append(true).open(&self.path).ok()?;
        // Its age decides what is removed.
        let _ = file.set_modified(SystemTime::now());
        Some(Kept { wasm, ..kept })
    }

    /// Keeps the result of a run.
    pub fn put(&self, host: &HostOptions, ledger: &Ledger, kept: &Kept) -> Result<(), Reason> {
        if let Some(reason) = obstacle(host, ledger) {
            return Err(reason.to_owned());
        }
        if fingerprint(&self.dirs, SystemTime::now()).ok() != Some(self.files) {
            return Err("a visible file changed during the run".to_owned());
        }
        self.write(kept).map_err(|error| error.to_string())
    }

    fn write(&self, kept: &Kept) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        preinit::stages::cache::create_private(directory)?;
        let mut bytes = serde_json::to_vec(kept)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&kept.wasm);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&bytes)?;
        file.persist(&self.path).map_err(|failed| failed.error)?;
        evict(directory)
    }
}

/// What makes a run one of a kind.
fn obstacle(host: &HostOptions, ledger: &Ledger) -> Option<&'static str> {
    let called = |names: &[&str]| names.iter().any(|name| ledger.wasi_calls(name).next().is_some());
    let inherits_stdin = host.wasi.as_ref().is_some_and(|wasi| wasi.stdin == Stdin::Inherit);
    if ledger.used_real_clock() {
        Some("init read the real clock")
    } else if ledger.used_os_randomness() {
        Some("init used the operating system's random numbers")
    } else if inherits_stdin && ledger.reads_stdin() {
        Some("init read standard input")
    } else if called(&["fd_write", "fd_pwrite"]) || !ledger.files_written().is_empty() {
        Some("init printed or wrote files")
    } else if host.linker.is_some() || !ledger.unrecorded().is_empty() {
        Some("not all host calls are recorded")
    } else {
        None
    }
}

/// What can be told about all files in some directories without reading them.
fn fingerprint(dirs: &[PathBuf], now: SystemTime) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut left: Vec<PathBuf> = dirs.iter().rev().cloned().collect();
    let mut files = 0;
    while let Some(path) = left.pop() {
        files += 1;
        if files > MAX_FILES {
            return Err(io::Error::other("there are too many visible files"));
        }
        // The directories that were named may be links themselves.
        let metadata = if dirs.contains(&path) { fs::metadata(&path)? } else { fs::symlink_metadata(&path)? };
        let changed = metadata.modified()?.max(changed(&metadata));
        if now.duration_since(changed).unwrap_or_default() < SETTLED {
            return Err(io::Error::other(format!("`{}` has just changed", path.display())));
        }
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(format!(
            "\0{:?} {} {changed:?} {:?}",
            metadata.file_type(),
            metadata.len(),
            metadata.modified()?
        ));
        hash.update(identity(&metadata).to_le_bytes());
        if metadata.is_dir() {
            let mut entries: Vec<PathBuf> =
                fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            entries.sort_unstable_by(|left, right| right.cmp(left));
            left.extend(entries);
        } else if metadata.is_symlink() {
            hash.update(fs::read_link(&path)?.as_os_str().as_encoded_bytes());
        }
    }
    Ok(hash.finalize().into())
}

/// When contents or attributes changed last; unlike the time of modification, nobody can set it.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(metadata.ctime().max(0) as u64);
    SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(metadata.ctime_nsec().max(0) as u64)
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Tells apart a file and another one that took its place.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> u64 {
    0
}

/// Version and file of this program, which differs between two builds of one version.
fn this_program() -> String {
    let file = std::env::current_exe().and_then(fs::metadata);
    let build = file.ok().map(|file| (file.len(), file.modified().ok()));
    format!("{} {build:?}", env!("CARGO_PKG_VERSION"))
}

fn evict(directory: &Path) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)?.flatten() {
        if let Ok(metadata) = entry.metadata() {
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push((used, metadata.len(), entry.path()));
        }
    }
    let mut total: u64 = entries.iter().map(|(_, len, _)| len).sum();
    if total <= MAX_BYTES {
        return Ok(());
    }
    entries.sort();
    for (_, len, path) in entries {
        if total <= MAX_BYTES / 4 * 3 {
            break;
        }
        if fs::remove_file(path).is_ok() {
            total -= len;
        }
    }
    Ok(())
}
