//! The calls of a component, in the words of its own interfaces.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{Ledger, Outcome};
use crate::host::component_value::ComponentValue;
use crate::host::host_options::ImportName;

/// A host call of a component. What the host did for it is in the ledger in terms of WASI preview 1, so that policies, warnings
/// and audits have one language.
#[derive(Clone, Debug)]
pub struct ComponentCall {
    /// The interface, with its version, and the function.
    pub import: Arc<ImportName>,
    /// Its arguments.
    pub args: Vec<ComponentValue>,
    /// What it returned; `None` for a function without a result.
    pub result: Option<ComponentValue>,
    /// How it ended if it did not return.
    pub ended: Option<Outcome>,
    /// The calls of preview 1 that answered it, by their places in the ledger.
    pub answered_by: Range<usize>,
    /// The names of the wasm functions in progress, innermost first, if they were asked for.
    pub backtrace: Option<Vec<String>>,
}

impl PartialEq for ComponentCall {
    fn eq(&self, other: &Self) -> bool {
        self.import == other.import
            && self.args == other.args
            && self.result == other.result
            && self.ended == other.ended
    }
}

impl Eq for ComponentCall {}

impl ComponentCall {
    /// The host memory that this takes, in bytes, roughly.
    pub(in crate::host) fn cost(&self) -> u64 {
        let values = self.args.iter().chain(&self.result).map(ComponentValue::cost).sum::<u64>();
        let names: usize = self.backtrace.iter().flatten().map(|name| name.len() + size_of::<String>()).sum();
        size_of::<Self>() as u64 + values + names as u64
    }
}

impl fmt::Display for ComponentCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.import)?;
        for (index, value) in self.args.iter().enumerate() {
            write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl Ledger {
    /// The calls of a component as it made them, in order. A core module has none.
    pub fn component_calls(&self) -> &[ComponentCall] {
        &self.component_calls
    }

    /// The import that the guest called, for the entry at this place: of a component, its own.
    pub fn called(&self, entry: usize) -> Option<&ImportName> {
        let after = self.component_calls.partition_point(|call| call.answered_by.end <= entry);
        let call = self.component_calls.get(after).filter(|call| call.answered_by.contains(&entry));
        match call {
            Some(call) => Some(&call.import),
            None => self.entries.get(entry).map(|entry| &*entry.call.import),
        }
    }
}
