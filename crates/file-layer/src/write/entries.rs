//! What is in directories that have changed: a list for each, in the order of places, and one table for all of them that
//! finds names. Of other directories the embedded tree knows it.

use super::heap::{self, Size, address};
use super::inodes::{self, EMBEDDED, FIRST, LAST, NEXT_PLACE, START, changed, is_listed};
use crate::host;
use crate::memory::{copy, get_u8, get_u32, put_u32};
use crate::state;
use crate::tree::{self, Entry, Node};

/// In the bookkeeping of changes: the table, and the entry that was listed last with its directory.
const BUCKETS: u32 = 40;
const LISTED: u32 = 44;
const LISTED_IN: u32 = 48;

/// How many lists the table has.
const COUNT: u32 = 4096;

/// In an entry: its directory and node, its place among all, the ones before and after it, the next one in the table, the
/// hash and the length of its name, where the name is embedded, or the name.
const DIRECTORY: u32 = 0;
const NODE: u32 = 4;
const PLACE: u32 = 8;
const BEFORE: u32 = 12;
const AFTER: u32 = 16;
const NEXT: u32 = 20;
const HASH: u32 = 24;
const LEN: u32 = 28;
const EMBEDDED_NAME: u32 = 32;
const NAME: u32 = 36;

/// A name, in memory or in the embedded tree.
#[derive(Clone, Copy)]
pub enum Name {
    At(u32, u32),
    Embedded(u32, u32),
}

impl Name {
    fn size(self) -> Size {
        match self {
            Name::At(_, len) if len > Size::Small.bytes() - NAME => Size::Long,
            _ => Size::Small,
        }
    }
}

fn hash(directory: u32, name: u32, len: u32) -> u32 {
    const PRIME: u32 = 0x0100_0193;
    let mut hash = (0x811c_9dc5 ^ directory).wrapping_mul(PRIME);
    for at in 0..len {
        hash = (hash ^ u32::from(get_u8(name + at))).wrapping_mul(PRIME);
    }
    hash
}

/// Where the table says which entry is first in a list.
fn bucket(hash: u32) -> u32 {
    address(get_u32(state::changes() + BUCKETS) + 4 * ((hash ^ hash >> 16) % COUNT))
}

/// The entry of a directory whose entries are in memory; 0 if there is none.
fn find(directory: u32, name: u32, len: u32) -> u32 {
    if get_u32(state::changes() + BUCKETS) == 0 {
        return 0;
    }
    let hash = hash(directory, name, len);
    let mut entry = get_u32(bucket(hash));
    while entry != 0 {
        let at = address(entry);
        if get_u32(at + HASH) == hash
            && get_u32(at + DIRECTORY) == directory
            && get_u32(at + LEN) == len
            && is_named(entry, name, len)
        {
            return entry;
        }
        entry = get_u32(at + NEXT);
    }
    0
}

fn is_named(entry: u32, name: u32, len: u32) -> bool {
    let at = address(entry);
    let own = match get_u32(at + EMBEDDED_NAME) {
        0 => at + NAME,
        embedded => {
            host::image(state::name(), embedded, len);
            state::name()
        }
    };
    (0..len).all(|byte| get_u8(own + byte) == get_u8(name + byte))
}

/// The node of this name in a directory.
pub fn entry(directory: &Node, name: u32, len: u32) -> Option<u32> {
    if directory.record == 0 {
        return tree::entry(directory, name, len);
    }
    if !is_listed(directory.record) {
        return tree::entry(&embedded(directory), name, len);
    }
    match find(directory.index, name, len) {
        0 => None,
        entry => Some(get_u32(address(entry) + NODE)),
    }
}

/// The directory as it was embedded.
fn embedded(directory: &Node) -> Node {
    let at = address(directory.record);
    Node { start: get_u32(at + START), len: get_u32(at + EMBEDDED), record: 0, ..*directory }
}

/// The entry at this place or the first one after it, with its name in its place.
pub fn nth(directory: &Node, place: u32) -> Option<Entry> {
    if directory.record == 0 || !is_listed(directory.record) {
        let directory = if directory.record == 0 { *directory } else { embedded(directory) };
        let entry = tree::nth(&directory, place)?;
        return Some(Entry { node: inodes::node(entry.node.index), ..entry });
    }
    let state = state::changes();
    let last = get_u32(state + LISTED);
    let goes_on =
        last != 0 && get_u32(state + LISTED_IN) == directory.index && get_u32(address(last) + PLACE) < place;
    let mut entry = if goes_on { last } else { get_u32(address(directory.record) + FIRST) };
    while entry != 0 && get_u32(address(entry) + PLACE) < place {
        entry = get_u32(address(entry) + AFTER);
    }
    if entry == 0 {
        return None;
    }
    put_u32(state + LISTED, entry);
    put_u32(state + LISTED_IN, directory.index);
    let at = address(entry);
    let name_len = get_u32(at + LEN);
    match get_u32(at + EMBEDDED_NAME) {
        0 => copy(state::name(), at + NAME, name_len),
        embedded => host::image(state::name(), embedded, name_len),
    }
    Some(Entry { place: get_u32(at + PLACE), node: inodes::node(get_u32(at + NODE)), name_len })
}

/// Gets the entries of a directory into memory, and gives its record.
pub fn listed(directory: u32) -> Option<u32> {
    let record = changed(directory)?;
    if is_listed(record) {
        return Some(record);
    }
    let at = address(record);
    let (start, count) = (get_u32(at + START), get_u32(at + EMBEDDED));
    for place in 0..count {
        let node = start + place;
        let (name, len) = tree::name_place(node);
        if add(directory, Name::Embedded(name, len), node).is_none() {
            while get_u32(at + FIRST) != 0 {
                unlist(get_u32(at + FIRST));
            }
            put_u32(at + NEXT_PLACE, 0);
            return None;
        }
    }
    inodes::set_listed(record);
    Some(record)
}

/// Adds an entry at the end of a directory that has a record.
fn add(directory: u32, name: Name, node: u32) -> Option<()> {
    if get_u32(state::changes() + BUCKETS) == 0 {
        let table = heap::at_end(4 * COUNT)?;
        put_u32(state::changes() + BUCKETS, table);
    }
    let record = inodes::record(directory);
    let place = get_u32(address(record) + NEXT_PLACE);
    let next_place = place.checked_add(1)?;
    let entry = heap::record(name.size())?;
    let (at, list) = (address(entry), address(record));
    let (hash, len) = match name {
        Name::At(name, len) => {
            copy(at + NAME, name, len);
            (hash(directory, name, len), len)
        }
        Name::Embedded(name, len) => {
            host::image(state::name(), name, len);
            put_u32(at + EMBEDDED_NAME, name);
            (hash(directory, state::name(), len), len)
        }
    };
    let last = get_u32(list + LAST);
    let fields =
        [(DIRECTORY, directory), (NODE, node), (PLACE, place), (BEFORE, last), (HASH, hash), (LEN, len)];
    for (field, value) in fields {
        put_u32(at + field, value);
    }
    put_u32(at + NEXT, get_u32(bucket(hash)));
    put_u32(bucket(hash), entry);
    let link = if last == 0 { list + FIRST } else { address(last) + AFTER };
    put_u32(link, entry);
    put_u32(list + LAST, entry);
    put_u32(list + NEXT_PLACE, next_place);
    Some(())
}

/// Adds a name to a directory whose entries are in memory.
pub fn insert(directory: u32, name: u32, len: u32, node: u32) -> Option<()> {
    add(directory, Name::At(name, len), node)
}

/// Lets a name of a directory whose entries are in memory be that of another node.
pub fn replace(directory: u32, name: u32, len: u32, node: u32) {
    let entry = find(directory, name, len);
    if entry != 0 {
        put_u32(address(entry) + NODE, node);
    }
}

/// Removes a name from a directory whose entries are in memory.
pub fn remove(directory: u32, name: u32, len: u32) {
    let entry = find(directory, name, len);
    if entry != 0 {
        unlist(entry);
    }
}

fn unlist(entry: u32) {
    let at = address(entry);
    let list = address(inodes::record(get_u32(at + DIRECTORY)));
    let (before, after) = (get_u32(at + BEFORE), get_u32(at + AFTER));
    let forward = if before == 0 { list + FIRST } else { address(before) + AFTER };
    let backward = if after == 0 { list + LAST } else { address(after) + BEFORE };
    put_u32(forward, after);
    put_u32(backward, before);
    let mut link = bucket(get_u32(at + HASH));
    while get_u32(link) != entry && get_u32(link) != 0 {
        link = address(get_u32(link)) + NEXT;
    }
    put_u32(link, get_u32(at + NEXT));
    put_u32(state::changes() + LISTED, 0);
    let is_short = get_u32(at + EMBEDDED_NAME) != 0 || get_u32(at + LEN) <= Size::Small.bytes() - NAME;
    heap::free_record(entry, if is_short { Size::Small } else { Size::Long });
}

/// Whether nothing is in a directory.
pub fn is_empty(directory: &Node) -> bool {
    if directory.record != 0 && is_listed(directory.record) {
        get_u32(address(directory.record) + FIRST) == 0
    } else if directory.record == 0 {
        directory.len == 0
    } else {
        embedded(directory).len == 0
    }
}
