//! Calls that would change something, where nothing can be changed.

use crate::descriptor_calls::pass;
use crate::descriptors::{Target, target};
use crate::path::{Follow, Found, Resolved, resolve};
use crate::path_calls::{
    CREATE, DIRECTORY_ONLY, EXCLUSIVE, RIGHT_TO_WRITE, SYNCHRONIZED, TRUNCATE, directory, existing,
};
use crate::tree::{DIRECTORY, FILE, LINK, Node};
use crate::{errno, host};

#[unsafe(export_name = "embed:fd_filestat_set_size")]
extern "C" fn set_size(fd: u32, size: u64) -> i32 {
    // As of a file that is open to be read.
    pass!(fd, |fd| host::fd_filestat_set_size(fd, size), errno::INVAL, errno::BADF)
}

#[unsafe(export_name = "embed:fd_filestat_set_times")]
extern "C" fn set_times(fd: u32, accessed: u64, modified: u64, flags: u32) -> i32 {
    pass!(fd, |fd| host::fd_filestat_set_times(fd, accessed, modified, flags), errno::ROFS, errno::ROFS)
}

#[unsafe(export_name = "embed:fd_write")]
extern "C" fn write(fd: u32, iovs: u32, count: u32, written: u32) -> i32 {
    // What is open was opened to be read.
    pass!(fd, |fd| host::fd_write(fd, iovs, count, written), errno::BADF, errno::BADF)
}

#[unsafe(export_name = "embed:fd_pwrite")]
extern "C" fn pwrite(fd: u32, iovs: u32, count: u32, offset: u64, written: u32) -> i32 {
    pass!(fd, |fd| host::fd_pwrite(fd, iovs, count, offset, written), errno::BADF, errno::BADF)
}

/// The answer to a call that would change what is at a path. `errno` is for something that is there.
fn refused(directory: u32, path: u32, len: u32, existing: i32, missing: i32) -> i32 {
    match resolve(directory, path, len, Follow::BeforeSlash) {
        Ok(Resolved { found: Found::Node(_), .. }) => existing,
        Ok(Resolved { found: Found::Missing, .. }) => missing,
        Err(errno) => errno,
    }
}

/// What is to be opened, if it may be.
pub fn to_open(
    directory: u32,
    follow: Follow,
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

#[unsafe(export_name = "embed:path_filestat_set_times")]
extern "C" fn set_times_at(
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
    match existing(directory, path, len, Follow::of(follow)) {
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
extern "C" fn link(from: u32, follow: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32) -> i32 {
    match (target(from), target(to)) {
        (Target::Host(from), Target::Host(to)) => {
            host::path_link(from, follow, path, len, to, new_path, new_len)
        }
        (from, to) => Pair { from, to }.refused(path, len),
    }
}
