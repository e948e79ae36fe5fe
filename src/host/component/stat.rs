//! Attributes of files.

use super::call::{Answer, Guest, enumerated, long, long_at, mismatch, option, record, words};
use super::clocks::{datetime, nanoseconds};
use super::filesystem::{FILESTAT, settled};
use crate::host::component_value::ComponentValue;
use crate::host::host_value::HostValue;

pub(super) const PATH_FLAGS: [&str; 1] = ["symlink-follow"];

/// A type of preview 1 in the words of preview 2.
pub(super) fn type_name(filetype: u8) -> ComponentValue {
    enumerated(match filetype {
        1 => "block-device",
        2 => "character-device",
        3 => "directory",
        4 => "regular-file",
        5 | 6 => "socket",
        7 => "symbolic-link",
        _ => "unknown",
    })
}

pub(super) fn filetype(guest: &mut Guest<'_>) -> Answer {
    settled(guest.typed_descriptor(0)?.map(|(_, filetype)| Some(type_name(filetype))))
}

type Stat = [u8; FILESTAT];

/// The attributes of an open file; an errno is the inner error.
fn of_descriptor(guest: &mut Guest<'_>, index: usize) -> wasmtime::Result<Result<Stat, i32>> {
    let fd = guest.descriptor(index)?.fd;
    let mut scratch = [0; FILESTAT];
    let answered = guest.preview1("fd_filestat_get", &words(&[fd, 0]), &mut scratch)?;
    Ok(answered.map(|()| scratch))
}

/// The same of what is at a path.
fn at_path(guest: &mut Guest<'_>) -> wasmtime::Result<Result<Stat, i32>> {
    let (fd, flags, path) = (guest.descriptor(0)?.fd, guest.flags(1, &PATH_FLAGS)?, guest.text(2)?);
    let mut scratch = [&[0; FILESTAT][..], path.as_bytes()].concat();
    let args = words(&[fd, flags, FILESTAT as u32, u32::try_from(path.len())?, 0]);
    let answered = guest.preview1("path_filestat_get", &args, &mut scratch)?;
    Ok(answered.map(|()| scratch.first_chunk().copied().unwrap_or([0; FILESTAT])))
}

fn described(stat: Stat) -> ComponentValue {
    let time = |at| option(Some(datetime(long_at(&stat, at))));
    record([
        ("type", type_name(stat[16])),
        ("link-count", ComponentValue::U64(long_at(&stat, 24))),
        ("size", ComponentValue::U64(long_at(&stat, 32))),
        ("data-access-timestamp", time(40)),
        ("data-modification-timestamp", time(48)),
        ("status-change-timestamp", time(56)),
    ])
}

/// Says which file it is, and nothing of this machine: the canonical numbers of preview 1.
fn hash(stat: Stat) -> ComponentValue {
    record([
        ("lower", ComponentValue::U64(long_at(&stat, 8))),
        ("upper", ComponentValue::U64(long_at(&stat, 0))),
    ])
}

pub(super) fn stat(guest: &mut Guest<'_>) -> Answer {
    settled(of_descriptor(guest, 0)?.map(|stat| Some(described(stat))))
}

pub(super) fn stat_at(guest: &mut Guest<'_>) -> Answer {
    settled(at_path(guest)?.map(|stat| Some(described(stat))))
}

pub(super) fn metadata_hash(guest: &mut Guest<'_>) -> Answer {
    settled(of_descriptor(guest, 0)?.map(|stat| Some(hash(stat))))
}

pub(super) fn metadata_hash_at(guest: &mut Guest<'_>) -> Answer {
    settled(at_path(guest)?.map(|stat| Some(hash(stat))))
}

pub(super) fn is_same_object(guest: &mut Guest<'_>) -> Answer {
    let (left, right) = (of_descriptor(guest, 0)?, of_descriptor(guest, 1)?);
    let is_same = matches!((left, right), (Ok(left), Ok(right)) if left[..16] == right[..16]);
    Ok(Some(ComponentValue::Bool(is_same)))
}

/// Times to set, as preview 1 has them: that of the last access, that of the last change, and flags; an errno is the inner error.
fn times(guest: &Guest<'_>, first: usize) -> wasmtime::Result<Result<[HostValue; 3], i32>> {
    const OVERFLOW: i32 = 61;
    let mut flags = 0;
    let mut time = |index: usize, given: u32, current: u32| match guest.argument(index)? {
        ComponentValue::Variant(name, value) => match (name.as_str(), value) {
            ("now", _) => {
                flags |= current;
                Ok(Some(0))
            }
            ("timestamp", Some(value)) => {
                flags |= given;
                Ok(nanoseconds(value))
            }
            _ => Ok(Some(0)),
        },
        _ => Err(mismatch(index, "a time")),
    };
    Ok(match (time(first, 1 << 0, 1 << 1)?, time(first + 1, 1 << 2, 1 << 3)?) {
        (Some(access), Some(change)) => Ok([long(access), long(change), words(&[flags])[0]]),
        _ => Err(OVERFLOW),
    })
}

pub(super) fn set_times(guest: &mut Guest<'_>) -> Answer {
    let times = match times(guest, 1)? {
        Ok(times) => times,
        Err(errno) => return settled(Err(errno)),
    };
    let fd = words(&[guest.descriptor(0)?.fd]);
    let answered = guest.preview1("fd_filestat_set_times", &[&fd[..], &times].concat(), &mut [])?;
    settled(answered.map(|()| None))
}

pub(super) fn set_times_at(guest: &mut Guest<'_>) -> Answer {
    let times = match times(guest, 3)? {
        Ok(times) => times,
        Err(errno) => return settled(Err(errno)),
    };
    let (fd, flags, path) = (guest.descriptor(0)?.fd, guest.flags(1, &PATH_FLAGS)?, guest.text(2)?);
    let args = [&words(&[fd, flags, 0, u32::try_from(path.len())?])[..], &times].concat();
    let answered = guest.preview1("path_filestat_set_times", &args, &mut path.into_bytes())?;
    settled(answered.map(|()| None))
}
