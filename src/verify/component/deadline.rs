//! The time limit of a whole comparison.

use std::time::{Duration, Instant};

/// Begins when it is made. Every run of the guest has what is left of it.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Option<Duration>) -> Deadline {
        Deadline { started: Instant::now(), limit: limit.unwrap_or(Duration::from_secs(u32::MAX.into())) }
    }

    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}
