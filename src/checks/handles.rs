//! What the program holds of the host, and no instance has: open files, output that was not written, and input that
//! was not consumed.

use super::standard_input;
use crate::evidence::{Evidence, Stream, descriptor_at};
use crate::finding::{Finding, Level, Location, Places, Site};
use crate::freeze::{Texts, awaited_in};
use crate::host::{ChangedDescriptor, DescriptorKind};
use crate::wording::{Bytes, listed};
use std::collections::BTreeMap;
use std::ops::Range;

/// Of a `FILE` of musl, in bytes.
pub(super) const STREAM_SIZE: u64 = 68;

/// Descriptors that are open, closed or set unlike in an instance, and output that init printed and did not write.
pub(crate) fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = open_descriptors(evidence);
    findings.extend(changed_descriptors(evidence));
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
    /// Descriptors that have a finding of their own.
    const SEPARATE: usize = 64;
    let advise =
        |finding: Finding| finding.advise("close it before init ends, and open it again at run time".into());
    let descriptors = evidence.ledger.descriptors();
    let mut open = descriptors.iter().filter_map(|(fd, descriptor)| {
        Some(match descriptor.kind {
            DescriptorKind::File => (fd, descriptor, "handle.file", "file"),
            DescriptorKind::Directory => (fd, descriptor, "handle.directory", "directory"),
            _ => return None,
        })
    });
    let first: Vec<_> = open.by_ref().take(SEPARATE).collect();
    let openings = openings(evidence, first.iter().map(|(fd, ..)| *fd));
    let mut findings: Vec<Finding> = Vec::new();
    for (fd, descriptor, key, what) in first {
        let title = format!(
            "the {what} `{}` is still open as descriptor {fd}, which no instance has",
            descriptor.path
        );
        let opened = openings.get(&fd).copied().flatten().map(|call| Site::of(evidence.ledger, call));
        let finding = Finding::new(Level::Danger, key, title).at_places(holders(evidence, fd));
        findings.push(advise(finding.by(opened.into_iter().collect())));
    }
    let more = open.count();
    if more > 0 {
        let title = format!("{more} more files and directories are still open, which no instance has");
        findings.push(advise(Finding::new(Level::Danger, "handle.file", title)));
    }
    findings
}

/// For each of `descriptors`, the last call that gave it to the program.
fn openings(evidence: &Evidence<'_>, descriptors: impl Iterator<Item = u32>) -> BTreeMap<u32, Option<usize>> {
    let mut openings: BTreeMap<u32, Option<usize>> = descriptors.map(|fd| (fd, None)).collect();
    if openings.is_empty() {
        return openings;
    }
    for (call, entry) in evidence.ledger.entries().enumerate() {
        if let Some(last) = entry.opened().and_then(|fd| openings.get_mut(&fd)) {
            *last = Some(call);
        }
    }
    openings
}

/// Where the program keeps a descriptor: streams of stdio, and variables of this value whose names indicate files.
fn holders(evidence: &Evidence<'_>, fd: u32) -> Places {
    let (mut holders, mut of_libraries) = (Places::default(), Places::default());
    let Some(contents) = evidence.contents.first() else { return holders };
    for variable in evidence.symbols.variables().iter().filter(|variable| variable.size == 4) {
        let value = contents.word(variable.address);
        let is_stream = value > 1024 && descriptor_at(contents, u64::from(value)) == Some(fd);
        if is_stream || value == fd && is_descriptor_name(&variable.name) {
            let what = if is_stream { "a stream with this descriptor" } else { "its value" };
            let location = || evidence.location(0, variable.address, 4);
            let of_kind = if variable.is_library { &mut of_libraries } else { &mut holders };
            of_kind.add(|| Location { what: what.to_string(), ..location() });
        }
    }
    holders.append(of_libraries);
    holders
}

fn is_descriptor_name(name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name).to_ascii_lowercase();
    ["fd", "file", "descriptor", "handle"].iter().any(|word| name.contains(word))
}

/// Descriptors of the start that init has closed, moved or set: an instance has them as they are at the start.
fn changed_descriptors(evidence: &Evidence<'_>) -> Vec<Finding> {
    let changed = evidence.ledger.changed_descriptors();
    let finding = |changed: &ChangedDescriptor| {
        let title = format!("in init, {changed}; an instance has it as it is at the start");
        Finding::new(Level::Warning, "handle.changed", title)
            .by(evidence.sites(|descriptors, entry| changed.is_by(descriptors, entry)))
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
    /// Streams that have a finding of their own: a memory can be full of what has their shape.
    const SEPARATE: usize = 8;
    let mut findings = Vec::new();
    let mut others = Places::default();
    for memory in 0..evidence.contents.len() as u32 {
        for stream in evidence.streams(memory).filter(|stream| !stream.pending.is_empty()) {
            let place = || the_stream(evidence.location(memory, stream.address, STREAM_SIZE));
            match findings.len() < SEPARATE {
                true => findings.push(printed(evidence, memory, &stream).at(vec![place()])),
                false => others.add(place),
            }
        }
    }
    findings.extend(others.finding(|places| {
        let title = format!(
            "{places} more streams have output that is not written yet, so every instance will print it"
        );
        Finding::new(Level::Warning, "handle.unflushed", title)
    }));
    findings.into_iter().map(|finding| finding.advise("call fflush(NULL) before init ends".into())).collect()
}

fn printed(evidence: &Evidence<'_>, memory: u32, stream: &Stream) -> Finding {
    let name = match stream.fd {
        1 => "standard output".to_string(),
        2 => "standard error".to_string(),
        fd => format!("descriptor {fd}"),
    };
    let title = format!(
        "init printed {} to {name} that are not written yet, so every instance will print them{}",
        Bytes(stream.pending.end - stream.pending.start),
        shown_of(evidence, memory, &stream.pending)
    );
    Finding::new(Level::Warning, "handle.unflushed", title)
}

pub(super) fn the_stream(location: Location) -> Location {
    Location { what: "the stream".to_string(), ..location }
}

/// The first bytes of a range of a memory, as [`shown`].
pub(super) fn shown_of(evidence: &Evidence<'_>, memory: u32, range: &Range<u64>) -> String {
    let end = range.end.min(range.start + SHOWN as u64 + 1);
    shown(&evidence.contents[memory as usize].read(range.start, end), evidence)
}

/// Bytes of a buffer that a message has.
const SHOWN: usize = 40;

/// The first of these bytes, if they may be shown: the end of a sentence.
pub(super) fn shown(bytes: &[u8], evidence: &Evidence<'_>) -> String {
    if !evidence.ledger.show_values {
        return String::new();
    }
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!(": \"{}\"{more}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}
