//! Keeps the time limit of every command, whatever it is blocked in. The library ends a guest that runs too long; it
//! ends neither a compilation, nor a host call that never returns, nor `memory.atomic.wait`, and it does not read files.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use preinit::StageHook;
use preinit::stages::temporary;

use super::exit::Exit;
use super::progress::Progress;
use super::terminal;

/// What a command is doing. Each phase has the whole time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening outputs, reading the module and what else the options name.
    Reading,
    /// Reading a module to say what is in it, which has no option for its time.
    Listing,
    /// Making a snapshot, before init begins.
    Compiling,
    /// Making a snapshot, from the beginning of init. The time limit is kept by others too, who say more about it.
    Running,
    /// Comparing a snapshot with its original.
    Verifying,
    /// Auditing.
    Auditing,
    /// Making a module without running it.
    Encoding,
    /// Writing outputs.
    Writing,
    /// What comes after everything else: an error is printed, and whoever reads it may not.
    Ending,
}

/// Compiling may take so many times as long as init. A large module takes a minute where its init takes a second.
pub const COMPILING: u32 = 10;

/// The time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut {
    limit: Duration,
    phase: Phase,
}

/// How much longer than the limit the watchdog waits: most often the library ends in time, and can say why.
pub fn grace(limit: Duration) -> Duration {
    Duration::from_secs(1).max(limit / 10)
}

impl TimedOut {
    /// The exit code: a module that runs too long is turned down, everything else could not be done.
    fn exit(self) -> Exit {
        match self.phase {
            Phase::Compiling | Phase::Running | Phase::Auditing => Exit::Refused,
            _ => Exit::CouldNot,
        }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.phase {
            Phase::Listing => {
                return write!(f, "not done after {:?}: still reading the module, or writing", self.limit);
            }
            Phase::Reading => "still reading or opening what the options name",
            Phase::Compiling => "still compiling, which has ten times the limit of init",
            Phase::Running => {
                "still running, most likely in a host call that does not return, or in `memory.atomic.wait`"
            }
            Phase::Verifying => "still comparing",
            Phase::Auditing => "still auditing",
            Phase::Encoding => "still making the output",
            Phase::Writing => "still writing the outputs",
            Phase::Ending => "still printing",
        };
        write!(f, "not done after the time limit of {:?}: {doing}; --timeout allows more", self.limit)
    }
}

/// Ends the process when a phase takes too long. Dropping the one that was started begins [`Phase::Ending`].
pub struct Watchdog {
    watch: Option<Arc<Watch>>,
}

struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// Of phases that have no other one.
    limit: Duration,
    /// How many times that the phase may take.
    times: u32,
    started: Instant,
    progress: Option<Progress>,
}

impl Watchdog {
    /// Begins with [`Phase::Reading`]. Without a limit nothing is watched.
    pub fn start(limit: Option<Duration>) -> io::Result<Watchdog> {
        let Some(limit) = limit else { return Ok(Watchdog { watch: None }) };
        let phase = Phase::Reading;
        let state = State { phase, limit, times: 1, started: Instant::now(), progress: None };
        let watch = Arc::new(Watch { state: Mutex::new(state), changed: Condvar::new() });
        let watcher = Arc::clone(&watch);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || watcher.watch())?;
        Ok(Watchdog { watch: Some(watch) })
    }

    /// For commands that only read a module; they have a minute.
    pub fn listing() -> io::Result<Watchdog> {
        let watchdog = Watchdog::start(Some(Duration::from_secs(60)))?;
        watchdog.enter(Phase::Listing);
        Ok(watchdog)
    }

    /// Gives the phases after this one another limit, or none.
    pub fn limit(&self, limit: Option<Duration>) {
        self.change(|state| state.limit = limit.unwrap_or(Duration::from_secs(u32::MAX.into())));
    }

    /// Begins the next phase. Does not return if the limit has just been reached.
    pub fn enter(&self, phase: Phase) {
        self.enter_longer(phase, 1);
    }

    /// The same with a limit of its own, `times` the one of the others.
    pub fn enter_longer(&self, phase: Phase, times: u32) {
        self.change(|state| state.enter(phase, times));
    }

    /// Enters a phase whenever init begins, and when it has ended.
    pub fn at_init(&self, phase: Phase) -> StageHook {
        let watch = self.watch.as_ref().map(Arc::downgrade);
        StageHook::new(move |_| {
            if let Some(watch) = watch.as_ref().and_then(Weak::upgrade) {
                watch.change(|state| state.enter(phase, 1));
            }
        })
    }

    /// A line to erase before the message.
    pub fn shows(&self, progress: &Progress) {
        self.change(|state| state.progress = Some(progress.clone()));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Some(watch) = &self.watch {
            watch.change(change);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.enter(Phase::Ending);
    }
}

impl State {
    fn enter(&mut self, phase: Phase, times: u32) {
        self.phase = phase;
        self.times = times;
        self.started = Instant::now();
    }

    fn limit(&self) -> Duration {
        self.limit.saturating_mul(self.times)
    }
}

impl Watch {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn watch(&self) -> ! {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let limit = state.limit();
            let patience = limit.saturating_add(grace(limit));
            match patience.checked_sub(state.started.elapsed()) {
                // The lock stays taken: nothing more is done.
                None | Some(Duration::ZERO) => expire(&state),
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

fn expire(state: &State) -> ! {
    let timed_out = TimedOut { limit: state.limit(), phase: state.phase };
    let progress = state.progress.clone();
    // In a thread of its own: a guest may be stuck in writing to standard error, and hold its lock.
    let (printed, done) = mpsc::channel();
    let _ = thread::Builder::new().spawn(move || {
        if let Some(progress) = progress {
            progress.stop();
        }
        terminal::error(&timed_out.to_string(), []);
        let _: Result<(), _> = printed.send(());
    });
    let _ = done.recv_timeout(Duration::from_secs(1));
    temporary::remove_all(Duration::from_secs(1));
    std::process::exit(u8::from(timed_out.exit()).into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_says_what_it_was_and_has_its_exit_code() {
        let limit = Duration::from_secs(20);
        for (phase, text, exit) in [
            (Phase::Reading, "still reading", Exit::CouldNot),
            (Phase::Compiling, "still compiling", Exit::Refused),
            (Phase::Running, "memory.atomic.wait", Exit::Refused),
            (Phase::Verifying, "still comparing", Exit::CouldNot),
            (Phase::Auditing, "still auditing", Exit::Refused),
            (Phase::Encoding, "still making", Exit::CouldNot),
            (Phase::Ending, "still printing", Exit::CouldNot),
            (Phase::Writing, "still writing", Exit::CouldNot),
        ] {
            let timed_out = TimedOut { limit, phase };
            let message = timed_out.to_string();
            assert!(message.starts_with("not done after the time limit of 20s: "), "{message}");
            assert!(message.contains(text), "{message}");
            assert_eq!(timed_out.exit(), exit, "{phase:?}");
        }
    }

    #[test]
    fn no_limit_is_no_watch_and_the_end_is_watched_too() {
        Watchdog::start(None).unwrap().enter(Phase::Writing);
        let watchdog = Watchdog::start(Some(Duration::from_secs(3600))).unwrap();
        watchdog.enter_longer(Phase::Verifying, 5);
        let watch = Arc::clone(watchdog.watch.as_ref().unwrap());
        assert_eq!(watch.state.lock().unwrap().limit(), Duration::from_secs(5 * 3600));
        drop(watchdog);
        let state = watch.state.lock().unwrap();
        assert_eq!((state.phase, state.limit()), (Phase::Ending, Duration::from_secs(3600)));
    }
}
