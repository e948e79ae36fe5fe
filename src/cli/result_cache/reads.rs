//! What init read of files, to see whether it would read the same again.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::host::{DescriptorKind, Descriptors, Directory, Entry, HostValue, Ledger};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Reason;
use super::visible::Visible;

/// The parts of one file that init read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Which of the directories that init is given.
    directory: usize,
    /// The file, from there.
    path: PathBuf,
    parts: Parts,
}

/// Parts of a file, in the order in which they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    /// Offsets and lengths.
    ranges: Vec<(u64, u64)>,
    /// A hash of all of them together.
    sha256: [u8; 32],
}

impl FileRead {
    /// Whether the file has the same parts now.
    pub fn is_current(&self, visible: &Visible) -> bool {
        let Some(directory) = visible.directories().get(self.directory) else { return false };
        self.parts.are_in(directory, &self.path).unwrap_or(false)
    }
}

impl Parts {
    fn are_in(&self, directory: &Directory, path: &Path) -> io::Result<bool> {
        let directory = Dir::open_ambient_dir(&directory.host, ambient_authority())?;
        // Opening a pipe would wait.
        if !directory.metadata(path)?.is_file() {
            return Ok(false);
        }
        let mut file = directory.open(path)?;
        let mut hash = Sha256::new();
        for &(offset, length) in &self.ranges {
            file.seek(SeekFrom::Start(offset))?;
            if io::copy(&mut (&mut file).take(length), &mut Hasher(&mut hash))? != length {
                return Ok(false);
            }
        }
        Ok(hash.finalize()[..] == self.sha256)
    }
}

struct Hasher<'h>(&'h mut Sha256);

impl io::Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What init read, which must be what the files hold now.
pub fn of(ledger: &Ledger, visible: &Visible) -> Result<Vec<FileRead>, Reason> {
    let mut reads = Vec::new();
    for (guest_path, parts) in parts(ledger)? {
        let places = places(&guest_path, visible.directories());
        // Directories may be within others. Those that hold something else there were not meant.
        let before = reads.len();
        for (directory, path) in places {
            if parts.are_in(&visible.directories()[directory], &path).unwrap_or(false) {
                reads.push(FileRead { directory, path, parts: parts.clone() });
            }
        }
        if reads.len() == before {
            return Err(format!("`{guest_path}` is not a file, or it changed during the run"));
        }
    }
    Ok(reads)
}

/// What the guest read, by path, as it named it.
fn parts(ledger: &Ledger) -> Result<Vec<(String, Parts)>, Reason> {
    let mut files = BTreeMap::<String, (Vec<(u64, u64)>, Sha256)>::new();
    let mut descriptors = Descriptors::new(ledger.preopens());
    for entry in ledger.entries() {
        if let Some((path, offset)) = place_of_read(&descriptors, entry)? {
            let (ranges, hash) = files.entry(path).or_default();
            // The first region is the number of bytes.
            let mut end = offset;
            for region in entry.writes.iter().skip(1) {
                hash.update(&region.bytes);
                end += region.bytes.len() as u64;
            }
            match ranges.last_mut() {
                Some((start, length)) if *start + *length == offset => *length += end - offset,
                _ => ranges.push((offset, end - offset)),
            }
        }
        descriptors.apply(entry);
    }
    let finished =
        |(path, (ranges, hash)): (_, (_, Sha256))| (path, Parts { ranges, sha256: hash.finalize().into() });
    Ok(files.into_iter().map(finished).collect())
}

/// The file that a call read successfully, and from where in it.
fn place_of_read(descriptors: &Descriptors, entry: &Entry) -> Result<Option<(String, u64)>, Reason> {
    let is_read = matches!(entry.call.wasi(), Some("fd_read" | "fd_pread"));
    let succeeded = entry.results() == Some(&[HostValue::I32(0)]);
    let descriptor = entry.call.descriptor().and_then(|fd| descriptors.get(fd));
    let Some(file) = descriptor.filter(|_| is_read && succeeded) else { return Ok(None) };
    if file.kind == DescriptorKind::Stdin {
        return Ok(None);
    }
    let offset = match (entry.call.wasi(), entry.call.args.get(3)) {
        (Some("fd_pread"), Some(HostValue::I64(offset))) => Some(offset.cast_unsigned()),
        _ => file.position,
    };
    match offset {
        Some(offset) => Ok(Some((file.path.clone(), offset))),
        None => Err(format!("it is not known where in `{}` init read", file.path)),
    }
}

/// Where the file may be: in a directory, and from there.
fn places(guest_path: &str, directories: &[Directory]) -> Vec<(usize, PathBuf)> {
    let place = |(at, directory): (usize, &Directory)| {
        let path = match directory.guest.trim_end_matches('/') {
            "" if directory.guest.is_empty() => guest_path,
            name => guest_path.strip_prefix(name)?.strip_prefix('/')?,
        };
        Some((at, PathBuf::from(path)))
    };
    directories.iter().enumerate().filter_map(place).collect()
}
