//! The last resort for the time limit. The library ends a guest that runs too long, but neither a compilation nor a
//! host call that never returns; this ends the process.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use preinit::stages::temporary;

use super::exit::Exit;
use super::terminal;

/// Who keeps the time limit.
#[derive(Clone, Copy)]
pub enum Keeper {
    /// The library, which knows what the guest was doing; the watchdog waits some more.
    Library,
    /// Nobody else.
    Watchdog,
}

/// Ends the process unless it is dismissed in time.
pub struct Watchdog {
    dismissal: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    /// Waits as long as `keeper` asks for. `last` is done before the message.
    pub fn start(limit: Duration, keeper: Keeper, last: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (dismissal, dismissed) = mpsc::channel();
        let patience = match keeper {
            Keeper::Library => limit.saturating_add(Duration::from_secs(1).max(limit / 10)),
            Keeper::Watchdog => limit,
        };
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            if dismissed.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                expire(limit, keeper, last);
            }
        })?;
        Ok(Self { dismissal, thread })
    }

    /// From here on there is no limit. Does not return if it has just been reached.
    pub fn dismiss(self) {
        drop(self.dismissal);
        let _ = self.thread.join();
    }
}

fn expire(limit: Duration, keeper: Keeper, last: impl FnOnce() + Send + 'static) {
    // In a thread of its own: a guest may be stuck in writing to standard error, and hold its lock.
    let (printed, done) = mpsc::channel();
    let _ = thread::Builder::new().spawn(move || {
        last();
        let most_likely = match keeper {
            Keeper::Library => {
                "most likely in compilation, in a host call that does not return, or in `memory.atomic.wait`"
            }
            Keeper::Watchdog => "in compilation or in init; without --opt, it can be told where",
        };
        terminal::error(
            &format!("still not done after the time limit of {limit:?} (--timeout), {most_likely}"),
            [],
        );
        let _: Result<(), _> = printed.send(());
    });
    let _ = done.recv_timeout(Duration::from_secs(1));
    temporary::remove_all(Duration::from_secs(1));
    std::process::exit(u8::from(Exit::Refused).into());
}
