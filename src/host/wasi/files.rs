//! What a guest learns about files: only what is the same on every machine.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wiggle::{GuestMemory, GuestPtr};

use crate::host::host_options::{Clock, FileTimes, WasiOptions};

/// Gives canonical attributes to files.
#[derive(Debug)]
pub(super) struct Files {
    /// Canonical inode numbers by real ones, counted from 1 in the order in which the guest sees them.
    inodes: HashMap<u64, u64>,
    times: FileTimes,
    /// Under a fixed clock: files modified after the first, in nanoseconds, show the second.
    modified_during_run: Option<(u64, u64)>,
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

impl Files {
    pub(super) fn new(options: &WasiOptions) -> Self {
        let start = match options.clock {
            Clock::Fixed(start) | Clock::Shifted { start, .. } => Some(start),
            Clock::Real | Clock::Deny => None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = u64::try_from(now.saturating_sub(TICK).as_nanos()).unwrap_or(u64::MAX);
        Self {
            inodes: HashMap::new(),
            times: options.file_times,
            modified_during_run: start.map(|start| (run, start)),
            fixed: start.unwrap_or(0),
        }
    }

    /// The canonical inode number for `real`.
    pub(super) fn inode(&mut self, real: u64) -> u64 {
        let next = self.inodes.len() as u64 + 1;
        *self.inodes.entry(real).or_insert(next)
    }

    /// The host memory that is taken, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        (self.inodes.capacity() * size_of::<(u64, u64)>()) as u64
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
        memory.write(field(INO), self.inode(inode))?;
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

    fn modified(&self, real: u64) -> u64 {
        match (self.times, self.modified_during_run) {
            (FileTimes::Fixed, _) => self.fixed,
            (FileTimes::Real, Some((run, start))) if real >= run => start,
            (FileTimes::Real, _) => real,
        }
    }
}
