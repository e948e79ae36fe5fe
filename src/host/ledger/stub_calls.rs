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
    /// Whether a number is among the values: nulls have no other value to see what depends on them.
    #[serde(skip)]
    pub(crate) has_number: bool,
    /// Whether something in the state, or the path that init took, depends on that value, if that is known: the audit finds out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
}

impl fmt::Display for StubCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` answered {}", Printable(&self.import), counted(self.count, "call"))?;
        f.write_str(match (self.has_value, self.kept) {
            (false, _) => ", without a value",
            (true, None) => ", with zeros that init may have kept",
            (true, Some(true)) => ", with zeros on which the snapshot depends",
            (true, Some(false)) => ", with zeros on which nothing depends",
        })
    }
}

impl Ledger {
    /// The calls that stubs have answered, by import.
    pub fn stubs(&self) -> Vec<StubCalls> {
        let mut stubs = BTreeMap::<String, StubCalls>::new();
        for entry in self.entries().filter(|entry| entry.call.stubbed) {
            if let Outcome::Results(results) = &entry.outcome {
                let import = entry.call.import.dotted();
                let new = StubCalls {
                    import: import.clone(),
                    count: 0,
                    has_value: false,
                    has_number: false,
                    kept: None,
                };
                let stub = stubs.entry(import).or_insert(new);
                stub.count += 1;
                stub.has_value |= !results.is_empty();
                stub.has_number |= results.iter().any(|value| value.type_name() != "ref");
            }
        }
        stubs.into_values().collect()
    }
}
