use super::super::budget::Budget;
use super::super::error::SourceError;
use super::super::filter::Matching;
use super::super::sources::{Times, stays_inside};
use super::Unpacking;
use preinit_core::embed::Entry;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A directory while it fills.
#[derive(Default)]
struct Directory {
    entries: BTreeMap<String, Unfinished>,
    modified: Option<u64>,
}

enum Unfinished {
    Directory(Directory),
    Other(Entry),
}

impl Directory {
    fn into_entry(self, default: u64) -> Result<Entry, SourceError> {
        let mut entries = Vec::new();
        for (name, entry) in self.entries {
            let entry = match entry {
                Unfinished::Directory(directory) => directory.into_entry(default)?,
                Unfinished::Other(entry) => entry,
            };
            entries.push((name, entry));
        }
        Ok(Entry::directory(entries, self.modified.unwrap_or(default))?)
    }

    /// The directory at this path, which is made if it is not there.
    fn at(&mut self, names: &[String], budget: &Budget) -> Result<Option<&mut Directory>, SourceError> {
        let Some((first, rest)) = names.split_first() else { return Ok(Some(self)) };
        if !self.entries.contains_key(first) {
            budget.directory()?;
            self.entries.insert(first.clone(), Unfinished::Directory(Directory::default()));
        }
        match self.entries.get_mut(first) {
            Some(Unfinished::Directory(directory)) => directory.at(rest, budget),
            Some(Unfinished::Other(_)) | None => Ok(None),
        }
    }

    fn get(&self, names: &[String]) -> Option<&Unfinished> {
        let (first, rest) = names.split_first()?;
        match self.entries.get(first)? {
            Unfinished::Directory(directory) if !rest.is_empty() => directory.get(rest),
            entry if rest.is_empty() => Some(entry),
            _ => None,
        }
    }
}

/// What an archive holds, as far as it was read.
pub(super) struct Unpacked<'u> {
    pub path: &'u Path,
    pub filter: &'u Matching<'u>,
    pub times: Times,
    pub budget: &'u Budget,
    root: Directory,
}

impl<'u> Unpacked<'u> {
    pub fn new(path: &'u Path, Unpacking { filter, times, budget }: Unpacking<'u>) -> Unpacked<'u> {
        Unpacked { path, filter, times, budget, root: Directory::default() }
    }

    pub fn into_entry(self) -> Result<Entry, SourceError> {
        self.root.into_entry(self.times.fixed())
    }

    pub fn unreadable(&self, source: impl Into<io::Error>) -> SourceError {
        SourceError::unreadable(self.path, source.into())
    }

    /// Something about the archive as a whole.
    pub fn refused(&self, why: impl Into<String>) -> SourceError {
        SourceError::archive(self.path, why)
    }

    /// Something about what the archive has under this name.
    pub fn refused_at(&self, name: &str, why: impl Into<String>) -> SourceError {
        SourceError::archive(&self.in_archive(name), why)
    }

    pub fn in_archive(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a name in the archive.
    pub fn text(&self, name: &[u8]) -> Result<String, SourceError> {
        String::from_utf8(name.to_vec()).map_err(|_| SourceError::NotUnicode(self.path.to_owned()))
    }

    /// The names in a path of the archive, which must not lead out of it.
    pub fn names(&self, path: &str) -> Result<Vec<String>, SourceError> {
        let names: Vec<String> =
            path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect();
        if path.starts_with('/') || names.iter().any(|name| name == "..") {
            return Err(SourceError::LeadsOut { path: self.path.to_owned(), target: path.to_owned() });
        }
        self.budget.entry(Path::new(path), names.len())?;
        Ok(names)
    }

    /// What was found under this name before, if that is a file or a link.
    pub fn found(&self, names: &[String]) -> Option<&Entry> {
        match self.root.get(names)? {
            Unfinished::Other(entry) => Some(entry),
            Unfinished::Directory(_) => None,
        }
    }

    pub fn directory(&mut self, names: &[String], modified: u64) -> Result<(), SourceError> {
        match self.root.at(names, self.budget)? {
            Some(directory) => directory.modified = Some(modified),
            None => return Err(self.two_kinds(names)),
        }
        Ok(())
    }

    pub fn link(&mut self, names: &[String], target: String, modified: u64) -> Result<(), SourceError> {
        self.budget.take(target.len() as u64)?;
        let path: PathBuf = names.iter().collect();
        if !names.is_empty() && !stays_inside(&path, &target) {
            return Err(SourceError::LeadsOut { path: self.path.join(path), target });
        }
        self.put(names, Entry::Link { target, modified })
    }

    /// A later entry of the same name replaces an earlier one, as when an archive is unpacked.
    pub fn put(&mut self, names: &[String], entry: Entry) -> Result<(), SourceError> {
        let Some((name, above)) = names.split_last() else {
            return Err(self.refused("has a file without a name"));
        };
        match self.root.at(above, self.budget)?.map(|directory| &mut directory.entries) {
            Some(entries) if !matches!(entries.get(name), Some(Unfinished::Directory(_))) => {
                entries.insert(name.clone(), Unfinished::Other(entry));
                Ok(())
            }
            _ => Err(self.two_kinds(names)),
        }
    }

    fn two_kinds(&self, names: &[String]) -> SourceError {
        self.refused_at(
            &names.join("/"),
            "is both a directory and a file in the archive, or stands below a file of it",
        )
    }
}
