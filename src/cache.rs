//! Compiled modules, kept between runs. The engine's own cache does the work; this gives every module a directory of its
//! own, sealed with a checksum: the engine would run a damaged file as it is.

use preinit_core::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use wasmtime::{Cache, CacheConfig};

/// The file of an entry that lists its other files with their checksums. It is written last.
const SEAL: &str = "sealed";

/// An entry that nobody has sealed for so long was left by a run that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

/// Eviction goes down to this part of the limit, so that it does not happen at every run.
const KEPT: (u64, u64) = (3, 4);

/// A directory of compiled modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileCache {
    directory: PathBuf,
    max_bytes: u64,
}

impl CompileCache {
    /// What the cache may take on disk by default.
    pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

    /// A cache in `directory`, which is made when it is needed, for its owner alone.
    pub fn new(directory: impl Into<PathBuf>) -> CompileCache {
        CompileCache { directory: directory.into(), max_bytes: Self::DEFAULT_MAX_BYTES }
    }

    /// The same cache with another bound on its size, in bytes. The entries that were not used for longest go first.
    pub fn max_bytes(mut self, bytes: u64) -> CompileCache {
        self.max_bytes = bytes;
        self
    }

    /// Where the entries are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The place of one compilation, if it can be used. A cache that cannot be used is no error: the module is compiled.
    pub(crate) fn entry(&self, settings: &str, wasm: &[u8]) -> Option<Entry> {
        create_private(&self.directory).ok()?;
        let mut hash = Sha256::new();
        for part in [env!("CARGO_PKG_VERSION"), settings] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(wasm);
        // The engine takes none that is relative.
        let path = std::path::absolute(&self.directory).ok()?.join(hex(&hash.finalize()));
        match State::of(&path) {
            State::Absent => {}
            State::Sealed => {
                // Its age decides what is evicted.
                if let Ok(seal) = fs::File::options().append(true).open(path.join(SEAL)) {
                    let _ = seal.set_modified(SystemTime::now());
                }
            }
            State::Broken => fs::remove_dir_all(&path).ok()?,
            State::InUse => return None,
        }
        let mut config = CacheConfig::new();
        // A directory of its own: it removes files from there that it does not know.
        config.with_directory(path.join("engine"));
        // The first level costs least; and nothing may rewrite files behind our back.
        config.with_baseline_compression_level(1);
        config.with_optimized_compression_usage_counter_threshold(u64::MAX);
        config.with_cleanup_interval(Duration::from_secs(u64::from(u32::MAX)));
        let cache = Cache::new(config).ok()?;
        Some(Entry { path, cache })
    }

    /// Removes what was not used for longest until the rest is well within the limit.
    pub(crate) fn evict(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .map(|path| (last_used(&path), files(&path).iter().map(|file| size(file)).sum(), path))
            .collect();
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= self.max_bytes {
            return;
        }
        entries.sort();
        for (_, bytes, path) in entries {
            if total <= self.max_bytes / KEPT.1 * KEPT.0 {
                break;
            }
            if fs::remove_dir_all(path).is_ok() {
                total -= bytes;
            }
        }
    }
}

/// The place of one compilation.
pub(crate) struct Entry {
    path: PathBuf,
    /// For the engine's configuration.
    pub cache: Cache,
}

impl Entry {
    /// Whether the engine took the module from here.
    pub fn is_hit(&self) -> bool {
        self.cache.cache_hits() > 0
    }

    /// Declares what the engine wrote to be complete.
    pub fn seal(&self) -> io::Result<()> {
        let mut lines = String::new();
        for (path, checksum) in checksums(&self.path)? {
            lines.push_str(&format!("{checksum}  {path}\n"));
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(lines.as_bytes())?;
        file.persist(self.path.join(SEAL)).map_err(|failed| failed.error)?;
        Ok(())
    }
}

enum State {
    Absent,
    /// Complete, and as it was written.
    Sealed,
    /// Left unfinished, or changed since.
    Broken,
    /// Another run is at work on it.
    InUse,
}

impl State {
    fn of(path: &Path) -> State {
        if !path.exists() {
            return State::Absent;
        }
        match fs::read_to_string(path.join(SEAL)) {
            Ok(seal) => {
                let found = checksums(path).unwrap_or_default();
                let lines = found.iter().map(|(path, checksum)| format!("{checksum}  {path}\n"));
                if !found.is_empty() && lines.collect::<String>() == seal {
                    State::Sealed
                } else {
                    State::Broken
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let age = SystemTime::now().duration_since(last_used(path)).unwrap_or_default();
                if age < ABANDONED { State::InUse } else { State::Broken }
            }
            Err(_) => State::Broken,
        }
    }
}

/// The code files of an entry, by path, with their checksums. The engine's statistics about them do not count.
fn checksums(entry: &Path) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for file in files(entry) {
        let is_code = file.extension().is_none() && file.file_name().is_some_and(|name| name != SEAL);
        if let Some(relative) = file.strip_prefix(entry).ok().filter(|_| is_code) {
            found.push((relative.display().to_string(), hex(&Sha256::digest(fs::read(&file)?))));
        }
    }
    found.sort();
    Ok(found)
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

fn last_used(entry: &Path) -> SystemTime {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    modified(&entry.join(SEAL)).or_else(|_| modified(entry)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Makes a directory into which nobody else can put code; an existing one must be such.
///
/// # Errors
/// If it cannot be made, or if others may write to it.
pub fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt};
        builder.mode(0o700).create(directory)?;
        if fs::metadata(directory)?.mode() & 0o022 != 0 {
            return Err(io::Error::other("others may write to it"));
        }
    }
    #[cfg(not(unix))]
    builder.create(directory)?;
    Ok(())
}
