//! What a program knows of the world outside when it is frozen, and what it has open there.

use super::FreezeError;
use crate::host::{DescriptorKind, HostOptions, Ledger};
use crate::warning::Warning;
use preinit_core::printable::Printable;

/// What the user should know about a program that was frozen.
pub(crate) struct HeldResources {
    /// The directories that it has found, by descriptor from 3 on.
    pub preopens: Vec<String>,
    pub warnings: Vec<Warning>,
}

impl HeldResources {
    /// Looks through the calls that were made before the place, on this host.
    pub fn of(ledger: &Ledger, host: &HostOptions) -> Result<HeldResources, FreezeError> {
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
        let is_given = host.wasi.as_ref().is_some_and(|wasi| wasi.stdin.is_given());
        if bytes > 0 && !is_given {
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
            warnings.push(Warning::FilesChanged { count: changed.len(), first: first.path.as_str().into() });
        }
        Ok(HeldResources { preopens, warnings })
    }

    /// What the program has open that a new process will not have, in words.
    pub fn open(ledger: &Ledger) -> Option<String> {
        let mut open = Vec::new();
        for (number, descriptor) in ledger.descriptors().iter() {
            let position =
                descriptor.position.map_or(String::new(), |position| format!(" at position {position}"));
            let path = Printable(&descriptor.path);
            match descriptor.kind {
                DescriptorKind::File => open.push(format!("\n  {number}: file `{path}`{position}")),
                DescriptorKind::Directory => open.push(format!("\n  {number}: directory `{path}`")),
                _ => {}
            }
        }
        (!open.is_empty()).then(|| {
            format!(
                "the program has descriptors open that the frozen one would not have; freeze it before they are opened or after \
                 they are closed:{}",
                open.concat()
            )
        })
    }
}

/// Everything open that a new process will not have, and everything that it will have as it is at the start.
fn descriptors(ledger: &Ledger) -> Result<(), FreezeError> {
    let reasons: Vec<String> = [HeldResources::open(ledger), changed(ledger)].into_iter().flatten().collect();
    if reasons.is_empty() { Ok(()) } else { Err(FreezeError::Refused(reasons.join("\n"))) }
}

fn changed(ledger: &Ledger) -> Option<String> {
    let changed = ledger.changed_descriptors();
    let changed: Vec<String> = changed.iter().map(|changed| format!("\n  {changed}")).collect();
    (!changed.is_empty()).then(|| {
        format!(
            "the program has changed descriptors that the frozen one would have as they are at the start of a process; freeze it \
             before it does that, or let it put them back before:{}",
            changed.concat()
        )
    })
}
