//! Standard input of the build that every instance would read, or not read.

use super::handles::{STREAM_SIZE, shown};
use crate::evidence::{Evidence, input_streams};
use crate::finding::{Finding, Level, Location};
use crate::host::DescriptorKind;
use crate::wording::Bytes;

/// What is left in buffers, and what remembers that the input has ended: exactly where a stream of libc has read it, and as
/// far as the calls show it where something else has.
pub(super) fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    if !evidence.ledger.reads_stdin() {
        return Vec::new();
    }
    let descriptors = evidence.ledger.descriptors();
    let is_stdin = |fd: u32| {
        descriptors.get(fd).is_none_or(|descriptor| descriptor.kind == DescriptorKind::Stdin)
            && (fd == 0 || descriptors.get(fd).is_some())
    };
    let functions = evidence.functions_in_table();
    let mut findings = Vec::new();
    let mut streams = 0;
    for (memory, contents) in (0u32..).zip(&evidence.contents) {
        for stream in input_streams(contents, functions, is_stdin) {
            streams += 1;
            let location = evidence.location(memory, stream.address, STREAM_SIZE);
            let location = Location { what: "the stream".to_string(), ..location };
            if !stream.unread.is_empty() {
                findings.push(unread(&stream.unread, evidence).at(vec![location.clone()]));
            }
            if stream.at_end {
                findings.push(ended().at(vec![location]));
            }
        }
    }
    if streams == 0 {
        findings.extend(without_stream(evidence));
    }
    let by = || evidence.sites(|descriptors, entry| entry.call.reads_stdin(descriptors));
    findings.into_iter().map(|finding| finding.by(by())).collect()
}

fn unread(bytes: &[u8], evidence: &Evidence<'_>) -> Finding {
    let title = format!(
        "a buffer of libc holds {} of standard input that init did not consume, so every instance will read them first{}",
        Bytes(bytes.len() as u64),
        shown(bytes, evidence)
    );
    let advice = "read all of it before init ends, or drop the rest with __fpurge(stdin)";
    Finding::new(Level::Warning, "handle.unread", title).advise(advice.into())
}

fn ended() -> Finding {
    let title = "libc remembers that standard input has ended, so an instance will read nothing of its own";
    Finding::new(Level::Warning, "handle.end_of_input", title)
        .advise("call clearerr(stdin) before init ends".into())
}

/// Where no stream of libc has read it.
fn without_stream(evidence: &Evidence<'_>) -> Option<Finding> {
    let bytes = evidence.ledger.stdin().len() as u64;
    if evidence.ledger.stdin_ended() {
        let title = format!(
            "init read standard input to its end, {}: what remembers that gives nothing in an instance",
            Bytes(bytes)
        );
        return Some(Finding::new(Level::Note, "handle.end_of_input", title));
    }
    if bytes == 0 {
        return None;
    }
    let title = format!(
        "init read {} of standard input and did not come to its end: every instance will first read what is left of them in \
         a buffer",
        Bytes(bytes)
    );
    let advice = "read to the end of the input before init ends, or read no more than is used";
    Some(Finding::new(Level::Warning, "handle.unread", title).advise(advice.into()))
}
