//! Changes of the tree. They are kept in memory, after the page with the bookkeeping, which grows as it must: so they are
//! state of the module like all other state. What has not changed takes no memory.
//!
//! Where it can be seen, it does what Linux does below Wasmtime. `NOSPC` says that the memory cannot grow.

mod contents;
mod entries;
mod file_calls;
mod heap;
mod inodes;
mod names;
mod path_calls;
pub mod view;

pub use inodes::forget_unreachable as closed;
pub use path_calls::to_open;

use crate::descriptors::{FOR_WRITING, NOT_FOR_READING};
use crate::path_calls::{CREATE, RIGHT_TO_WRITE, TRUNCATE};

/// What a file is opened for. As in Wasmtime, what is created or truncated may be written.
pub fn mode(rights: u64, open_flags: u32) -> u8 {
    const RIGHT_TO_READ: u64 = 1 << 1;
    let writes = rights & RIGHT_TO_WRITE != 0;
    let for_writing = if writes || open_flags & (CREATE | TRUNCATE) != 0 { FOR_WRITING } else { 0 };
    let not_for_reading = if writes && rights & RIGHT_TO_READ == 0 { NOT_FOR_READING } else { 0 };
    for_writing | not_for_reading
}
