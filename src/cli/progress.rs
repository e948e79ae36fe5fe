//! A line for whoever watches a run that takes longer than a moment.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use super::terminal;

const MOMENT: Duration = Duration::from_millis(300);
const WIDTH: usize = 78;

/// The line; it is erased when the last handle stops it.
#[derive(Clone)]
pub struct Progress {
    line: Arc<Line>,
}

struct Line {
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Default)]
struct State {
    drawn: bool,
    stopped: bool,
}

impl Progress {
    /// Nothing to see.
    pub fn hidden() -> Self {
        Self { line: Arc::new(Line { state: Mutex::default(), stopped: Condvar::new() }) }
    }

    /// Counts the seconds of `what`.
    pub fn start(what: &str) -> io::Result<Self> {
        let progress = Self::hidden();
        let line = Arc::clone(&progress.line);
        // Cut where it is drawn, so that the terminal does not wrap what could then not be erased.
        let what: String = what.chars().take(WIDTH - "preinit: ,  9999 s".len()).collect();
        thread::Builder::new().name("progress".to_owned()).spawn(move || line.draw_until_stopped(&what))?;
        Ok(progress)
    }

    /// Erases the line for good.
    pub fn stop(&self) {
        let mut state = self.line.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stopped = true;
        if std::mem::take(&mut state.drawn) {
            terminal::redraw(&format!("{:WIDTH$}", ""));
            terminal::redraw("");
        }
        self.line.stopped.notify_all();
    }
}

impl Line {
    fn draw_until_stopped(&self, what: &str) {
        let started = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let waited = self.stopped.wait_timeout_while(state, MOMENT, |state| !state.stopped);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.stopped {
                return;
            }
            state.drawn = true;
            terminal::redraw(&format!("preinit: {what}, {} s", started.elapsed().as_secs()));
        }
    }
}
