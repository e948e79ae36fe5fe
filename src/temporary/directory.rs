//! A temporary directory.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};

use super::registry::{Passing, Registered};
use super::temporary_name::TemporaryName;
use super::{ATTEMPTS, remove_leftovers};
use crate::ownership;
use crate::wording::PrintablePath;

/// The file in it that is locked as long as its process lives.
pub(super) const LOCK: &str = ".lock";

/// Its part for what it is made for: whoever lists it does not see the lock.
const CONTENT: &str = "content";

/// A new directory for this user, among the system's temporary files or elsewhere. It goes when this is dropped.
#[derive(Debug)]
pub struct TemporaryDirectory {
    path: PathBuf,
    content: Dir,
    _lock: File,
    registered: Registered,
}

impl TemporaryDirectory {
    /// Makes an empty one, and removes those of processes that were killed.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn new() -> io::Result<TemporaryDirectory> {
        let place = std::env::temp_dir().canonicalize()?;
        check_way(&place)?;
        TemporaryDirectory::inside(&Dir::open_ambient_dir(&place, ambient_authority())?, &place)
    }

    /// Makes an empty one in `parent`, from where its contents can be moved. `place` is its path.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn inside(parent: &Dir, place: &Path) -> io::Result<TemporaryDirectory> {
        remove_leftovers(parent);
        for _ in 0..ATTEMPTS {
            let name = TemporaryName::new()?.to_string();
            let made = Registered::new(|| {
                let parent = parent.try_clone()?;
                parent.create_dir_with(&name, &private())?;
                let directory =
                    own_and_empty(&parent, &name).inspect_err(|_| drop(parent.remove_dir(&name)))?;
                let opened = Some(directory.try_clone()?);
                Ok((Passing::Directory { parent, name: name.clone(), directory: opened }, directory))
            });
            let (registered, directory) = match made {
                Ok(made) => made,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Another process may just have taken it for a leftover.
            if let Some(lock) = locked(&directory, &name)? {
                directory.create_dir_with(CONTENT, &private())?;
                let content = directory.open_dir(CONTENT)?;
                let path = place.join(name).join(CONTENT);
                return Ok(TemporaryDirectory { path, content, _lock: lock, registered });
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory, whatever its path leads to by now.
    pub fn content(&self) -> &Dir {
        &self.content
    }

    /// Does what no signal may interrupt in the middle.
    ///
    /// # Errors
    /// Those of `work`, or if the directory has been removed by a signal's handler.
    pub fn finish(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut result = Err(io::Error::from(io::ErrorKind::Interrupted));
        self.registered.is(|_| {
            result = work();
            true
        });
        result
    }
}

/// Checks that nobody else can exchange what is there: it is found by its path, and programs are run from there.
fn check_way(place: &Path) -> io::Result<()> {
    for directory in place.ancestors() {
        let metadata = Metadata::from_just_metadata(directory.metadata()?);
        if let Err(fault) = ownership::check_ancestor(&metadata, directory) {
            let name = PrintablePath(directory);
            let why = format!("the directory for temporary files (TMPDIR) cannot be used: `{name}` {fault}");
            return Err(io::Error::other(why));
        }
    }
    Ok(())
}

/// Opens the directory that was just made. Whoever may write beside it can have put something else in its place: nothing of this
/// user's then, which would be written to, and removed.
fn own_and_empty(parent: &Dir, name: &str) -> io::Result<Dir> {
    let directory = parent.open_dir(name)?;
    ownership::check(&directory.dir_metadata()?, &directory).map_err(io::Error::other)?;
    match directory.entries()?.next() {
        None => Ok(directory),
        Some(_) => Err(io::Error::other("a directory that was just made is not empty")),
    }
}

fn private() -> DirBuilder {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// What the lock of a directory says: nobody can have written it into another one, which was given the name later.
pub(super) fn mark(directory: &Dir, name: &str) -> io::Result<String> {
    let metadata = directory.dir_metadata()?;
    #[cfg(unix)]
    let place = (cap_std::fs::MetadataExt::dev(&metadata), cap_std::fs::MetadataExt::ino(&metadata));
    #[cfg(not(unix))]
    let place = (0, u8::from(metadata.is_dir()));
    Ok(format!("{name} {} {}", place.0, place.1))
}

/// Locks a new directory.
fn locked(directory: &Dir, name: &str) -> io::Result<Option<File>> {
    let mut file = directory.open_with(LOCK, OpenOptions::new().write(true).create_new(true))?.into_std();
    file.write_all(mark(directory, name)?.as_bytes())?;
    Ok(match file.try_lock() {
        Ok(()) if directory.symlink_metadata(LOCK).is_ok() => Some(file),
        Ok(()) | Err(TryLockError::WouldBlock) => None,
        // Where there are no locks, leftovers are recognized by their age.
        Err(TryLockError::Error(_)) => Some(file),
    })
}

/// Removes what is in an open directory.
pub(super) fn remove_contents(directory: &Dir) -> io::Result<()> {
    for entry in directory.entries()? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => directory.remove_dir_all(entry.file_name())?,
            false => directory.remove_file(entry.file_name())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::TemporaryDirectory;
    #[cfg(unix)]
    use super::check_way;

    /// What is run from there is found by its path.
    #[cfg(unix)]
    #[test]
    fn others_cannot_exchange_what_is_among_temporary_files() {
        use std::os::unix::fs::PermissionsExt;
        let above = tempfile::tempdir().unwrap();
        let place = above.path().canonicalize().unwrap().join("place");
        std::fs::create_dir(&place).unwrap();
        for (of_above, of_place, expected) in [
            (0o700, 0o700, true),
            (0o1777, 0o755, true),
            (0o755, 0o1777, true),
            (0o755, 0o777, false),
            (0o777, 0o700, false),
        ] {
            let set = |path: &std::path::Path, mode| {
                std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            };
            set(above.path(), of_above);
            set(&place, of_place);
            let checked = check_way(&place);
            assert_eq!(checked.is_ok(), expected, "{of_above:o} {of_place:o} {checked:?}");
        }
    }

    #[test]
    fn a_directory_goes_with_all_that_is_in_it() {
        let directory = TemporaryDirectory::new().unwrap();
        let path = directory.path().to_owned();
        std::fs::create_dir(path.join("inner")).unwrap();
        std::fs::write(path.join("inner/file"), "x").unwrap();
        // Another one takes it for no leftover.
        drop(TemporaryDirectory::new().unwrap());
        assert!(path.join("inner/file").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        }
        drop(directory);
        assert!(!path.parent().unwrap().exists());
    }
}
