//! All that this process has made and that must not outlive it, so that a signal handler can remove it.

use std::collections::BTreeMap;
use std::io;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;

use super::directory::remove_contents;

/// Set when the process is about to end.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

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
    /// A directory of this name, with what is in it. It is open, since others may exchange what has the name.
    Directory { parent: Dir, name: String, directory: Option<Dir> },
    /// A process.
    Process(Child),
}

impl Passing {
    fn end(&mut self) {
        let _ = match self {
            Passing::File(directory, name) => directory.remove_file(name),
            Passing::Directory { parent, name, directory } => remove_directory(parent, name, directory),
            // It may be in an endless loop; either way nobody waits for it any more.
            Passing::Process(child) => child.kill().and_then(|()| child.wait()).map(drop),
        };
    }
}

/// Removes what is in the directory, and then what has its name if that is an empty directory.
fn remove_directory(parent: &Dir, name: &str, directory: &mut Option<Dir>) -> io::Result<()> {
    // A thread that nobody waits for may be writing into it. Windows removes no directory that is open.
    const ATTEMPTS: u32 = if cfg!(windows) { 0 } else { 20 };
    for _ in 0..ATTEMPTS {
        let emptied = directory.as_ref().map_or(Ok(()), remove_contents);
        match emptied.and_then(|()| parent.remove_dir(name)) {
            Err(_) if parent.symlink_metadata(name).is_ok() => thread::sleep(Duration::from_millis(5)),
            result => return result,
        }
    }
    directory.take().map_or(Ok(()), |directory| remove_contents(&directory))?;
    parent.remove_dir(name)
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

/// Whether all is being removed: whoever writes very much into a directory shall stop, or it would never be empty.
pub fn is_ending() -> bool {
    IS_ENDING.load(Ordering::Relaxed)
}

/// Ends all processes that this one has started for itself, and removes all its temporary files and directories. It is
/// about to end: no more can be made. Waits for `patience` at most if one is being made or finished right now.
pub fn remove_all(patience: Duration) {
    IS_ENDING.store(true, Ordering::Relaxed);
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
