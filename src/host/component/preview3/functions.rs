//! Functions that give and take streams, or wait.

use super::super::call::{Answer, Guest, mismatch};
use super::super::resources::{Input, Output, Resource};
use super::super::{clocks, directories, filesystem};
use crate::host::component_value::{ComponentValue, Handle};

/// What the guest reads of a stream, and what says how it ended.
const STREAM: &str = "stream";
const FUTURE: &str = "future";

/// A stream that the guest reads, and a future with the same number. Where there is nothing to read, an error stands for it.
fn readable(guest: &mut Guest<'_>, source: Result<Resource, i32>) -> Answer {
    let stream = guest.make(STREAM, source.unwrap_or_else(Resource::Error))?;
    let ComponentValue::Resource(Handle { number, .. }) = stream else {
        return Err(mismatch(0, "a stream"));
    };
    let future = ComponentValue::Resource(Handle { kind: FUTURE, number });
    Ok(Some(ComponentValue::Tuple(vec![stream, future])))
}

/// A future that says how the writing of a stream ended.
fn writable(guest: &mut Guest<'_>, target: Result<Resource, i32>) -> Answer {
    guest.make(FUTURE, target.unwrap_or_else(Resource::Error)).map(Some)
}

pub(in super::super) fn stdin(guest: &mut Guest<'_>) -> Answer {
    readable(guest, Ok(Resource::Input(Input::Stdin)))
}

pub(in super::super) fn stdout(guest: &mut Guest<'_>) -> Answer {
    writable(guest, Ok(Resource::Output(Output::Standard(1))))
}

pub(in super::super) fn stderr(guest: &mut Guest<'_>) -> Answer {
    writable(guest, Ok(Resource::Output(Output::Standard(2))))
}

pub(in super::super) fn read_via_stream(guest: &mut Guest<'_>) -> Answer {
    let source = filesystem::input(guest)?;
    readable(guest, source)
}

pub(in super::super) fn read_directory(guest: &mut Guest<'_>) -> Answer {
    let source = directories::listing(guest)?;
    readable(guest, source)
}

pub(in super::super) fn write_via_stream(guest: &mut Guest<'_>) -> Answer {
    let position = guest.long(2)?;
    let target = filesystem::output(guest, |fd| Output::File { fd, position })?;
    writable(guest, target)
}

pub(in super::super) fn append_via_stream(guest: &mut Guest<'_>) -> Answer {
    let target = filesystem::output(guest, Output::Append)?;
    writable(guest, target)
}

/// Nothing, but the time at which the wait ends is the argument.
pub(in super::super) fn wait_until(guest: &mut Guest<'_>) -> Answer {
    guest.long(0).map(|_| None)
}

/// The time at which the wait ends; nothing if there is none.
pub(in super::super) fn wait_for(guest: &mut Guest<'_>) -> Answer {
    let duration = guest.long(0)?;
    if duration == 0 {
        return Ok(None);
    }
    let deadline = clocks::monotonic(guest)?.saturating_add(duration);
    Ok(Some(ComponentValue::U64(deadline)))
}
