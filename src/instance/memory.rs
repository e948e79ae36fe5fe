//! Linear memories.

use super::InstanceError;
use super::touched::touched;
use crate::host::NoMemory;
use preinit_core::capture::Contents;
use preinit_core::snapshot::Image;
use std::cell::UnsafeCell;
use wasmtime::{AsContext, Memory, SharedMemory};
use wiggle::{GuestMemory, GuestPtr};

/// Bytes of a shared memory that are copied at once.
const PIECE: usize = 1 << 20;

/// The contents of a memory. Of one that began as zeros, pages that were never touched are not looked at.
pub(super) fn contents<S: AsContext>(memory: Memory, store: &S, began_as_zeros: bool) -> Contents<'_> {
    let bytes = memory.data(store);
    let image = match began_as_zeros.then(|| touched(bytes)).flatten() {
        Some(touched) => Image::within(bytes, touched),
        None => Image::of(bytes),
    };
    Contents { size: bytes.len() as u64, maximum: memory.ty(store).maximum(), image }
}

/// The same of a shared memory, which may be read only through a copy: other threads could write to it.
pub(super) fn shared_contents(memory: &SharedMemory) -> Result<Contents<'static>, InstanceError> {
    let cells = memory.data();
    let image = Image::copied(cells.len(), |range| copy(&cells[range]))?;
    Ok(Contents { size: cells.len() as u64, maximum: memory.ty().maximum(), image })
}

/// A copy of a shared memory's bytes.
///
/// # Errors
/// If the engine refuses the copy.
pub fn shared_bytes(memory: &SharedMemory) -> Result<Vec<u8>, InstanceError> {
    let cells = memory.data();
    let mut bytes = Vec::new();
    let no_memory = || NoMemory::for_it(format!("a copy of a memory with {} bytes", cells.len()));
    bytes.try_reserve_exact(cells.len()).map_err(|_| wasmtime::Error::from(no_memory()))?;
    for cells in cells.chunks(PIECE) {
        bytes.extend(copy(cells)?);
    }
    Ok(bytes)
}

fn copy(cells: &[UnsafeCell<u8>]) -> Result<Vec<u8>, InstanceError> {
    let all = GuestPtr::<[u8]>::new((0, cells.len() as u32));
    Ok(GuestMemory::Shared(cells).to_vec(all).map_err(wasmtime::Error::from)?)
}
