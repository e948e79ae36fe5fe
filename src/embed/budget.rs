//! What an embedding may take in all. Names and contents are of whoever made them, and an archive says much in few bytes.

use super::error::SourceError;
use std::cell::Cell;
use std::io::Read;
use std::path::Path;

/// What an entry costs besides its bytes: about what a node of the tree takes in memory.
const ENTRY: u64 = 128;

/// What a directory costs: it has room for several entries from the beginning.
const DIRECTORY: u64 = 1024;

/// Directories in one another. No project's files are deeper, and all steps by level stay short.
pub(super) const DEEPEST: usize = 128;

/// The longest path, as on Linux.
const LONGEST: usize = 4096;

/// What is left of the limit.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    left: Cell<u64>,
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        Budget { limit, left: Cell::new(limit) }
    }

    /// Takes this many bytes.
    pub fn take(&self, bytes: u64) -> Result<(), SourceError> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or(SourceError::TooLarge(self.limit))?);
        Ok(())
    }

    /// Takes an entry with this path, of `depth` names.
    pub fn entry(&self, path: &Path, depth: usize) -> Result<(), SourceError> {
        let bytes = path.as_os_str().len();
        if depth > DEEPEST || bytes > LONGEST {
            return Err(SourceError::TooDeep { bytes, depth });
        }
        self.take(ENTRY + bytes as u64)
    }

    /// Takes a directory.
    pub fn directory(&self) -> Result<(), SourceError> {
        self.take(DIRECTORY)
    }

    /// Reads to the end of what is at `path`, or until there is too much of it.
    pub fn read(&self, from: impl Read, path: &Path) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        let read = from.take(self.left.get().saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(|source| SourceError::unreadable(path, source))?;
        self.take(read as u64)?;
        Ok(bytes)
    }

    /// Reads a whole archive, which counts by itself: what is in it does as it is unpacked.
    pub fn read_archive(&self, from: impl Read, path: &Path) -> Result<Vec<u8>, SourceError> {
        Budget::new(self.limit).read(from, path)
    }
}
