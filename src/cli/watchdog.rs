//! Keeps the limits of every command. The library ends a guest that runs too long; it ends neither a compilation, nor a host
//! call that never returns, nor `memory.atomic.wait`, and it does not read files. It counts what a guest takes; it does not
//! count what an engine takes to compile it, nor every copy.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use preinit::stages::temporary;
use preinit::{InitStage, StageHook};

use super::args::LimitArgs;
use super::exit::Exit;
use super::process_memory;
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
    /// Making a snapshot, after init: reading the state, planning and encoding.
    Capturing,
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

impl Phase {
    fn doing(self) -> &'static str {
        match self {
            Phase::Reading => "still reading or opening what the options name",
            Phase::Listing => "still reading the module",
            Phase::Compiling => "still compiling",
            Phase::Running => "still running",
            Phase::Capturing => "still reading the state that init has left, or making a snapshot of it",
            Phase::Verifying => "still comparing",
            Phase::Auditing => "still auditing",
            Phase::Encoding => "still making the output",
            Phase::Writing => "still writing the outputs",
            Phase::Ending => "still printing",
        }
    }
}

/// Compiling may take so many times as long as init. A large module takes a minute where its init takes a second.
pub const COMPILING: u32 = 10;

/// How many times as long a verification by --verify may take, which runs init again on several engines.
pub const VERIFYING: u32 = 5;

/// Where a command may take as long as it wants.
const WITHOUT_LIMIT: Duration = Duration::from_secs(u32::MAX as u64);

/// How often the memory is looked at. A processor writes some 2 MiB in a millisecond to memory that it has not had before.
const MEMORY_INTERVAL: Duration = Duration::from_millis(10);

/// What a command may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// For each phase.
    pub time: Option<Duration>,
    /// Bytes of the process that are in memory.
    pub memory: u64,
}

impl Bounds {
    /// Those of a run.
    pub fn of(args: &LimitArgs) -> Bounds {
        let memory = args.max_process_memory;
        Bounds {
            time: args.timeout,
            memory: memory.unwrap_or_else(|| process_memory::of_trusted(args.max_memory)),
        }
    }

    /// Those of a command that runs nothing, and whose modules and memories have this limit.
    pub fn of_files(time: Option<Duration>, max_memory: u64) -> Bounds {
        Bounds { time, memory: process_memory::of_trusted(max_memory) }
    }
}

/// Why a process was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Time { limit: Duration },
    Memory { taken: u64, limit: u64 },
}

/// A limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expired {
    cause: Cause,
    phase: Phase,
}

/// How much longer than the limit the watchdog waits: most often the library ends in time, and can say why.
pub fn grace(limit: Duration) -> Duration {
    Duration::from_secs(1).max(limit / 10)
}

impl Expired {
    /// The exit code: a module that takes too much is turned down, everything else could not be done.
    fn exit(self) -> Exit {
        match self.phase {
            Phase::Compiling | Phase::Running | Phase::Capturing | Phase::Auditing => Exit::Refused,
            _ => Exit::CouldNot,
        }
    }
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = match self.cause {
            Cause::Memory { taken, limit } => {
                let [taken, limit] = [taken, limit].map(|bytes| bytes.div_ceil(1 << 20));
                return write!(
                    f,
                    "the process takes {taken} MiB of memory, and {limit} MiB are allowed: {}; --max-process-memory allows more",
                    self.phase.doing()
                );
            }
            Cause::Time { limit } => limit,
        };
        let doing = match self.phase {
            Phase::Listing => {
                return write!(f, "not done after {limit:?}: still reading the module, or writing");
            }
            Phase::Compiling => "still compiling, which has ten times the limit of init",
            Phase::Running => {
                "still running, most likely in a host call that does not return, or in `memory.atomic.wait`"
            }
            phase => phase.doing(),
        };
        write!(f, "not done after the time limit of {limit:?}: {doing}; --timeout allows more")
    }
}

/// Ends the process when a phase takes too long, or the process too much memory. Dropping the one that was started begins [`Phase::Ending`].
pub struct Watchdog {
    watch: Arc<Watch>,
}

struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// Of phases that have no other one.
    limit: Duration,
    /// Bytes that the process may have in memory.
    memory: u64,
    /// How many times that the phase may take.
    times: u32,
    started: Instant,
    progress: Option<Progress>,
}

impl Watchdog {
    /// Begins with [`Phase::Reading`].
    pub fn start(bounds: Bounds) -> io::Result<Watchdog> {
        let Bounds { time, memory } = bounds;
        let limit = time.unwrap_or(WITHOUT_LIMIT);
        let phase = Phase::Reading;
        let state = State { phase, limit, memory, times: 1, started: Instant::now(), progress: None };
        let watch = Arc::new(Watch { state: Mutex::new(state), changed: Condvar::new() });
        let watcher = Arc::clone(&watch);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || watcher.watch())?;
        Ok(Watchdog { watch })
    }

    /// For commands that only read a module; they have a minute and 8 GiB.
    pub fn listing() -> io::Result<Watchdog> {
        let watchdog = Watchdog::start(Bounds { time: Some(Duration::from_secs(60)), memory: 8 << 30 })?;
        watchdog.enter(Phase::Listing);
        Ok(watchdog)
    }

    /// Gives the phases after this one other limits.
    pub fn limit(&self, bounds: Bounds) {
        self.change(|state| {
            state.limit = bounds.time.unwrap_or(WITHOUT_LIMIT);
            state.memory = bounds.memory;
        });
    }

    /// Begins the next phase. Does not return if the limit has just been reached.
    pub fn enter(&self, phase: Phase) {
        self.enter_longer(phase, 1);
    }

    /// The same with a limit of its own, `times` the one of the others.
    pub fn enter_longer(&self, phase: Phase, times: u32) {
        self.change(|state| state.enter(phase, times));
    }

    /// Enters phases whenever init begins, and when it has ended.
    pub fn at_init(&self, running: Phase, ended: Phase) -> StageHook {
        let watch = Arc::downgrade(&self.watch);
        StageHook::new(move |stage| {
            let phase = match stage {
                InitStage::Begins { .. } => running,
                _ => ended,
            };
            if let Some(watch) = watch.upgrade() {
                watch.change(|state| state.enter(phase, 1));
            }
        })
    }

    /// A line to erase before the message.
    pub fn shows(&self, progress: &Progress) {
        self.change(|state| state.progress = Some(progress.clone()));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.watch.change(change);
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
            let taken = process_memory::resident().unwrap_or(0);
            let cause = match patience.checked_sub(state.started.elapsed()) {
                _ if taken > state.memory => Cause::Memory { taken, limit: state.memory },
                None | Some(Duration::ZERO) => Cause::Time { limit },
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left.min(MEMORY_INTERVAL));
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
            };
            // The lock stays taken: nothing more is done.
            expire(&state, cause);
        }
    }
}

fn expire(state: &State, cause: Cause) -> ! {
    let expired = Expired { cause, phase: state.phase };
    let progress = state.progress.clone();
    // In a thread of its own: a guest may be stuck in writing to standard error, and hold its lock.
    let (printed, done) = mpsc::channel();
    let _ = thread::Builder::new().spawn(move || {
        if let Some(progress) = progress {
            progress.stop();
        }
        terminal::error(&expired.to_string(), []);
        let _: Result<(), _> = printed.send(());
    });
    let _ = done.recv_timeout(Duration::from_secs(1));
    temporary::remove_all(Duration::from_secs(1));
    std::process::exit(u8::from(expired.exit()).into());
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
            (Phase::Capturing, "still reading the state", Exit::Refused),
            (Phase::Verifying, "still comparing", Exit::CouldNot),
            (Phase::Auditing, "still auditing", Exit::Refused),
            (Phase::Encoding, "still making", Exit::CouldNot),
            (Phase::Ending, "still printing", Exit::CouldNot),
            (Phase::Writing, "still writing", Exit::CouldNot),
        ] {
            let expired = Expired { cause: Cause::Time { limit }, phase };
            let message = expired.to_string();
            assert!(message.starts_with("not done after the time limit of 20s: "), "{message}");
            assert!(message.contains(text), "{message}");
            assert_eq!(expired.exit(), exit, "{phase:?}");
            let expired = Expired { cause: Cause::Memory { taken: (3 << 30) + 1, limit: 3 << 30 }, phase };
            let begin = "the process takes 3073 MiB of memory, and 3072 MiB are allowed: still ";
            let message = expired.to_string();
            assert!(message.starts_with(begin) && !message.contains("--timeout"), "{message}");
            assert_eq!(expired.exit(), exit, "{phase:?}");
        }
    }

    #[test]
    fn every_phase_has_its_limit_and_the_end_is_watched_too() {
        let bounds = Bounds::of_files(Some(Duration::from_secs(3600)), 4 << 30);
        let watchdog = Watchdog::start(bounds).unwrap();
        watchdog.enter_longer(Phase::Verifying, VERIFYING);
        let watch = Arc::clone(&watchdog.watch);
        assert_eq!(watch.state.lock().unwrap().limit(), Duration::from_secs(5 * 3600));
        watchdog.limit(Bounds { time: None, memory: 5 << 40 });
        assert_eq!(watch.state.lock().unwrap().limit(), 5 * WITHOUT_LIMIT);
        watchdog.limit(bounds);
        drop(watchdog);
        let state = watch.state.lock().unwrap();
        let ended = (state.phase, state.limit(), state.memory);
        assert_eq!(ended, (Phase::Ending, Duration::from_secs(3600), bounds.memory));
    }
}
