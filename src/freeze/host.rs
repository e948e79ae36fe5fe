//! What a program knows and holds of the world outside when it is frozen.

use super::{FreezeError, Trigger};
use crate::execute::Stop;
use crate::host::{DescriptorKind, Ledger};
use crate::warning::Warning;

/// Host calls that a message lists.
const LISTED: usize = 8;

/// The error for a program that did not come to the place.
pub(super) fn ended_early(
    trigger: &Trigger,
    subject: &str,
    how: Option<Stop>,
    matches: u64,
    ledger: Ledger,
) -> FreezeError {
    let how = how.map_or(format!("{subject} returned"), |how| how.to_string());
    let mut text = format!("the program ended before it came to `{trigger}`: {how}");
    if matches > 0 {
        let times = if matches == 1 { "once".to_string() } else { format!("{matches} times") };
        text.push_str(&format!("\nit came there {times}"));
    }
    if ledger.is_empty() {
        text.push_str("\nno host calls of it are recorded");
        return FreezeError::NotReached { message: text, ledger: Box::new(ledger) };
    }
    text.push_str(&format!("\nits host calls, {} in all:", ledger.len()));
    for count in ledger.counts() {
        text.push_str(&format!("\n  {} x {}", count.calls, count.import));
    }
    text.push_str("\nthe last ones:");
    let skipped = ledger.len().saturating_sub(LISTED);
    for entry in ledger.entries().skip(skipped) {
        text.push_str(&format!("\n  {}", entry.call));
    }
    FreezeError::NotReached { message: text, ledger: Box::new(ledger) }
}

/// What the user should know about a program that was frozen.
pub(super) struct Held {
    /// The directories that it has found, by descriptor from 3 on.
    pub preopens: Vec<String>,
    pub warnings: Vec<Warning>,
}

impl Held {
    /// Looks through the calls that were made before the place.
    pub fn of(ledger: &Ledger) -> Result<Held, FreezeError> {
        descriptors(ledger)?;
        let mut warnings = Vec::new();
        let preopens = ledger.preopens_seen();
        if preopens.is_empty() && ledger.preopens_exhausted() {
            warnings.push(Warning::NoDirectories);
        }
        if ledger.wasi_calls("args_get").next().is_some() {
            warnings.push(Warning::ArgumentsRead);
        }
        if ledger.wasi_calls("environ_get").next().is_some() {
            warnings.push(Warning::EnvironmentRead);
        }
        let bytes = ledger.stdin().len();
        if bytes > 0 {
            warnings.push(Warning::StdinRead(bytes));
        }
        for (descriptor, stream) in [(1, "output"), (2, "error")] {
            let calls = ledger.wasi_calls("fd_write");
            let calls = calls.filter(|entry| entry.call.descriptor() == Some(descriptor)).count();
            if calls > 0 {
                warnings.push(Warning::Written { stream, calls });
            }
        }
        let changed = ledger.files_written();
        if let Some(first) = changed.first() {
            warnings.push(Warning::FilesChanged { count: changed.len(), first: first.path.clone() });
        }
        Ok(Held { preopens, warnings })
    }
}

/// Everything open that a new process will not have.
fn descriptors(ledger: &Ledger) -> Result<(), FreezeError> {
    let mut open = Vec::new();
    for (number, descriptor) in ledger.descriptors().iter() {
        let preopen = number.checked_sub(3).and_then(|index| ledger.preopens().get(index as usize));
        let position =
            descriptor.position.map_or(String::new(), |position| format!(" at position {position}"));
        let what = match descriptor.kind {
            DescriptorKind::Preopen if preopen == Some(&descriptor.path) => continue,
            DescriptorKind::Stdin if number == 0 => continue,
            DescriptorKind::Stdout if number == 1 => continue,
            DescriptorKind::Stderr if number == 2 => continue,
            DescriptorKind::File => format!("file `{}`{position}", descriptor.path),
            DescriptorKind::Directory | DescriptorKind::Preopen => format!("directory `{}`", descriptor.path),
            DescriptorKind::Stdin => "standard input".to_string(),
            DescriptorKind::Stdout => "standard output".to_string(),
            DescriptorKind::Stderr => "standard error".to_string(),
        };
        open.push(format!("\n  {number}: {what}"));
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(FreezeError::Refused(format!(
        "the program has descriptors open that the frozen one would not have; freeze it before they are opened or after \
         they are closed:{}",
        open.concat()
    )))
}
