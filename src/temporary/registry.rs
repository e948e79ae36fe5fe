//! All that this process has made and that must not outlive it, so that a signal handler can remove it.

use std::collections::BTreeMap;
use std::io;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;

static ALL: Mutex<Registry> = Mutex::new(Registry { count: 0, open: BTreeMap::new() });

struct Registry {
    count: u64,
    open: BTreeMap<u64, Passing>,
}

/// Something that goes with the process.
#[derive(Debug)]
pub(super) enum Passing {
    /// A file of this name.
    File(Dir, String),
    /// A directory of this name, with what is in it.
    Directory(Dir, String),
    /// A process.
    Process(Child),
}

impl Passing {
    fn end(&mut self) {
        let _ = match self {
            Passing::File(directory, name) => directory.remove_file(name),
            Passing::Directory(directory, name) => remove_directory(directory, name),
            // It may be in an endless loop; either way nobody waits for it any more.
            Passing::Process(child) => child.kill().and_then(|()| child.wait()).map(drop),
        };
    }
}

/// A thread that nobody waits for may be writing into it.
fn remove_directory(parent: &Dir, name: &str) -> io::Result<()> {
    const ATTEMPTS: u32 = 20;
    let mut attempts = 0;
    loop {
        match parent.remove_dir_all(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && attempts < ATTEMPTS => attempts += 1,
            Err(_) if parent.symlink_metadata(name).is_ok() && attempts < ATTEMPTS => attempts += 1,
            result => return result,
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn all() -> MutexGuard<'static, Registry> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of them, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Registered {
    id: u64,
}

impl Registered {
    /// Makes one.
    pub(super) fn new<T>(make: impl FnOnce() -> io::Result<(Passing, T)>) -> io::Result<(Registered, T)> {
        // Locked, so that no handler runs between its making and its entry in the list.
        let mut all = all();
        let (passing, more) = make()?;
        all.count += 1;
        let id = all.count;
        all.open.insert(id, passing);
        Ok((Registered { id }, more))
    }

    /// Whether something is so, if it has not been removed.
    pub(super) fn is(&self, so: impl FnOnce(&Passing) -> bool) -> bool {
        all().open.get(&self.id).is_some_and(so)
    }

    /// Lets it stay, if `finish` does not fail.
    pub(super) fn keep(self, finish: impl FnOnce(&Passing) -> io::Result<()>) -> io::Result<()> {
        let mut all = all();
        let finished = match all.open.get(&self.id) {
            Some(passing) => finish(passing),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        if finished.is_ok() {
            all.open.remove(&self.id);
        }
        // Dropping `self` locks it again.
        drop(all);
        finished
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut all = all();
        if let Some(mut passing) = all.open.remove(&self.id) {
            passing.end();
        }
    }
}

/// Ends all processes that this one has started for itself, and removes all its temporary files and directories. It is
/// about to end: no more can be made. Waits for `patience` at most if one is being made or finished right now.
pub fn remove_all(patience: Duration) {
    let start = Instant::now();
    let mut registry = loop {
        match ALL.try_lock() {
            Ok(registry) => break registry,
            Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => return,
        }
    };
    // Processes first: they write into the directories.
    for processes in [true, false] {
        let chosen =
            registry.open.values_mut().filter(|passing| processes == matches!(passing, Passing::Process(_)));
        chosen.for_each(Passing::end);
    }
    // Locked until the end.
    std::mem::forget(registry);
}
