//! Bounds on what a guest may use.

use std::ops::RangeInclusive;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::error::{InstanceLimit, LedgerLimit, MemoryLimit};
use super::no_memory::NoMemory;

/// Bytes that one table element counts for.
const ELEMENT_BYTES: u64 = 16;

/// Bytes that instances may take besides under every limit: no module is refused because its memories are small.
const LEAST_FOR_INSTANCES: u64 = 16 << 20;

/// Bounds on one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time for the run. It ends a guest that computes, at the next loop or call; it does not end a host call that does
    /// not return, or `memory.atomic.wait`, and compilation has no limit. For those, run the library in a process of its
    /// own, as the command line does.
    pub timeout: Option<Duration>,
    /// Bytes over all memories, tables (16 a table element), GC heaps and stacks of continuations of all instances. What the
    /// host keeps for the guest (the recording of its calls, listings of directories, captured output) has the same bound, and so
    /// has what all instances take besides (globals, functions, segments), but it may be 16 MiB always.
    /// Shared memories of preloaded modules are counted at their creation only: the engine does not ask about their growth.
    pub max_memory: u64,
    /// Fuel for the whole run; needs an engine that consumes fuel.
    pub fuel: Option<u64>,
}

/// Bytes that what calls in progress hold may take under every limit, and under none more.
const ROOM_FOR_CALLS: RangeInclusive<u64> = 16 << 20..=1 << 30;

impl Limits {
    /// Bytes that what calls in progress hold may take.
    pub(crate) fn room_for_calls(&self) -> u64 {
        self.max_memory.clamp(*ROOM_FOR_CALLS.start(), *ROOM_FOR_CALLS.end())
    }

    /// For a run that repeats another one, which is kept, and writes down what its calls in progress hold. Its code needs more fuel.
    pub(crate) fn of_second_run(&self) -> Limits {
        Limits { max_memory: self.max_memory.saturating_add(self.room_for_calls()), fuel: None, ..*self }
    }

    /// Whether instances may take so many bytes besides their memories and the slots of their tables.
    pub(crate) fn allow_instances(&self, bytes: u64) -> Result<(), InstanceLimit> {
        let limit = self.max_memory.max(LEAST_FOR_INSTANCES);
        if bytes > limit {
            return Err(InstanceLimit { bytes, limit });
        }
        Ok(())
    }
}

/// Counts the bytes of a store. Going over the limit is an error that ends the run: a guest that is told -1 would most
/// often go on and fail later, with a message that says nothing about the limit.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: u64,
    used: u64,
    /// The first growth that was refused. The collector turns it into an out-of-memory trap of its own.
    pub(super) refused: Option<MemoryLimit>,
    /// Whether nothing may grow, as if there were no more memory.
    pub(super) closed: bool,
    /// How often something was not to grow that could have otherwise.
    pub(super) denied: u64,
}

impl Limiter {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: 0, refused: None, closed: false, denied: 0 }
    }

    /// Bytes that everything may take.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets the limit to `more` bytes above what is used.
    pub(super) fn allow(&mut self, more: u64) {
        self.limit = self.used.saturating_add(more);
    }

    /// Whether nothing is to grow, which is counted.
    fn is_denied(&mut self) -> bool {
        self.denied += u64::from(self.closed);
        self.closed
    }

    /// Counts a growth by `delta` bytes. A growth that then fails for lack of host memory stays counted.
    pub(super) fn grow(&mut self, delta: u64) -> Result<(), MemoryLimit> {
        let wanted = self.used.saturating_add(delta);
        if wanted > self.limit {
            let refused = MemoryLimit { wanted, limit: self.limit };
            self.refused.get_or_insert(refused);
            return Err(refused);
        }
        self.used = wanted;
        Ok(())
    }
}

/// What is left of the memory that the host may keep for a guest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// `None` if it is over the limit already.
    pub(super) left: Option<u64>,
    pub(super) limit: u64,
}

impl Room {
    /// Whether there is room for so many bytes.
    pub(super) fn fits(self, bytes: u64) -> Result<(), LedgerLimit> {
        match self.left {
            Some(left) if bytes <= left => Ok(()),
            _ => Err(LedgerLimit { limit: self.limit }),
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond its own maximum a memory answers -1, whatever the limit is.
        if maximum.is_some_and(|maximum| desired > maximum) || self.is_denied() {
            return Ok(false);
        }
        self.grow(desired.saturating_sub(current) as u64)?;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) || self.is_denied() {
            return Ok(false);
        }
        self.grow((desired.saturating_sub(current) as u64).saturating_mul(ELEMENT_BYTES))?;
        Ok(true)
    }

    /// What a guest does when it is told -1 would be of the machine, and not of the guest.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        NoMemory::of(&error).map_or(Ok(()), |found| Err(found.into()))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        NoMemory::of(&error).map_or(Ok(()), |found| Err(found.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(limiter.table_growing(0, 25, None).unwrap(), "600 + 25 * 16 is exactly the limit");
        let error = limiter.memory_growing(600, 601, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&MemoryLimit { wanted: 1001, limit: 1000 }));
    }

    #[test]
    fn growth_beyond_the_declared_maximum_is_the_guests_affair() {
        let mut limiter = Limiter::new(1000);
        assert!(!limiter.memory_growing(0, 5000, Some(100)).unwrap());
        assert!(limiter.memory_growing(0, 1000, None).unwrap(), "the refused growth was not counted");
    }

    #[test]
    fn instances_have_some_room_under_every_limit() {
        let allows = |max_memory, bytes| {
            Limits { timeout: None, max_memory, fuel: None }
                .allow_instances(bytes)
                .map_err(|error| error.limit)
        };
        for (max_memory, limit) in [(0, 16 << 20), (1 << 20, 16 << 20), (1 << 30, 1 << 30)] {
            assert_eq!(allows(max_memory, limit), Ok(()));
            assert_eq!(allows(max_memory, limit + 1), Err(limit));
        }
    }

    #[test]
    fn what_calls_in_progress_hold_has_room_in_proportion() {
        for (max_memory, room) in
            [(0, 16 << 20), (16 << 20, 16 << 20), (100 << 20, 100 << 20), (4 << 30, 1 << 30)]
        {
            let limits = Limits { timeout: None, max_memory, fuel: Some(1) };
            assert_eq!(limits.room_for_calls(), room);
            let second = limits.of_second_run();
            assert_eq!((second.max_memory, second.fuel), (max_memory + room, None));
        }
    }
}
