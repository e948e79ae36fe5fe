//! What init read of files, to see whether it would read the same again.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use preinit::host::{Descriptor, DescriptorKind, Descriptors, Directory, Entry, HostValue, Ledger};
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
        let metadata = directory.metadata(path)?;
        if metadata.is_dir() {
            return Ok(self.ranges.is_empty());
        }
        // A pipe or device gives something else every time, and opening it may wait.
        if !metadata.is_file() {
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
        if let Some(file) = file_of_read(&descriptors, entry) {
            // Also of a read that failed: from a pipe, it may succeed another time.
            let (ranges, hash) = files.entry(file.path.clone()).or_default();
            // The first region is the number of bytes.
            let bytes: Vec<&[u8]> = entry.writes.iter().skip(1).map(|region| &*region.bytes).collect();
            let length: u64 = bytes.iter().map(|bytes| bytes.len() as u64).sum();
            if length > 0 {
                let Some(offset) = offset(file, entry) else {
                    return Err(format!("it is not known where in `{}` init read", file.path));
                };
                bytes.iter().for_each(|bytes| hash.update(bytes));
                match ranges.last_mut() {
                    Some((start, before)) if *start + *before == offset => *before += length,
                    _ => ranges.push((offset, length)),
                }
            }
        }
        descriptors.apply(entry);
    }
    let finished =
        |(path, (ranges, hash)): (_, (_, Sha256))| (path, Parts { ranges, sha256: hash.finalize().into() });
    Ok(files.into_iter().map(finished).collect())
}

/// The file that a call read or tried to read.
fn file_of_read<'d>(descriptors: &'d Descriptors, entry: &Entry) -> Option<&'d Descriptor> {
    if !matches!(entry.call.wasi(), Some("fd_read" | "fd_pread")) {
        return None;
    }
    let file = descriptors.get(entry.call.descriptor()?)?;
    matches!(file.kind, DescriptorKind::File | DescriptorKind::Directory).then_some(file)
}

/// Where in the file.
fn offset(file: &Descriptor, entry: &Entry) -> Option<u64> {
    match (entry.call.wasi(), entry.call.args.get(3)) {
        (Some("fd_pread"), Some(HostValue::I64(offset))) => Some(offset.cast_unsigned()),
        _ => file.position,
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

#[cfg(test)]
mod tests {
    use super::{of, places};
    use crate::cli::result_cache::visible::Visible;
    use preinit::Preinit;
    use preinit::host::{Access, Directory, WasiOptions};
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    /// Reads `a` from offset 2: four bytes, four more, then four from offset 1.
    const READER: &str = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "a")
        (data (i32.const 16) "\40\00\00\00\04\00\00\00")
        (func (export "preinit") (local $fd i32)
          (drop (call $open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0)
            (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 32)))
          (local.set $fd (i32.load (i32.const 32)))
          (drop (call $seek (local.get $fd) (i64.const 2) (i32.const 0) (i32.const 40)))
          (drop (call $read (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 48)))
          (drop (call $read (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 48)))
          (drop (call $pread (local.get $fd) (i32.const 16) (i32.const 1) (i64.const 1) (i32.const 48)))))"#;

    /// Without a change of the name, size or times, as through a mapping of the file into memory: only the content is
    /// looked at here.
    #[test]
    fn what_was_read_is_compared() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("a");
        let text = "0123456789abcdef";
        fs::write(&path, text).unwrap();
        std::thread::sleep(Duration::from_millis(2100));
        let directories =
            vec![Directory { guest: "/d".into(), host: outside.path().into(), access: Access::ReadOnly }];
        let wasi = WasiOptions { dirs: directories.clone(), ..WasiOptions::default() };
        let wasm = wat::parse_str(READER).unwrap();
        let ledger = Preinit::new().wasi(wasi).run(&wasm).unwrap().ledger;
        let visible = Visible::look(directories).unwrap();
        let reads = of(&ledger, &visible).unwrap();
        let [read] = &reads[..] else { panic!("{reads:?}") };
        assert_eq!(read.parts.ranges, [(2, 8), (1, 4)]);
        for (at, is_read) in
            [(0, false), (1, true), (2, true), (5, true), (9, true), (10, false), (15, false)]
        {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = b'X';
            fs::write(&path, &changed).unwrap();
            assert_eq!(read.is_current(&visible), !is_read, "byte {at}");
            // Nor is a run kept that read something else than what is there.
            assert_eq!(of(&ledger, &visible).is_err(), is_read, "byte {at}");
        }
        fs::write(&path, &text[..8]).unwrap();
        assert!(!read.is_current(&visible), "shorter");
        fs::remove_file(&path).unwrap();
        assert!(!read.is_current(&visible), "gone");
        fs::create_dir(&path).unwrap();
        assert!(!read.is_current(&visible), "a directory");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, text).unwrap();
        assert!(read.is_current(&visible), "as it was");
    }

    #[test]
    fn names_of_the_guest_lead_to_directories() {
        let directory =
            |guest: &str| Directory { guest: guest.into(), host: PathBuf::new(), access: Access::ReadOnly };
        for (guest, path, expected) in [
            (&["/"][..], "/a/b", &[(0, "a/b")][..]),
            (&["/d"], "/d/a", &[(0, "a")]),
            (&["/d/"], "/d/a", &[(0, "a")]),
            (&["."], "./a", &[(0, "a")]),
            (&[""], "a", &[(0, "a")]),
            (&["/d", "/d/e"], "/d/e/a", &[(0, "e/a"), (1, "a")]),
            (&["/d", "/"], "/d/a", &[(0, "a"), (1, "d/a")]),
            (&["/d"], "/de/a", &[]),
        ] {
            let directories: Vec<_> = guest.iter().map(|guest| directory(guest)).collect();
            let found = places(path, &directories);
            let found: Vec<_> = found.iter().map(|(at, path)| (*at, path.to_str().unwrap())).collect();
            assert_eq!(found, expected, "{path} in {guest:?}");
        }
    }
}
