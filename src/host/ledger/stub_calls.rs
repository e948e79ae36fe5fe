use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Ledger, Outcome};
use crate::wording::counted;
use preinit_core::printable::Printable;

/// An import for which a stub has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StubCalls {
    /// `module.name`
    pub import: String,
    /// How often.
    pub count: u64,
    /// Whether the guest got a value from it: a zero or null, whatever the real function would give.
    pub has_value: bool,
}

impl fmt::Display for StubCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` answered {}", Printable(&self.import), counted(self.count, "call"))?;
        f.write_str(if self.has_value { ", with zeros that init may have kept" } else { ", without a value" })
    }
}

impl Ledger {
    /// The calls that stubs have answered, by import. What is not of WASI is a stub: nothing else is recorded.
    pub fn stubs(&self) -> Vec<StubCalls> {
        let mut stubs = BTreeMap::<String, (u64, bool)>::new();
        for entry in self.entries().filter(|entry| entry.call.wasi().is_none()) {
            if let Outcome::Results(results) = &entry.outcome {
                let (count, has_value) = stubs.entry(entry.call.import.dotted()).or_default();
                *count += 1;
                *has_value |= !results.is_empty();
            }
        }
        let calls = |(import, (count, has_value))| StubCalls { import, count, has_value };
        stubs.into_iter().map(calls).collect()
    }
}
