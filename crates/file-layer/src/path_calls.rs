//! Calls with paths.

use crate::descriptors::{Target, open, target};
use crate::files::put_stat;
use crate::memory::put_u32;
use crate::path::{Found, Resolved, resolve};
use crate::sockets::renamed;
use crate::tree::{DIRECTORY, FILE, LINK, Node};
use crate::{errno, host};

/// Of `lookupflags`.
const FOLLOW: u32 = 1;

/// Of `oflags`.
const CREATE: u32 = 1;
const DIRECTORY_ONLY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

const RIGHT_TO_WRITE: u64 = 1 << 6;
/// DSYNC, RSYNC and SYNC of `fdflags`.
const SYNCHRONIZED: u32 = 1 << 1 | 1 << 3 | 1 << 4;

/// A directory of ours, or the answer to the call. `file` is the errno for a file.
macro_rules! directory {
    ($fd:expr, $file:expr, $host:expr) => {
        match target($fd) {
            Target::Ours(object) if object.is_directory() => object.node(),
            Target::Ours(_) => return $file,
            Target::Host(number) => return $host(number),
            Target::Closed => return errno::BADF,
        }
    };
}

/// The answer to a call that would change what is at a path. `errno` is for something that is there.
fn refused(directory: u32, path: u32, len: u32, existing: i32, missing: i32) -> i32 {
    match resolve(directory, path, len, false) {
        Ok(Resolved { found: Found::Node(_), .. }) => existing,
        Ok(Resolved { found: Found::Missing, .. }) => missing,
        Err(errno) => errno,
    }
}

/// What is there, as a path says that ends like that of a directory.
fn existing(directory: u32, path: u32, len: u32, follow: bool) -> Result<Node, i32> {
    match resolve(directory, path, len, follow)? {
        Resolved { found: Found::Missing, .. } => Err(errno::NOENT),
        Resolved { found: Found::Node(node), is_directory } if is_directory && node.filetype != DIRECTORY => {
            Err(errno::NOTDIR)
        }
        Resolved { found: Found::Node(node), .. } => Ok(node),
    }
}

#[unsafe(export_name = "embed:path_open")]
extern "C" fn path_open(
    fd: u32,
    follow: u32,
    path: u32,
    len: u32,
    open_flags: u32,
    rights: u64,
    inheriting: u64,
    flags: u32,
    opened: u32,
) -> i32 {
    let directory = match target(fd) {
        Target::Ours(object) if object.is_directory() => object.node(),
        Target::Ours(_) => return errno::NOTDIR,
        Target::Closed => return errno::BADF,
        Target::Host(number) => {
            let result =
                host::path_open(number, follow, path, len, open_flags, rights, inheriting, flags, opened);
            return if result == errno::SUCCESS { renamed(opened) } else { result };
        }
    };
    match to_open(directory, follow & FOLLOW != 0, (path, len), open_flags, (rights, flags)) {
        Err(errno) => errno,
        Ok(node) => match open(node.index, node.filetype) {
            None => errno::MFILE,
            Some((number, object)) => {
                if node.filetype == FILE {
                    object.set_flags(flags as u16);
                }
                put_u32(opened, number);
                errno::SUCCESS
            }
        },
    }
}

/// What is to be opened, if it may be.
fn to_open(
    directory: u32,
    follow: bool,
    (path, len): (u32, u32),
    open_flags: u32,
    (rights, flags): (u64, u32),
) -> Result<Node, i32> {
    if flags & SYNCHRONIZED != 0 {
        return Err(errno::NOTSUP);
    }
    if open_flags & DIRECTORY_ONLY != 0 && open_flags & (CREATE | EXCLUSIVE | TRUNCATE) != 0 {
        return Err(errno::INVAL);
    }
    let writes = rights & RIGHT_TO_WRITE != 0 || open_flags & (CREATE | TRUNCATE) != 0;
    let Resolved { found, is_directory } = resolve(directory, path, len, follow)?;
    let node = match found {
        Found::Missing if open_flags & CREATE == 0 => return Err(errno::NOENT),
        Found::Missing if is_directory => return Err(errno::ISDIR),
        Found::Missing => return Err(errno::ROFS),
        Found::Node(node) => node,
    };
    if open_flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE {
        return Err(errno::EXIST);
    }
    match node.filetype {
        LINK => Err(errno::LOOP),
        DIRECTORY if writes => Err(errno::ISDIR),
        FILE if is_directory || open_flags & DIRECTORY_ONLY != 0 => Err(errno::NOTDIR),
        // Creating a file that is there only opens it.
        FILE if rights & RIGHT_TO_WRITE != 0 || open_flags & TRUNCATE != 0 => Err(errno::ROFS),
        _ => Ok(node),
    }
}

#[unsafe(export_name = "embed:path_filestat_get")]
extern "C" fn filestat(fd: u32, follow: u32, path: u32, len: u32, stat: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_filestat_get(fd, follow, path, len, stat));
    match existing(directory, path, len, follow & FOLLOW != 0) {
        Ok(node) => put_stat(&node, stat),
        Err(errno) => errno,
    }
}

#[unsafe(export_name = "embed:path_readlink")]
extern "C" fn readlink(fd: u32, path: u32, len: u32, buffer: u32, buffer_len: u32, used: u32) -> i32 {
    let directory =
        directory!(fd, errno::BADF, |fd| host::path_readlink(fd, path, len, buffer, buffer_len, used));
    match existing(directory, path, len, false) {
        Ok(node) if node.filetype == LINK => {
            let piece = if node.len < buffer_len { node.len } else { buffer_len };
            host::image(buffer, node.start, piece);
            put_u32(used, piece);
            errno::SUCCESS
        }
        Ok(_) => errno::INVAL,
        Err(errno) => errno,
    }
}

#[unsafe(export_name = "embed:path_filestat_set_times")]
extern "C" fn set_times(
    fd: u32,
    follow: u32,
    path: u32,
    len: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_filestat_set_times(
        fd, follow, path, len, accessed, modified, flags
    ));
    match existing(directory, path, len, follow & FOLLOW != 0) {
        Ok(_) => errno::ROFS,
        Err(errno) => errno,
    }
}

#[unsafe(export_name = "embed:path_create_directory")]
extern "C" fn create_directory(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_create_directory(fd, path, len));
    refused(directory, path, len, errno::EXIST, errno::ROFS)
}

#[unsafe(export_name = "embed:path_remove_directory")]
extern "C" fn remove_directory(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_remove_directory(fd, path, len));
    refused(directory, path, len, errno::ROFS, errno::NOENT)
}

#[unsafe(export_name = "embed:path_unlink_file")]
extern "C" fn unlink(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_unlink_file(fd, path, len));
    refused(directory, path, len, errno::ROFS, errno::NOENT)
}

#[unsafe(export_name = "embed:path_symlink")]
extern "C" fn symlink(target_path: u32, target_len: u32, fd: u32, path: u32, len: u32) -> i32 {
    let directory =
        directory!(fd, errno::BADF, |fd| host::path_symlink(target_path, target_len, fd, path, len));
    refused(directory, path, len, errno::EXIST, errno::ROFS)
}

/// Two places, of which one is ours at least.
struct Pair {
    from: Target,
    to: Target,
}

impl Pair {
    /// The answer to a call that would change both.
    fn refused(&self, path: u32, len: u32) -> i32 {
        match (&self.from, &self.to) {
            (Target::Closed, _) | (_, Target::Closed) => errno::BADF,
            (Target::Ours(from), _) if !from.is_directory() => errno::BADF,
            (_, Target::Ours(to)) if !to.is_directory() => errno::BADF,
            (Target::Ours(from), Target::Ours(_)) => {
                refused(from.node(), path, len, errno::ROFS, errno::NOENT)
            }
            _ => errno::XDEV,
        }
    }
}

#[unsafe(export_name = "embed:path_rename")]
extern "C" fn rename(from: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32) -> i32 {
    match (target(from), target(to)) {
        (Target::Host(from), Target::Host(to)) => host::path_rename(from, path, len, to, new_path, new_len),
        (from, to) => Pair { from, to }.refused(path, len),
    }
}

#[unsafe(export_name = "embed:path_link")]
extern "C" fn link(
    from: u32,
    follow: u32,
    path: u32,
    len: u32,
    to: u32,
    new_path: u32,
    new_len: u32,
) -> i32 {
    match (target(from), target(to)) {
        (Target::Host(from), Target::Host(to)) => {
            host::path_link(from, follow, path, len, to, new_path, new_len)
        }
        (from, to) => Pair { from, to }.refused(path, len),
    }
}
