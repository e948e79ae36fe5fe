//! Temporary files of processes that were killed.

use std::fs::TryLockError;
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
        if is_leftover(directory, &file_name, name) {
            let _ = directory.remove_file(&file_name);
        }
    }
}

fn is_leftover(directory: &Dir, file_name: &std::ffi::OsStr, name: TemporaryName) -> bool {
    let Ok(metadata) = directory.symlink_metadata(file_name) else { return false };
    if !metadata.is_file() || ownership::check(&metadata).is_err() {
        return false;
    }
    let age = metadata.modified().map(|time| SystemTime::now().duration_since(time.into_std()));
    let abandoned = age.is_ok_and(|age| age.unwrap_or_default() > ABANDONED);
    let Ok(file) = directory.open_with(file_name, OpenOptions::new().write(true)) else { return false };
    match file.into_std().try_lock() {
        Ok(()) => abandoned || name.host.is(Host::this()),
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => abandoned,
    }
}
