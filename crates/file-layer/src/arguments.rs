//! A file that has the arguments of the instance, each with a zero after it, as `/proc/self/cmdline` of Linux has them. They
//! are asked for at each use, so that a snapshot reads its own.

use crate::memory::{copy, get_u32};
use crate::state::{self, ROOM_FOR_ARGUMENTS};
use crate::{errno, host};

/// How many there are, and their bytes; `None` if there is no room for them.
fn sizes() -> Option<(u32, u32)> {
    let out = state::out();
    if host::args_sizes_get(out, out + 4) != errno::SUCCESS {
        return None;
    }
    let (count, bytes) = (get_u32(out), get_u32(out + 4));
    let all = u64::from(count) * 4 + u64::from(bytes);
    (all <= u64::from(ROOM_FOR_ARGUMENTS)).then_some((count, bytes))
}

/// The length of the file: 0 if it cannot be read.
pub fn len() -> u32 {
    sizes().map_or(0, |(_, bytes)| bytes)
}

/// Whether it can be read.
pub fn are_readable() -> bool {
    sizes().is_some()
}

/// Copies bytes of the file, as far as it goes.
pub fn read(offset: u32, to: u32, len: u32) {
    let Some((count, bytes)) = sizes() else { return };
    let room = state::room_for_arguments();
    let text = room + 4 * count;
    if host::args_get(room, text) == errno::SUCCESS && offset <= bytes && len <= bytes - offset {
        copy(to, text + offset, len);
    }
}
