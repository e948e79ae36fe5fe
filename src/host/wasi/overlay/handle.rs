//! Descriptors of the overlaid directories and of what is in them.

use std::collections::BTreeMap;

use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as p1};
use wasmtime_wasi::runtime::in_tokio;
use wiggle::{GuestMemory, GuestPtr};

use super::failure::{Failure, Outcome, errno};
use super::layer::{NodeId, Place};
use crate::host::wasi::answer::refuel;

/// What a descriptor refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// A directory. `is_real` if wasmtime-wasi has the same one open under this number.
    Directory { place: Place, is_real: bool },
    /// A real file, which wasmtime-wasi has open under this number.
    Real(Place),
    /// A file in memory.
    File(OpenFile),
}

/// An open file in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenFile {
    pub node: NodeId,
    pub position: u64,
    /// Of WASI: append, and how writes are synchronized.
    pub flags: u16,
    pub reads: bool,
    pub writes: bool,
}

/// All of them, by number. The numbers are wasmtime-wasi's: for what it does not know, it has a directory open.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: BTreeMap<u32, Handle>,
    /// Bytes that the places of all of them take.
    places: u64,
}

impl Handle {
    /// Where it is, if that is a place.
    fn place(&self) -> Option<&Place> {
        match self {
            Handle::Directory { place, .. } | Handle::Real(place) => Some(place),
            Handle::File(_) => None,
        }
    }

    fn cost(&self) -> u64 {
        self.place().map_or(0, Place::cost)
    }
}

impl Handles {
    /// The host memory that they take, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        self.places + (self.open.len() * 2 * size_of::<(u32, Handle)>()) as u64
    }

    pub(super) fn get(&self, fd: u32) -> Option<&Handle> {
        self.open.get(&fd)
    }

    pub(super) fn insert(&mut self, fd: u32, handle: Handle) {
        self.places += handle.cost();
        let before = self.open.insert(fd, handle);
        self.places -= before.as_ref().map_or(0, Handle::cost);
    }

    pub(super) fn remove(&mut self, fd: u32) -> Option<Handle> {
        let handle = self.open.remove(&fd)?;
        self.places -= handle.cost();
        Some(handle)
    }

    pub(super) fn file(&self, fd: u32) -> Option<&OpenFile> {
        if let Handle::File(file) = self.open.get(&fd)? { Some(file) } else { None }
    }

    pub(super) fn file_mut(&mut self, fd: u32) -> Outcome<&mut OpenFile> {
        match self.open.get_mut(&fd) {
            Some(Handle::File(file)) => Ok(file),
            _ => Err(Failure::Errno(errno::BADF)),
        }
    }

    /// Every real file that is open at `place` is the one in memory from now on.
    pub(super) fn copied_up(&mut self, place: &Place, node: NodeId, ctx: &mut WasiP1Ctx) -> Outcome<()> {
        for (fd, handle) in &mut self.open {
            if matches!(handle, Handle::Real(other) if other == place) {
                let position = tell(ctx, *fd)?;
                let file = OpenFile { node, position, flags: 0, reads: true, writes: false };
                self.places -= handle.cost();
                *handle = Handle::File(file);
            }
        }
        Ok(())
    }

    /// Bytes that it takes if what is in `from` comes to be in `to`.
    pub(super) fn cost_of_rename(&self, from: &Place, to: &Place) -> u64 {
        let places = self.open.values().filter_map(Handle::place).filter(|place| place.is_within(from));
        places.map(|place| place.moved(from, to).cost()).sum()
    }

    /// What was in `from` is in `to`.
    pub(super) fn renamed(&mut self, from: &Place, to: &Place) {
        for handle in self.open.values_mut() {
            if let Handle::Directory { place, is_real } = handle
                && place.is_within(from)
            {
                let moved = place.moved(from, to);
                self.places = self.places + moved.cost() - place.cost();
                *place = moved;
                *is_real = false;
            }
        }
    }
}

/// A number that wasmtime-wasi gives out next, for something that it does not know. `directory` is one that it has open.
pub(super) fn reserve(ctx: &mut WasiP1Ctx, directory: u32) -> Outcome<u32> {
    const READ: i64 = 1 << 1;
    const PATH: i32 = 4;
    const OUT: i32 = 0;
    let mut scratch = *b"\0\0\0\0.\0\0\0";
    let memory = &mut GuestMemory::Unshared(&mut scratch);
    let directory = directory.cast_signed();
    let ctx = refuel(ctx);
    match in_tokio(p1::path_open(ctx, memory, directory, 0, PATH, 1, 0, READ, 0, 0, OUT))? {
        errno::SUCCESS => Ok(memory.read(GuestPtr::<u32>::new(0))?),
        errno => Err(Failure::Errno(errno)),
    }
}

fn tell(ctx: &mut WasiP1Ctx, fd: u32) -> Outcome<u64> {
    let mut scratch = [0; 8];
    let memory = &mut GuestMemory::Unshared(&mut scratch);
    match p1::fd_tell(refuel(ctx), memory, fd.cast_signed(), 0)? {
        errno::SUCCESS => Ok(memory.read(GuestPtr::<u64>::new(0))?),
        errno => Err(Failure::Errno(errno)),
    }
}
