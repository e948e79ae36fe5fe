//! The host calls of a run in order, as text.

use crate::host::{Class, Descriptors, Entry, Ledger, Outcome, Region};
use crate::wording::{Bytes, shortened};
use serde::Serialize;

/// Host calls that are listed; in most runs all.
const LISTED: usize = 2000;

/// Functions in progress that are listed for each call.
const FRAMES: usize = 5;

/// One host call.
#[derive(Serialize)]
pub(super) struct CallRow {
    class: &'static str,
    call: String,
    result: String,
    /// Bytes that the host read from the guest's memory, and wrote to it; empty if there are none.
    read: String,
    written: String,
    backtrace: Vec<String>,
}

/// The first calls, and the number of the others.
pub(super) fn call_rows(ledger: &Ledger) -> (Vec<CallRow>, usize) {
    let mut descriptors = Descriptors::new(ledger.preopens());
    let mut rows = Vec::new();
    for (number, entry) in ledger.entries().enumerate().take(LISTED) {
        let row = CallRow::of(&descriptors, entry);
        let called = ledger.called(number).filter(|called| **called != *entry.call.import);
        rows.push(match called {
            // Of a component: what it called, and how that was answered.
            Some(called) => CallRow { call: format!("{called}: {}", row.call), ..row },
            None => row,
        });
        descriptors.apply(entry);
    }
    (rows, ledger.len().saturating_sub(LISTED))
}

impl CallRow {
    fn of(descriptors: &Descriptors, entry: &Entry) -> CallRow {
        let result = match &entry.outcome {
            Outcome::Results(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Outcome::Exit(code) => format!("exit {code}"),
            Outcome::ImportCalled => "nothing provides it".to_string(),
            Outcome::Denied(_) => "denied".to_string(),
            Outcome::Trap(text) => text.clone(),
        };
        // Arguments only: what was read may be long, or secret.
        let args: Vec<String> = entry.call.args.iter().map(ToString::to_string).collect();
        let frames = entry.call.backtrace.iter().flatten().take(FRAMES);
        CallRow {
            class: Class::of(&entry.call, descriptors).name(),
            call: format!("{}({})", entry.call.import.name, args.join(", ")),
            result,
            read: length(&entry.call.reads),
            written: length(&entry.writes),
            backtrace: frames.map(|name| shortened(name).into_owned()).collect(),
        }
    }
}

fn length(regions: &[Region]) -> String {
    match regions.iter().map(|region| region.bytes.len()).sum() {
        0 => String::new(),
        bytes => Bytes(bytes as u64).to_string(),
    }
}
