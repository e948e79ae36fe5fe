use super::Trigger;
use crate::host::Ledger;
use preinit_core::printable::Printable;
use std::fmt;

/// Host calls that a message lists.
const LISTED: usize = 8;

/// A program that ended before it came to the call at which it was to be frozen.
#[derive(Debug)]
pub struct NotReached {
    /// The call.
    pub trigger: Trigger,
    /// How it ended, as a sentence.
    pub how: String,
    /// How often it made such a call, where that was not often enough.
    pub matches: u64,
    /// The host calls that it made.
    pub ledger: Ledger,
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotReached { trigger, how, matches, ledger } = self;
        write!(f, "the program ended before it came to `{}`: {how}", Printable(&trigger.to_string()))?;
        match matches {
            0 => {}
            1 => f.write_str("\nit came there once")?,
            times => write!(f, "\nit came there {times} times")?,
        }
        if ledger.is_empty() {
            return f.write_str("\nno host calls of it are recorded");
        }
        write!(f, "\nits host calls, {} in all:", ledger.len())?;
        for count in ledger.counts() {
            write!(f, "\n  {} x {}", count.calls, count.import)?;
        }
        f.write_str("\nthe last ones:")?;
        for entry in ledger.entries().skip(ledger.len().saturating_sub(LISTED)) {
            write!(f, "\n  {}", entry.call.in_words(ledger.show_values))?;
        }
        Ok(())
    }
}
