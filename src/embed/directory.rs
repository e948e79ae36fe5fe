//! Reads directories of this machine.

use super::budget::{Budget, DEEPEST};
use super::error::SourceError;
use super::filter::Matching;
use super::sources::{Times, stays_inside};
use preinit_core::embed::Entry;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What is taken of them.
pub(super) struct Reading<'r> {
    pub times: Times,
    pub excluded: &'r Matching<'r>,
    pub budget: &'r Budget,
}

/// What is at `host`, with everything in it.
pub(super) fn read(host: &Path, reading: &Reading<'_>) -> Result<Entry, SourceError> {
    let metadata = fs::metadata(host).map_err(|error| unreadable(host, error))?;
    reading.entry(host, Path::new(""), &metadata)
}

fn unreadable(path: &Path, source: io::Error) -> SourceError {
    SourceError::Unreadable { path: path.to_owned(), source }
}

impl Reading<'_> {
    /// What is at `path`, which is `inside` of the source.
    fn entry(&self, path: &Path, inside: &Path, metadata: &Metadata) -> Result<Entry, SourceError> {
        let modified = self.modified(metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.directory(path, inside, modified)
        } else if kind.is_file() {
            let file = File::open(path).map_err(|error| unreadable(path, error))?;
            let contents = self.budget.read(file, path)?;
            Ok(Entry::File { contents, modified })
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(|error| unreadable(path, error))?;
            let not_unicode = |_| SourceError::NotUnicode(path.to_owned());
            let target = target.into_os_string().into_string().map_err(not_unicode)?;
            self.budget.take(target.len() as u64)?;
            match stays_inside(inside, &target) {
                true => Ok(Entry::Link { target, modified }),
                false => Err(SourceError::LeadsOut { path: path.to_owned(), target }),
            }
        } else {
            Err(SourceError::Special(path.to_owned()))
        }
    }

    fn directory(&self, path: &Path, inside: &Path, modified: u64) -> Result<Entry, SourceError> {
        self.budget.directory()?;
        let mut entries = Vec::new();
        for found in fs::read_dir(path).map_err(|error| unreadable(path, error))? {
            let found = found.map_err(|error| unreadable(path, error))?;
            let path: PathBuf = found.path();
            let name = found.file_name().into_string().map_err(|_| SourceError::NotUnicode(path.clone()))?;
            let inside = inside.join(&name);
            let mut names: Vec<String> =
                inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            let is_directory = found.file_type().is_ok_and(|kind| kind.is_dir());
            if self.excluded.excludes(&names, is_directory) {
                if is_directory {
                    self.look_for_matches(&path, &mut names);
                }
                continue;
            }
            self.budget.entry(&inside, names.len())?;
            let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, error))?;
            entries.push((name, self.entry(&path, &inside, &metadata)?));
        }
        Ok(Entry::directory(entries, modified)?)
    }

    /// Looks in a directory that is left out for what further patterns match, which would else seem to match nothing.
    fn look_for_matches(&self, path: &Path, names: &mut Vec<String>) {
        // What cannot be read is left out anyway.
        let Ok(entries) = fs::read_dir(path) else { return };
        for found in entries.flatten() {
            if !self.excluded.is_waiting() || names.len() >= DEEPEST {
                return;
            }
            names.push(found.file_name().to_string_lossy().into_owned());
            let is_directory = found.file_type().is_ok_and(|kind| kind.is_dir());
            self.excluded.excludes(names, is_directory);
            if is_directory {
                self.look_for_matches(&found.path(), names);
            }
            names.pop();
        }
    }

    fn modified(&self, metadata: &Metadata) -> u64 {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        self.times.of(since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0))
    }
}
