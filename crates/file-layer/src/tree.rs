//! The embedded tree, as `preinit-core` writes it: a header, mounts, nodes, names, contents. It lies in a passive data
//! segment, of which pieces are copied when they are needed.

use crate::memory::{get_u8, get_u32, get_u64, put_u32};
use crate::{arguments, host, state};

/// Of WASI.
pub const DIRECTORY: u8 = 3;
pub const FILE: u8 = 4;
pub const LINK: u8 = 7;

const HEADER_SIZE: u32 = 64;
const NODE_SIZE: u32 = 32;
const MOUNT_SIZE: u32 = 16;
/// In the header: how many nodes and mounts there are.
#[cfg(feature = "write")]
const NODES: u32 = 20;
const MOUNTS: u32 = 24;

/// A file, a directory or a link.
#[derive(Clone, Copy)]
pub struct Node {
    pub index: u32,
    pub filetype: u8,
    /// Whether its bytes are the arguments of the instance.
    pub is_arguments: bool,
    pub parent: u32,
    /// Of a directory, the first of its entries; else, where the bytes are.
    pub start: u32,
    /// Of a directory, how many entries it has; else, how many bytes.
    pub len: u32,
    /// In nanoseconds after 1970.
    pub modified: u64,
    /// What has changed of it since; 0 if nothing has.
    #[cfg(feature = "write")]
    pub record: u32,
}

/// What a directory says of something in it.
pub struct Entry {
    /// Its place among all.
    pub place: u32,
    pub node: Node,
    /// The length of its name, which lies in its place.
    pub name_len: u32,
}

/// A directory that is found as WASI's preopened directories are.
pub struct Mount {
    pub root: u32,
    pub name: u32,
    pub name_len: u32,
}

/// How many mounts there are.
pub fn mounts() -> u32 {
    let header = state::header();
    if get_u32(header) == 0 {
        host::image(state::out(), MOUNTS, 4);
        put_u32(header, 1);
        put_u32(header + 4, get_u32(state::out()));
    }
    get_u32(header + 4)
}

/// How many nodes there are.
#[cfg(feature = "write")]
pub fn nodes() -> u32 {
    host::image(state::out(), NODES, 4);
    get_u32(state::out())
}

pub fn mount(index: u32) -> Mount {
    let record = state::record();
    host::image(record, HEADER_SIZE + MOUNT_SIZE * index, MOUNT_SIZE);
    Mount { root: get_u32(record), name: get_u32(record + 4), name_len: get_u32(record + 8) }
}

fn record(index: u32) -> u32 {
    let record = state::record();
    host::image(record, HEADER_SIZE + MOUNT_SIZE * mounts() + NODE_SIZE * index, NODE_SIZE);
    record
}

pub fn node(index: u32) -> Node {
    let record = record(index);
    let is_arguments = get_u8(record + 1) != 0;
    Node {
        index,
        filetype: get_u8(record),
        is_arguments,
        parent: get_u32(record + 4),
        start: get_u32(record + 16),
        len: if is_arguments { arguments::len() } else { get_u32(record + 20) },
        modified: get_u64(record + 24),
        #[cfg(feature = "write")]
        record: 0,
    }
}

/// Where the name of a node is, and its length.
pub fn name_place(index: u32) -> (u32, u32) {
    let record = record(index);
    (get_u32(record + 8), get_u32(record + 12))
}

/// Reads the name of a node to its place. Gives its length.
pub fn name(index: u32) -> u32 {
    let (start, len) = name_place(index);
    host::image(state::name(), start, len);
    len
}

/// The entry of this name in a directory. Entries are in the order of their names.
pub fn entry(directory: &Node, name_at: u32, len: u32) -> Option<u32> {
    let (mut low, mut high) = (directory.start, directory.start + directory.len);
    while low < high {
        let middle = low + (high - low) / 2;
        let middle_len = name(middle);
        match compare(name_at, len, state::name(), middle_len) {
            0 => return Some(middle),
            order if order < 0 => high = middle,
            _ => low = middle + 1,
        }
    }
    None
}

/// Copies bytes of a file or a link, which must have them.
pub fn read(node: &Node, offset: u32, to: u32, len: u32) {
    host::image(to, node.start + offset, len);
}

/// The entry that has this place among all of a directory, counted from 0: its node, with the name in its place.
pub fn nth(directory: &Node, at: u32) -> Option<Entry> {
    if at >= directory.len {
        return None;
    }
    let node = node(directory.start + at);
    Some(Entry { place: at, name_len: name(node.index), node })
}

/// Below zero if the first comes first.
fn compare(left: u32, left_len: u32, right: u32, right_len: u32) -> i32 {
    let common = if left_len < right_len { left_len } else { right_len };
    for at in 0..common {
        let difference = i32::from(get_u8(left + at)) - i32::from(get_u8(right + at));
        if difference != 0 {
            return difference;
        }
    }
    if left_len < right_len { -1 } else { i32::from(left_len > right_len) }
}
