//! Reads directories of this machine.

use super::budget::{Budget, DEEPEST};
use super::error::SourceError;
use super::filter::Matching;
use super::sources::{Times, stays_inside};
use crate::regular_file::open_regular_file;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, ReadDir};
use cap_std::time::SystemTime;
use preinit_core::embed::Entry;
use std::fs::{self, File};
use std::io;
use std::path::Path;
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
    let modified = reading.modified(metadata.modified());
    if metadata.is_dir() {
        let root =
            Dir::open_ambient_dir(host, ambient_authority()).map_err(|error| unreadable(host, error))?;
        return Walk { root, host, reading }.directory(Path::new(""), modified);
    }
    if !metadata.is_file() {
        return Err(SourceError::Special(host.to_owned()));
    }
    let file = File::open(host).map_err(|error| unreadable(host, error))?;
    Ok(Entry::File { contents: reading.budget.read(file, host)?, modified })
}

fn unreadable(path: &Path, source: io::Error) -> SourceError {
    SourceError::unreadable(path, source)
}

/// A directory that is read. Everything is opened from there, so that nothing outside is read, whatever others exchange meanwhile.
struct Walk<'r> {
    root: Dir,
    /// Where it is.
    host: &'r Path,
    reading: &'r Reading<'r>,
}

impl Walk<'_> {
    fn unreadable(&self, inside: &Path) -> impl FnOnce(io::Error) -> SourceError {
        let path = self.host.join(inside);
        move |source| SourceError::unreadable(&path, source)
    }

    /// What is at `inside`.
    fn entry(&self, inside: &Path) -> Result<Entry, SourceError> {
        let metadata = self.root.symlink_metadata(inside).map_err(self.unreadable(inside))?;
        let modified = self.reading.modified(metadata.modified().map(SystemTime::into_std));
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.directory(inside, modified)
        } else if kind.is_file() {
            let (file, _) = open_regular_file(&self.root, inside).map_err(self.unreadable(inside))?;
            let contents = self.reading.budget.read(file.into_std(), &self.host.join(inside))?;
            Ok(Entry::File { contents, modified })
        } else if kind.is_symlink() {
            self.link(inside, modified)
        } else {
            Err(SourceError::Special(self.host.join(inside)))
        }
    }

    fn link(&self, inside: &Path, modified: u64) -> Result<Entry, SourceError> {
        let path = self.host.join(inside);
        let target = self.root.read_link_contents(inside).map_err(self.unreadable(inside))?;
        let not_unicode = |_| SourceError::NotUnicode(path.clone());
        let target = target.into_os_string().into_string().map_err(not_unicode)?;
        self.reading.budget.take(target.len() as u64)?;
        match stays_inside(inside, &target) {
            true => Ok(Entry::Link { target, modified }),
            false => Err(SourceError::LeadsOut { path, target }),
        }
    }

    fn entries(&self, inside: &Path) -> io::Result<ReadDir> {
        match inside.as_os_str().is_empty() {
            true => self.root.entries(),
            false => self.root.read_dir(inside),
        }
    }

    fn directory(&self, inside: &Path, modified: u64) -> Result<Entry, SourceError> {
        let Reading { excluded, budget, .. } = self.reading;
        budget.directory()?;
        let mut entries = Vec::new();
        for found in self.entries(inside).map_err(self.unreadable(inside))? {
            let found = found.map_err(self.unreadable(inside))?;
            let path = inside.join(found.file_name());
            let not_unicode = |_| SourceError::NotUnicode(self.host.join(&path));
            let name = found.file_name().into_string().map_err(not_unicode)?;
            let mut names: Vec<String> =
                path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            let is_directory = found.file_type().is_ok_and(|kind| kind.is_dir());
            if excluded.excludes(&names, is_directory) {
                if is_directory {
                    self.look_for_matches(&path, &mut names);
                }
                continue;
            }
            budget.entry(&path, names.len())?;
            entries.push((name, self.entry(&path)?));
        }
        Ok(Entry::directory(entries, modified)?)
    }

    /// Looks in a directory that is left out for what further patterns match, which would else seem to match nothing.
    fn look_for_matches(&self, inside: &Path, names: &mut Vec<String>) {
        let excluded = self.reading.excluded;
        // What cannot be read is left out anyway.
        let Ok(entries) = self.entries(inside) else { return };
        for found in entries.flatten() {
            if !excluded.is_waiting() || names.len() >= DEEPEST {
                return;
            }
            names.push(found.file_name().to_string_lossy().into_owned());
            let is_directory = found.file_type().is_ok_and(|kind| kind.is_dir());
            excluded.excludes(names, is_directory);
            if is_directory {
                self.look_for_matches(&inside.join(found.file_name()), names);
            }
            names.pop();
        }
    }
}

impl Reading<'_> {
    fn modified(&self, modified: io::Result<std::time::SystemTime>) -> u64 {
        let since = modified.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        self.times.of(since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0))
    }
}
