//! Standard input of the build that every instance would read, or not read: what streams of libc and readers of other runtimes
//! have of it.

use super::handles::{STREAM_SIZE, shown};
use crate::evidence::{Evidence, InputStream, input_buffer, input_streams};
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
    let (stdin, has_ended) = (evidence.ledger.stdin(), evidence.ledger.stdin_ended());
    let mut findings = Vec::new();
    let mut streams = 0;
    for (memory, contents) in (0u32..).zip(&evidence.contents) {
        for stream in input_streams(contents, functions, is_stdin) {
            if !has_read(&stream, &stdin, has_ended) {
                continue;
            }
            streams += 1;
            let location = evidence.location(memory, stream.address, STREAM_SIZE);
            let location = Location { what: "the stream".to_string(), ..location };
            if !stream.unread.is_empty() {
                let advice = "read all of it before init ends, or drop the rest with __fpurge(stdin)";
                let finding = unread("libc", &stream.unread, evidence).advise(advice.into());
                findings.push(finding.at(vec![location.clone()]));
            }
            if stream.at_end {
                findings.push(ended().at(vec![location]));
            }
        }
    }
    if streams == 0 {
        findings
            .extend(in_buffer(evidence).unwrap_or_else(|| without_stream(evidence).into_iter().collect()));
    }
    let by = || evidence.sites(|descriptors, entry| entry.call.reads_stdin(descriptors));
    findings.into_iter().map(|finding| finding.by(by())).collect()
}

/// Whether what has the shape of a stream can have read standard input.
fn has_read(stream: &InputStream, stdin: &[u8], has_ended: bool) -> bool {
    /// Characters that may have been put back, and differ.
    const PUT_BACK: usize = 8;
    let of_end = stream.unread.iter().rev().zip(stdin.iter().rev());
    let same = of_end.take_while(|(unread, read)| unread == read).count();
    match (stream.at_end, stream.unread.len()) {
        (true, _) if !has_ended => false,
        (at_end, 0) => at_end || stream.last.is_some_and(|last| stdin.last() == Some(&last)),
        (_, unread) => same > 0 && unread - same <= PUT_BACK,
    }
}

/// What a reader of another runtime has left over of what was read last; `None` if none is found.
fn in_buffer(evidence: &Evidence<'_>) -> Option<Vec<Finding>> {
    let inputs = evidence.ledger.inputs();
    let last = inputs.iter().rfind(|input| input.path.is_none() && !input.region.bytes.is_empty())?;
    let mut buffers = (0u32..).zip(&evidence.contents);
    let (memory, buffer) =
        buffers.find_map(|(memory, contents)| Some((memory, input_buffer(contents, last.region)?)))?;
    let mut findings = Vec::new();
    if !buffer.unread.is_empty() {
        /// Of what manages it, in bytes.
        const SIZE: u64 = 16;
        let location = evidence.location(memory, buffer.address, SIZE);
        let location = Location { what: "the reader".to_string(), ..location };
        let advice = "read to the end of the input before init ends, or read no more than is used";
        findings.push(unread(buffer.what, &buffer.unread, evidence).advise(advice.into()).at(vec![location]));
    }
    if evidence.ledger.stdin_ended() {
        findings.extend(without_stream(evidence));
    }
    Some(findings)
}

fn unread(of: &str, bytes: &[u8], evidence: &Evidence<'_>) -> Finding {
    let title = format!(
        "a buffer of {of} holds {} of standard input that init did not consume, so every instance will read them first{}",
        Bytes(bytes.len() as u64),
        shown(bytes, evidence)
    );
    Finding::new(Level::Warning, "handle.unread", title)
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
