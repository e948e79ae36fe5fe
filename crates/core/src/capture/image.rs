//! Memories, without their zeros.

use crate::parallel;
use crate::snapshot::{Chunk, Image};
use std::borrow::Cow;
use std::ops::Range;

/// A unit of scanning for zeros: smaller blocks find more zeros, larger ones make fewer chunks.
const BLOCK: usize = 4096;

/// Bytes that one thread scans at once. A result in pieces of this size is the same as one of the whole.
const PIECE: usize = 256 * BLOCK;

const ZEROS: [u8; BLOCK] = [0; BLOCK];

impl<'a> Image<'a> {
    /// The blocks of a memory that hold anything but zeros, adjacent ones joined. Found in parallel; the result depends
    /// on the contents only.
    pub fn of(bytes: &'a [u8]) -> Image<'a> {
        Image::within(bytes, std::iter::once(0..bytes.len()).collect())
    }

    /// The same, where only these stretches can hold anything. They are in order, start at multiples of the block and do
    /// not overlap.
    pub fn within(bytes: &'a [u8], stretches: Vec<Range<usize>>) -> Image<'a> {
        let cut = |stretch: Range<usize>| {
            stretch.clone().step_by(PIECE).map(move |start| start..stretch.end.min(start + PIECE))
        };
        let pieces: Vec<Range<usize>> = stretches.into_iter().flat_map(cut).collect();
        let pieces = parallel::map(pieces, |piece| scan(bytes, piece));
        let mut blocks = Vec::new();
        pieces.into_iter().flatten().for_each(|block| push_block(&mut blocks, block));
        let chunk = |(start, end)| Chunk { offset: start as u64, bytes: Cow::Borrowed(&bytes[start..end]) };
        Image::new(blocks.into_iter().map(chunk).collect())
    }

    /// The same as [`Image::of`] for a memory that can be read only as copies of pieces of it: `read` gives a stretch of
    /// its bytes.
    ///
    /// # Errors
    /// What `read` says.
    pub fn copied<E>(
        size: usize,
        mut read: impl FnMut(Range<usize>) -> Result<Vec<u8>, E>,
    ) -> Result<Image<'static>, E> {
        let mut chunks = Vec::new();
        for start in (0..size).step_by(PIECE) {
            let piece = read(start..size.min(start + PIECE))?;
            for mut chunk in Image::of(&piece).into_owned().into_chunks() {
                chunk.offset += start as u64;
                chunks.push(chunk);
            }
        }
        Ok(Image::new(chunks))
    }
}

fn scan(bytes: &[u8], piece: Range<usize>) -> Vec<(usize, usize)> {
    let is_zero = |block: &[u8]| block == &ZEROS[..block.len()];
    let mut found: Vec<(usize, usize)> = Vec::new();
    let blocks = bytes[piece.clone()].chunks(BLOCK).enumerate();
    for (k, block) in blocks.filter(|(_, block)| !is_zero(block)) {
        let start = piece.start + k * BLOCK;
        push_block(&mut found, (start, start + block.len()));
    }
    found
}

fn push_block(blocks: &mut Vec<(usize, usize)>, (start, end): (usize, usize)) {
    match blocks.last_mut() {
        Some(last) if last.1 == start => last.1 = end,
        _ => blocks.push((start, end)),
    }
}
