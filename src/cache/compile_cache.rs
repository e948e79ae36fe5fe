use sha2::{Digest, Sha256};
use std::fs::{File, FileTimes};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use wasmtime::{Cache, CacheConfig, Config};

use super::cache_section::{CacheSection, EntryName};
use super::error::CacheError;
use super::owned_directory::{
    OwnedDirectory, PRIVATE_FILE, make_private_in, open_own, open_own_file, write_private,
};
use crate::ownership;
use crate::temporary::Temporary;

/// The file of an entry that lists its files of code with their hashes, sealed. It is written last.
pub(super) const SEALED: &str = "sealed";

/// The file of an entry that is locked by the run that makes it.
const LOCK: &str = "lock";

/// The directory of an entry for the engine.
const ENGINE: &str = "engine";

/// An entry without a seal or a lock was left so long ago by a run that was killed.
const ABANDONED: Duration = Duration::from_secs(600);

/// Directories within directories that an entry can have.
const MAX_DEPTH: usize = 8;

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

    fn section(&self) -> Result<CacheSection, CacheError> {
        OwnedDirectory::open(&self.directory)?.section("compiled")
    }

    /// The entry of one compilation, if it can be used. A cache that cannot be used is no error: the module is compiled.
    pub(crate) fn entry(&self, settings: &str, wasm: &[u8]) -> Option<CompiledEntry> {
        let section = self.section().ok()?;
        let mut hash = Sha256::new();
        for part in [env!("CARGO_PKG_VERSION"), settings] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(wasm);
        let name = EntryName::of(hash);
        let lock = match EntryState::of(&section, &name) {
            EntryState::Sealed => None,
            EntryState::InUse => return None,
            EntryState::Absent => Some(begin(&section, &name).ok()?),
            EntryState::Broken => {
                section.remove(&name).ok()?;
                Some(begin(&section, &name).ok()?)
            }
        };
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

    /// Declares a new entry complete, then removes what was not used for longest until the rest is well within the limit.
    pub(crate) fn keep(&self, entry: &CompiledEntry) {
        // What cannot be sealed will be compiled again.
        let _ = entry.seal();
        if let Ok(section) = self.section() {
            section.evict(self.max_bytes);
        }
    }
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
        make_files_private(&directory, MAX_DEPTH)?;
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

/// The files of code below an entry, a line each with its hash, sorted.
///
/// # Errors
/// If others can change anything there.
fn list(entry: &Dir) -> io::Result<String> {
    let mut lines = Vec::new();
    list_into(&mut lines, entry, "", MAX_DEPTH)?;
    lines.sort();
    Ok(lines.concat())
}

fn list_into(lines: &mut Vec<String>, directory: &Dir, prefix: &str, depth: usize) -> io::Result<()> {
    for entry in directory.entries()? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { return Err(io::Error::other("its name is not Unicode")) };
        let path = format!("{prefix}{name}");
        if directory.symlink_metadata(name)?.is_dir() {
            let depth = depth.checked_sub(1).ok_or_else(|| io::Error::other("too many directories"))?;
            let below = open_own(directory, name, Path::new(&path)).map_err(io::Error::other)?;
            list_into(lines, &below, &format!("{path}/"), depth)?;
        } else if is_code(&path) {
            let (mut file, _) = open_own_file(directory, name)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let hash = EntryName::of(Sha256::new_with_prefix(&bytes));
            lines.push(format!("{}  {path}\n", hash.as_str()));
        }
    }
    Ok(())
}

/// Whether the engine could run this. What it notes about its files has an extension.
fn is_code(path: &str) -> bool {
    Path::new(path).extension().is_none() && path != SEALED && path != LOCK
}

/// The engine makes files and directories for whomever the user's mask lets in. Nobody could get here, so it is in time.
fn make_files_private(directory: &Dir, depth: usize) -> io::Result<()> {
    #[cfg(unix)]
    for entry in directory.entries()? {
        use cap_std::fs::PermissionsExt;
        let name = entry?.file_name();
        let metadata = directory.symlink_metadata(&name)?;
        if metadata.is_symlink() {
            return Err(io::Error::other("it is a link"));
        }
        let mode = if metadata.is_dir() { 0o700 } else { 0o600 };
        // A statistics file can vanish at any time.
        match directory.set_permissions(&name, cap_std::fs::Permissions::from_mode(mode)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if metadata.is_dir() {
            let depth = depth.checked_sub(1).ok_or_else(|| io::Error::other("too many directories"))?;
            make_files_private(&directory.open_dir(&name)?, depth)?;
        }
    }
    let metadata = directory.dir_metadata()?;
    let _ = depth;
    ownership::check(&metadata).map_err(io::Error::other)
}
