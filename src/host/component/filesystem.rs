//! `wasi:filesystem/types`: open files, and the errors of preview 1 in the words of preview 2.

use super::call::{Answer, Guest, enumerated, err, long, long_at, mismatch, ok, option, words};
use super::resources::{Descriptor, Input, Output, Resource};
use crate::host::component_value::ComponentValue;

/// `descriptor-flags`, by their bits.
pub(super) const FLAGS: [&str; 6] = [
    "read",
    "write",
    "file-integrity-sync",
    "data-integrity-sync",
    "requested-write-sync",
    "mutate-directory",
];
pub(super) const READ: u32 = 1 << 0;
pub(super) const WRITE: u32 = 1 << 1;
pub(super) const MUTATE: u32 = 1 << 5;

/// Of preview 1.
pub(super) const DIRECTORY: u8 = 3;
pub(super) const PERM: i32 = 63;
const ISDIR: i32 = 31;
const BADF: i32 = 8;

/// Attributes as preview 1 writes them.
pub(super) const FILESTAT: usize = 64;

/// What is said of an error of preview 1.
pub(super) fn error_name(errno: i32) -> &'static str {
    match errno {
        2 => "access",
        6 => "would-block",
        7 => "already",
        BADF => "bad-descriptor",
        10 => "busy",
        16 => "deadlock",
        19 => "quota",
        20 => "exist",
        22 => "file-too-large",
        25 => "illegal-byte-sequence",
        26 => "in-progress",
        27 => "interrupted",
        28 => "invalid",
        ISDIR => "is-directory",
        32 => "loop",
        34 => "too-many-links",
        35 => "message-size",
        37 => "name-too-long",
        43 => "no-device",
        44 => "no-entry",
        46 => "no-lock",
        48 => "insufficient-memory",
        51 => "insufficient-space",
        54 => "not-directory",
        55 => "not-empty",
        56 => "not-recoverable",
        52 | 58 => "unsupported",
        59 => "no-tty",
        60 => "no-such-device",
        61 => "overflow",
        PERM | 76 => "not-permitted",
        64 => "pipe",
        69 => "read-only",
        70 => "invalid-seek",
        74 => "text-file-busy",
        75 => "cross-device",
        _ => "io",
    }
}

/// What a function of the file system returns.
pub(super) fn settled(result: Result<Option<ComponentValue>, i32>) -> Answer {
    Ok(Some(match result {
        Ok(value) => ok(value),
        Err(errno) => err(enumerated(error_name(errno))),
    }))
}

impl Guest<'_> {
    /// An open file or directory.
    pub fn descriptor(&mut self, index: usize) -> wasmtime::Result<Descriptor> {
        match self.resource(index)? {
            Resource::Descriptor(descriptor) => Ok(*descriptor),
            _ => Err(mismatch(index, "a descriptor")),
        }
    }

    /// The same, with its type; an errno is the inner error.
    pub fn typed_descriptor(&mut self, index: usize) -> wasmtime::Result<Result<(Descriptor, u8), i32>> {
        let descriptor = self.descriptor(index)?;
        if let Some(filetype) = descriptor.filetype {
            return Ok(Ok((descriptor, filetype)));
        }
        let mut scratch = [0; FILESTAT];
        if let Err(errno) = self.preview1("fd_filestat_get", &words(&[descriptor.fd, 0]), &mut scratch)? {
            return Ok(Err(errno));
        }
        let filetype = scratch[16];
        if let Resource::Descriptor(descriptor) = self.resource(index)? {
            descriptor.filetype = Some(filetype);
        }
        Ok(Ok((descriptor, filetype)))
    }
}

/// The number of bytes in a file; an errno is the inner error.
pub(super) fn size_of_file(guest: &mut Guest<'_>, fd: u32) -> wasmtime::Result<Result<u64, i32>> {
    let mut scratch = [0; FILESTAT];
    let answered = guest.preview1("fd_filestat_get", &words(&[fd, 0]), &mut scratch)?;
    Ok(answered.map(|()| long_at(&scratch, 32)))
}

pub(super) fn read_via_stream(guest: &mut Guest<'_>) -> Answer {
    match input(guest)? {
        Err(errno) => settled(Err(errno)),
        Ok(input) => {
            let stream = guest.make("input-stream", input)?;
            settled(Ok(Some(stream)))
        }
    }
}

/// What reads the file that the first argument is, from the second one on; an errno is the inner error.
pub(super) fn input(guest: &mut Guest<'_>) -> wasmtime::Result<Result<Resource, i32>> {
    let position = guest.long(1)?;
    Ok(match guest.typed_descriptor(0)? {
        Err(errno) => Err(errno),
        Ok((_, DIRECTORY)) => Err(ISDIR),
        Ok((Descriptor { fd, .. }, _)) => Ok(Resource::Input(Input::File { fd, position })),
    })
}

pub(super) fn write_via_stream(guest: &mut Guest<'_>) -> Answer {
    let position = guest.long(1)?;
    made(guest, |fd| Output::File { fd, position })
}

pub(super) fn append_via_stream(guest: &mut Guest<'_>) -> Answer {
    made(guest, Output::Append)
}

fn made(guest: &mut Guest<'_>, of: impl Fn(u32) -> Output) -> Answer {
    match output(guest, of)? {
        Err(errno) => settled(Err(errno)),
        Ok(output) => {
            let stream = guest.make("output-stream", output)?;
            settled(Ok(Some(stream)))
        }
    }
}

/// What writes into the file that the first argument is; an errno is the inner error.
pub(super) fn output(
    guest: &mut Guest<'_>,
    of: impl Fn(u32) -> Output,
) -> wasmtime::Result<Result<Resource, i32>> {
    Ok(match guest.typed_descriptor(0)? {
        Err(errno) => Err(errno),
        Ok((_, DIRECTORY)) => Err(BADF),
        Ok((Descriptor { flags, .. }, _)) if flags & WRITE == 0 => Err(PERM),
        Ok((Descriptor { fd, .. }, _)) => Ok(Resource::Output(of(fd))),
    })
}

pub(super) fn advise(guest: &mut Guest<'_>) -> Answer {
    const ADVICE: [&str; 6] = ["normal", "sequential", "random", "will-need", "dont-need", "no-reuse"];
    let (offset, len) = (guest.long(1)?, guest.long(2)?);
    let ComponentValue::Enum(name) = guest.argument(3)? else { return Err(mismatch(3, "an advice")) };
    let advice = ADVICE.iter().position(|known| known == name).unwrap_or(0) as u32;
    let fd = guest.descriptor(0)?.fd;
    let [fd, advice] = [words(&[fd])[0], words(&[advice])[0]];
    let answered = guest.preview1("fd_advise", &[fd, long(offset), long(len), advice], &mut [])?;
    settled(answered.map(|()| None))
}

pub(super) fn sync(guest: &mut Guest<'_>) -> Answer {
    plain(guest, "fd_sync")
}

pub(super) fn sync_data(guest: &mut Guest<'_>) -> Answer {
    plain(guest, "fd_datasync")
}

/// A function about nothing but a descriptor.
fn plain(guest: &mut Guest<'_>, name: &str) -> Answer {
    let fd = guest.descriptor(0)?.fd;
    let answered = guest.preview1(name, &words(&[fd]), &mut [])?;
    settled(answered.map(|()| None))
}

pub(super) fn flags(guest: &mut Guest<'_>) -> Answer {
    let flags = guest.descriptor(0)?.flags;
    let set = (0..).zip(FLAGS).filter(|(bit, _)| flags & (1 << bit) != 0);
    settled(Ok(Some(ComponentValue::Flags(set.map(|(_, name)| name.to_owned()).collect()))))
}

pub(super) fn set_size(guest: &mut Guest<'_>) -> Answer {
    let size = guest.long(1)?;
    let fd = words(&[guest.descriptor(0)?.fd])[0];
    let answered = guest.preview1("fd_filestat_set_size", &[fd, long(size)], &mut [])?;
    settled(answered.map(|()| None))
}

pub(super) fn read(guest: &mut Guest<'_>) -> Answer {
    let (len, offset) = (guest.long(1)?, guest.long(2)?);
    let fd = guest.descriptor(0)?.fd;
    let read = guest.read_from(fd, Some(offset), len)?;
    settled(read.map(|bytes| {
        let is_end = ComponentValue::Bool(bytes.is_empty());
        Some(ComponentValue::Tuple(vec![ComponentValue::Bytes(bytes), is_end]))
    }))
}

pub(super) fn write(guest: &mut Guest<'_>) -> Answer {
    let (bytes, offset) = (guest.bytes(1)?, guest.long(2)?);
    let descriptor = guest.descriptor(0)?;
    if descriptor.flags & WRITE == 0 {
        return settled(Err(PERM));
    }
    let written = guest.write_to(descriptor.fd, Some(offset), &bytes)?;
    settled(written.map(|written| Some(ComponentValue::U64(written))))
}

pub(super) fn error_code(guest: &mut Guest<'_>) -> Answer {
    match guest.resource(0)? {
        Resource::Error(errno) => Ok(Some(option(Some(enumerated(error_name(*errno)))))),
        _ => Err(mismatch(0, "an error")),
    }
}
