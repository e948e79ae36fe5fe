//! Calls with paths.

use crate::descriptors::{Target, open, target};
use crate::files::put_stat;
use crate::memory::{get_u32, put_u32};
use crate::path::{Follow, Found, Resolved, resolve};
#[cfg(not(feature = "write"))]
use crate::refusals::to_open;
use crate::sockets::renamed;
use crate::tree::{DIRECTORY, FILE, LINK, Node};
#[cfg(feature = "write")]
use crate::write::to_open;
use crate::{errno, host, reopen, view};

/// Of `oflags`.
pub const CREATE: u32 = 1;
pub const DIRECTORY_ONLY: u32 = 2;
pub const EXCLUSIVE: u32 = 4;
pub const TRUNCATE: u32 = 8;

pub const RIGHT_TO_WRITE: u64 = 1 << 6;
/// DSYNC, RSYNC and SYNC of `fdflags`.
pub const SYNCHRONIZED: u32 = 1 << 1 | 1 << 3 | 1 << 4;

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
pub(crate) use directory;

/// What is there, as a path says that ends like that of a directory.
pub fn existing(directory: u32, path: u32, len: u32, follow: Follow) -> Result<Node, i32> {
    match resolve(directory, path, len, follow)? {
        Resolved { found: Found::Missing, .. } => Err(errno::NOENT),
        Resolved { found: Found::Node(node), is_directory, .. }
            if is_directory && node.filetype != DIRECTORY =>
        {
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
            if result != errno::SUCCESS {
                return result;
            }
            let how = (rights, open_flags, flags);
            return match reopen::taken((number, path, len), how, get_u32(opened)) {
                None => renamed(opened),
                Some(Err(errno)) => errno,
                Some(Ok(number)) => {
                    put_u32(opened, number);
                    errno::SUCCESS
                }
            };
        }
    };
    match to_open(directory, Follow::of(follow), (path, len), open_flags, (rights, flags)) {
        Err(errno) => errno,
        Ok(node) => match open(node.index, node.filetype) {
            None => errno::MFILE,
            Some((number, object)) => {
                if node.filetype == FILE {
                    object.set_flags(flags as u16);
                }
                #[cfg(feature = "write")]
                object.set_mode(crate::write::mode(rights, open_flags));
                put_u32(opened, number);
                errno::SUCCESS
            }
        },
    }
}

#[unsafe(export_name = "embed:path_filestat_get")]
extern "C" fn filestat(fd: u32, follow: u32, path: u32, len: u32, stat: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_filestat_get(fd, follow, path, len, stat));
    match existing(directory, path, len, Follow::of(follow)) {
        Ok(node) => put_stat(&node, stat),
        Err(errno) => errno,
    }
}

#[unsafe(export_name = "embed:path_readlink")]
extern "C" fn readlink(fd: u32, path: u32, len: u32, buffer: u32, buffer_len: u32, used: u32) -> i32 {
    let directory =
        directory!(fd, errno::BADF, |fd| host::path_readlink(fd, path, len, buffer, buffer_len, used));
    match existing(directory, path, len, Follow::BeforeSlash) {
        Ok(node) if node.filetype == LINK => {
            let piece = if node.len < buffer_len { node.len } else { buffer_len };
            view::read(&node, 0, buffer, piece);
            put_u32(used, piece);
            errno::SUCCESS
        }
        Ok(_) => errno::INVAL,
        Err(errno) => errno,
    }
}
