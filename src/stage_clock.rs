//! Measures how long stages take.

use crate::report::seconds;
use std::time::Instant;

/// A clock that is read after each stage.
pub(crate) struct StageClock {
    started: Instant,
    last: Instant,
}

impl StageClock {
    pub fn start() -> StageClock {
        let now = Instant::now();
        StageClock { started: now, last: now }
    }

    /// Seconds since the last lap.
    pub fn lap(&mut self) -> f64 {
        let now = Instant::now();
        seconds(now - std::mem::replace(&mut self.last, now))
    }

    /// Seconds since the start.
    pub fn total(&self) -> f64 {
        seconds(self.started.elapsed())
    }
}
