//! A file that nobody but this user and the administrator can change or exchange.

use std::fs::File;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};

use super::error::CacheError;
use super::resolved_path::ResolvedPath;
use crate::ownership;

/// A file that is open for reading, and that nobody but this user and the administrator can change, nor any directory or link
/// on the way to it.
///
/// That is what makes it safe to run code from there.
///
/// No example: it takes a file of the command line.
#[derive(Debug)]
pub struct OwnedFile {
    resolved: ResolvedPath,
    file: File,
}

impl OwnedFile {
    /// Opens `path`, which must be a regular file.
    ///
    /// # Errors
    /// [`CacheError`], if others can change it or something on the way.
    pub fn open(path: &Path) -> Result<OwnedFile, CacheError> {
        let resolved = ResolvedPath::to_anything(path)?;
        let Some(name) = &resolved.file else { return Err(CacheError::NotAFile(path.to_owned())) };
        let place = resolved.end.join(name);
        let io = |error| CacheError::io(&place)(error);
        let directory = Dir::open_ambient_dir(&resolved.end, ambient_authority()).map_err(io)?;
        // Neither a link, nor a pipe that would have to be waited for.
        if !directory.symlink_metadata(name).map_err(io)?.is_file() {
            return Err(CacheError::NotAFile(place));
        }
        let file = directory.open(name).map_err(io)?.into_std();
        let metadata = Metadata::from_file(&file).map_err(io)?;
        ownership::check_installed(&metadata, &file).map_err(CacheError::exposed(&place))?;
        Ok(OwnedFile { resolved, file })
    }

    /// What was opened.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The directory among `directories` by which a guest that may write there could exchange the file.
    pub fn in_reach_of<'d>(&self, mut directories: impl Iterator<Item = &'d Path>) -> Option<&'d Path> {
        directories.find(|directory| self.resolved.passes(directory))
    }
}

/// Checks that nobody but this user and the administrator can exchange what is in `directory`, or make its path lead elsewhere.
///
/// # Errors
/// [`CacheError::Exposed`], if others can.
///
/// No example: it depends on the machine.
pub fn check_way(directory: &Path) -> Result<(), CacheError> {
    ResolvedPath::to(directory).map(drop)
}
