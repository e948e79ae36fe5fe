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
            DescriptorKind::File => format!("file `{}`{position}", Printable(&descriptor.path)),
            DescriptorKind::Directory | DescriptorKind::Preopen => {
                format!("directory `{}`", Printable(&descriptor.path))
            }
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
