use std::fs::FileTimes;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};

use super::owned_directory::{open_own_file, write_private};
use super::seal::{Key, SEAL};
use crate::temporary;

/// Eviction goes down to this part of the limit, so that it does not happen at every run.
const KEPT: (u64, u64) = (3, 4);

/// The name of an entry: a hash of everything that decides what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName(String);

impl EntryName {
    const DIGITS: usize = 64;

    /// The name for what was hashed.
    pub fn of(hash: Sha256) -> EntryName {
        EntryName(preinit_core::hex(&hash.finalize()))
    }

    /// Reads a name, exactly as it is written.
    pub(super) fn parse(text: &str) -> Option<EntryName> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == Self::DIGITS && text.bytes().all(is_digit)).then(|| EntryName(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of a cache: entries by name, each sealed.
#[derive(Debug)]
pub struct CacheSection {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) directory: Dir,
    pub(super) key: Key,
}

impl CacheSection {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of an entry that is one file. What is not as this program wrote it is removed.
    pub fn read(&self, name: &EntryName) -> Option<Vec<u8>> {
        let content = self.read_sealed(name);
        if let Err(error) = &content
            && error.kind() != io::ErrorKind::NotFound
        {
            let _ = self.directory.remove_file(name.as_str());
        }
        content.ok()
    }

    fn read_sealed(&self, name: &EntryName) -> io::Result<Vec<u8>> {
        let (mut file, _) = open_own_file(&self.directory, name.as_str())?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let Some(length) = content.len().checked_sub(SEAL) else { return Err(damaged()) };
        let seal = content.split_off(length);
        if !self.key.is_valid(&seal, self.name, name.as_str(), &content) {
            return Err(damaged());
        }
        // Its age decides what is evicted.
        let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
        Ok(content)
    }

    /// Keeps `content` as an entry that is one file.
    ///
    /// # Errors
    /// If the file system does not allow it.
    pub fn write(&self, name: &EntryName, mut content: Vec<u8>) -> io::Result<()> {
        let seal = self.key.seal(self.name, name.as_str(), &content);
        content.extend_from_slice(&seal);
        write_private(&self.directory, name.as_str(), &content)
    }

    /// Removes the entries that were not used for longest until the rest is well within the limit, and what killed runs
    /// have left. What is not named as an entry stays.
    pub fn evict(&self, max_bytes: u64) {
        temporary::remove_leftovers(&self.directory);
        let mut entries = self.entries();
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        if total <= max_bytes {
            return;
        }
        entries.sort_by_key(|entry| entry.used);
        for entry in entries {
            if total <= max_bytes / KEPT.1 * KEPT.0 {
                break;
            }
            if self.remove(&entry.name).is_ok() {
                total -= entry.bytes;
            }
        }
    }

    pub(super) fn remove(&self, name: &EntryName) -> io::Result<()> {
        match self.directory.symlink_metadata(name.as_str())?.is_dir() {
            true => self.directory.remove_dir_all(name.as_str()),
            false => self.directory.remove_file(name.as_str()),
        }
    }

    /// The names of all entries.
    pub(super) fn names(&self) -> Vec<EntryName> {
        let names = self.directory.entries().into_iter().flatten().flatten();
        names.filter_map(|entry| EntryName::parse(entry.file_name().to_str()?)).collect()
    }

    fn entries(&self) -> Vec<UsedEntry> {
        self.names().into_iter().filter_map(|name| self.entry(name).ok()).collect()
    }

    fn entry(&self, name: EntryName) -> io::Result<UsedEntry> {
        let metadata = self.directory.symlink_metadata(name.as_str())?;
        let mut entry = UsedEntry { name, used: metadata.modified()?.into_std(), bytes: metadata.len() };
        if metadata.is_dir() {
            let directory = self.directory.open_dir(entry.name.as_str())?;
            entry.bytes = bytes_in(&directory)?;
            if let Ok(sealed) = directory.symlink_metadata(super::compile_cache::SEALED) {
                entry.used = sealed.modified()?.into_std();
            }
        }
        Ok(entry)
    }
}

struct UsedEntry {
    name: EntryName,
    used: SystemTime,
    bytes: u64,
}

/// The size of all files in a directory, and in those that are in it.
fn bytes_in(directory: &Dir) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in directory.entries()? {
        let entry = entry?;
        let metadata = directory.symlink_metadata(entry.file_name())?;
        bytes += match metadata.is_dir() {
            true => bytes_in(&directory.open_dir(entry.file_name())?)?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}

fn damaged() -> io::Error {
    io::Error::other("it is not as it was written")
}

#[cfg(test)]
mod tests {
    use super::EntryName;

    #[test]
    fn names_are_recognized() {
        let hash = "0123456789abcdef".repeat(4);
        assert!(EntryName::parse(&hash).is_some());
        for other in
            [&hash[1..], &hash.to_uppercase(), &format!("{hash}0"), &format!(".{}", &hash[1..]), "", "mylib"]
        {
            assert_eq!(EntryName::parse(other), None, "{other}");
        }
    }
}
