//! A file that has the arguments of the instance, each with a zero after it, as `/proc/self/cmdline` of Linux has them. They
//! are asked for at each use, so that a snapshot reads its own.

use crate::memory::{get_u8, get_u32, zero};
use crate::state::{self, ROOM_FOR_ARGUMENTS};
use crate::{errno, host};

/// How many there are, and their bytes; an errno if the host does not say, or there is no room for them.
fn sizes() -> Result<(u32, u32), i32> {
    let out = state::out();
    // A host that says nothing has none.
    zero(out, 8);
    match host::args_sizes_get(out, out + 4) {
        errno::SUCCESS => {}
        errno => return Err(errno),
    }
    let (count, bytes) = (get_u32(out), get_u32(out + 4));
    let all = u64::from(count) * 4 + u64::from(bytes);
    if all <= u64::from(ROOM_FOR_ARGUMENTS) { Ok((count, bytes)) } else { Err(errno::TOOBIG) }
}

/// The length of the file: 0 if it cannot be read.
pub fn len() -> u32 {
    sizes().map_or(0, |(_, bytes)| bytes)
}

/// Reads the file to a place of its own. Gives where it begins and its length, or an errno.
pub fn read() -> Result<(u32, u32), i32> {
    let (count, bytes) = sizes()?;
    let pointers = state::room_for_arguments();
    let text = pointers + 4 * count;
    zero(pointers, ROOM_FOR_ARGUMENTS);
    match host::args_get(pointers, text) {
        errno::SUCCESS if are_a_text(pointers, count, text, bytes) => Ok((text, bytes)),
        errno::SUCCESS => Err(errno::IO),
        errno => Err(errno),
    }
}

/// Whether each argument is where the one before ends, and all of them have as many bytes as the host has said: nothing else
/// would be what the file says it has.
fn are_a_text(pointers: u32, count: u32, text: u32, bytes: u32) -> bool {
    let mut at = text;
    let end = text + bytes;
    for index in 0..count {
        if get_u32(pointers + 4 * index) != at {
            return false;
        }
        while at < end && get_u8(at) != 0 {
            at += 1;
        }
        // The zero after it.
        if at == end {
            return false;
        }
        at += 1;
    }
    at == end
}
