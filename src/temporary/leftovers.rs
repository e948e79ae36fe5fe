//! Temporary files of processes that were killed.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, OpenOptions};

use super::temporary_name::{Host, TemporaryName};
use crate::ownership;

/// Locks do not always reach other machines, and not all file systems have them. Nobody writes for so long.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Listing more would take longer than what is being done.
const LISTED: usize = 10_000;

/// Removes the temporary files in `directory` whose processes are gone. What is in doubt stays.
pub fn remove_leftovers(directory: &Dir) {
    let Ok(entries) = directory.entries() else { return };
    for entry in entries.take(LISTED).flatten() {
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str().and_then(TemporaryName::parse) else { continue };
        // Locked until it is gone: whoever makes it right now sees that it is taken.
        if let Some(_locked) = leftover(directory, &file_name, name) {
            let _ = directory.remove_file(&file_name);
        }
    }
}

/// The file, if nobody will finish it; locked where there are locks.
fn leftover(directory: &Dir, file_name: &OsStr, name: TemporaryName) -> Option<File> {
    let metadata = directory.symlink_metadata(file_name).ok()?;
    if !metadata.is_file() || ownership::check(&metadata).is_err() {
        return None;
    }
    let age = metadata.modified().map(|time| SystemTime::now().duration_since(time.into_std()));
    let abandoned = age.is_ok_and(|age| age.unwrap_or_default() > ABANDONED);
    let file = directory.open_with(file_name, OpenOptions::new().write(true)).ok()?.into_std();
    let is_left = match file.try_lock() {
        Ok(()) => abandoned || name.host.is(Host::this()),
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => abandoned,
    };
    is_left.then_some(file)
}
