//! Reads archives: ZIP, and tar, plain or compressed by gzip.

use super::budget::Budget;
use super::error::SourceError;
use super::filter::Filter;
use super::sources::{Times, stays_inside};
use flate2::bufread::{DeflateDecoder, GzDecoder};
use preinit_core::embed::Entry;
use rawzip::CompressionMethod;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The formats, by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Zip,
    Tar,
    TarGzip,
}

impl Format {
    pub fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let formats = [
            (".zip", Format::Zip),
            (".tar", Format::Tar),
            (".tar.gz", Format::TarGzip),
            (".tgz", Format::TarGzip),
        ];
        formats.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

/// What is taken of an archive.
#[derive(Clone, Copy)]
pub(super) struct Unpacking<'u> {
    pub filter: &'u Filter,
    pub times: Times,
    pub budget: &'u Budget,
}

/// What is in the archive at `path`.
pub(super) fn read(path: &Path, format: Format, unpacking: Unpacking<'_>) -> Result<Entry, SourceError> {
    let file =
        File::open(path).map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
    let bytes = unpacking.budget.read_archive(file, path)?;
    let bytes = bytes.as_slice();
    let Unpacking { filter, times, budget } = unpacking;
    let mut unpacked = Unpacked { path, filter, times, budget, root: Directory::default() };
    match format {
        Format::Zip => unpacked.zip(bytes)?,
        Format::Tar => unpacked.tar(bytes)?,
        Format::TarGzip => unpacked.tar(GzDecoder::new(bytes))?,
    }
    unpacked.root.into_entry(times.fixed())
}

/// What stands between two files of an archive, such as long names, in bytes at most. It is kept whole while it is read.
const BETWEEN: u64 = 1 << 20;

/// Reads an archive as far as it is allowed to.
struct Metered<'m, R> {
    bytes: R,
    allowed: &'m Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.allowed.get();
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::other("more than 1 MiB stands between two of its files"));
        }
        let most = buffer.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let read = self.bytes.read(&mut buffer[..most])?;
        self.allowed.set(allowed - read as u64);
        Ok(read)
    }
}

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

    fn get(&self, names: &[String]) -> Option<&Entry> {
        let (first, rest) = names.split_first()?;
        match self.entries.get(first)? {
            Unfinished::Directory(directory) => directory.get(rest),
            Unfinished::Other(entry) if rest.is_empty() => Some(entry),
            Unfinished::Other(_) => None,
        }
    }
}

struct Unpacked<'u> {
    path: &'u Path,
    filter: &'u Filter,
    times: Times,
    budget: &'u Budget,
    root: Directory,
}

impl Unpacked<'_> {
    fn unreadable(&self, source: impl Into<io::Error>) -> SourceError {
        SourceError::Unreadable { path: self.path.to_owned(), source: source.into() }
    }

    fn invalid(&self, error: rawzip::Error) -> SourceError {
        self.unreadable(io::Error::other(error))
    }

    fn in_archive(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn tar(&mut self, bytes: impl Read) -> Result<(), SourceError> {
        let allowed = Cell::new(BETWEEN);
        let mut archive = tar::Archive::new(Metered { bytes, allowed: &allowed });
        let entries = archive.entries().map_err(|error| self.unreadable(error))?;
        for entry in entries {
            let mut entry = entry.map_err(|error| self.unreadable(error))?;
            // What the entry has, whether it is taken or not, and what may come until the next one.
            let size = match entry.header().entry_type().is_gnu_sparse() {
                true => entry.header().entry_size().map_err(|error| self.unreadable(error))?,
                false => entry.size(),
            };
            allowed.set(size.saturating_add(BETWEEN));
            let name = entry.path_bytes().into_owned();
            let name = String::from_utf8(name).map_err(|_| SourceError::NotUnicode(self.path.to_owned()))?;
            let seconds = entry.header().mtime().unwrap_or(0);
            let modified = self.times.of(seconds.saturating_mul(1_000_000_000));
            let names = self.names(&name)?;
            if self.filter.excludes(&names) {
                continue;
            }
            let target = || {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                String::from_utf8(target).map_err(|_| SourceError::NotUnicode(self.in_archive(&name)))
            };
            let kind = entry.header().entry_type();
            if kind.is_dir() {
                self.directory(&names, modified)?;
            } else if kind.is_symlink() {
                let target = target()?;
                self.link(&names, target, modified)?;
            } else if kind.is_hard_link() {
                let target = self.names(&target()?)?;
                let same = self.root.get(&target);
                let same = same.ok_or_else(|| SourceError::Special(self.in_archive(&name)))?;
                if let Entry::File { contents, .. } = same {
                    self.budget.take(contents.len() as u64)?;
                }
                let same = same.clone();
                self.put(&names, same)?;
            } else if kind.is_file() || kind.is_contiguous() {
                let contents = self.budget.read(&mut entry, self.path)?;
                self.put(&names, Entry::File { contents, modified })?;
            } else if !(kind.is_pax_global_extensions() || kind.is_pax_local_extensions()) {
                return Err(SourceError::Special(self.in_archive(&name)));
            }
        }
        Ok(())
    }

    fn zip(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let archive = rawzip::ZipArchive::from_slice(bytes).map_err(|error| self.invalid(error))?;
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().map_err(|error| self.invalid(error))? {
            let name = entry.file_path().as_ref().to_vec();
            let name = String::from_utf8(name).map_err(|_| SourceError::NotUnicode(self.path.to_owned()))?;
            // ZIP has local times without a zone: they say nothing for certain.
            let modified = self.times.fixed();
            let names = self.names(&name)?;
            if self.filter.excludes(&names) {
                continue;
            }
            if entry.is_dir() {
                self.directory(&names, modified)?;
                continue;
            }
            let local = archive.get_entry(entry.wayfinder()).map_err(|error| self.invalid(error))?;
            let contents = match entry.compression_method() {
                CompressionMethod::STORE => {
                    self.budget.read(&mut local.verifying_reader(local.data()), self.path)
                }
                CompressionMethod::DEFLATE => self
                    .budget
                    .read(&mut local.verifying_reader(DeflateDecoder::new(local.data())), self.path),
                _ => Err(self.unreadable(io::Error::other(format!(
                    "`{name}` is compressed in a way that is not known here, or encrypted"
                )))),
            }?;
            if entry.mode().is_symlink() {
                let target = String::from_utf8(contents)
                    .map_err(|_| SourceError::NotUnicode(self.in_archive(&name)))?;
                self.link(&names, target, modified)?;
            } else {
                self.put(&names, Entry::File { contents, modified })?;
            }
        }
        Ok(())
    }

    /// The names in a path of the archive, which must not lead out of it.
    fn names(&self, path: &str) -> Result<Vec<String>, SourceError> {
        let names: Vec<String> =
            path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect();
        if path.starts_with('/') || names.iter().any(|name| name == "..") {
            return Err(SourceError::LeadsOut { path: self.path.to_owned(), target: path.to_owned() });
        }
        self.budget.entry(Path::new(path), names.len())?;
        Ok(names)
    }

    fn directory(&mut self, names: &[String], modified: u64) -> Result<(), SourceError> {
        match self.root.at(names, self.budget)? {
            Some(directory) => directory.modified = Some(modified),
            None => return Err(SourceError::Special(self.in_archive(&names.join("/")))),
        }
        Ok(())
    }

    fn link(&mut self, names: &[String], target: String, modified: u64) -> Result<(), SourceError> {
        self.budget.take(target.len() as u64)?;
        let path: PathBuf = names.iter().collect();
        if stays_inside(&path, &target) {
            return self.put(names, Entry::Link { target, modified });
        }
        Err(SourceError::LeadsOut { path: self.path.join(path), target })
    }

    /// A later entry of the same name replaces an earlier one, as when an archive is unpacked.
    fn put(&mut self, names: &[String], entry: Entry) -> Result<(), SourceError> {
        let Some((name, above)) = names.split_last() else { return Ok(()) };
        let Some(directory) = self.root.at(above, self.budget)? else {
            return Err(SourceError::Special(self.in_archive(&names.join("/"))));
        };
        directory.entries.insert(name.clone(), Unfinished::Other(entry));
        Ok(())
    }
}
