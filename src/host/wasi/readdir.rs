//! `fd_readdir`: the whole directory at once, in sorted order, then handed out in pieces.

use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as p1};
use wasmtime_wasi::runtime::in_tokio;
use wiggle::{GuestMemory, GuestPtr};

use super::errno;
use super::files::Files;
use super::overlay::Inode;
use crate::host::run_limits::Room;

/// A directory as it was when the guest began to read it: entries as the guest gets them, each with its header. The
/// cookie of an entry is its place from 1 on, so that a guest may delete files between two reads.
#[derive(Debug)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    /// Where each entry begins.
    starts: Vec<usize>,
}

/// One entry; by itself with the number that wasmtime-wasi tells.
#[derive(Debug)]
pub(super) struct Found<I = u64> {
    pub(super) name: Vec<u8>,
    pub(super) inode: I,
    pub(super) filetype: u8,
}

const HEADER: usize = 24;

impl Listing {
    /// Reads the directory `fd`, if it takes no more bytes than there is `room` for. Gives an errno if wasmtime-wasi does.
    pub(super) fn new(
        ctx: &mut WasiP1Ctx,
        fd: i32,
        files: &mut Files,
        room: Room,
    ) -> wasmtime::Result<Result<Self, i32>> {
        let real = |Found { name, inode, filetype }| Found { name, inode: Inode::Real(inode), filetype };
        let found = found_in(ctx, fd, room)?;
        Ok(found.map(|found| Listing::of(found.into_iter().map(real).collect(), files)))
    }

    /// The listing of these entries.
    pub(super) fn of(mut found: Vec<Found<Inode>>, files: &mut Files) -> Self {
        found.sort_by(|left, right| left.rank().cmp(&right.rank()));
        let bytes = found.iter().map(|found| HEADER + found.name.len()).sum();
        let mut listing = Self { bytes: Vec::with_capacity(bytes), starts: Vec::with_capacity(found.len()) };
        for (cookie, found) in (1..).zip(&found) {
            listing.starts.push(listing.bytes.len());
            found.encode(cookie, files, &mut listing.bytes);
        }
        listing
    }

    /// The host memory that it takes, in bytes.
    pub(super) fn cost(&self) -> u64 {
        (size_of::<Self>() + self.bytes.capacity() + self.starts.capacity() * size_of::<usize>()) as u64
    }

    /// Writes the entries after `cookie` into the buffer, the last one cut off if it does not fit. Gives the number of
    /// bytes; less than `len` if the directory ends there.
    pub(super) fn write(
        &self,
        memory: &mut GuestMemory<'_>,
        address: u32,
        len: u32,
        cookie: u64,
    ) -> wasmtime::Result<u32> {
        let skipped = usize::try_from(cookie).unwrap_or(usize::MAX);
        let start = self.starts.get(skipped).copied().unwrap_or(self.bytes.len());
        let rest = &self.bytes[start..];
        let bytes = &rest[..rest.len().min(len as usize)];
        let used = u32::try_from(bytes.len())?;
        memory.copy_from_slice(bytes, GuestPtr::new((address, used)))?;
        Ok(used)
    }
}

/// What the directory `fd` holds, in any order. Gives an errno if wasmtime-wasi does.
pub(super) fn found_in(
    ctx: &mut WasiP1Ctx,
    fd: i32,
    room: Room,
) -> wasmtime::Result<Result<Vec<Found>, i32>> {
    const BUFFER: i32 = 8;
    let mut size = 1 << 16;
    loop {
        let mut scratch = vec![0; BUFFER as usize + size as usize];
        let memory = &mut GuestMemory::Unshared(&mut scratch);
        let errno = in_tokio(p1::fd_readdir(ctx, memory, fd, BUFFER, size, 0, 0))?;
        if errno != errno::SUCCESS {
            return Ok(Err(errno));
        }
        let used = memory.read(GuestPtr::<u32>::new(0))?;
        room.fits(u64::from(used))?;
        if used < size.cast_unsigned() {
            scratch.truncate(BUFFER as usize + used as usize);
            return Ok(Ok(parse(&scratch[BUFFER as usize..])));
        }
        let Some(larger) = size.checked_mul(2) else { return Ok(Err(errno::OVERFLOW)) };
        size = larger;
    }
}

fn parse(mut bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
        let inode = header[8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let len = header[16..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let Some((name, rest)) = rest.split_at_checked(len as usize) else { break };
        found.push(Found { name: name.to_vec(), inode, filetype: header[20] });
        bytes = rest;
    }
    found
}

impl Found<Inode> {
    /// `.` and `..` come first.
    fn rank(&self) -> (bool, &[u8]) {
        (self.name != b"." && self.name != b"..", &self.name)
    }

    fn encode(&self, cookie: u64, files: &mut Files, bytes: &mut Vec<u8>) {
        bytes.extend(cookie.to_le_bytes());
        bytes.extend(files.inode(self.inode).to_le_bytes());
        bytes.extend((self.name.len() as u32).to_le_bytes());
        bytes.extend([self.filetype, 0, 0, 0]);
        bytes.extend(&self.name);
    }
}
