//! Calls that change what is at a path.

use super::file_calls::{are_times, set_times_of};
use super::inodes::{self, changed};
use super::{contents, entries, names};
use crate::descriptors::{Target, has_room, target};
use crate::memory::{copy, get_u8};
use crate::path::{Follow, Found, Place, Resolved, check_text, resolve};
use crate::path_calls::{
    CREATE, DIRECTORY_ONLY, EXCLUSIVE, RIGHT_TO_WRITE, SYNCHRONIZED, TRUNCATE, directory, existing,
};
use crate::tree::{DIRECTORY, FILE, LINK, Node};
use crate::{errno, host, state, view};

const NOTHING: (u32, u32) = (0, 0);

fn errno_of(result: Result<(), i32>) -> i32 {
    match result {
        Ok(()) => errno::SUCCESS,
        Err(errno) => errno,
    }
}

/// What is to be opened. It is created or truncated, if that is wanted.
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
    let is_exclusive = open_flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE;
    let writes = rights & RIGHT_TO_WRITE != 0 || open_flags & (CREATE | TRUNCATE) != 0;
    let follow = if is_exclusive { Follow::Never } else { follow };
    let Resolved { found, is_directory, place } = resolve(directory, path, len, follow)?;
    let node = match found {
        Found::Missing if open_flags & CREATE == 0 => return Err(errno::NOENT),
        Found::Missing if is_directory => return Err(errno::ISDIR),
        Found::Missing if !has_room() => return Err(errno::MFILE),
        Found::Missing => return names::create(FILE, place, NOTHING).map(view::node),
        Found::Node(node) => node,
    };
    if is_exclusive {
        return Err(errno::EXIST);
    }
    match node.filetype {
        LINK => Err(errno::LOOP),
        DIRECTORY if writes => Err(errno::ISDIR),
        FILE if is_directory || open_flags & DIRECTORY_ONLY != 0 => Err(errno::NOTDIR),
        FILE if node.is_arguments && (rights & RIGHT_TO_WRITE != 0 || open_flags & TRUNCATE != 0) => {
            Err(errno::PERM)
        }
        FILE if open_flags & TRUNCATE != 0 => {
            if !has_room() {
                return Err(errno::MFILE);
            }
            let record = changed(node.index).ok_or(errno::NOSPC)?;
            contents::resize(record, 0);
            inodes::touch(record);
            Ok(view::node(node.index))
        }
        _ => Ok(node),
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
    if !are_times(flags) && !matches!(target(fd), Target::Host(_)) {
        return errno::INVAL;
    }
    let directory = directory!(fd, errno::BADF, |fd| host::path_filestat_set_times(
        fd, follow, path, len, accessed, modified, flags
    ));
    match existing(directory, path, len, Follow::of(follow)) {
        Ok(node) => set_times_of(node.index, accessed, modified, flags),
        Err(errno) => errno,
    }
}

/// A place where nothing is. What is made there has a name that ends with a slash only if it is a directory.
fn vacant(resolved: Resolved, is_for_directory: bool) -> Result<Place, i32> {
    match resolved {
        Resolved { found: Found::Node(_), .. } => Err(errno::EXIST),
        Resolved { is_directory: true, .. } if !is_for_directory => Err(errno::NOENT),
        Resolved { place, .. } => Ok(place),
    }
}

#[unsafe(export_name = "embed:path_create_directory")]
extern "C" fn create_directory(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_create_directory(fd, path, len));
    let place = resolve(directory, path, len, Follow::Never).and_then(|found| vacant(found, true));
    errno_of(place.and_then(|place| names::create(DIRECTORY, place, NOTHING).map(|_| ())))
}

#[unsafe(export_name = "embed:path_symlink")]
extern "C" fn symlink(goal: u32, goal_len: u32, fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_symlink(goal, goal_len, fd, path, len));
    let found = resolve(directory, path, len, Follow::Never);
    let place = check_goal(goal, goal_len, &found).and(found).and_then(|found| vacant(found, false));
    errno_of(place.and_then(|place| names::create(LINK, place, (goal, goal_len)).map(|_| ())))
}

/// Whether a link can lead there. Only that it leads nowhere is told after what is wrong with its own path.
fn check_goal(goal: u32, len: u32, found: &Result<Resolved, i32>) -> Result<(), i32> {
    match (check_text(goal, len), found) {
        (Err(errno::NOENT), Err(errno)) => Err(*errno),
        (Ok(()), _) if get_u8(goal) == b'/' => Err(errno::PERM),
        (checked, _) => checked,
    }
}

#[unsafe(export_name = "embed:path_remove_directory")]
extern "C" fn remove_directory(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_remove_directory(fd, path, len));
    errno_of(try_remove_directory(directory, path, len))
}

fn try_remove_directory(directory: u32, path: u32, len: u32) -> Result<(), i32> {
    let Resolved { found, place, .. } = resolve(directory, path, len, Follow::Never)?;
    let Found::Node(node) = found else { return Err(errno::NOENT) };
    if place.len == 0 {
        // A directory cannot be removed by `.`, and what `..` leads to is not empty.
        let is_above = node.index != place.directory;
        return Err(if is_above { errno::NOTEMPTY } else { errno::INVAL });
    }
    if node.filetype != DIRECTORY {
        return Err(errno::NOTDIR);
    }
    if !entries::is_empty(&node) {
        return Err(errno::NOTEMPTY);
    }
    names::remove(&node, place)
}

#[unsafe(export_name = "embed:path_unlink_file")]
extern "C" fn unlink(fd: u32, path: u32, len: u32) -> i32 {
    let directory = directory!(fd, errno::BADF, |fd| host::path_unlink_file(fd, path, len));
    errno_of(try_unlink(directory, path, len))
}

fn try_unlink(directory: u32, path: u32, len: u32) -> Result<(), i32> {
    let Resolved { found, place, is_directory } = resolve(directory, path, len, Follow::Never)?;
    let Found::Node(node) = found else { return Err(errno::NOENT) };
    if node.filetype == DIRECTORY {
        return Err(errno::ISDIR);
    }
    if is_directory { Err(errno::NOTDIR) } else { names::remove(&node, place) }
}

/// What is at a path whose name is to change, with the name where it stays while another path is followed.
fn source(directory: u32, path: u32, len: u32) -> Result<Resolved, i32> {
    let Resolved { found, place, is_directory } = resolve(directory, path, len, Follow::Never)?;
    copy(state::saved_name(), place.name, place.len);
    Ok(Resolved { found, is_directory, place: Place { name: state::saved_name(), ..place } })
}

/// The directories of a call with two of them.
enum Pair {
    Host(u32, u32),
    Ours(u32, u32),
}

fn pair(from: u32, to: u32) -> Result<Pair, i32> {
    match (target(from), target(to)) {
        (Target::Host(from), Target::Host(to)) => Ok(Pair::Host(from, to)),
        (Target::Closed, _) | (_, Target::Closed) => Err(errno::BADF),
        (Target::Ours(from), _) if !from.is_directory() => Err(errno::BADF),
        (_, Target::Ours(to)) if !to.is_directory() => Err(errno::BADF),
        (Target::Ours(from), Target::Ours(to)) => Ok(Pair::Ours(from.node(), to.node())),
        _ => Err(errno::XDEV),
    }
}

#[unsafe(export_name = "embed:path_rename")]
extern "C" fn rename(from: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32) -> i32 {
    match pair(from, to) {
        Err(errno) => errno,
        Ok(Pair::Host(from, to)) => host::path_rename(from, path, len, to, new_path, new_len),
        Ok(Pair::Ours(from, to)) => errno_of(try_rename(from, (path, len), to, (new_path, new_len))),
    }
}

fn try_rename(
    from: u32,
    (path, len): (u32, u32),
    to: u32,
    (new_path, new_len): (u32, u32),
) -> Result<(), i32> {
    let Resolved { found, place: old, is_directory } = source(from, path, len)?;
    let goal = resolve(to, new_path, new_len, Follow::Never)?;
    let new = goal.place;
    if old.len == 0 || new.len == 0 {
        return Err(errno::BUSY);
    }
    let Found::Node(node) = found else { return Err(errno::NOENT) };
    let is_moved_directory = node.filetype == DIRECTORY;
    if (is_directory || goal.is_directory) && !is_moved_directory {
        return Err(errno::NOTDIR);
    }
    if is_moved_directory && names::is_within(new.directory, node.index) {
        return Err(errno::INVAL);
    }
    let Found::Node(replaced) = goal.found else { return names::rename(&node, old, new, None) };
    if replaced.index == node.index {
        return Ok(());
    }
    match (is_moved_directory, replaced.filetype == DIRECTORY) {
        (true, false) => Err(errno::NOTDIR),
        // One that the source is in is not empty.
        (_, true) if !entries::is_empty(&replaced) && (is_moved_directory || is_inside(&old, &replaced)) => {
            Err(errno::NOTEMPTY)
        }
        (false, true) => Err(errno::ISDIR),
        _ => names::rename(&node, old, new, Some(&replaced)),
    }
}

fn is_inside(place: &Place, directory: &Node) -> bool {
    names::is_within(place.directory, directory.index)
}

#[unsafe(export_name = "embed:path_link")]
extern "C" fn link(from: u32, follow: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32) -> i32 {
    match pair(from, to) {
        Err(errno) => errno,
        Ok(Pair::Host(from, to)) => host::path_link(from, follow, path, len, to, new_path, new_len),
        // As Wasmtime does.
        Ok(Pair::Ours(..)) if follow & 1 != 0 => errno::INVAL,
        Ok(Pair::Ours(from, to)) => errno_of(try_link(from, (path, len), to, (new_path, new_len))),
    }
}

fn try_link(from: u32, (path, len): (u32, u32), to: u32, (new_path, new_len): (u32, u32)) -> Result<(), i32> {
    let Resolved { found, is_directory, .. } = source(from, path, len)?;
    let goal = resolve(to, new_path, new_len, Follow::Never)?;
    let Found::Node(node) = found else { return Err(errno::NOENT) };
    if is_directory && node.filetype != DIRECTORY {
        return Err(errno::NOTDIR);
    }
    let place = vacant(goal, false)?;
    if node.filetype == DIRECTORY { Err(errno::PERM) } else { names::link(&node, place) }
}
