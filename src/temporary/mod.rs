//! New content for a file, under a name of its own until it is complete. Then it takes the name that it is for, in one
//! step.
//!
//! Nothing stays of a run that ends early: what is unfinished is removed when it is dropped, and by [`remove_all`], which
//! is for signal handlers. Only a process that is killed leaves something. [`remove_leftovers`] recognizes it by its
//! name, and by its lock, which ended with the process.

mod leftovers;
mod temporary_name;
mod unfinished;

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use cap_std::fs::{Dir, OpenOptions};

pub use leftovers::remove_leftovers;
pub(crate) use temporary_name::is_temporary;
pub use unfinished::remove_all;

use temporary_name::TemporaryName;
use unfinished::Unfinished;

/// Attempts to find a name that nothing has yet. Names are random, so one is enough.
const ATTEMPTS: u32 = 8;

/// A new file in a directory, locked while it is open.
#[derive(Debug)]
pub struct Temporary {
    unfinished: Unfinished,
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
        let mut result = Err(io::Error::from(io::ErrorKind::AlreadyExists));
        for _ in 0..ATTEMPTS {
            result = Unfinished::create(directory, TemporaryName::new()?.to_string(), &options);
            if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        let (unfinished, file) = result?;
        // Where there are no locks, leftovers are recognized by their age.
        let _ = file.try_lock();
        Ok(Temporary { unfinished, file })
    }

    /// For its content.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it the name that it is for. A file that has this name is replaced; a link is, not what it points to.
    ///
    /// # Errors
    /// If the directory does not allow it. Then nothing has changed, and the file is gone.
    pub fn persist(self, name: &OsStr) -> io::Result<File> {
        self.unfinished.persist(name)?;
        Ok(self.file)
    }
}
