//! Names that come, go, and change.

use super::inodes::{self, CHANGED, changed, links, set_links};
use super::{contents, entries};
use crate::errno;
use crate::path::Place;
use crate::tree::{DIRECTORY, Node};

/// The record of a directory that is to change, its entries in memory.
fn directory(directory: u32) -> Result<u32, i32> {
    let record = entries::listed(directory).ok_or(errno::NOSPC)?;
    // It may be open, but removed.
    if links(record) == 0 { Err(errno::NOENT) } else { Ok(record) }
}

/// Makes something new. Its bytes, of which only a link has some, are at an address.
pub fn create(filetype: u8, place: Place, (bytes, len): (u32, u32)) -> Result<u32, i32> {
    let parent = directory(place.directory)?;
    let node = inodes::create(filetype, place.directory).ok_or(errno::NOSPC)?;
    let record = inodes::record(node);
    let is_complete = contents::write(record, 0, bytes, len) == len;
    if !is_complete || entries::insert(place.directory, place.name, place.len, node).is_none() {
        inodes::forget_unreachable(node);
        return Err(errno::NOSPC);
    }
    set_links(record, 1);
    inodes::touch(parent);
    Ok(node)
}

/// Gives a file another name.
pub fn link(node: &Node, place: Place) -> Result<(), i32> {
    let parent = directory(place.directory)?;
    let record = changed(node.index).ok_or(errno::NOSPC)?;
    entries::insert(place.directory, place.name, place.len, node.index).ok_or(errno::NOSPC)?;
    set_links(record, links(record) + 1);
    inodes::set_time(record, CHANGED, inodes::now());
    inodes::touch(parent);
    Ok(())
}

/// Removes a name. What it named goes if it has no other, and when it is not open any more.
pub fn remove(node: &Node, place: Place) -> Result<(), i32> {
    let parent = directory(place.directory)?;
    let record = changed(node.index).ok_or(errno::NOSPC)?;
    entries::remove(place.directory, place.name, place.len);
    inodes::touch(parent);
    lose_name(node.index, record);
    Ok(())
}

fn lose_name(node: u32, record: u32) {
    set_links(record, links(record) - 1);
    inodes::set_time(record, CHANGED, inodes::now());
    inodes::forget_unreachable(node);
}

/// Moves something from one name to another, and removes what had that name.
pub fn rename(node: &Node, from: Place, to: Place, replaced: Option<&Node>) -> Result<(), i32> {
    let old_parent = directory(from.directory)?;
    let new_parent = directory(to.directory)?;
    let record = changed(node.index).ok_or(errno::NOSPC)?;
    match replaced {
        Some(replaced) => {
            let lost = changed(replaced.index).ok_or(errno::NOSPC)?;
            entries::replace(to.directory, to.name, to.len, node.index);
            lose_name(replaced.index, lost);
        }
        None => entries::insert(to.directory, to.name, to.len, node.index).ok_or(errno::NOSPC)?,
    }
    entries::remove(from.directory, from.name, from.len);
    if node.filetype == DIRECTORY {
        inodes::set_parent(record, to.directory);
    }
    inodes::set_time(record, CHANGED, inodes::now());
    inodes::touch(old_parent);
    inodes::touch(new_parent);
    Ok(())
}

/// Whether a directory is another one, or somewhere in it.
pub fn is_within(mut directory: u32, other: u32) -> bool {
    loop {
        if directory == other {
            return true;
        }
        let parent = inodes::node(directory).parent;
        if parent == directory {
            return false;
        }
        directory = parent;
    }
}
