//! What the program holds of the host, and no instance has: open files, output that was not written, and input that
//! was not consumed.

use super::standard_input;
use crate::evidence::{Evidence, descriptor_at, sites, streams};
use crate::finding::{Finding, Level, Location, Site};
use crate::freeze::{Texts, awaited_in};
use crate::host::{ChangedDescriptor, DescriptorKind, Ledger};
use crate::wording::{Bytes, listed};

/// Of a `FILE` of musl, in bytes.
pub(super) const STREAM_SIZE: u64 = 68;

/// Descriptors that are open, closed or set unlike in an instance, and output that init printed and did not write.
pub(crate) fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = open_descriptors(evidence);
    findings.extend(changed_descriptors(evidence.ledger));
    findings.extend(unflushed(evidence));
    findings.extend(lost(evidence));
    findings.extend(awaited_texts(evidence));
    findings.extend(standard_input::findings(evidence));
    findings
}

/// Files that init left in a directory that it could change in memory only.
fn lost(evidence: &Evidence<'_>) -> Option<Finding> {
    const SHOWN: usize = 4;
    let lost = evidence.ledger.files_lost();
    let count = match lost.len() {
        0 => return None,
        1 => "1 file".to_string(),
        count => format!("{count} files"),
    };
    let names: Vec<String> = lost.iter().map(|path| format!("`{path}`")).collect();
    let title = format!(
        "init changed {count} in memory only, which no instance will find: {}",
        listed(&names, SHOWN)
    );
    let functions = ["path_open", "path_rename", "path_create_directory", "path_link", "path_symlink"];
    let finding = Finding::new(Level::Warning, "files.lost", title).by(evidence.calls_of(&functions));
    Some(finding.advise(
        "let nothing depend on these files at run time, or write them outside during the build".into(),
    ))
}

fn open_descriptors(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (fd, descriptor) in evidence.ledger.descriptors().iter() {
        let (key, what) = match descriptor.kind {
            DescriptorKind::File => ("handle.file", "file"),
            DescriptorKind::Directory => ("handle.directory", "directory"),
            _ => continue,
        };
        let title = format!(
            "the {what} `{}` is still open as descriptor {fd}, which no instance has",
            descriptor.path
        );
        findings.push(
            Finding::new(Level::Danger, key, title)
                .at(holders(evidence, fd))
                .by(opening(evidence, fd).into_iter().collect())
                .advise("close it before init ends, and open it again at run time".into()),
        );
    }
    findings
}

/// The last call that gave the program this descriptor.
fn opening(evidence: &Evidence<'_>, fd: u32) -> Option<Site> {
    let mut calls = evidence.ledger.entries().enumerate();
    let (call, _) = calls.rfind(|(_, entry)| entry.opened() == Some(fd))?;
    Some(Site::of(evidence.ledger, call))
}

/// Where the program keeps a descriptor: streams of stdio, and variables of this value whose names indicate files.
fn holders(evidence: &Evidence<'_>, fd: u32) -> Vec<Location> {
    let Some(contents) = evidence.contents.first() else { return Vec::new() };
    let mut holders = Vec::new();
    for variable in evidence.symbols.variables().iter().filter(|variable| variable.size == 4) {
        let value = contents.word(variable.address);
        let is_stream = value > 1024 && descriptor_at(contents, u64::from(value)) == Some(fd);
        if is_stream || value == fd && is_descriptor_name(&variable.name) {
            let what = if is_stream { "a stream with this descriptor" } else { "its value" };
            let location = evidence.location(0, variable.address, 4);
            holders.push((variable.is_library, Location { what: what.to_string(), ..location }));
        }
    }
    holders.sort_by_key(|(is_library, _)| *is_library);
    holders.into_iter().map(|(_, location)| location).collect()
}

fn is_descriptor_name(name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name).to_ascii_lowercase();
    ["fd", "file", "descriptor", "handle"].iter().any(|word| name.contains(word))
}

/// Descriptors of the start that init has closed, moved or set: an instance has them as they are at the start.
pub(super) fn changed_descriptors(ledger: &Ledger) -> Vec<Finding> {
    let changed = ledger.changed_descriptors();
    let finding = |changed: &ChangedDescriptor| {
        let title = format!("in init, {changed}; an instance has it as it is at the start");
        Finding::new(Level::Warning, "handle.changed", title)
            .by(sites(ledger, |descriptors, entry| changed.is_by(descriptors, entry)))
            .advise("let init leave the standard streams and its directories as they are, or do that again at run time".into())
    };
    changed.iter().map(finding).collect()
}

/// Arguments and variables that init has made room for and not read: those of an instance can be longer.
fn awaited_texts(evidence: &Evidence<'_>) -> Vec<Finding> {
    let finding = |texts: &'static Texts| {
        let Texts { name, sizes, get } = texts;
        let title = format!(
            "init asked for the sizes of its {name} (`{sizes}`), but not for them (`{get}`): what it has made room for are those \
             of the build, and those of an instance would be written beyond it"
        );
        Finding::new(Level::Warning, "handle.sizes", title)
            .by(evidence.calls_of(&[sizes]))
            .advise("ask for both in init, or for both at run time".into())
    };
    awaited_in(evidence.module, evidence.ledger).map(finding).collect()
}

/// What was printed and is still in the buffers of libc.
fn unflushed(evidence: &Evidence<'_>) -> Vec<Finding> {
    let functions = evidence.functions_in_table();
    let mut findings = Vec::new();
    for (memory, contents) in (0u32..).zip(&evidence.contents) {
        for stream in streams(contents, functions).into_iter().filter(|stream| !stream.pending.is_empty()) {
            let name = match stream.fd {
                1 => "standard output".to_string(),
                2 => "standard error".to_string(),
                fd => format!("descriptor {fd}"),
            };
            let title = format!(
                "init printed {} to {name} that are not written yet, so every instance will print them{}",
                Bytes(stream.pending.len() as u64),
                shown(&stream.pending, evidence)
            );
            let location = evidence.location(memory, stream.address, STREAM_SIZE);
            findings.push(
                Finding::new(Level::Warning, "handle.unflushed", title)
                    .at(vec![Location { what: "the stream".to_string(), ..location }])
                    .advise("call fflush(NULL) before init ends".into()),
            );
        }
    }
    findings
}

/// The first of these bytes, if they may be shown: the end of a sentence.
pub(super) fn shown(bytes: &[u8], evidence: &Evidence<'_>) -> String {
    const SHOWN: usize = 40;
    if !evidence.ledger.show_values {
        return String::new();
    }
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!(": \"{}\"{more}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}
