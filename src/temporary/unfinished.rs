//! All temporary files of this process, so that a signal handler can remove them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, OpenOptions};

static ALL: Mutex<Files> = Mutex::new(Files { count: 0, open: BTreeMap::new() });

struct Files {
    count: u64,
    open: BTreeMap<u64, (Dir, String)>,
}

fn all() -> MutexGuard<'static, Files> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of them.
#[derive(Debug)]
pub(super) struct Unfinished {
    id: u64,
}

impl Unfinished {
    pub(super) fn create(
        directory: &Dir,
        name: String,
        options: &OpenOptions,
    ) -> io::Result<(Unfinished, File)> {
        // Locked, so that no handler runs between the making of the file and its entry in the list.
        let mut all = all();
        let directory = directory.try_clone()?;
        let file = directory.open_with(&name, options)?.into_std();
        all.count += 1;
        let id = all.count;
        all.open.insert(id, (directory, name));
        Ok((Unfinished { id }, file))
    }

    pub(super) fn persist(self, name: &OsStr) -> io::Result<()> {
        let mut all = all();
        let renamed = match all.open.get(&self.id) {
            Some((directory, temporary)) => directory.rename(temporary, directory, name),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        if renamed.is_ok() {
            all.open.remove(&self.id);
        }
        // Dropping `self` locks it again.
        drop(all);
        renamed
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((directory, name)) = all().open.remove(&self.id) {
            let _ = directory.remove_file(name);
        }
    }
}

/// Removes all temporary files of this process, which is about to end: no more can be made. Waits for `patience` at most
/// if one is being made or finished right now.
pub fn remove_all(patience: Duration) {
    let start = Instant::now();
    let files = loop {
        match ALL.try_lock() {
            Ok(files) => break files,
            Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => return,
        }
    };
    for (directory, name) in files.open.values() {
        let _ = directory.remove_file(name);
    }
    // Locked until the end.
    std::mem::forget(files);
}
