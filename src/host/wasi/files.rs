//! What a guest learns about files: only what is the same on every machine.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wiggle::{GuestMemory, GuestPtr};

use super::overlay::Inode;
use crate::host::host_options::{Clock, FileTimes, WasiOptions};

/// Gives canonical attributes to files.
#[derive(Debug)]
pub(super) struct Files {
    /// Canonical inode numbers, counted from 1 in the order in which the guest sees them.
    inodes: HashMap<Inode, u64>,
    times: FileTimes,
    /// Under a fixed clock: files modified after the first, in nanoseconds, show the second.
    modified_during_run: Option<(u64, u64)>,
    is_real_time: bool,
    fixed: u64,
}

const DIRECTORY: u8 = 3;
const DEV: u32 = 0;
const INO: u32 = 8;
const FILETYPE: u32 = 16;
const NLINK: u32 = 24;
const SIZE: u32 = 32;
const ATIM: u32 = 40;
const MTIM: u32 = 48;
const CTIM: u32 = 56;

/// File systems round their clock down to the kernel's tick.
const TICK: Duration = Duration::from_millis(10);

/// Nanoseconds after 1970.
fn since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Files {
    pub(super) fn new(options: &WasiOptions) -> Self {
        let start = match options.clock {
            Clock::Fixed(start) | Clock::Shifted { start, .. } => Some(start),
            Clock::Real | Clock::Deny => None,
        };
        let run = since_1970(SystemTime::now() - TICK);
        Self {
            inodes: HashMap::new(),
            times: options.file_times,
            modified_during_run: start.map(|start| (run, start)),
            is_real_time: options.clock == Clock::Real,
            fixed: start.unwrap_or(0),
        }
    }

    /// The canonical inode number of `inode`.
    pub(super) fn inode(&mut self, inode: Inode) -> u64 {
        let next = self.inodes.len() as u64 + 1;
        *self.inodes.entry(inode).or_insert(next)
    }

    /// The time that a file has that is changed now, in nanoseconds after 1970.
    pub(super) fn now(&self) -> u64 {
        match (self.modified_during_run, self.is_real_time) {
            (Some((_, start)), _) => start,
            (None, true) => since_1970(SystemTime::now()),
            (None, false) => 0,
        }
    }

    /// The host memory that is taken, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        // One place in eight is empty, and each has a byte more.
        (self.inodes.capacity() * 8 / 7 * (size_of::<(Inode, u64)>() + 1)) as u64
    }

    /// Makes the `filestat` at `address` canonical.
    pub(super) fn canonicalize(
        &mut self,
        memory: &mut GuestMemory<'_>,
        address: u32,
    ) -> wasmtime::Result<()> {
        let field = |offset| GuestPtr::<u64>::new(address.wrapping_add(offset));
        let inode = memory.read(field(INO))?;
        let modified = self.modified(memory.read(field(MTIM))?);
        memory.write(field(DEV), 1)?;
        memory.write(field(INO), self.inode(Inode::Real(inode)))?;
        memory.write(field(NLINK), 1)?;
        for time in [ATIM, MTIM, CTIM] {
            memory.write(field(time), modified)?;
        }
        // The size of a directory is the file system's own business.
        if memory.read(GuestPtr::<u8>::new(address.wrapping_add(FILETYPE)))? == DIRECTORY {
            memory.write(field(SIZE), 0)?;
        }
        Ok(())
    }

    /// The time that a file shows that was changed at this time.
    pub(super) fn modified(&self, real: u64) -> u64 {
        match (self.times, self.modified_during_run) {
            (FileTimes::Fixed, _) => self.fixed,
            (FileTimes::Real, Some((run, start))) if real >= run => start,
            (FileTimes::Real, _) => real,
        }
    }
}
