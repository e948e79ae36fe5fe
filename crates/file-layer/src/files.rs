//! Reading files, and what is told of files and directories that are open.

use crate::descriptors::{Object, Target, target};
use crate::memory::{copy, get_u32, put_u8, put_u16, put_u32, put_u64, zero};
use crate::tree::{self, Node};
use crate::{arguments, errno, host, reopen, view};

/// The device that all of the tree is on: no small number, as real ones are.
const DEVICE: u64 = 0x656d_6265_64;

/// Rights of WASI.
const ALL_RIGHTS: u64 = (1 << 30) - 1;
const FD_SEEK: u64 = 1 << 2;
const FD_WRITE: u64 = 1 << 6;
const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
/// What Wasmtime tells of preopened directories.
const MOUNT_RIGHTS: u64 = 0x07b7fe00;
const MOUNT_INHERITING: u64 = 0x0ff7ffff;

/// Flags of open files that cannot be set later.
const SYNCHRONIZED: u32 = 1 << 1 | 1 << 3 | 1 << 4;

/// Copies bytes of a file to the buffers, and gives their number, or an errno.
fn read_to(node: &Node, offset: u64, iovs: u32, count: u32) -> Result<u32, i32> {
    if node.is_arguments {
        let (start, len) = arguments::read()?;
        return Ok(fill(len, offset, iovs, count, |at, to, len| copy(to, start + at, len)));
    }
    Ok(fill(node.len, offset, iovs, count, |at, to, len| view::read(node, at, to, len)))
}

/// Fills the buffers, as far as something of so many bytes goes. Gives how many it was.
fn fill(size: u32, offset: u64, iovs: u32, count: u32, copy: impl Fn(u32, u32, u32)) -> u32 {
    let mut done = 0;
    for index in 0..count {
        let position = offset.saturating_add(u64::from(done));
        if position >= u64::from(size) {
            break;
        }
        let (buffer, len) = (get_u32(iovs + 8 * index), get_u32(iovs + 8 * index + 4));
        let left = size - position as u32;
        let piece = if len < left { len } else { left };
        copy(position as u32, buffer, piece);
        done += piece;
    }
    done
}

#[unsafe(export_name = "embed:fd_read")]
extern "C" fn read(fd: u32, iovs: u32, count: u32, read: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_reopened() => reopen::read(object, iovs, count, read),
        Target::Ours(object) if object.is_readable() => {
            match read_to(&view::node(object.node()), object.position(), iovs, count) {
                Ok(done) => {
                    object.set_position(object.position() + u64::from(done));
                    put_u32(read, done);
                    errno::SUCCESS
                }
                Err(errno) => errno,
            }
        }
        Target::Host(number) => host::fd_read(number, iovs, count, read),
        _ => errno::BADF,
    }
}

#[unsafe(export_name = "embed:fd_pread")]
extern "C" fn pread(fd: u32, iovs: u32, count: u32, offset: u64, read: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_reopened() => reopen::pread(object, iovs, count, offset, read),
        Target::Ours(object) if object.is_readable() => {
            match read_to(&view::node(object.node()), offset, iovs, count) {
                Ok(done) => {
                    put_u32(read, done);
                    errno::SUCCESS
                }
                Err(errno) => errno,
            }
        }
        Target::Host(number) => host::fd_pread(number, iovs, count, offset, read),
        _ => errno::BADF,
    }
}

#[unsafe(export_name = "embed:fd_seek")]
extern "C" fn seek(fd: u32, offset: i64, whence: u32, position: u32) -> i32 {
    let object = match target(fd) {
        Target::Ours(object) if !object.is_directory() => object,
        Target::Host(number) => return host::fd_seek(number, offset, whence, position),
        _ => return errno::BADF,
    };
    let from = match whence {
        0 => 0,
        1 => object.position(),
        2 if object.is_reopened() => return reopen::seek_from_end(object, offset, position),
        2 => u64::from(view::node(object.node()).len),
        _ => return errno::INVAL,
    };
    let Some(to) = from.checked_add_signed(offset) else { return errno::INVAL };
    object.set_position(to);
    put_u64(position, to);
    errno::SUCCESS
}

#[unsafe(export_name = "embed:fd_tell")]
extern "C" fn tell(fd: u32, position: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if !object.is_directory() => {
            put_u64(position, object.position());
            errno::SUCCESS
        }
        Target::Host(number) => host::fd_tell(number, position),
        _ => errno::BADF,
    }
}

#[unsafe(export_name = "embed:fd_filestat_get")]
extern "C" fn filestat(fd: u32, stat: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_reopened() => reopen::filestat(object, stat),
        Target::Ours(object) => put_stat(&view::node(object.node()), stat),
        Target::Host(number) => host::fd_filestat_get(number, stat),
        Target::Closed => errno::BADF,
    }
}

/// Writes what is told of a node.
pub fn put_stat(node: &Node, stat: u32) -> i32 {
    zero(stat, 64);
    put_u64(stat, DEVICE);
    put_u64(stat + 8, inode(node.index));
    put_u8(stat + 16, node.filetype);
    put_u64(stat + 24, view::links(node));
    // The size of a directory is the file system's own business.
    put_u64(stat + 32, if node.filetype == tree::DIRECTORY { 0 } else { u64::from(node.len) });
    for (time, at) in [(0, 40), (1, 48), (2, 56)] {
        put_u64(stat + at, view::time(node, time));
    }
    errno::SUCCESS
}

pub fn inode(node: u32) -> u64 {
    u64::from(node) + 1
}

#[unsafe(export_name = "embed:fd_fdstat_get")]
extern "C" fn fdstat(fd: u32, stat: u32) -> i32 {
    let object = match target(fd) {
        Target::Ours(object) if object.is_reopened() => return reopen::fdstat(object, stat),
        Target::Ours(object) => object,
        Target::Host(number) => return host::fd_fdstat_get(number, stat),
        Target::Closed => return errno::BADF,
    };
    let (base, inheriting) = if object.is_mount() {
        (MOUNT_RIGHTS, MOUNT_INHERITING)
    } else if object.is_directory() {
        let rights = ALL_RIGHTS & !FD_SEEK & !FD_FILESTAT_SET_SIZE & !PATH_FILESTAT_SET_SIZE & !FD_WRITE;
        (rights, rights)
    } else {
        (ALL_RIGHTS & !object.missing_rights(), ALL_RIGHTS & !object.missing_rights())
    };
    zero(stat, 24);
    put_u8(stat, object.filetype());
    put_u16(stat + 2, object.flags());
    put_u64(stat + 8, base);
    put_u64(stat + 16, inheriting);
    errno::SUCCESS
}

#[unsafe(export_name = "embed:fd_fdstat_set_flags")]
extern "C" fn set_flags(fd: u32, flags: u32) -> i32 {
    let set = |object: Object| {
        if flags & SYNCHRONIZED != 0 {
            return errno::INVAL;
        }
        object.set_flags(flags as u16);
        errno::SUCCESS
    };
    match target(fd) {
        Target::Ours(object) if !object.is_directory() => set(object),
        Target::Host(number) => host::fd_fdstat_set_flags(number, flags),
        _ => errno::BADF,
    }
}
