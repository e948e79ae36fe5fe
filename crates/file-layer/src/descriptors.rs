//! What is open: the numbers that the program knows, and what they stand for.
//!
//! The host's descriptors keep their numbers unless something of ours is there. Ours begin at 512, but for directories that
//! are found like preopened ones: these follow the host's.

use crate::errno;
use crate::host;
use crate::memory::{get_u8, get_u16, get_u32, get_u64, put_u8, put_u16, put_u32, put_u64, zero};
use crate::state::{self, FIRST_OF_OURS, NUMBERS, OBJECTS};
use crate::tree::{self, DIRECTORY, FILE};

/// What a number stands for.
#[derive(Clone, Copy)]
pub enum Target {
    /// A descriptor of the host.
    Host(u32),
    /// Something of ours.
    Ours(Object),
    Closed,
}

/// Something of ours that is open, or a descriptor of the host under another number.
#[derive(Clone, Copy)]
pub struct Object {
    pub index: u32,
    at: u32,
}

/// In the map: the host's, and nothing at all. Larger numbers are objects.
const SAME: u16 = 0;
const CLOSED: u16 = 1;
const FIRST_OBJECT: u16 = 2;

/// What an object is.
const FREE: u8 = 0;
const ALIAS: u8 = 1;
const NODE: u8 = 2;
const REOPENED: u8 = 3;

/// What a file was opened for, if it was not only to be read.
#[cfg(feature = "write")]
pub const FOR_WRITING: u8 = 1;
#[cfg(feature = "write")]
pub const NOT_FOR_READING: u8 = 2;

/// Rights of WASI.
const RIGHT_TO_WRITE: u64 = 1 << 6;
#[cfg(feature = "write")]
const RIGHTS_TO_READ: u64 = 1 << 1 | 1 << 14;

#[cfg(feature = "write")]
impl Object {
    fn mode(self) -> u8 {
        get_u8(self.at + 21)
    }

    pub fn set_mode(self, mode: u8) {
        put_u8(self.at + 21, mode);
    }

    /// Whether it is a file that was opened to be read.
    pub fn is_readable(self) -> bool {
        !self.is_directory() && self.mode() & NOT_FOR_READING == 0
    }

    /// Whether it is a file that was opened to be written.
    pub fn is_writable(self) -> bool {
        !self.is_directory() && self.mode() & FOR_WRITING != 0
    }

    /// The rights of files that it lacks.
    pub fn missing_rights(self) -> u64 {
        let write = if self.mode() & FOR_WRITING == 0 { RIGHT_TO_WRITE } else { 0 };
        let read = if self.mode() & NOT_FOR_READING == 0 { 0 } else { RIGHTS_TO_READ };
        write | read
    }
}

/// Whether something of ours has this node open.
#[cfg(feature = "write")]
pub fn is_open(node: u32) -> bool {
    (0..OBJECTS).map(Object::at).any(|object| object.kind() == NODE && object.node() == node)
}

/// Whether one more can be opened.
#[cfg(feature = "write")]
pub fn has_room() -> bool {
    free_number().is_some() && free_object().is_some()
}

impl Object {
    fn at(index: u32) -> Object {
        Object { index, at: state::object(index) }
    }

    fn kind(self) -> u8 {
        get_u8(self.at)
    }

    /// Of the filesystem: directory or file.
    pub fn filetype(self) -> u8 {
        get_u8(self.at + 1)
    }

    pub fn is_directory(self) -> bool {
        self.filetype() == DIRECTORY
    }

    pub fn flags(self) -> u16 {
        get_u16(self.at + 2)
    }

    pub fn set_flags(self, flags: u16) {
        put_u16(self.at + 2, flags);
    }

    /// Whether it is a file of the host that is opened anew for each use.
    pub fn is_reopened(self) -> bool {
        self.kind() == REOPENED
    }

    /// Its node; the host's number of an alias; the place of a path that is opened anew.
    pub fn node(self) -> u32 {
        get_u32(self.at + 4)
    }

    pub fn position(self) -> u64 {
        get_u64(self.at + 8)
    }

    pub fn set_position(self, position: u64) {
        put_u64(self.at + 8, position);
    }

    /// Whether it is a file that was opened to be read.
    #[cfg(not(feature = "write"))]
    pub fn is_readable(self) -> bool {
        !self.is_directory()
    }

    /// The rights of files that it lacks.
    #[cfg(not(feature = "write"))]
    pub fn missing_rights(self) -> u64 {
        RIGHT_TO_WRITE
    }

    fn names(self) -> u32 {
        get_u32(self.at + 16)
    }

    fn set_names(self, count: u32) {
        put_u32(self.at + 16, count);
    }

    /// Whether it is a directory that was found like a preopened one.
    pub fn is_mount(self) -> bool {
        self.index < tree::mounts()
    }

    /// Whether the search for preopened directories that is going on has met it.
    pub fn is_reported(self) -> bool {
        get_u8(self.at + 20) != 0
    }

    pub fn set_reported(self, reported: bool) {
        put_u8(self.at + 20, u8::from(reported));
    }
}

/// The object of a mount, open or not.
pub fn mounted(index: u32) -> Object {
    Object::at(index)
}

/// Opens a mount under this number.
pub fn open_mount(index: u32, number: u32) {
    let object = Object::at(index);
    let reported = object.is_reported();
    if object.kind() == FREE {
        fill(object, NODE, DIRECTORY, tree::mount(index).root);
        object.set_reported(reported);
    }
    bind(number, object);
}

pub fn target(number: u32) -> Target {
    if number >= NUMBERS {
        return Target::Host(number);
    }
    match get_u16(state::map(number)) {
        SAME if number < FIRST_OF_OURS => Target::Host(number),
        SAME | CLOSED => Target::Closed,
        mapped => {
            let object = Object::at(u32::from(mapped - FIRST_OBJECT));
            if object.kind() == ALIAS { Target::Host(object.node()) } else { Target::Ours(object) }
        }
    }
}

fn fill(object: Object, kind: u8, filetype: u8, node: u32) {
    zero(object.at, state::OBJECT_SIZE);
    put_u8(object.at, kind);
    put_u8(object.at + 1, filetype);
    put_u32(object.at + 4, node);
}

fn bind(number: u32, object: Object) {
    put_u16(state::map(number), object.index as u16 + FIRST_OBJECT);
    object.set_names(object.names() + 1);
}

/// Forgets what a mapped number stands for. The host may have something open under it, which nobody knows by this number.
pub fn unbind(number: u32) {
    if number >= NUMBERS {
        return;
    }
    let mapped = get_u16(state::map(number));
    if mapped >= FIRST_OBJECT {
        let object = Object::at(u32::from(mapped - FIRST_OBJECT));
        object.set_names(object.names() - 1);
        put_u16(state::map(number), CLOSED);
        if object.names() == 0 {
            #[cfg(feature = "write")]
            let closed = (object.kind() == NODE).then(|| object.node());
            put_u8(object.at, FREE);
            #[cfg(feature = "write")]
            if let Some(node) = closed {
                crate::write::closed(node);
            }
        }
    }
}

/// Lets a number be the host's again.
pub fn give_back(number: u32) {
    unbind(number);
    put_u16(state::map(number), SAME);
}

/// Lets `to` stand for what `from` stands for, which must be mapped.
pub fn rebind(from: u32, to: u32) {
    let mapped = get_u16(state::map(from));
    unbind(to);
    put_u16(state::map(to), mapped);
    put_u16(state::map(from), CLOSED);
}

/// Whether a number stands for an object.
pub fn is_mapped(number: u32) -> bool {
    number < NUMBERS && get_u16(state::map(number)) >= FIRST_OBJECT
}

/// Lets `to`, which is mapped, stand for the host's `host_number`, which was known as `from`. `false` if there is no room.
pub fn alias(from: u32, host_number: u32, to: u32) -> bool {
    if free_object().is_none() && !is_freed_with(to) {
        return false;
    }
    unbind(to);
    let Some(object) = free_object() else { return false };
    fill(object, ALIAS, 0, host_number);
    bind(to, object);
    if from < NUMBERS {
        put_u16(state::map(from), CLOSED);
    }
    true
}

/// Whether something else can be open once this number is closed.
fn is_freed_with(number: u32) -> bool {
    matches!(target(number), Target::Ours(object) if !object.is_mount() && object.names() == 1)
}

fn free_object() -> Option<Object> {
    (tree::mounts()..OBJECTS).map(Object::at).find(|object| object.kind() == FREE)
}

fn free_number() -> Option<u32> {
    (FIRST_OF_OURS..NUMBERS).find(|number| get_u16(state::map(*number)) < FIRST_OBJECT)
}

fn allocate(kind: u8, filetype: u8, node: u32) -> Option<u32> {
    let number = free_number()?;
    let object = free_object()?;
    fill(object, kind, filetype, node);
    bind(number, object);
    Some(number)
}

/// Opens a node. Gives its number and object.
pub fn open(node: u32, filetype: u8) -> Option<(u32, Object)> {
    opened(NODE, filetype, node)
}

/// Lets a file of the host be open that is opened anew for each use. `index` is the place of its path.
pub fn open_anew(index: u32) -> Option<(u32, Object)> {
    opened(REOPENED, FILE, index)
}

fn opened(kind: u8, filetype: u8, node: u32) -> Option<(u32, Object)> {
    let number = allocate(kind, filetype, node)?;
    match target(number) {
        Target::Ours(object) => Some((number, object)),
        _ => None,
    }
}

/// The number that the program gets for one that the host has given out; an errno if there is none.
pub fn number_for(host_number: u32) -> Result<u32, i32> {
    if host_number >= NUMBERS {
        return Ok(host_number);
    }
    if host_number < FIRST_OF_OURS && get_u16(state::map(host_number)) < FIRST_OBJECT {
        put_u16(state::map(host_number), SAME);
        return Ok(host_number);
    }
    match allocate(ALIAS, 0, host_number) {
        Some(number) => Ok(number),
        None => {
            host::fd_close(host_number);
            Err(errno::MFILE)
        }
    }
}
