//! The real directories, which are only read. They have a context of their own, so that it does not matter what the guest
//! does with its descriptors.

use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as p1};
use wasmtime_wasi::runtime::in_tokio;
use wiggle::{GuestMemory, GuestPtr};

use super::failure::{Failure, Outcome, errno};
use super::layer::{Inode, Place};
use crate::host::run_limits::Room;
use crate::host::wasi::answer::refuel;
use crate::host::wasi::readdir::{Found, found_in};

/// The first directory's descriptor; the others follow.
const FIRST: i32 = 3;

pub(super) const DIRECTORY: u8 = 3;
pub(super) const FILE: u8 = 4;
pub(super) const LINK: u8 = 7;

/// The real directories.
pub(super) struct Lower {
    ctx: WasiP1Ctx,
}

/// What is known about a real file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub filetype: u8,
    pub inode: Inode,
    pub size: u64,
    pub modified: u64,
}

/// Where things are in the scratch memory of a call: what it writes, then the path.
const OUT: i32 = 0;
const PATH: i32 = 64;

impl Lower {
    /// `ctx` has the directories, in order, and nothing else.
    pub(super) fn new(ctx: WasiP1Ctx) -> Self {
        Lower { ctx }
    }

    /// What is at a place; links are not followed.
    pub(super) fn stat(&mut self, place: &Place) -> Outcome<Stat> {
        let (mut scratch, len) = scratch(place, 0);
        let memory = &mut GuestMemory::Unshared(&mut scratch);
        let ctx = refuel(&mut self.ctx);
        succeeded(in_tokio(p1::path_filestat_get(ctx, memory, fd(place), 0, PATH, len, OUT))?)?;
        let word = |at| memory.read(GuestPtr::<u64>::new(at));
        Ok(Stat {
            filetype: memory.read(GuestPtr::<u8>::new(16))?,
            inode: Inode::Real(word(8)?),
            size: word(32)?,
            modified: word(48)?,
        })
    }

    /// Where a link leads.
    pub(super) fn read_link(&mut self, place: &Place) -> Outcome<String> {
        const LONGEST: i32 = 1 << 16;
        let (mut scratch, len) = scratch(place, LONGEST as usize);
        let at = PATH + len;
        let memory = &mut GuestMemory::Unshared(&mut scratch);
        let ctx = refuel(&mut self.ctx);
        succeeded(in_tokio(p1::path_readlink(ctx, memory, fd(place), PATH, len, at, LONGEST, OUT))?)?;
        let used = memory.read(GuestPtr::<u32>::new(0))?;
        let target = memory.to_vec(GuestPtr::<[u8]>::new((at.cast_unsigned(), used)))?;
        String::from_utf8(target).map_err(|_| Failure::Errno(errno::ILSEQ))
    }

    /// What a directory holds, `.` and `..` among them, if that is not more than `most` bytes.
    pub(super) fn list(&mut self, place: &Place, most: u64) -> Outcome<Vec<Found>> {
        let directory = self.open(place)?;
        let room = Room { left: Some(most), limit: most };
        let found = found_in(refuel(&mut self.ctx), directory, room);
        self.close(directory)?;
        found?.map_err(Failure::Errno)
    }

    /// What a file holds; an error if that is more than `most` bytes.
    pub(super) fn read(&mut self, place: &Place, most: u64) -> Outcome<Vec<u8>> {
        let file = self.open(place)?;
        let bytes = self.read_all(file, most);
        self.close(file)?;
        bytes
    }

    fn read_all(&mut self, file: i32, most: u64) -> Outcome<Vec<u8>> {
        const PIECE: u32 = 1 << 20;
        const BUFFER: u32 = 16;
        let mut scratch = vec![0; (BUFFER + PIECE) as usize];
        let mut bytes = Vec::new();
        loop {
            let memory = &mut GuestMemory::Unshared(&mut scratch);
            memory.write(GuestPtr::<u32>::new(0), BUFFER)?;
            memory.write(GuestPtr::<u32>::new(4), PIECE)?;
            succeeded(in_tokio(p1::fd_read(refuel(&mut self.ctx), memory, file, 0, 1, 8))?)?;
            let read = memory.read(GuestPtr::<u32>::new(8))?;
            if read == 0 {
                return Ok(bytes);
            }
            if bytes.len() as u64 + u64::from(read) > most {
                return Err(Failure::Errno(errno::NOSPC));
            }
            bytes.extend(memory.to_vec(GuestPtr::<[u8]>::new((BUFFER, read)))?);
        }
    }

    fn open(&mut self, place: &Place) -> Outcome<i32> {
        const READ: i64 = 1 << 1;
        let (mut scratch, len) = scratch(place, 0);
        let memory = &mut GuestMemory::Unshared(&mut scratch);
        let ctx = refuel(&mut self.ctx);
        succeeded(in_tokio(p1::path_open(ctx, memory, fd(place), 0, PATH, len, 0, READ, 0, 0, OUT))?)?;
        Ok(memory.read(GuestPtr::<i32>::new(0))?)
    }

    fn close(&mut self, descriptor: i32) -> Outcome<()> {
        let memory = &mut GuestMemory::Unshared(&mut []);
        succeeded(in_tokio(p1::fd_close(refuel(&mut self.ctx), memory, descriptor))?)
    }
}

fn fd(place: &Place) -> i32 {
    FIRST + place.root as i32
}

/// Memory with the path of a place, and room for more after it; and the length of the path.
fn scratch(place: &Place, more: usize) -> (Vec<u8>, i32) {
    let path = if place.names.is_empty() { ".".to_owned() } else { place.names.join("/") };
    let mut memory = vec![0; PATH as usize];
    memory.extend(path.as_bytes());
    memory.resize(memory.len() + more, 0);
    (memory, path.len() as i32)
}

fn succeeded(errno: i32) -> Outcome<()> {
    if errno == errno::SUCCESS { Ok(()) } else { Err(Failure::Errno(errno)) }
}
