//! A temporary directory.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, OpenOptions};

use super::registry::{Passing, Registered};
use super::temporary_name::TemporaryName;
use super::{ATTEMPTS, remove_leftovers};

/// The file in it that is locked as long as its process lives.
pub(super) const LOCK: &str = ".lock";

/// A new directory for this user, among the system's temporary files or elsewhere. It goes when this is dropped.
#[derive(Debug)]
pub struct TemporaryDirectory {
    path: PathBuf,
    _lock: File,
    registered: Registered,
}

impl TemporaryDirectory {
    /// Makes an empty one, and removes those of processes that were killed.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn new() -> io::Result<TemporaryDirectory> {
        TemporaryDirectory::inside(&std::env::temp_dir())
    }

    /// Makes an empty one in `place`, from where its contents can be moved.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub fn inside(place: &Path) -> io::Result<TemporaryDirectory> {
        let parent = Dir::open_ambient_dir(place, ambient_authority())?;
        remove_leftovers(&parent);
        for _ in 0..ATTEMPTS {
            let name = TemporaryName::new()?.to_string();
            let made = Registered::new(|| {
                let parent = parent.try_clone()?;
                parent.create_dir_with(&name, &private())?;
                Ok((Passing::Directory(parent, name.clone()), ()))
            });
            let registered = match made {
                Ok((registered, ())) => registered,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Another process may just have taken it for a leftover.
            if let Some(lock) = locked(&parent, &name)? {
                // Whoever lists it does not see the lock.
                let inner = Path::new(&name).join("content");
                parent.create_dir_with(&inner, &private())?;
                return Ok(TemporaryDirectory { path: place.join(inner), _lock: lock, registered });
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does what no signal may interrupt in the middle.
    ///
    /// # Errors
    /// Those of `work`, or if the directory has been removed by a signal's handler.
    pub fn finish(&self, work: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let mut result = Err(io::Error::from(io::ErrorKind::Interrupted));
        self.registered.is(|_| {
            result = work(&self.path);
            true
        });
        result
    }
}

fn private() -> DirBuilder {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Locks a new directory.
fn locked(parent: &Dir, name: &str) -> io::Result<Option<File>> {
    let lock_path = Path::new(name).join(LOCK);
    let file = parent.open_with(&lock_path, OpenOptions::new().write(true).create_new(true))?.into_std();
    Ok(match file.try_lock() {
        Ok(()) if parent.symlink_metadata(&lock_path).is_ok() => Some(file),
        Ok(()) | Err(TryLockError::WouldBlock) => None,
        // Where there are no locks, leftovers are recognized by their age.
        Err(TryLockError::Error(_)) => Some(file),
    })
}

#[cfg(test)]
mod tests {
    use super::TemporaryDirectory;

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
