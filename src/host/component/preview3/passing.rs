//! What passes through streams, and the end of a wait.

use super::super::call::{Answer, Guest, enumerated, err, mismatch, ok, option, record};
use super::super::filesystem::error_name;
use super::super::poll;
use super::super::stat::type_name;
use super::super::streams::Failure;
use crate::host::component_value::ComponentValue;

/// Time passes until then.
pub(super) fn wait(guest: &mut Guest<'_>) -> Answer {
    let deadline = guest.long(0)?;
    poll::wait(guest, deadline)?;
    Ok(None)
}

/// The bytes of a stream that come next; nothing at its end.
pub(super) fn next_bytes(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(1)?;
    let read = guest.read_stream(0, len)?;
    Ok(Some(match read {
        Ok(bytes) => ok(Some(ComponentValue::Bytes(bytes))),
        Err(Failure::Closed) => ok(None),
        Err(Failure::Errno(errno)) => failed(errno),
    }))
}

/// The entry of a directory that comes next.
pub(super) fn next_entry(guest: &mut Guest<'_>) -> Answer {
    let number = guest.handle(0)?;
    let next = guest.resources.next_entry(number).ok_or_else(|| mismatch(0, "a stream of entries"))?;
    Ok(Some(match next {
        None => ok(Some(option(None))),
        Some(Err(errno)) => failed(errno),
        Some(Ok((filetype, name))) => {
            let entry = record([("type", type_name(filetype)), ("name", ComponentValue::Text(name))]);
            ok(Some(option(Some(entry))))
        }
    }))
}

/// Bytes that the guest writes. All of them are written, or there is an error.
pub(super) fn write_bytes(guest: &mut Guest<'_>) -> Answer {
    const IO: i32 = 29;
    let bytes = guest.bytes(1)?;
    let written = guest.write_stream(0, &bytes)?;
    Ok(Some(match written {
        Ok(()) => ok(None),
        Err(Failure::Closed) => failed(IO),
        Err(Failure::Errno(errno)) => failed(errno),
    }))
}

fn failed(errno: i32) -> ComponentValue {
    err(enumerated(error_name(errno)))
}
