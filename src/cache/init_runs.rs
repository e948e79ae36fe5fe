use super::cache_section::{CacheSection, EntryName};
use std::time::Duration;

/// What the cache remembers of the runs of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InitRuns {
    /// How many there were. Beyond [`InitRuns::COUNTED`] nobody counts.
    pub count: u32,
    /// What init took at least.
    pub shortest: Duration,
}

impl InitRuns {
    const COUNTED: u32 = 2;

    /// What all modules together may take, in bytes.
    const MAX_BYTES: u64 = 1 << 20;

    pub fn first(init: Duration) -> InitRuns {
        InitRuns { count: 1, shortest: init }
    }

    /// Adds a run to those that are remembered.
    pub fn note(section: &CacheSection, name: &EntryName, init: Duration) -> InitRuns {
        let known = section.read(name).and_then(|content| InitRuns::parse(&content));
        let runs = match known {
            None => InitRuns::first(init),
            Some(runs) => InitRuns {
                count: runs.count.saturating_add(1).min(InitRuns::COUNTED),
                shortest: runs.shortest.min(init),
            },
        };
        // The first digits of a time are enough.
        let is_news = known.is_none_or(|known| {
            known.count != runs.count || runs.shortest < known.shortest.saturating_mul(9) / 10
        });
        if is_news && section.write(name, runs.to_string().into_bytes()).is_ok() && known.is_none() {
            section.evict(InitRuns::MAX_BYTES);
        }
        runs
    }

    fn parse(content: &[u8]) -> Option<InitRuns> {
        let (count, nanoseconds) = std::str::from_utf8(content).ok()?.split_once(' ')?;
        Some(InitRuns {
            count: count.parse().ok()?,
            shortest: Duration::from_nanos(nanoseconds.parse().ok()?),
        })
    }
}

impl std::fmt::Display for InitRuns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.count, self.shortest.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_they_are_written() {
        let runs = InitRuns { count: 2, shortest: Duration::from_micros(1234) };
        assert_eq!(InitRuns::parse(runs.to_string().as_bytes()), Some(runs));
        for other in ["", "2", "2 ", "x 1", "-1 1", "1 2 3"] {
            assert_eq!(InitRuns::parse(other.as_bytes()), None, "{other}");
        }
    }
}
