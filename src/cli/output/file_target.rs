//! A file name in a directory that stays open.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use preinit::stages::PrintablePath;
use preinit::stages::temporary::{Temporary, remove_leftovers};

/// Where a file will be. It need not be there yet.
#[derive(Debug)]
pub struct FileTarget {
    /// Without links.
    directory_path: PathBuf,
    directory: Dir,
    file_name: OsString,
    /// Whether a name is there by its letters, be they large or small.
    folds_case: bool,
}

impl FileTarget {
    /// Opens the directory of `path` and checks that files can be made there.
    pub fn open(path: &Path) -> io::Result<FileTarget> {
        let directory_path = directory_of(path)?;
        let directory = Dir::open_ambient_dir(&directory_path, ambient_authority())?;
        FileTarget::checked(directory, directory_path, path)
    }

    /// The same with the directory of `path` opened already. No part of `path` is a link.
    pub fn in_directory(directory: Dir, path: &Path) -> io::Result<FileTarget> {
        // Elsewhere one path has many spellings.
        let directory_path = match path.parent() {
            Some(parent) if cfg!(unix) => parent.to_owned(),
            _ => directory_of(path)?,
        };
        FileTarget::checked(directory, directory_path, path)
    }

    fn checked(directory: Dir, directory_path: PathBuf, path: &Path) -> io::Result<FileTarget> {
        let file_name = path.file_name().ok_or_else(|| io::Error::other("it is a directory"))?.to_owned();
        let mut target = FileTarget { directory_path, directory, file_name, folds_case: false };
        // Not again for every output of a batch that goes there.
        static LAST: Mutex<Option<(PathBuf, bool)>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((path, folds_case)) if *path == target.directory_path => target.folds_case = *folds_case,
            _ => {
                target.folds_case = target.prepared()?;
                *last = Some((target.directory_path.clone(), target.folds_case));
            }
        }
        Ok(target)
    }

    /// Removes what killed runs have left in the directory, and sees that files can be made there, and whether case counts.
    fn prepared(&self) -> io::Result<bool> {
        remove_leftovers(&self.directory);
        // Made, and removed again.
        Ok(self.temporary(0o600)?.is_there_in_capitals())
    }

    /// A new file in its directory.
    pub fn temporary(&self, mode: u32) -> io::Result<Temporary> {
        // In the system's own words: nobody has heard of the temporary file's name.
        Temporary::new(&self.directory, mode).map_err(|error| io::Error::from(error.kind()))
    }

    /// What the file is called there.
    pub fn file_name(&self) -> &OsStr {
        &self.file_name
    }

    /// Checks that the directory is still where it was: else what is written would not be where it was asked for.
    pub fn check(&self) -> io::Result<()> {
        let now = Metadata::from_just_metadata(fs::metadata(&self.directory_path)?);
        if is_same(&now, &self.directory.dir_metadata()?) {
            return Ok(());
        }
        let path = PrintablePath(&self.directory_path);
        Err(io::Error::other(format!("the directory `{path}` was moved or exchanged during the run")))
    }

    /// Whether both are the same file.
    pub fn is(&self, other: &FileTarget) -> bool {
        self.place() == other.place() || self.is_named(&other.path())
    }

    /// Whether `path` leads here.
    pub fn is_named(&self, path: &Path) -> bool {
        let resolved = path.canonicalize().or_else(|_| {
            let name = path.file_name().unwrap_or_default();
            Ok::<_, io::Error>(directory_of(path)?.join(name))
        });
        let own = self.path();
        resolved.is_ok_and(|path| path == own.canonicalize().unwrap_or(own))
    }

    /// Its path as that of every name that leads here.
    pub fn place(&self) -> PathBuf {
        match self.file_name.to_str().filter(|_| self.folds_case) {
            Some(name) => self.directory_path.join(name.to_lowercase()),
            None => self.path(),
        }
    }

    /// Its path, in which no directory is a link.
    pub fn path(&self) -> PathBuf {
        self.directory_path.join(&self.file_name)
    }
}

fn directory_of(path: &Path) -> io::Result<PathBuf> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.canonicalize(),
        _ => Path::new(".").canonicalize(),
    }
}

#[cfg(unix)]
fn is_same(left: &Metadata, right: &Metadata) -> bool {
    use cap_std::fs::MetadataExt;
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

/// Elsewhere an open directory can neither be moved nor removed.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::FileTarget;

    #[test]
    fn names_are_one_where_case_does_not_matter() {
        let directory = tempfile::tempdir().unwrap();
        let target = |name: &str, folds_case| FileTarget {
            folds_case,
            ..FileTarget::open(&directory.path().join(name)).unwrap()
        };
        for (left, right, folding, exact) in [
            ("out", "OUT", true, false),
            ("Éa", "éA", true, false),
            ("out", "out", true, true),
            ("a", "b", false, false),
        ] {
            assert_eq!(target(left, true).is(&target(right, true)), folding, "{left} {right}");
            assert_eq!(target(left, false).is(&target(right, false)), exact, "{left} {right}");
        }
    }
}
