//! Files of the host that are opened anew for each use, and closed after it: so they are open wherever the module goes on,
//! also in a snapshot. Their paths are listed with the embedded tree.

use crate::descriptors::{self, Object};
use crate::memory::{copy, get_u8, get_u32, get_u64, put_u8, put_u16, put_u64};
use crate::state::{self, PATH};
use crate::tree::FILE;
use crate::{errno, host};

/// In the header of the tree: how many paths there are, and where their list is.
const COUNT: u32 = 32;
const LIST: u32 = 36;

/// Rights of WASI: to read, seek, tell, and ask for what is told of a file.
const RIGHTS: u64 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 21;
const RIGHT_TO_WRITE: u64 = 1 << 6;
const FOLLOW: u32 = 1;
const SET: u32 = 0;
const END: u32 = 2;
/// The numbers among which preopened directories of the host are looked for.
const DIRECTORIES: core::ops::Range<u32> = 3..67;

fn word(at: u32) -> u32 {
    host::image(state::out(), at, 4);
    get_u32(state::out())
}

/// A path of the list, read to the second buffer for paths. Gives its length.
fn listed(index: u32) -> u32 {
    let entry = word(LIST) + 8 * index;
    let (start, len) = (word(entry), word(entry + 4));
    host::image(state::path(1), start, len);
    len
}

/// Reads the name of a preopened directory of the host to the first buffer for paths, without slashes at its end. Gives its
/// length: 0 if it is `.` or the root.
fn directory_name(number: u32) -> Option<u32> {
    const LONGEST: u32 = PATH / 2;
    if host::fd_prestat_get(number, state::out()) != errno::SUCCESS {
        return None;
    }
    let mut len = get_u32(state::out() + 4);
    let buffer = state::path(0);
    if len > LONGEST || host::fd_prestat_dir_name(number, buffer, len) != errno::SUCCESS {
        return None;
    }
    // Names may be told with the zero at their end.
    while len > 0 && matches!(get_u8(buffer + len - 1), 0 | b'/') {
        len -= 1;
    }
    Some(if len == 1 && get_u8(buffer) == b'.' { 0 } else { len })
}

/// Adds a path to the name of its directory, without what means nothing. `None` if it is too long, or leads upwards.
fn joined(mut len: u32, is_absolute: bool, path: u32, path_len: u32) -> Option<u32> {
    let buffer = state::path(0);
    if path_len > PATH / 2 - 2 {
        return None;
    }
    let mut at = 0;
    while at < path_len {
        let start = at;
        while at < path_len && get_u8(path + at) != b'/' {
            at += 1;
        }
        let (name, name_len) = (path + start, at - start);
        at += 1;
        if name_len == 0 || name_len == 1 && get_u8(name) == b'.' {
            continue;
        }
        if name_len == 2 && get_u8(name) == b'.' && get_u8(name + 1) == b'.' {
            return None;
        }
        if len > 0 || is_absolute {
            put_u8(buffer + len, b'/');
            len += 1;
        }
        copy(buffer + len, name, name_len);
        len += name_len;
    }
    Some(len)
}

/// Whether a directory's name is nothing but a slash.
fn is_root(directory: u32) -> bool {
    let out = state::out();
    host::fd_prestat_get(directory, out) == errno::SUCCESS
        && get_u32(out + 4) == 1
        && host::fd_prestat_dir_name(directory, out, 1) == errno::SUCCESS
        && get_u8(out) == b'/'
}

fn same(left: u32, right: u32, len: u32) -> bool {
    (0..len).all(|at| get_u8(left + at) == get_u8(right + at))
}

/// The place in the list of what a path in a directory of the host leads to.
fn known(directory: u32, path: u32, path_len: u32) -> Option<u32> {
    let count = word(COUNT);
    if count == 0 {
        return None;
    }
    let len = directory_name(directory)?;
    // The name of the root is nothing but its slash.
    let len = joined(len, len == 0 && is_root(directory), path, path_len)?;
    (0..count).find(|index| listed(*index) == len && same(state::path(0), state::path(1), len))
}

/// Takes over what the host has just opened, if it is to be opened anew for each use. Gives its number, or an errno.
pub fn taken(
    (directory, path, len): (u32, u32, u32),
    (rights, open_flags, flags): (u64, u32, u32),
    opened: u32,
) -> Option<Result<u32, i32>> {
    if rights & RIGHT_TO_WRITE != 0 || open_flags != 0 {
        return None;
    }
    let index = known(directory, path, len)?;
    let out = state::out();
    let is_file = host::fd_fdstat_get(opened, out) == errno::SUCCESS && get_u8(out) == FILE;
    let can_read_on = host::fd_seek(opened, 0, SET, out) == errno::SUCCESS;
    if !is_file || !can_read_on || host::fd_close(opened) != errno::SUCCESS {
        return None;
    }
    Some(match descriptors::open_anew(index) {
        Some((number, object)) => {
            object.set_flags(flags as u16);
            Ok(number)
        }
        None => Err(errno::MFILE),
    })
}

/// Opens a file, and gives the host's number: in the directory with the longest name that its path begins with.
fn open(index: u32) -> Option<u32> {
    let len = listed(index);
    let mut best = None;
    for directory in DIRECTORIES {
        let Some(name_len) = directory_name(directory) else { continue };
        let is_root = name_len == 0 && is_root(directory);
        let begins = name_len < len && same(state::path(0), state::path(1), name_len);
        let rest = if name_len > 0 || is_root { name_len + 1 } else { 0 };
        let is_parted = rest == 0 && get_u8(state::path(1)) != b'/'
            || rest > 0 && rest < len && get_u8(state::path(1) + rest - 1) == b'/';
        let is_better = best.is_none_or(|(_, known)| rest > known);
        if begins && is_parted && is_better {
            best = Some((directory, rest));
        }
    }
    let (directory, rest) = best?;
    let (path, out) = (state::path(1) + rest, state::out());
    let errno = host::path_open(directory, FOLLOW, path, len - rest, 0, RIGHTS, RIGHTS, 0, out);
    (errno == errno::SUCCESS).then(|| get_u32(out))
}

/// Makes a call on a file. If it cannot be opened any more, its descriptor is a bad one.
fn on(object: Object, call: impl Fn(u32) -> i32) -> i32 {
    let Some(number) = open(object.node()) else { return errno::BADF };
    let result = call(number);
    host::fd_close(number);
    result
}

pub fn read(object: Object, iovs: u32, count: u32, read: u32) -> i32 {
    let result = pread(object, iovs, count, object.position(), read);
    if result == errno::SUCCESS {
        object.set_position(object.position() + u64::from(get_u32(read)));
    }
    result
}

pub fn pread(object: Object, iovs: u32, count: u32, offset: u64, read: u32) -> i32 {
    on(object, |number| match host::fd_seek(number, offset.cast_signed(), SET, state::out()) {
        errno::SUCCESS => host::fd_read(number, iovs, count, read),
        errno => errno,
    })
}

/// Of a position after the end; of others, `files` knows the answer.
pub fn seek_from_end(object: Object, offset: i64, position: u32) -> i32 {
    let result = on(object, |number| host::fd_seek(number, offset, END, position));
    if result == errno::SUCCESS {
        object.set_position(get_u64(position));
    }
    result
}

pub fn filestat(object: Object, stat: u32) -> i32 {
    on(object, |number| host::fd_filestat_get(number, stat))
}

pub fn fdstat(object: Object, stat: u32) -> i32 {
    let result = on(object, |number| host::fd_fdstat_get(number, stat));
    if result == errno::SUCCESS {
        put_u16(stat + 2, object.flags());
        put_u64(stat + 8, get_u64(stat + 8) & !RIGHT_TO_WRITE);
    }
    result
}

/// The bytes after its position.
pub fn left(object: Object) -> u64 {
    let out = state::out();
    if on(object, |number| host::fd_seek(number, 0, END, out)) == errno::SUCCESS {
        get_u64(out).saturating_sub(object.position())
    } else {
        0
    }
}
