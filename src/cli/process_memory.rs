//! The memory of the process as a whole: what the guest has, all copies of it, and what the engine takes to compile it.

/// Bytes that are in memory now; `None` where the system does not say.
pub fn resident() -> Option<u64> {
    memory_stats::memory_stats().map(|stats| stats.physical_mem as u64)
}

/// What a process may take under `--max-memory`, unless its options say it: every factor that docs/limits.md has, and what
/// compiling a large module takes.
pub fn of_trusted(max_memory: u64) -> u64 {
    max_memory.saturating_mul(20).saturating_add(2 << 30)
}

/// The same with `--untrusted`: ordinary modules stay below it.
pub fn of_untrusted(max_memory: u64, verifies: bool) -> u64 {
    max_memory.saturating_mul(if verifies { 10 } else { 4 }).saturating_add(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_is_in_memory() {
        let before = resident().unwrap();
        let written = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident().unwrap() >= before + (48 << 20), "{before}");
        drop(written);
    }

    #[test]
    fn a_limit_is_a_multiple_of_the_memory() {
        assert_eq!(of_trusted(4 << 30), 82 << 30);
        assert_eq!([false, true].map(|verifies| of_untrusted(512 << 20, verifies)), [3 << 30, 6 << 30]);
        assert_eq!(of_trusted(u64::MAX), u64::MAX);
    }
}
