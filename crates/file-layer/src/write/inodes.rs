//! What has changed of files, directories and links, and new ones. A node of the embedded tree keeps its number when it
//! changes; a new one's number follows from where its record is.

use super::heap::{self, Size, UNIT, address};
use crate::arguments;
use crate::descriptors::is_open;
use crate::memory::{get_u8, get_u32, get_u64, put_u8, put_u32, put_u64};
use crate::state;
use crate::tree::{self, DIRECTORY, Node};

/// In the bookkeeping of changes: for each embedded node, where its record is; how many these are; the time of the last
/// change.
const TABLE: u32 = 24;
const COUNT: u32 = 28;
const TIME: u32 = 32;

/// In a record: type, whether the entries of a directory are in memory, whether its bytes are arguments, parent, size; where the bytes are that are
/// embedded still, and how many (of a directory: its first entry, their number); blocks; names; times; entries of a
/// directory.
const TYPE: u32 = 0;
const IS_LISTED: u32 = 1;
const IS_ARGUMENTS: u32 = 2;
const PARENT: u32 = 4;
pub const SIZE: u32 = 8;
pub const START: u32 = 12;
pub const EMBEDDED: u32 = 16;
pub const DEPTH: u32 = 20;
pub const ROOT: u32 = 24;
const LINKS: u32 = 28;
const TIMES: u32 = 32;
pub const FIRST: u32 = 56;
pub const LAST: u32 = 60;
pub const NEXT_PLACE: u32 = 64;

/// Which times.
pub const ACCESSED: u32 = 0;
pub const MODIFIED: u32 = 1;
pub const CHANGED: u32 = 2;

/// How many nodes are embedded; 0 before the first change.
fn embedded() -> u32 {
    get_u32(state::changes() + COUNT)
}

/// Makes the table of records, if there is none yet.
fn prepare() -> Option<()> {
    if embedded() == 0 {
        let count = tree::nodes();
        let table = heap::at_end((4 * count).next_multiple_of(heap::BLOCK))?;
        let last = (0..count).map(|index| tree::node(index).modified).max().unwrap_or(0);
        let state = state::changes();
        put_u32(state + TABLE, table);
        put_u64(state + TIME, last);
        put_u32(state + COUNT, count);
    }
    Some(())
}

/// Where the record of a node is; 0 if nothing of it has changed.
pub fn record(index: u32) -> u32 {
    let count = embedded();
    if count == 0 {
        0
    } else if index < count {
        get_u32(address(get_u32(state::changes() + TABLE) + 4 * index))
    } else {
        (index - count) * UNIT
    }
}

pub fn node(index: u32) -> Node {
    let record = record(index);
    if record == 0 {
        return tree::node(index);
    }
    let at = address(record);
    let is_arguments = get_u8(at + IS_ARGUMENTS) != 0;
    Node {
        index,
        filetype: get_u8(at + TYPE),
        is_arguments,
        parent: get_u32(at + PARENT),
        start: get_u32(at + START),
        len: if is_arguments { arguments::len() } else { get_u32(at + SIZE) },
        modified: get_u64(at + TIMES + 8 * MODIFIED),
        record,
    }
}

/// The record of a node, which it gets now if it had none.
pub fn changed(index: u32) -> Option<u32> {
    prepare()?;
    let known = record(index);
    if known != 0 {
        return Some(known);
    }
    let node = tree::node(index);
    let record = heap::record(Size::Inode)?;
    let at = address(record);
    put_u8(at + TYPE, node.filetype);
    put_u8(at + IS_ARGUMENTS, u8::from(node.is_arguments));
    put_u32(at + PARENT, node.parent);
    put_u32(at + SIZE, node.len);
    put_u32(at + START, node.start);
    put_u32(at + EMBEDDED, node.len);
    put_u32(at + LINKS, 1);
    for time in [ACCESSED, MODIFIED, CHANGED] {
        put_u64(at + TIMES + 8 * time, node.modified);
    }
    put_u32(address(get_u32(state::changes() + TABLE) + 4 * index), record);
    Some(record)
}

/// A new node, without a name so far.
pub fn create(filetype: u8, parent: u32) -> Option<u32> {
    prepare()?;
    let record = heap::record(Size::Inode)?;
    let at = address(record);
    put_u8(at + TYPE, filetype);
    put_u8(at + IS_LISTED, u8::from(filetype == DIRECTORY));
    put_u32(at + PARENT, parent);
    let now = now();
    for time in [ACCESSED, MODIFIED, CHANGED] {
        put_u64(at + TIMES + 8 * time, now);
    }
    Some(embedded() + record / UNIT)
}

/// Frees what nobody can reach: it has no name, and is not open.
pub fn forget_unreachable(index: u32) {
    let record = record(index);
    if record == 0 || links(record) != 0 || is_open(index) {
        return;
    }
    if get_u8(address(record) + TYPE) != DIRECTORY {
        super::contents::resize(record, 0);
    }
    if index < embedded() {
        put_u32(address(get_u32(state::changes() + TABLE) + 4 * index), 0);
    }
    heap::free_record(record, Size::Inode);
}

pub fn links(record: u32) -> u32 {
    get_u32(address(record) + LINKS)
}

pub fn set_links(record: u32, links: u32) {
    put_u32(address(record) + LINKS, links);
}

pub fn set_parent(record: u32, parent: u32) {
    put_u32(address(record) + PARENT, parent);
}

/// Whether the entries of a directory are in memory.
pub fn is_listed(record: u32) -> bool {
    get_u8(address(record) + IS_LISTED) != 0
}

pub fn set_listed(record: u32) {
    put_u8(address(record) + IS_LISTED, 1);
}

pub fn time(record: u32, time: u32) -> u64 {
    get_u64(address(record) + TIMES + 8 * time)
}

pub fn set_time(record: u32, time: u32, value: u64) {
    put_u64(address(record) + TIMES + 8 * time, value);
}

/// A microsecond after the change before: the same on every machine, and never the time of one.
pub fn now() -> u64 {
    const STEP: u64 = 1000;
    let at = state::changes() + TIME;
    put_u64(at, get_u64(at) + STEP);
    get_u64(at)
}

/// Notes that the contents have changed just now.
pub fn touch(record: u32) {
    let now = now();
    set_time(record, MODIFIED, now);
    set_time(record, CHANGED, now);
}
