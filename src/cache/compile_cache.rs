use sha2::{Digest, Sha256};
use std::fs::{File, FileTimes};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use wasmtime::{Cache, CacheConfig, Config};

use super::cache_section::{CacheSection, EntryName};
use super::entry_files::{list, make_files_private};
use super::error::CacheError;
use super::init_runs::InitRuns;
use super::owned_directory::{
    OwnedDirectory, PRIVATE_FILE, make_private_in, open_own, open_own_file, write_private,
};
use super::prepared_file::{PackedEntry, PreparedError};
use crate::temporary::Temporary;

/// The file of an entry that lists its files of code with their hashes, sealed. It is written last.
pub(super) const SEALED: &str = "sealed";

/// The file of an entry that is locked by the run that makes it.
pub(super) const LOCK: &str = "lock";

/// The directory of an entry for the engine.
const ENGINE: &str = "engine";

/// An entry without a seal or a lock was left so long ago by a run that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

/// Compiled modules, kept between runs in a directory.
///
/// The engine's own cache does the work. This gives every module a directory of its own, sealed: the engine would run a
/// damaged or forged file as it is.
///
/// ```
/// use preinit::{CompileCache, Preinit};
///
/// let directory = tempfile::tempdir()?;
/// let cache = CompileCache::new(directory.path().join("code")).max_bytes(1 << 20);
/// assert!(cache.directory().ends_with("code"));
/// cache.check()?;
///
/// let wasm = preinit::wat_to_wasm(br#"(module (func (export "preinit")))"#)?;
/// let builder = Preinit::new().compile_cache(cache);
/// assert!(!builder.run(&wasm)?.report.compile_cached);
/// assert!(builder.run(&wasm)?.report.compile_cached);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// Where the cache is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Checks that the cache can be used. A run with one that cannot be compiles everything.
    ///
    /// # Errors
    /// [`CacheError`]
    pub fn check(&self) -> Result<(), CacheError> {
        self.section().map(drop)
    }

    /// Whether a guest that may write to `directories` can change the cache. Then it must not be used.
    pub(crate) fn is_in_reach_of<'d>(&self, directories: impl Iterator<Item = &'d Path>) -> bool {
        let mut directories = directories.peekable();
        directories.peek().is_some()
            && OwnedDirectory::open(&self.directory)
                .and_then(|directory| directory.check_out_of_reach_of(directories))
                .is_err()
    }

    /// A file to be closed when this process has compiled ahead for this cache; `None` if another one does so now. No example:
    /// see [`WantedCode`](crate::WantedCode).
    ///
    /// # Errors
    /// If the directory is not there, or the file system has no locks.
    pub fn turn(&self) -> io::Result<Option<File>> {
        OwnedDirectory::open(&self.directory).map_err(io::Error::other)?.turn()
    }

    fn section(&self) -> Result<CacheSection, CacheError> {
        OwnedDirectory::open(&self.directory)?.section("compiled")
    }

    /// The entry of one compilation, if it can be used. A cache that cannot be used is no error: the module is compiled.
    /// `digest` is the module's.
    pub(crate) fn entry(&self, settings: &str, digest: &[u8; 32]) -> Option<CompiledEntry> {
        let section = self.section().ok()?;
        let name = entry_name(settings, digest);
        let lock = match EntryState::of(&section, &name) {
            EntryState::Sealed => None,
            EntryState::InUse => return None,
            EntryState::Absent => Some(begin(&section, &name).ok()?),
            EntryState::Broken => {
                section.remove(&name).ok()?;
                Some(begin(&section, &name).ok()?)
            }
        };
        CompiledEntry::open(section, name, lock)
    }

    /// The entry, if it is there and as it was written.
    pub(crate) fn kept(&self, settings: &str, digest: &[u8; 32]) -> Option<CompiledEntry> {
        let section = self.section().ok()?;
        let name = entry_name(settings, digest);
        match EntryState::of(&section, &name) {
            EntryState::Sealed => CompiledEntry::open(section, name, None),
            _ => None,
        }
    }

    /// Whether the entry is neither there nor being made.
    pub(crate) fn is_free(&self, settings: &str, digest: &[u8; 32]) -> bool {
        let state = self.section().map(|section| EntryState::of(&section, &entry_name(settings, digest)));
        matches!(state, Ok(EntryState::Absent | EntryState::Broken))
    }

    /// Remembers that init of a module took so long. What cannot be kept is remembered by nobody.
    pub(crate) fn note_run(&self, digest: &[u8; 32], init: Duration) -> InitRuns {
        let directory = OwnedDirectory::open(&self.directory);
        match directory.and_then(|directory| directory.section("runs")) {
            Ok(section) => InitRuns::note(&section, &entry_name("", digest), init),
            Err(_) => InitRuns::first(init),
        }
    }

    /// Declares a new entry complete, then removes what was not used for longest until the rest is well within the limit.
    pub(crate) fn keep(&self, entry: &CompiledEntry) {
        // What cannot be sealed will be compiled again.
        let _ = entry.seal();
        if let Ok(section) = self.section() {
            section.evict(self.max_bytes);
        }
    }
}

impl CompileCache {
    /// All entries, each with its files one after the other.
    pub(super) fn packed_entries(&self) -> Result<Vec<(PackedEntry, Vec<u8>)>, PreparedError> {
        let section = self.section().map_err(PreparedError::io)?;
        let mut packed = Vec::new();
        for name in section.names() {
            let directory = open_entry(&section, &name).map_err(PreparedError::io)?;
            let list = list(&directory).map_err(PreparedError::io)?;
            let (mut files, mut contents) = (Vec::new(), Vec::new());
            for path in list.lines().filter_map(|line| line.split_once("  ")).map(|(_, path)| path) {
                let content = directory.read(path).map_err(PreparedError::io)?;
                files.push((path.to_owned(), content.len() as u64));
                contents.extend(content);
            }
            packed.push((PackedEntry { name: name.as_str().to_owned(), files }, contents));
        }
        Ok(packed)
    }

    /// Makes an entry of what was packed.
    pub(super) fn unpack_entry(&self, name: &str, files: &[(String, &[u8])]) -> Result<(), PreparedError> {
        let name = EntryName::parse(name).ok_or(PreparedError::Damaged)?;
        let section = self.section().map_err(PreparedError::io)?;
        let lock = begin(&section, &name).map_err(PreparedError::io)?;
        let directory = open_entry(&section, &name).map_err(PreparedError::io)?;
        for (path, content) in files {
            if let Some((folder, _)) = path.rsplit_once('/') {
                directory.create_dir_all(folder).map_err(PreparedError::io)?;
            }
            directory.write(path, content).map_err(PreparedError::io)?;
        }
        let entry = CompiledEntry::open(section, name, Some(lock));
        entry.ok_or(PreparedError::Damaged)?.seal().map_err(PreparedError::io)
    }
}

fn entry_name(settings: &str, digest: &[u8; 32]) -> EntryName {
    let mut hash = Sha256::new();
    for part in [env!("CARGO_PKG_VERSION"), settings] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(digest);
    EntryName::of(hash)
}

/// The entry of one compilation.
pub(crate) struct CompiledEntry {
    section: CacheSection,
    name: EntryName,
    cache: Cache,
    /// Locked while the entry is made.
    lock: Option<File>,
}

impl CompiledEntry {
    fn open(section: CacheSection, name: EntryName, lock: Option<File>) -> Option<CompiledEntry> {
        let mut config = CacheConfig::new();
        // A directory of its own: it removes files from there that it does not know. The engine finds it by its path; see
        // `OwnedDirectory` for why that is what was checked.
        config.with_directory(section.path().join(name.as_str()).join(ENGINE));
        // The first level costs least; and nothing may rewrite files after they are sealed.
        config.with_baseline_compression_level(1);
        config.with_optimized_compression_usage_counter_threshold(u64::MAX);
        config.with_cleanup_interval(Duration::from_secs(u64::from(u32::MAX)));
        let cache = Cache::new(config).ok()?;
        Some(CompiledEntry { section, name, cache, lock })
    }

    /// Lets the engine read and write the entry.
    pub fn configure(&self, config: &mut Config) {
        config.cache(Some(self.cache.clone()));
    }

    /// Whether the engine took the module from here.
    pub fn is_hit(&self) -> bool {
        self.cache.cache_hits() > 0
    }

    /// Declares what the engine wrote to be complete.
    fn seal(&self) -> io::Result<()> {
        if self.lock.is_none() {
            return Err(io::Error::other("the engine did not take what is sealed"));
        }
        let directory = open_entry(&self.section, &self.name)?;
        make_files_private(&directory)?;
        let list = list(&directory)?;
        if list.is_empty() {
            return Err(io::Error::other("the engine wrote nothing"));
        }
        let seal = self.section.key.seal(self.section.name, self.name.as_str(), list.as_bytes());
        write_private(&directory, SEALED, &[list.as_bytes(), &seal].concat())
    }
}

/// Makes an empty entry that other runs leave alone as long as this one has its lock open.
fn begin(section: &CacheSection, name: &EntryName) -> io::Result<File> {
    make_private_in(&section.directory, name.as_str())?;
    let directory = open_entry(section, name)?;
    // Locked before anybody can see it.
    Temporary::new(&directory, PRIVATE_FILE)?.persist(LOCK.as_ref())
}

fn open_entry(section: &CacheSection, name: &EntryName) -> io::Result<Dir> {
    let path = section.path().join(name.as_str());
    open_own(&section.directory, name.as_str(), &path).map_err(io::Error::other)
}

#[derive(Debug, PartialEq, Eq)]
enum EntryState {
    Absent,
    /// Complete, and as it was written.
    Sealed,
    /// Left unfinished, or changed since.
    Broken,
    /// Another run is at work on it.
    InUse,
}

impl EntryState {
    fn of(section: &CacheSection, name: &EntryName) -> EntryState {
        let metadata = match section.directory.symlink_metadata(name.as_str()) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return EntryState::Absent,
            Err(_) => return EntryState::InUse,
        };
        let Ok(directory) = open_entry(section, name) else { return EntryState::Broken };
        match open_own_file(&directory, SEALED) {
            Ok((file, _)) => match is_sealed(section, name, &directory, file) {
                Ok(true) => EntryState::Sealed,
                Ok(false) | Err(_) => EntryState::Broken,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let age = metadata.modified().map(|time| SystemTime::now().duration_since(time.into_std()));
                EntryState::unsealed(&directory, age.ok().and_then(Result::ok).unwrap_or_default())
            }
            Err(_) => EntryState::Broken,
        }
    }

    fn unsealed(directory: &Dir, age: Duration) -> EntryState {
        let locked = open_own_file(directory, LOCK).map(|(file, _)| file.try_lock());
        match locked {
            Ok(Ok(())) => EntryState::Broken,
            Ok(Err(std::fs::TryLockError::WouldBlock)) => EntryState::InUse,
            _ if age < ABANDONED => EntryState::InUse,
            _ => EntryState::Broken,
        }
    }
}

fn is_sealed(section: &CacheSection, name: &EntryName, directory: &Dir, mut file: File) -> io::Result<bool> {
    let list = list(directory)?;
    let mut sealed = Vec::new();
    file.read_to_end(&mut sealed)?;
    let Some(seal) = sealed.strip_prefix(list.as_bytes()).filter(|_| !list.is_empty()) else {
        return Ok(false);
    };
    if !section.key.is_valid(seal, section.name, name.as_str(), list.as_bytes()) {
        return Ok(false);
    }
    // Its age decides what is evicted.
    let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
    Ok(true)
}
