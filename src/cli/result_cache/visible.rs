//! What can be told about the files that init may read without reading them.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use preinit::host::Directory;
use preinit::stages::PrintablePath;
use sha2::{Digest, Sha256};

/// Files in all directories together; looking at more would take longer than most inits.
const MAX_FILES: usize = 100_000;

/// A file that changed so shortly before could change again without a change of its time.
const SETTLED: Duration = Duration::from_secs(2);

/// The directories that init is given, as they were found.
pub struct Visible {
    directories: Vec<Directory>,
    fingerprint: [u8; 32],
}

impl Visible {
    /// Looks at all files in `directories`.
    pub fn look(directories: Vec<Directory>) -> io::Result<Visible> {
        let fingerprint = fingerprint(&directories, SystemTime::now())?;
        Ok(Visible { directories, fingerprint })
    }

    /// The directories that init is given.
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// A hash of all that was seen, and from where.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether another look would see the same.
    pub fn is_current(&self) -> bool {
        fingerprint(&self.directories, SystemTime::now()).is_ok_and(|now| now == self.fingerprint)
    }
}

/// What is seen of one file.
#[derive(Debug)]
#[allow(dead_code, reason = "what counts is how it prints")]
struct Seen {
    kind: FileType,
    size: u64,
    changed: SystemTime,
    modified: SystemTime,
    identity: Option<(u64, u64)>,
}

fn fingerprint(directories: &[Directory], now: SystemTime) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    if !directories.is_empty() {
        // What the names of the directories are relative to.
        hash.update(std::env::current_dir()?.as_os_str().as_encoded_bytes());
    }
    // Without links: the directories that were named may be links themselves.
    let roots = directories.iter().map(|directory| fs::canonicalize(&directory.host));
    let mut left: Vec<PathBuf> = roots.rev().collect::<io::Result<_>>()?;
    let mut files = 0;
    while let Some(path) = left.pop() {
        files += 1;
        if files > MAX_FILES {
            return Err(io::Error::other("there are too many visible files"));
        }
        let metadata = fs::symlink_metadata(&path)?;
        let changed = metadata.modified()?.max(changed(&metadata));
        if now.duration_since(changed).unwrap_or_default() < SETTLED {
            return Err(io::Error::other(format!("`{}` has just changed", PrintablePath(&path))));
        }
        hash.update(path.as_os_str().as_encoded_bytes());
        let seen = Seen {
            kind: metadata.file_type(),
            size: metadata.len(),
            changed,
            modified: metadata.modified()?,
            identity: identity(&metadata),
        };
        hash.update(format!("\0{seen:?}\0"));
        if metadata.is_dir() {
            let mut entries: Vec<PathBuf> =
                fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            entries.sort_unstable_by(|left, right| right.cmp(left));
            left.extend(entries);
        } else if metadata.is_symlink() {
            hash.update(fs::read_link(&path)?.as_os_str().as_encoded_bytes());
        }
    }
    Ok(hash.finalize().into())
}

/// When contents or attributes changed last; unlike the time of modification, nobody can set it.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(metadata.ctime().max(0) as u64);
    SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(metadata.ctime_nsec().max(0) as u64)
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> SystemTime {
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Tells apart a file and another one that took its name: device and number.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::identity;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    /// Two file systems number their files alike.
    #[test]
    fn the_device_counts() {
        for path in ["/", "/proc", "/dev"] {
            let Ok(metadata) = fs::metadata(path) else { continue };
            assert_eq!(identity(&metadata), Some((metadata.dev(), metadata.ino())));
        }
        let of = |path| identity(&fs::metadata(path).unwrap()).unwrap();
        assert_ne!(of("/").0, of("/dev/null").0);
    }
}
