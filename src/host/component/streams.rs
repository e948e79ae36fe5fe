//! `wasi:io/streams` and `wasi:io/error`.

use super::call::{Answer, Guest, err, long, mismatch, ok, word_at, words};
use super::filesystem::{error_name, size_of_file};
use super::resources::{Input, Output, Resource};
use crate::host::component_value::ComponentValue;

/// Bytes of one answer, and what may be written at once.
pub(super) const MOST: u64 = 1 << 20;

/// Where the buffer is in the memory of a call that reads or writes: after its address, its length, and the number of bytes.
const BUFFER: usize = 12;

/// Why a stream did not give or take bytes.
pub(super) enum Failure {
    Errno(i32),
    Closed,
}

impl Guest<'_> {
    fn stream_result(&mut self, result: Result<Option<ComponentValue>, Failure>) -> Answer {
        Ok(Some(match result {
            Ok(value) => ok(value),
            Err(Failure::Closed) => err(ComponentValue::Variant("closed".to_owned(), None)),
            Err(Failure::Errno(errno)) => {
                let error = self.make("error", Resource::Error(errno))?;
                err(ComponentValue::Variant("last-operation-failed".to_owned(), Some(Box::new(error))))
            }
        }))
    }

    /// Reads from a file at an offset, or standard input; an errno is the inner error.
    pub fn read_from(
        &mut self,
        fd: u32,
        offset: Option<u64>,
        len: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, i32>> {
        let len = len.min(MOST);
        self.check_room(len)?;
        let mut scratch = [(BUFFER as u32).to_le_bytes(), (len as u32).to_le_bytes(), [0; 4]].concat();
        scratch.resize(BUFFER + len as usize, 0);
        let mut args = words(&[fd, 0, 1, 8]);
        let name = match offset {
            Some(offset) => {
                args.insert(3, long(offset));
                "fd_pread"
            }
            None => "fd_read",
        };
        if let Err(errno) = self.preview1(name, &args, &mut scratch)? {
            return Ok(Err(errno));
        }
        let read = word_at(&scratch, 8) as usize;
        scratch.truncate(BUFFER + read);
        scratch.drain(..BUFFER);
        Ok(Ok(scratch))
    }

    /// Writes to a file at an offset, or to a standard stream. Gives the number of bytes; an errno is the inner error.
    pub fn write_to(
        &mut self,
        fd: u32,
        offset: Option<u64>,
        bytes: &[u8],
    ) -> wasmtime::Result<Result<u64, i32>> {
        let len = u32::try_from(bytes.len())?;
        let mut scratch = [(BUFFER as u32).to_le_bytes(), len.to_le_bytes(), [0; 4]].concat();
        scratch.extend_from_slice(bytes);
        let mut args = words(&[fd, 0, 1, 8]);
        let name = match offset {
            Some(offset) => {
                args.insert(3, long(offset));
                "fd_pwrite"
            }
            None => "fd_write",
        };
        Ok(self.preview1(name, &args, &mut scratch)?.map(|()| u64::from(word_at(&scratch, 8))))
    }

    /// Reads from an input stream.
    pub fn read_stream(&mut self, index: usize, len: u64) -> wasmtime::Result<Result<Vec<u8>, Failure>> {
        let Resource::Input(input) = self.resource(index)? else {
            return Err(mismatch(index, "an input stream"));
        };
        let input = *input;
        if len == 0 {
            return Ok(Ok(Vec::new()));
        }
        let read = match input {
            Input::Stdin => self.read_from(0, None, len)?,
            Input::File { fd, position } => self.read_from(fd, Some(position), len)?,
        };
        let bytes = match read {
            Ok(bytes) if bytes.is_empty() => return Ok(Err(Failure::Closed)),
            Ok(bytes) => bytes,
            Err(errno) => return Ok(Err(Failure::Errno(errno))),
        };
        if let Resource::Input(Input::File { position, .. }) = self.resource(index)? {
            *position = position.saturating_add(bytes.len() as u64);
        }
        Ok(Ok(bytes))
    }

    /// Writes to an output stream.
    pub fn write_stream(&mut self, index: usize, mut bytes: &[u8]) -> wasmtime::Result<Result<(), Failure>> {
        while !bytes.is_empty() {
            let Resource::Output(output) = self.resource(index)? else {
                return Err(mismatch(index, "an output stream"));
            };
            let written = match *output {
                Output::Standard(fd) => self.write_to(fd, None, bytes)?,
                Output::File { fd, position } => self.write_to(fd, Some(position), bytes)?,
                Output::Append(fd) => match size_of_file(self, fd)? {
                    Ok(end) => self.write_to(fd, Some(end), bytes)?,
                    Err(errno) => Err(errno),
                },
            };
            let written = match written {
                Ok(0) => return Ok(Err(Failure::Closed)),
                Ok(written) => written,
                Err(errno) => return Ok(Err(Failure::Errno(errno))),
            };
            if let Resource::Output(Output::File { position, .. }) = self.resource(index)? {
                *position = position.saturating_add(written);
            }
            bytes = bytes.get(written as usize..).unwrap_or_default();
        }
        Ok(Ok(()))
    }
}

pub(super) fn read(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(1)?;
    let read = guest.read_stream(0, len)?;
    guest.stream_result(read.map(|bytes| Some(ComponentValue::Bytes(bytes))))
}

pub(super) fn skip(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(1)?;
    let read = guest.read_stream(0, len)?;
    guest.stream_result(read.map(|bytes| Some(ComponentValue::U64(bytes.len() as u64))))
}

pub(super) fn check_write(_: &mut Guest<'_>) -> Answer {
    Ok(Some(ok(Some(ComponentValue::U64(MOST)))))
}

pub(super) fn write(guest: &mut Guest<'_>) -> Answer {
    let bytes = guest.bytes(1)?;
    let written = guest.write_stream(0, &bytes)?;
    guest.stream_result(written.map(|()| None))
}

pub(super) fn flush(_: &mut Guest<'_>) -> Answer {
    Ok(Some(ok(None)))
}

pub(super) fn write_zeroes(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(1)?;
    if len > MOST {
        return Err(wasmtime::Error::msg(format!("init writes {len} zeros at once, and {MOST} are allowed")));
    }
    let written = guest.write_stream(0, &vec![0; len as usize])?;
    guest.stream_result(written.map(|()| None))
}

pub(super) fn splice(guest: &mut Guest<'_>) -> Answer {
    let len = guest.long(2)?;
    let moved = match guest.read_stream(1, len)? {
        Ok(bytes) => {
            let written = guest.write_stream(0, &bytes)?;
            written.map(|()| Some(ComponentValue::U64(bytes.len() as u64)))
        }
        Err(failure) => Err(failure),
    };
    guest.stream_result(moved)
}

pub(super) fn debug_string(guest: &mut Guest<'_>) -> Answer {
    let text = match guest.resource(0)? {
        Resource::Error(errno) => error_name(*errno).to_owned(),
        _ => return Err(mismatch(0, "an error")),
    };
    Ok(Some(ComponentValue::Text(text)))
}
