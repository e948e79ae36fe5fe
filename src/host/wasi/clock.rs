//! Clocks: one counter of nanoseconds that virtual time or real time moves.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::error::Denied;
use crate::host::host_options::Clock;
use crate::host::policy::Class;

/// What the guest can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Realtime,
    Monotonic,
}

/// The two clocks that WASI hosts have.
#[derive(Debug)]
pub(super) struct Clocks {
    policy: Clock,
    started: Instant,
    /// Nanoseconds since the start, in virtual time.
    elapsed: u64,
}

const MONOTONIC_START: u64 = Clock::MONOTONIC_START;

/// A virtual clock advances by this many nanoseconds at each reading. A millisecond, so that a guest that waits in a
/// busy loop soon gets out of it.
pub(super) const STEP: u64 = 1_000_000;

impl Clocks {
    pub(super) fn new(policy: Clock) -> Self {
        Self { policy, started: Instant::now(), elapsed: 0 }
    }

    /// The clock's resolution in nanoseconds; the same under every policy.
    pub(super) fn resolution(&self) -> u64 {
        STEP
    }

    /// Reads a clock, in nanoseconds.
    pub(super) fn read(&mut self, kind: Kind) -> Result<u64, Denied> {
        let now = self.peek(kind)?;
        self.elapsed = self.elapsed.saturating_add(STEP);
        Ok(now)
    }

    /// The time at which `timeout` is over, as a reading of the clock `kind`.
    pub(super) fn deadline(&self, kind: Kind, timeout: u64, absolute: bool) -> Result<u64, Denied> {
        Ok(if absolute { timeout } else { self.peek(kind)?.saturating_add(timeout) })
    }

    /// Nanoseconds until the clock `kind` shows `deadline`.
    pub(super) fn remaining(&self, kind: Kind, deadline: u64) -> Result<u64, Denied> {
        Ok(deadline.saturating_sub(self.peek(kind)?))
    }

    /// Lets this many nanoseconds go by.
    pub(super) fn sleep(&mut self, nanoseconds: u64) {
        match self.policy {
            Clock::Real => std::thread::sleep(Duration::from_nanos(nanoseconds)),
            Clock::Fixed(_) | Clock::Shifted { .. } | Clock::Deny => {
                self.elapsed = self.elapsed.saturating_add(nanoseconds)
            }
        }
    }

    fn peek(&self, kind: Kind) -> Result<u64, Denied> {
        let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Ok(match (self.policy, kind) {
            (Clock::Deny, _) => return Err(Denied { class: Class::Clock, what: "the time".into() }),
            (Clock::Fixed(start) | Clock::Shifted { start, .. }, Kind::Realtime) => {
                start.saturating_add(self.elapsed)
            }
            (Clock::Fixed(_), Kind::Monotonic) => MONOTONIC_START.saturating_add(self.elapsed),
            (Clock::Shifted { monotonic, .. }, Kind::Monotonic) => monotonic.saturating_add(self.elapsed),
            (Clock::Real, Kind::Realtime) => {
                nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
            }
            (Clock::Real, Kind::Monotonic) => {
                MONOTONIC_START.saturating_add(nanoseconds(self.started.elapsed()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_clocks_start_where_they_are_told_and_step_together() {
        let mut clocks = Clocks::new(Clock::Fixed(5));
        assert_eq!(clocks.read(Kind::Realtime), Ok(5));
        assert_eq!(clocks.read(Kind::Monotonic), Ok(MONOTONIC_START + STEP));
        assert_eq!(clocks.read(Kind::Realtime), Ok(5 + 2 * STEP));
    }

    #[test]
    fn an_endless_sleep_does_not_overflow() {
        let mut clocks = Clocks::new(Clock::Fixed(5));
        clocks.sleep(u64::MAX);
        clocks.sleep(u64::MAX);
        assert_eq!(clocks.read(Kind::Realtime), Ok(u64::MAX));
    }
}
