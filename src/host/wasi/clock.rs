//! Clocks: one counter of nanoseconds that virtual time or real time moves.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::error::Denied;
use crate::host::host_options::Clock;
use crate::host::policy::Class;

/// What the guest can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Kind {
    Realtime,
    Monotonic,
}

/// The two clocks that WASI hosts have.
#[derive(Debug)]
pub(in crate::host) struct Clocks {
    policy: Clock,
    started: Instant,
    /// A reading of the monotonic clock,
    monotonic: u64,
    /// and what had elapsed then.
    since: u64,
    /// Whether that was when the guest first asked for it, instead of at the start.
    waits_for_guest: bool,
    /// Nanoseconds since the start, in virtual time.
    elapsed: u64,
    /// Readings since time went by in any other way.
    readings: u64,
}

/// A virtual clock advances by this many nanoseconds at each reading. As little as possible: the clock of an instance begins
/// anew, and what is planned by this one should not lie ahead of it.
pub(in crate::host) const STEP: u64 = 1;

/// After so many readings, the guest is waiting in a busy loop and must get out of it.
const PATIENCE: u64 = 10_000;

/// What a reading in a busy loop advances a virtual clock by, in nanoseconds.
const BUSY_STEP: u64 = 1_000_000;

impl Clocks {
    pub(in crate::host) fn new(policy: Clock) -> Self {
        let monotonic = match policy {
            Clock::Shifted { monotonic, .. } => monotonic,
            Clock::Fixed(_) | Clock::Real | Clock::Deny => Clock::MONOTONIC_START,
        };
        Self {
            policy,
            started: Instant::now(),
            monotonic,
            since: 0,
            waits_for_guest: false,
            elapsed: 0,
            readings: 0,
        }
    }

    /// The monotonic clock, which stands while the guest does not ask.
    pub(super) fn monotonic(&self) -> Option<u64> {
        self.peek(Kind::Monotonic).ok()
    }

    /// Lets the monotonic clock go on from here when the guest first asks for it.
    pub(in crate::host) fn go_on_from(&mut self, monotonic: u64) {
        self.monotonic = monotonic;
        self.waits_for_guest = true;
    }

    /// The guest asks for a clock.
    fn ask(&mut self, kind: Kind) {
        if kind == Kind::Monotonic && self.waits_for_guest {
            self.since = self.elapsed;
            self.waits_for_guest = false;
        }
    }

    /// The clock's resolution in nanoseconds; the same under every policy.
    pub(in crate::host) fn resolution(&self) -> u64 {
        STEP
    }

    /// Reads a clock, in nanoseconds.
    pub(in crate::host) fn read(&mut self, kind: Kind) -> Result<u64, Denied> {
        self.ask(kind);
        let now = self.peek(kind)?;
        self.readings = self.readings.saturating_add(1);
        let step = if self.readings > PATIENCE { BUSY_STEP } else { STEP };
        self.elapsed = self.elapsed.saturating_add(step);
        Ok(now)
    }

    /// The time at which `timeout` is over, as a reading of the clock `kind`.
    pub(in crate::host) fn deadline(
        &mut self,
        kind: Kind,
        timeout: u64,
        absolute: bool,
    ) -> Result<u64, Denied> {
        self.ask(kind);
        Ok(if absolute { timeout } else { self.peek(kind)?.saturating_add(timeout) })
    }

    /// Nanoseconds until the clock `kind` shows `deadline`.
    pub(in crate::host) fn remaining(&self, kind: Kind, deadline: u64) -> Result<u64, Denied> {
        Ok(deadline.saturating_sub(self.peek(kind)?))
    }

    /// Lets this many nanoseconds go by.
    pub(in crate::host) fn sleep(&mut self, nanoseconds: u64) {
        self.readings = 0;
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
            (Clock::Fixed(_) | Clock::Shifted { .. }, Kind::Monotonic) => {
                self.monotonic.saturating_add(self.elapsed - self.since)
            }
            (Clock::Real, Kind::Realtime) => {
                nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
            }
            (Clock::Real, Kind::Monotonic) => {
                self.monotonic.saturating_add(nanoseconds(self.started.elapsed()))
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
        assert_eq!(clocks.read(Kind::Monotonic), Ok(Clock::MONOTONIC_START + STEP));
        assert_eq!(clocks.read(Kind::Realtime), Ok(5 + 2 * STEP));
    }

    #[test]
    fn a_busy_loop_ends() {
        let mut clocks = Clocks::new(Clock::Fixed(5));
        let start = clocks.read(Kind::Monotonic).unwrap();
        let readings = (0..).take_while(|_| clocks.read(Kind::Monotonic).unwrap() < start + 1_000_000_000);
        assert!((PATIENCE..PATIENCE + 1100).contains(&(readings.count() as u64)));
        // A program that measures something often is not in one.
        let mut clocks = Clocks::new(Clock::Fixed(5));
        for _ in 0..100 {
            (0..PATIENCE - 1).for_each(|_| drop(clocks.read(Kind::Monotonic)));
            clocks.sleep(1);
        }
        assert!(clocks.read(Kind::Monotonic).unwrap() < 100 * PATIENCE + 200);
    }

    #[test]
    fn an_endless_sleep_does_not_overflow() {
        let mut clocks = Clocks::new(Clock::Fixed(5));
        clocks.sleep(u64::MAX);
        clocks.sleep(u64::MAX);
        assert_eq!(clocks.read(Kind::Realtime), Ok(u64::MAX));
    }
}
