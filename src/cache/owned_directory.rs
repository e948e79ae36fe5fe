use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, Metadata};

use super::cache_section::CacheSection;
use super::error::CacheError;
use super::resolved_path::ResolvedPath;
use super::seal::Key;
use crate::ownership;
use crate::temporary::{self, Temporary};

/// Marks a cache directory, for backup programs too; see <https://bford.info/cachedir/>.
const TAG: &str = "CACHEDIR.TAG";

/// How a tag begins that this program wrote. The first line is that of any cache directory.
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# preinit cache, version 1\n";

const EXPLANATION: &str = "# Everything here can be removed at any time.\n";

/// The file of the key that entries are sealed with.
const KEY: &str = "key";

/// For this user alone.
const PRIVATE_DIRECTORY: u32 = 0o700;
pub(super) const PRIVATE_FILE: u32 = 0o600;

/// A cache directory that this program made and that only this user can change.
///
/// That is what makes it safe to run code from here. Every directory on the way to it, and the directory itself, is the
/// user's or the administrator's, and nobody else can write there (in a sticky directory, such as `/tmp`, others make
/// files of their own, but do not exchange ours). Nobody else can thus make its path lead elsewhere between two uses, so
/// what is checked through the open directory is what is found by path afterwards.
///
/// Nothing is removed from a directory that is not marked, and a directory is marked only when it is empty.
#[derive(Debug)]
pub struct OwnedDirectory {
    resolved: ResolvedPath,
    directory: Dir,
    key: Key,
}

impl OwnedDirectory {
    /// Opens the cache in `path`, which is made if it is not there or empty.
    ///
    /// # Errors
    /// [`CacheError`], if it holds something else or if others can change it.
    pub fn open(path: &Path) -> Result<OwnedDirectory, CacheError> {
        OwnedDirectory::open_out_of_reach_of(path, &[])
    }

    /// The same where a guest may write to `directories`. Nothing is made if it could change what is there.
    ///
    /// # Errors
    /// [`CacheError::Reachable`] too.
    pub fn open_out_of_reach_of(path: &Path, directories: &[&Path]) -> Result<OwnedDirectory, CacheError> {
        let mut resolved = ResolvedPath::to(path)?;
        check_reach(&resolved, directories.iter().copied())?;
        if !resolved.missing.is_empty() {
            let mut made = resolved.end.clone();
            for name in &resolved.missing {
                made.push(name);
                make_private(&made).map_err(CacheError::io(&made))?;
            }
            // What has been made is reached by no link any more, but what was given may be.
            let passed = std::mem::take(&mut resolved.passed);
            resolved = ResolvedPath::to(&made)?;
            resolved.passed.extend(passed);
        }
        let io = |error| CacheError::io(&resolved.end)(error);
        let directory = Dir::open_ambient_dir(&resolved.end, ambient_authority()).map_err(io)?;
        let metadata = directory.dir_metadata().map_err(io)?;
        ownership::check(&metadata, &directory).map_err(CacheError::exposed(&resolved.end))?;
        mark(&directory, &resolved.end)?;
        let key = key(&directory).map_err(CacheError::io(resolved.end.join(KEY)))?;
        Ok(OwnedDirectory { resolved, directory, key })
    }

    /// Where it is, without links.
    pub fn path(&self) -> &Path {
        &self.resolved.end
    }

    /// Checks that a guest that may write to `directories` cannot change what is here.
    ///
    /// # Errors
    /// [`CacheError::Reachable`], if it can.
    pub fn check_out_of_reach_of<'d>(
        &self,
        directories: impl Iterator<Item = &'d Path>,
    ) -> Result<(), CacheError> {
        check_reach(&self.resolved, directories)
    }

    /// A file that only one process has locked at a time; `None` if another one has. Closing it lets others have it.
    ///
    /// # Errors
    /// If the file system has no locks, or the file is not this user's alone.
    pub(super) fn turn(&self) -> io::Result<Option<File>> {
        let (file, _) = open_own_file(&self.directory, KEY)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A part of the cache with entries of its own.
    ///
    /// # Errors
    /// [`CacheError`], if it cannot be made or if others can change it.
    pub fn section(&self, name: &'static str) -> Result<CacheSection, CacheError> {
        let path = self.resolved.end.join(name);
        let directory = open_private(&self.directory, name, &path)?;
        Ok(CacheSection { name, path, directory, key: self.key.clone() })
    }
}

fn check_reach<'d>(
    resolved: &ResolvedPath,
    mut directories: impl Iterator<Item = &'d Path>,
) -> Result<(), CacheError> {
    match directories.find(|directory| resolved.is_in_reach_of(directory)) {
        Some(directory) => Err(CacheError::Reachable(directory.to_owned())),
        None => Ok(()),
    }
}

/// Opens the directory `name`, which is made if it is not there.
fn open_private(parent: &Dir, name: &str, path: &Path) -> Result<Dir, CacheError> {
    let io = |error| CacheError::io(path)(error);
    make_private_in(parent, name).or_else(exists).map_err(io)?;
    open_own(parent, name, path)
}

/// Opens the directory `name` if only this user can change it.
pub(super) fn open_own(parent: &Dir, name: &str, path: &Path) -> Result<Dir, CacheError> {
    let io = |error| CacheError::io(path)(error);
    if !parent.symlink_metadata(name).map_err(io)?.is_dir() {
        return Err(CacheError::NotADirectory(path.to_owned()));
    }
    let directory = parent.open_dir(name).map_err(io)?;
    let metadata = directory.dir_metadata().map_err(io)?;
    ownership::check(&metadata, &directory).map_err(CacheError::exposed(path))?;
    Ok(directory)
}

/// Opens the file `name` if only this user can change it.
pub(super) fn open_own_file(parent: &Dir, name: &str) -> io::Result<(File, Metadata)> {
    // Neither a link, nor a pipe that would have to be waited for.
    if !parent.symlink_metadata(name)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = parent.open(name)?.into_std();
    let metadata = Metadata::from_file(&file)?;
    ownership::check(&metadata, &file).map_err(io::Error::other)?;
    Ok((file, metadata))
}

/// Writes the file `name` in one step.
pub(super) fn write_private(directory: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = Temporary::new(directory, PRIVATE_FILE)?;
    temporary.file().write_all(bytes)?;
    temporary.persist(name.as_ref()).map(drop)
}

/// Makes the directory `name`, whatever the user's mask is.
pub(super) fn make_private_in(parent: &Dir, name: &str) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, PRIVATE_DIRECTORY);
    parent.create_dir_with(name, &builder)?;
    #[cfg(unix)]
    parent.set_permissions(name, cap_std::fs::PermissionsExt::from_mode(PRIVATE_DIRECTORY))?;
    Ok(())
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, PRIVATE_DIRECTORY);
    match builder.create(path) {
        Ok(()) => {}
        other => return other.or_else(exists),
    }
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(PRIVATE_DIRECTORY))?;
    Ok(())
}

/// Another run may have made it a moment ago.
fn exists(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// Marks the directory unless it is marked. Only an empty one can be.
fn mark(directory: &Dir, path: &Path) -> Result<(), CacheError> {
    if is_marked(directory, path)? {
        return Ok(());
    }
    if let Some(found) = something_in(directory).map_err(CacheError::io(path))? {
        // Another run may have marked it in between, and begun to use it.
        return match is_marked(directory, path)? {
            true => Ok(()),
            false => Err(CacheError::Foreign { path: path.to_owned(), found }),
        };
    }
    let tag = SIGNATURE.to_owned() + EXPLANATION;
    write_private(directory, TAG, tag.as_bytes()).map_err(CacheError::io(path))
}

fn is_marked(directory: &Dir, path: &Path) -> Result<bool, CacheError> {
    let path = path.join(TAG);
    let metadata = match directory.symlink_metadata(TAG) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(CacheError::io(path)(error)),
    };
    if !metadata.is_file() {
        return Ok(false);
    }
    let mut beginning = Vec::new();
    let file = directory.open(TAG).map_err(CacheError::io(&path))?.into_std();
    ownership::check(&metadata, &file).map_err(CacheError::exposed(&path))?;
    file.take(SIGNATURE.len() as u64).read_to_end(&mut beginning).map_err(CacheError::io(&path))?;
    Ok(beginning == SIGNATURE.as_bytes())
}

/// The name of something that is in the directory. What a run has left that was killed as it marked it does not count.
fn something_in(directory: &Dir) -> io::Result<Option<String>> {
    for entry in directory.entries()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !temporary::is_temporary(&name) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The key, or a new one if others may know it. With a new key, no entry that is there is valid.
fn key(directory: &Dir) -> io::Result<Key> {
    if let Ok((file, metadata)) = open_own_file(directory, KEY)
        && ownership::check_secret(&metadata, &file).is_ok()
    {
        let mut bytes = Vec::new();
        file.take(Key::LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        if let Some(key) = Key::from_bytes(&bytes) {
            return Ok(key);
        }
    }
    let key = Key::random()?;
    write_private(directory, KEY, key.as_bytes())?;
    Ok(key)
}
