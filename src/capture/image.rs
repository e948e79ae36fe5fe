//! Memories, without their zeros.

use super::CaptureError;
use preinit_core::snapshot::{Chunk, Image, ImportedMemory};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use wasmtime::{Memory, SharedMemory, Store};
use wiggle::{GuestMemory, GuestPtr};

/// A unit of scanning for zeros: smaller blocks find more zeros, larger ones make fewer chunks.
const BLOCK: usize = 4096;

const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// The blocks of a memory that hold anything but zeros, adjacent ones joined. Found in parallel; the result depends on
/// the contents only.
pub(super) fn image(bytes: &[u8]) -> Image<'_> {
    image_within(bytes, std::iter::once(0..bytes.len()).collect())
}

/// The same, where only these stretches can hold anything.
pub(super) fn image_within(bytes: &[u8], stretches: Vec<Range<usize>>) -> Image<'_> {
    const PIECE: usize = 256 * BLOCK;
    let is_zero = |block: &[u8]| block == &ZEROS[..block.len()];
    let scan = |piece: Range<usize>| {
        let mut found: Vec<(usize, usize)> = Vec::new();
        let blocks = bytes[piece.clone()].chunks(BLOCK).enumerate();
        for (k, block) in blocks.filter(|(_, block)| !is_zero(block)) {
            let start = piece.start + k * BLOCK;
            push_block(&mut found, (start, start + block.len()));
        }
        found
    };
    let cut = |stretch: Range<usize>| {
        stretch.clone().step_by(PIECE).map(move |start| start..stretch.end.min(start + PIECE))
    };
    let pieces: Vec<Range<usize>> = stretches.into_iter().flat_map(cut).collect();
    let pieces: Vec<Vec<(usize, usize)>> = pieces.into_par_iter().map(scan).collect();
    let mut blocks = Vec::new();
    pieces.into_iter().flatten().for_each(|block| push_block(&mut blocks, block));
    let chunk = |(start, end)| Chunk { offset: start as u64, bytes: Cow::Borrowed(&bytes[start..end]) };
    Image::new(blocks.into_iter().map(chunk).collect())
}

fn push_block(blocks: &mut Vec<(usize, usize)>, (start, end): (usize, usize)) {
    match blocks.last_mut() {
        Some(last) if last.1 == start => last.1 = end,
        _ => blocks.push((start, end)),
    }
}

/// A shared memory may be read only through a copy: other threads could write to it.
pub(super) fn shared_image(memory: &SharedMemory) -> Result<Image<'static>, CaptureError> {
    let mut chunks = Vec::new();
    for (k, cells) in memory.data().chunks(SHARED_PIECE).enumerate() {
        for mut chunk in image(&shared_piece(cells)?).into_owned().into_chunks() {
            chunk.offset += (k * SHARED_PIECE) as u64;
            chunks.push(chunk);
        }
    }
    Ok(Image::new(chunks))
}

/// A copy of a shared memory's bytes.
///
/// # Errors
/// If the engine refuses the copy.
pub fn shared_bytes(memory: &SharedMemory) -> Result<Vec<u8>, CaptureError> {
    let cells = memory.data();
    let mut bytes = Vec::with_capacity(cells.len());
    for cells in cells.chunks(SHARED_PIECE) {
        bytes.extend(shared_piece(cells)?);
    }
    Ok(bytes)
}

/// Bytes of a shared memory that are copied at once.
const SHARED_PIECE: usize = 256 * BLOCK;

fn shared_piece(cells: &[std::cell::UnsafeCell<u8>]) -> Result<Vec<u8>, CaptureError> {
    let all = GuestPtr::<[u8]>::new((0, cells.len() as u32));
    Ok(GuestMemory::Shared(cells).to_vec(all).map_err(wasmtime::Error::from)?)
}

pub(super) fn memory_image<T>(memory: &Memory, store: &Store<T>) -> ImportedMemory {
    let bytes = memory.data(store);
    ImportedMemory { size: bytes.len() as u64, image: image(bytes).into_owned() }
}
