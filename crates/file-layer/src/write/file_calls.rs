//! Calls that change what is open.

use super::contents;
use super::inodes::{self, ACCESSED, CHANGED, MODIFIED, changed};
use crate::descriptors::{Object, Target, target};
use crate::memory::{get_u32, put_u32};
use crate::{errno, host, view};

/// Of `fdflags`.
const APPEND: u16 = 1;

/// Writes the bytes of the buffers. Gives their number.
fn write_from(object: Object, offset: u64, iovs: u32, count: u32) -> Result<u32, i32> {
    if (0..count).all(|index| get_u32(iovs + 8 * index + 4) == 0) {
        return Ok(0);
    }
    let Ok(offset) = u32::try_from(offset) else { return Err(errno::FBIG) };
    if offset == u32::MAX {
        return Err(errno::FBIG);
    }
    let record = changed(object.node()).ok_or(errno::NOSPC)?;
    let mut done = 0;
    for index in 0..count {
        let (buffer, len) = (get_u32(iovs + 8 * index), get_u32(iovs + 8 * index + 4));
        let left = u32::MAX - offset - done;
        let piece = if len < left { len } else { left };
        let written = contents::write(record, offset + done, buffer, piece);
        done += written;
        if written < len {
            break;
        }
    }
    if done == 0 {
        return Err(errno::NOSPC);
    }
    inodes::touch(record);
    Ok(done)
}

/// Where the next bytes are written. Linux appends them wherever they are said to belong.
fn offset(object: Object, offset: u64) -> u64 {
    if object.flags() & APPEND == 0 { offset } else { view::node(object.node()).len.into() }
}

fn answer(written: u32, result: Result<u32, i32>) -> i32 {
    match result {
        Ok(done) => {
            put_u32(written, done);
            errno::SUCCESS
        }
        Err(errno) => errno,
    }
}

#[unsafe(export_name = "embed:fd_write")]
extern "C" fn write(fd: u32, iovs: u32, count: u32, written: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_writable() => {
            let offset = offset(object, object.position());
            let result = write_from(object, offset, iovs, count);
            if let Ok(done) = result {
                object.set_position(offset + u64::from(done));
            }
            answer(written, result)
        }
        Target::Host(number) => host::fd_write(number, iovs, count, written),
        _ => errno::BADF,
    }
}

#[unsafe(export_name = "embed:fd_pwrite")]
extern "C" fn pwrite(fd: u32, iovs: u32, count: u32, at: u64, written: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_writable() => {
            answer(written, write_from(object, offset(object, at), iovs, count))
        }
        Target::Host(number) => host::fd_pwrite(number, iovs, count, at, written),
        _ => errno::BADF,
    }
}

#[unsafe(export_name = "embed:fd_filestat_set_size")]
extern "C" fn set_size(fd: u32, size: u64) -> i32 {
    let object = match target(fd) {
        Target::Ours(object) if !object.is_directory() => object,
        Target::Host(number) => return host::fd_filestat_set_size(number, size),
        _ => return errno::BADF,
    };
    if !object.is_writable() || size > i64::MAX as u64 {
        return errno::INVAL;
    }
    let Ok(size) = u32::try_from(size) else { return errno::FBIG };
    let Some(record) = changed(object.node()) else { return errno::NOSPC };
    contents::resize(record, size);
    inodes::touch(record);
    errno::SUCCESS
}

#[unsafe(export_name = "embed:fd_filestat_set_times")]
extern "C" fn set_times(fd: u32, accessed: u64, modified: u64, flags: u32) -> i32 {
    match target(fd) {
        Target::Ours(object) if object.is_reopened() => errno::NOTSUP,
        Target::Ours(object) => set_times_of(object.node(), accessed, modified, flags),
        Target::Host(number) => host::fd_filestat_set_times(number, accessed, modified, flags),
        Target::Closed if !are_times(flags) => errno::INVAL,
        Target::Closed => errno::BADF,
    }
}

/// Whether `fstflags` do not say two things of a time.
pub fn are_times(flags: u32) -> bool {
    flags & 3 != 3 && flags >> 2 & 3 != 3
}

/// Sets times as `fstflags` say.
pub fn set_times_of(node: u32, accessed: u64, modified: u64, flags: u32) -> i32 {
    if !are_times(flags) {
        return errno::INVAL;
    }
    let Some(record) = changed(node) else { return errno::NOSPC };
    let now = inodes::now();
    for (shift, time, given) in [(0, ACCESSED, accessed), (2, MODIFIED, modified)] {
        match flags >> shift & 3 {
            0 => {}
            1 => inodes::set_time(record, time, given),
            _ => inodes::set_time(record, time, now),
        }
    }
    inodes::set_time(record, CHANGED, now);
    errno::SUCCESS
}
