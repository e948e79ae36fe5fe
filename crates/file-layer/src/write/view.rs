//! The tree as it is now.

use super::{contents, inodes};
use crate::tree::{self, DIRECTORY, Node};

pub use super::entries::{entry, nth};
pub use super::inodes::node;

/// Copies bytes of a file or a link, which must be there.
pub fn read(node: &Node, offset: u32, to: u32, len: u32) {
    if node.record == 0 {
        tree::read(node, offset, to, len);
    } else {
        contents::read(node.record, offset, to, len);
    }
}

/// How many names a node has.
pub fn links(node: &Node) -> u64 {
    let is_counted = node.record != 0 && node.filetype != DIRECTORY;
    if is_counted { inodes::links(node.record).into() } else { 1 }
}

/// The time of the last access, change, or change of what is told of it.
pub fn time(node: &Node, time: u32) -> u64 {
    if node.record == 0 { node.modified } else { inodes::time(node.record, time) }
}
