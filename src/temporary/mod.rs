//! New content for a file, under a name of its own until it is complete. Then it takes the name that it is for, in one
//! step.
//!
//! Temporary directories and processes that serve this one are here too.
//!
//! Nothing stays of a run that ends early: what is unfinished is removed when it is dropped, and by [`remove_all`], which
//! is for signal handlers. Only a process that is killed leaves something. [`remove_leftovers`] recognizes it by its
//! name, and by its lock, which ended with the process.

mod directory;
mod leftovers;
mod process;
mod registry;
mod temporary_name;

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;

use cap_std::fs::{Dir, OpenOptions};

pub use directory::TemporaryDirectory;
pub use leftovers::remove_leftovers;
pub use process::ServingProcess;
pub use registry::{is_ending, remove_all};
#[cfg(feature = "cache")]
pub(crate) use temporary_name::is_temporary;

use registry::{Passing, Registered};
use temporary_name::TemporaryName;

/// Attempts to find a name that nothing has yet, and to lock its file before somebody takes it for a leftover. Names are
/// random, and the other moment is short, so one is nearly always enough.
const ATTEMPTS: u32 = 8;

/// A new file in a directory, locked while it is open.
#[derive(Debug)]
pub struct Temporary {
    registered: Registered,
    file: File,
}

impl Temporary {
    /// Makes an empty file in `directory`. On Unix it has the permissions `mode`, less the user's mask.
    ///
    /// # Errors
    /// If the directory does not allow it.
    pub fn new(directory: &Dir, mode: u32) -> io::Result<Temporary> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        for _ in 0..ATTEMPTS {
            let name = TemporaryName::new()?.to_string();
            let made = Registered::new(|| {
                let directory = directory.try_clone()?;
                let file = directory.open_with(&name, &options)?.into_std();
                Ok((Passing::File(directory, name.clone()), file))
            });
            match made {
                Ok((registered, file)) if is_ours(directory, &name, &file) => {
                    return Ok(Temporary { registered, file });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// For its content.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Whether it is there by its name in capitals too: its directory tells no case.
    pub fn is_there_in_capitals(&self) -> bool {
        self.registered.is(|passing| match passing {
            Passing::File(directory, name) => directory.symlink_metadata(name.to_uppercase()).is_ok(),
            _ => false,
        })
    }

    /// Gives it the name that it is for. A file that has this name is replaced; a link is, not what it points to.
    ///
    /// # Errors
    /// If the directory does not allow it. Then nothing has changed, and the file is gone.
    pub fn persist(self, name: &OsStr) -> io::Result<File> {
        self.registered.keep(|passing| match passing {
            Passing::File(directory, temporary) => directory.rename(temporary, directory, name),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        })?;
        Ok(self.file)
    }
}

/// Locks a new file. Until then it looks like a leftover, and may have been removed, or be about to be.
fn is_ours(directory: &Dir, name: &str, file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => directory.symlink_metadata(name).is_ok(),
        Err(TryLockError::WouldBlock) => false,
        // Where there are no locks, leftovers are recognized by their age.
        Err(TryLockError::Error(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::{Temporary, remove_leftovers};

    /// As two processes do that write into one folder at once.
    #[test]
    fn a_file_that_is_being_made_is_no_leftover() {
        let place = tempfile::tempdir().unwrap();
        let directory = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    remove_leftovers(&directory);
                }
            });
            let made: Result<Vec<_>, _> = (0..2000)
                .map(|number: u32| {
                    Temporary::new(&directory, 0o600)?.persist(number.to_string().as_ref()).map(drop)
                })
                .collect();
            done.store(true, Ordering::Relaxed);
            made.unwrap();
        });
    }
}
