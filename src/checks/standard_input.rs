//! Standard input of the build that every instance would read, or not read: what streams of libc and readers of other runtimes
//! have of it.

use super::handles::{STREAM_SIZE, shown, shown_of, the_stream};
use crate::evidence::{Contents, Evidence, InputStream, input_buffer};
use crate::finding::{Finding, Level, Location, Places};
use crate::host::DescriptorKind;
use crate::wording::Bytes;

/// What has the shape of a stream and is looked at closer: a memory can be full of it.
const LOOKED_AT: usize = 1000;

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
    let (stdin, has_ended) = (evidence.ledger.stdin(), evidence.ledger.stdin_ended());
    let memories = 0..evidence.contents.len() as u32;
    let streams = memories.flat_map(|memory| {
        let streams = evidence.input_streams(memory, is_stdin);
        streams.map(move |stream| (memory, stream))
    });
    let has_read = |(memory, stream): &(u32, InputStream)| {
        has_read(&evidence.contents[*memory as usize], stream, &stdin, has_ended)
    };
    let mut findings = of_streams(evidence, streams.take(LOOKED_AT).filter(has_read)).unwrap_or_else(|| {
        in_buffer(evidence).unwrap_or_else(|| without_stream(evidence).into_iter().collect())
    });
    let by = evidence.sites(|descriptors, entry| entry.call.reads_stdin(descriptors));
    findings.iter_mut().for_each(|finding| finding.sites.clone_from(&by));
    findings
}

/// What streams of libc have; `None` if there are none.
fn of_streams(
    evidence: &Evidence<'_>,
    streams: impl Iterator<Item = (u32, InputStream)>,
) -> Option<Vec<Finding>> {
    /// Streams that have a finding of their own.
    const SEPARATE: usize = 8;
    let mut streams = streams.peekable();
    streams.peek()?;
    let mut findings = Vec::new();
    let (mut others, mut at_end) = (Places::default(), Places::default());
    for (memory, stream) in streams {
        let place = || the_stream(evidence.location(memory, stream.address, STREAM_SIZE));
        if !stream.unread.is_empty() {
            match findings.len() < SEPARATE {
                true => {
                    let shown = shown_of(evidence, memory, &stream.unread);
                    let bytes = stream.unread.end - stream.unread.start;
                    findings.push(unread("libc", bytes, &shown).at(vec![place()]));
                }
                false => others.add(place),
            }
        }
        if stream.at_end {
            at_end.add(place);
        }
    }
    findings.extend(others.finding(|places| {
        let title = format!("{places} more buffers of libc hold standard input that init did not consume");
        Finding::new(Level::Warning, "handle.unread", title)
    }));
    let advice = "read all of it before init ends, or drop the rest with __fpurge(stdin)";
    let findings = findings.into_iter().map(|finding| finding.advise(advice.into()));
    Some(findings.chain(at_end.finding(|_| ended())).collect())
}

/// Whether what has the shape of a stream can have read standard input.
fn has_read(contents: &Contents<'_>, stream: &InputStream, stdin: &[u8], has_ended: bool) -> bool {
    /// Characters that may have been put back, and differ.
    const PUT_BACK: usize = 8;
    if stream.at_end && !has_ended {
        return false;
    }
    let (start, end) = (stream.unread.start, stream.unread.end);
    if start == end {
        // Then it is of the last byte that it has read.
        let last = end.checked_sub(1).map(|last| contents.byte(last));
        return stream.at_end || last.is_some_and(|last| stdin.last() == Some(&last));
    }
    let same = ((end - start) as usize).saturating_sub(PUT_BACK).max(1);
    let of_end = stdin.len().checked_sub(same).map(|from| &stdin[from..]);
    of_end.is_some_and(|of_end| contents.holds(end - same as u64, of_end))
}

/// What a reader of another runtime has left over of what was read last; `None` if none is found.
fn in_buffer(evidence: &Evidence<'_>) -> Option<Vec<Finding>> {
    let mut last = None;
    evidence.ledger.each_input(|_, path, _, region| {
        last = Some(region).filter(|region| path.is_none() && !region.bytes.is_empty()).or(last);
    });
    let last = last?;
    let mut buffers = (0u32..).zip(&evidence.contents);
    let (memory, buffer) =
        buffers.find_map(|(memory, contents)| Some((memory, input_buffer(contents, last)?)))?;
    let mut findings = Vec::new();
    if !buffer.unread.is_empty() {
        /// Of what manages it, in bytes.
        const SIZE: u64 = 16;
        let location = evidence.location(memory, buffer.address, SIZE);
        let location = Location { what: "the reader".to_string(), ..location };
        let advice = "read to the end of the input before init ends, or read no more than is used";
        let unread = unread(buffer.what, buffer.unread.len() as u64, &shown(&buffer.unread, evidence));
        findings.push(unread.advise(advice.into()).at(vec![location]));
    }
    if evidence.ledger.stdin_ended() {
        findings.extend(without_stream(evidence));
    }
    Some(findings)
}

fn unread(of: &str, bytes: u64, shown: &str) -> Finding {
    let title = format!(
        "a buffer of {of} holds {} of standard input that init did not consume, so every instance will read them first{shown}",
        Bytes(bytes)
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
